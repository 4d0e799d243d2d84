#include "arguments.h"

#include "cli.h"
#include "help.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a word of the command line names: an argument of the subcommand, or an option of the library. */
typedef struct target {
    const argument *argument;
    help_entry help;
} target;

int text_list_add(text_list *list, const char *text)
{
    const char **longer = grow_array((void *)list->at, list->count, sizeof *longer);
    if (!longer) return CUSGD_ERROR_MEMORY;
    list->at = longer;
    list->at[list->count++] = text;
    return CUSGD_OK;
}

void text_list_free(text_list *list)
{
    free(list->at);
    *list = (text_list){NULL, 0};
}

int complain_usage(const syntax *s, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "cusgd: %s\nusage: cusgd %s %s; 'cusgd %s --help' says more\n", shown(text), s->word, s->operands, s->word);
    return CUSGD_ERROR_USAGE;
}

/* ---- Finding names ------------------------------------------------------------------------------------------------------- */

/* Gets the i-th argument or option, arguments of the subcommand first. Returns 0 past the last. */
static int target_at(const syntax *s, size_t i, target *out)
{
    for (size_t g = 0; g < 2; g++) {
        if (i < s->groups[g].count) {
            *out = (target){&s->groups[g].at[i], help_of_argument(&s->groups[g].at[i])};
            return 1;
        }
        i -= s->groups[g].count;
    }
    const cusgd_option_info *option = s->options ? cusgd_option_at(i) : NULL;
    *out = (target){NULL, option ? help_of_option(option) : (help_entry){0}};
    return option != NULL;
}

static int target_find(const syntax *s, const char *name, target *out)
{
    for (size_t i = 0; target_at(s, i, out); i++) {
        if (strcmp(name, out->help.name) == 0 || (out->help.alias && strcmp(name, out->help.alias) == 0)) return 1;
    }
    return 0;
}

static int target_find_letter(const syntax *s, char letter, target *out)
{
    for (size_t i = 0; target_at(s, i, out) && out->argument; i++) {
        if (out->argument->letter == letter) return 1;
    }
    return 0;
}

/* The Damerau-Levenshtein distance, with three rows of the table. */
int edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 31 };
    size_t m = strlen(a), n = strlen(b);
    if (m > LONGEST || n > LONGEST) return LONGEST + 1;
    if (m >= 3 && strncmp(a, b, m) == 0) return m < n;
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= n; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            int swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[m % 3][n];
}

/* Returns whether two names are equal except for underscores, which other programs and Python use: learning_rate. */
static int same_but_for_underscores(const char *name, const char *word)
{
    while (*name && (*name == *word || (*name == '_' && *word == '-'))) name++, word++;
    return *name == *word;
}

/* Returns the option that other programs, such as scikit-learn, R and Vowpal Wabbit, call by this name, or NULL. */
static const char *usual_name(const char *name)
{
    static const char *const words[][2] = {{"learning-rate", "rate"},
                                           {"step-size", "rate"},
                                           {"eta0", "rate"},
                                           {"max-iter", "epochs"},
                                           {"passes", "epochs"},
                                           {"alpha", "l2"},
                                           {"lambda", "l2"},
                                           {"l1-ratio", "l1"},
                                           {"penalty", "l2"},
                                           {"regularization", "l2"},
                                           {"family", "loss"},
                                           {"objective", "loss"},
                                           {"label", "target"},
                                           {"response", "target"},
                                           {"sample-weight", "weights"},
                                           {"delimiter", "separator"},
                                           {"noconstant", "no-intercept"},
                                           {"random-state", "seed"},
                                           {"n-jobs", "threads"},
                                           {"jobs", "threads"},
                                           {"early-stopping", "valid-fraction"},
                                           {"test-size", "valid-fraction"},
                                           {"n-iter-no-change", "patience"},
                                           {"cv", "folds"},
                                           {"nfolds", "folds"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same_but_for_underscores(name, words[i][0])) return words[i][1];
    return NULL;
}

static int complain_unknown(const syntax *s, const char *name)
{
    const char *nearest = NULL, *meant = usual_name(name);
    int minimum = 1 + (int)strlen(name) / 4;
    target t;
    if (meant && target_find(s, meant, &t)) return complain_usage(s, "there is no option --%s; did you mean --%s?", name, meant);
    for (size_t i = 0; target_at(s, i, &t); i++) {
        const char *words[2] = {t.help.name, t.help.alias};
        for (int w = 0; w < 2 && words[w]; w++) {
            int distance = edit_distance(name, words[w]);
            if (distance >= minimum + (nearest == NULL)) continue;
            minimum = distance;
            nearest = words[w];
        }
    }
    if (!nearest) return complain_usage(s, "there is no option --%s", name);
    return complain_usage(s, "there is no option --%s; did you mean --%s?", name, nearest);
}

/* ---- Values -------------------------------------------------------------------------------------------------------------- */

/* Removes the quotes of a field that is quoted as in a CSV file, in place. Returns the position after the closing quote, which is
 * a comma or the end; NULL: something else follows, or there is no closing quote. */
static char *unquote(char *text)
{
    char *to = text, *from = text + 1;
    for (; *from && (*from != '"' || from[1] == '"'); from++) {
        if (*from == '"') from++;
        *to++ = *from;
    }
    char *end = *from ? from + 1 + leading_blanks(from + 1) : from;
    if (!*from || (*end != ',' && *end != '\0')) return NULL;
    *to = '\0';
    return end;
}

/* Removes trailing blanks of an unquoted field in place. Returns the position of the comma after it, or the end. */
static char *trim(char *text)
{
    size_t length = strcspn(text, ","), kept = trimmed_length(text, length);
    if (kept < length) text[kept] = '\0';
    return text + length;
}

/* Splits `text` at commas outside quotes. Blanks around fields are ignored, as in a CSV file. */
static int list_add_columns(const syntax *s, const char *name, text_list *list, char *text)
{
    for (int more = 1; more;) {
        char *field = text + leading_blanks(text), *end = *field == '"' ? unquote(field) : trim(field);
        if (!end) return complain_usage(s, "--%s: a name in quotes ends with a quote and a comma, or the end of the list", name);
        more = *end == ',';
        *end = '\0';
        text = end + 1;
        int status = text_list_add(list, field);
        if (status) return status;
    }
    return CUSGD_OK;
}

/* Parses a text that is a finite decimal number, possibly with blanks around it. The command always uses the C locale. */
static int parse_number(const char *text, double *value)
{
    char *end;
    if (text[strspn(text, " \t0123456789+-.eE")] != '\0') return 0; /* strtod accepts nan, inf and hexadecimal */
    *value = strtod(text, &end);
    return end != text && end[leading_blanks(end)] == '\0' && isfinite(*value);
}

/* Larger ones are not all doubles, as which they are written: 1e6 will do. */
#define MAX_COUNT 9e15

/* Parses an integer >= min. */
static int parse_count(const char *text, int min, int64_t *value)
{
    double number;
    if (!parse_number(text, &number) || number != floor(number) || number < min || number > MAX_COUNT) return 0;
    *value = (int64_t)number;
    return 1;
}

static int take_value(const syntax *s, const target *t, const char *name, char *value)
{
    if (!t->argument && s->quantiles && strcmp(name, "quantile") == 0 && strchr(value, ','))
        return list_add_columns(s, name, s->quantiles, value);
    if (!t->argument) return cusgd_options_set(s->options, name, value) ? complain_usage(s, "%s", cusgd_last_error()) : CUSGD_OK;
    void *into = t->argument->into;
    switch (t->argument->kind) {
    case TAKES_NOTHING: *(int *)into = 1; break;
    case TAKES_TEXT: *(const char **)into = value; break;
    case TAKES_TEXTS: return text_list_add(into, value);
    case TAKES_COLUMNS: return list_add_columns(s, name, into, value);
    case TAKES_COUNT:
    case TAKES_POSITIVE: {
        int min = t->argument->kind == TAKES_POSITIVE;
        if (!parse_count(value, min, into))
            return complain_usage(s, "%s must be a whole number from %d to %g, not \"%s\"", name, min, MAX_COUNT, value);
        break;
    }
    case TAKES_NUMBER:
        if (!parse_number(value, into)) return complain_usage(s, "%s must be a number, not \"%s\"", name, value);
        break;
    }
    return CUSGD_OK;
}

/* Prints an error for an operand that is missing or empty. The usage line begins with the names of the operands. */
static int complain_operand(const syntax *s, int index, const char *trouble)
{
    const char *word = s->operands;
    for (; index > 0; index--) word += strcspn(word, " ") + 1;
    return complain_usage(s, "an argument is %s: %.*s", trouble, (int)strcspn(word, " "), word);
}

/* ---- Words --------------------------------------------------------------------------------------------------------------- */

/* A formula may begin with a minus sign. */
static int complain_no_letter(const syntax *s, const char *word)
{
    if (s->operand_count == 0) return complain_usage(s, "there is no option %s", word);
    return complain_usage(s, "there is no option %s; an argument that starts with - comes last, after --", word);
}

/* --name, --name VALUE, --name=VALUE, -o VALUE or -oVALUE at argv[*at], which moves to the last word used. */
static int take_option(const syntax *s, int argc, char **argv, int *at)
{
    char *word = argv[*at], *value = NULL;
    char letter[2] = {word[1], '\0'};
    const char *name = letter;
    target t;
    if (word[1] == '-') {
        name = word + 2;
        value = strchr(word, '=');
        if (value) *value++ = '\0';
        if (!target_find(s, name, &t)) return complain_unknown(s, name);
    } else {
        if (!target_find_letter(s, word[1], &t)) return complain_no_letter(s, word);
        if (word[2]) value = word + 2;
    }
    if (!t.help.metavar) {
        return value ? complain_usage(s, "%.*s takes no value", value == word + 2 ? 2 : (int)strlen(word), word)
                     : take_value(s, &t, name, NULL);
    }
    if (!value && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0) value = argv[++*at];
    if (!value) return complain_usage(s, "%s needs a value: %s", word, t.help.metavar);
    return take_value(s, &t, name, value);
}

int arguments_parse(const syntax *s, int argc, char **argv, const char **operands, int *status)
{
    int count = 0, only_operands = 0;
    *status = CUSGD_OK;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int is_option = !only_operands && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") == 0) {
            only_operands = 1;
        } else if (is_option && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            help_put(s, i + 1 < argc ? argv[i + 1] : "");
            return 0;
        } else if (is_option && strcmp(word, "--version") == 0) {
            printf("cusgd %s\n", cusgd_version());
            return 0;
        } else if (is_option) {
            *status = take_option(s, argc, argv, &i);
            if (*status) return 0;
        } else if (count == s->operand_count) {
            *status = complain_usage(s, "one argument too many: \"%s\"", word);
            return 0;
        } else if (*word == '\0') {
            *status = complain_operand(s, count, "empty");
            return 0;
        } else {
            operands[count++] = word;
        }
    }
    if (count < s->operand_count - s->optional) *status = complain_operand(s, count, "missing");
    return !*status;
}
