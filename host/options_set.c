/* Sets and gets options by name, as text and as numbers. */
#include "options_table.h"

#include "data.h"
#include "failure.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static cusgd_status fail_unknown(const char *name) { return fail(CUSGD_ERROR_USAGE, "there is no option \"%.60s\"", name); }

/* Parses a text that is a finite number, possibly with blanks around it, as numbers in a list have. */
static int finite_parse(const char *text, double *value) { return number_parse(text, strlen(text), value) && isfinite(*value); }

/* Parses digits, or a number such as 1e6 that is an integer and exact in double. */
static int whole_parse(const char *text, uint64_t *value)
{
    double x;
    uint64_t whole = 0;
    for (const char *c = text; *c; c++) {
        unsigned digit = (unsigned)(unsigned char)*c - '0';
        if (digit > 9) {
            if (!finite_parse(text, &x) || x < 0 || x > 9007199254740992.0 || x != floor(x)) return 0;
            *value = (uint64_t)x;
            return 1;
        }
        if (whole > (UINT64_MAX - digit) / 10) return 0;
        whole = whole * 10 + digit;
    }
    *value = whole;
    return *text != '\0';
}

/* Parses such a number, possibly followed by a unit of bytes: 500M, 2G. */
static int bytes_parse(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    char number[32];
    size_t length = strlen(text);
    const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
    double x, scale = 1;
    if (!unit) return whole_parse(text, value);
    if (length > sizeof number) return 0;
    memcpy(number, text, length - 1);
    number[length - 1] = '\0';
    for (const char *u = units; u <= unit; u++) scale *= 1000;
    if (!finite_parse(number, &x) || x < 0 || x * scale > 9007199254740992.0) return 0;
    *value = (uint64_t)(x * scale);
    return 1;
}

/* Appends NAME=VALUE to a list, after removing an entry of the same name. Returns 0 if there is no room. */
static int constant_put(char *list, size_t room, const char *name, size_t length, double value)
{
    char number[NUMBER_TEXT];
    size_t used = 0;
    for (const char *at = list, *end; *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, ",");
        if (strncmp(at, name, length) == 0 && at[length] == '=') continue;
        size_t bytes = (size_t)(end - at);
        if (used > 0) list[used++] = ',';
        memmove(list + used, at, bytes);
        used += bytes;
    }
    number_format(value, number);
    if (used + length + strlen(number) + 3 > room) return 0;
    snprintf(list + used, room - used, "%s%.*s=%s", used ? "," : "", (int)length, name, number);
    return 1;
}

/* Adds each NAME=VALUE of a text in which they are separated by commas. */
static int constants_add(char *list, size_t room, const char *text)
{
    char number[NUMBER_TEXT];
    double value;
    for (const char *at = text;; at++) {
        at += strspn(at, " \t");
        size_t length = strcspn(at, "=,"), digits = at[length] == '=' ? strcspn(at + length + 1, ",") : 0, named = length;
        while (named > 0 && (at[named - 1] == ' ' || at[named - 1] == '\t')) named--;
        if (named == 0 || digits == 0 || digits >= sizeof number) return 0;
        memcpy(number, at + length + 1, digits);
        number[digits] = '\0';
        if (!finite_parse(number, &value) || !constant_put(list, room, at, named, value)) return 0;
        at += length + 1 + digits;
        if (*at == '\0') return 1;
    }
}

/* Makes the option that was set last hold: a loss removes the formula, a formula sets the loss `expression`, and an empty formula
 * sets the default loss. */
static void settle_loss(const option *o, cusgd_options *options)
{
    if (o->kind == IN_TEXT && member_of(o, options) == options->loss_expression) {
        if (*options->loss_expression)
            options->loss = CUSGD_LOSS_EXPRESSION;
        else if (loss_is_expression(options->loss))
            options->loss = CUSGD_LOSS_SQUARED;
    }
    if (!loss_is_expression(options->loss)) *options->loss_expression = '\0';
}

static int value_parse(const option *o, const char *text, int opposite, cusgd_options *options)
{
    const cusgd_option_info *info = &o->info;
    uint64_t whole;
    int found;
    switch (info->type) {
    case CUSGD_OPTION_NAME:
        found = choice_find(o, text);
        if (found >= 0) put_integer(o, options, found);
        return found >= 0;
    case CUSGD_OPTION_FLAG:
        found = strcmp(text, "true") == 0;
        if (!found && strcmp(text, "false") != 0) return 0;
        put_integer(o, options, found != opposite);
        return 1;
    case CUSGD_OPTION_SEED: return whole_parse(text, &options->seed);
    case CUSGD_OPTION_DEVICE:
        if (strlen(text) >= sizeof options->device) return 0;
        strcpy(options->device, text);
        return 1;
    case CUSGD_OPTION_WHOLE:
        if (info->choices && strcmp(text, info->choices[0]) == 0) {
            put_integer(o, options, -1);
            return 1;
        }
        if (!(strcmp(info->metavar, "BYTES") == 0 ? bytes_parse : whole_parse)(text, &whole) || whole > (uint64_t)info->max ||
            whole < (uint64_t)info->min)
            return 0;
        put_integer(o, options, (int64_t)whole);
        return 1;
    case CUSGD_OPTION_FORMULA:
        if (strlen(text) > (size_t)info->max || text[strspn(text, " \t")] == '\0') return 0;
        strcpy(member_of(o, options), text);
        return 1;
    case CUSGD_OPTION_CONSTANTS: return constants_add(member_of(o, options), (size_t)info->max + 1, text);
    case CUSGD_OPTION_NUMBER: break;
    }
    return finite_parse(text, member_of(o, options));
}

cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value)
{
    if (!options) return fail_null(__func__);
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (!value && o->info.type != CUSGD_OPTION_FLAG)
        return fail_option(o->info.name, "%s needs a value: %s", name, o->info.metavar);
    if (!value) value = "true";

    cusgd_options trial = *options;
    if (o->info.takes_auto && strcmp(value, CUSGD_AUTO) == 0) {
        leave_open(o, &trial);
    } else if (!value_parse(o, value, opposite, &trial) || !option_is_valid(o, &trial)) {
        char text[256];
        option_requirement(o, text, sizeof text);
        return fail_option(o->info.name, "%s, not \"%.60s\"", text, value);
    }
    settle_loss(o, &trial);
    *options = trial;
    return CUSGD_OK;
}

static int has_no_number(const option *o)
{
    return o->info.type == CUSGD_OPTION_NAME || o->info.type == CUSGD_OPTION_DEVICE || o->kind == IN_TEXT;
}

cusgd_status cusgd_options_set_number(cusgd_options *options, const char *name, double value)
{
    if (!options) return fail_null(__func__);
    int opposite;
    char text[NUMBER_TEXT];
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (has_no_number(o)) return fail_option(o->info.name, "%s is not a number: set it by cusgd_options_set", name);
    if (isnan(value)) return cusgd_options_set(options, name, CUSGD_AUTO);
    if (o->info.type == CUSGD_OPTION_FLAG && (value == 0 || value == 1))
        return cusgd_options_set(options, name, value != 0 ? "true" : "false");
    if (o->info.type == CUSGD_OPTION_WHOLE && o->info.choices && value == -1)
        return cusgd_options_set(options, name, o->info.choices[0]);
    number_format(value, text);
    return cusgd_options_set(options, name, text);
}

cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT])
{
    if (!options) return fail_null(__func__);
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    option_text(o, options, value);
    if (opposite && !is_open(o, options)) strcpy(value, integer_in(o, options) ? "false" : "true");
    return CUSGD_OK;
}

cusgd_status cusgd_options_get_number(const cusgd_options *options, const char *name, double *value)
{
    if (!options) return fail_null(__func__);
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (has_no_number(o)) return fail_option(o->info.name, "%s is not a number: read it by cusgd_options_get", name);
    if (is_open(o, options))
        *value = (double)NAN;
    else if (is_number(o))
        *value = *(const double *)value_of(o, options);
    else
        *value = o->kind == IN_SEED ? (double)options->seed : (double)integer_in(o, options);
    if (opposite && !isnan(*value)) *value = 1 - *value;
    return CUSGD_OK;
}

/* Returns whether an option does not affect the result as it is set. One shard is the same as no shards. */
static int is_silent(const option *o, const cusgd_options *options)
{
    static const char *const names[] = {"threads", "memory"};
    if (o->info.type == CUSGD_OPTION_DEVICE) return 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(o->info.name, names[i]) == 0) return 1;
    return strcmp(o->info.name, "shards") == 0 && options->shards == 1;
}

int options_describe(const cusgd_options *options, size_t index, const char **name, char *value)
{
    for (const option *o = option_rows; o->info.name; o++) {
        if (is_silent(o, options) || is_open(o, options)) continue;
        if (index-- > 0) continue;
        *name = o->info.name;
        option_text(o, options, value);
        return 1;
    }
    return 0;
}
