#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *shown(const char *text)
{
    enum { KEPT = 8 };
    static char *kept[KEPT];
    static int next;
    size_t length = text ? cusgd_text_escape(text, NULL, 0) : 0;
    if (!text || length == strlen(text)) return text; /* escapes only make it longer */
    char **at = &kept[next++ % KEPT];
    free(*at);
    *at = malloc(length + 1);
    if (*at) cusgd_text_escape(text, *at, length + 1);
    return *at ? *at : "?";
}

/* What a user wrote, or a file's name, may be in it. */
int complain(int status, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "cusgd: %s\n", shown(text));
    return status;
}

/* The library's messages are fit to be shown, and may have several lines. */
int complain_last(cusgd_status status)
{
    fprintf(stderr, "cusgd: %s\n", cusgd_last_error());
    return (int)status;
}

const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

void put_data_notes(const cusgd_data *data)
{
    const char *note;
    for (size_t i = 0; (note = cusgd_data_note(data, i)) != NULL; i++) fprintf(stderr, "note: %s\n", shown(note));
}

void put_json_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(to, "\\u%04x", *c);
        else
            fputc(*c, to);
    }
    fputc('"', to);
}

void put_json_number(FILE *to, double value)
{
    if (isfinite(value))
        fprintf(to, "%.17g", value);
    else
        fputs("null", to);
}

void put_csv_text(FILE *to, const char *text)
{
    int quoted = *text == '\0' || strpbrk(text, ",\"\r\n") || *text == ' ' || text[strlen(text) - 1] == ' ';
    if (quoted) fputc('"', to);
    for (; *text; text++) {
        if (*text == '"') fputc('"', to);
        fputc(*text, to);
    }
    if (quoted) fputc('"', to);
}

void put_csv_number(FILE *to, double value)
{
    if (isfinite(value)) fprintf(to, "%.17g", value);
}

size_t leading_blanks(const char *text) { return strspn(text, " \t"); }

size_t trimmed_length(const char *text, size_t length)
{
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    return length;
}

void *grow_array(void *at, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0) return at; /* the room is a power of two */
    void *larger = count <= SIZE_MAX / 2 / size ? realloc(at, (count ? 2 * count : 1) * size) : NULL;
    if (!larger) complain(CUSGD_ERROR_MEMORY, "out of memory");
    return larger;
}

double gigabytes_per_second(double bytes, double seconds) { return seconds > 0 ? 1e-9 * bytes / seconds : 0; }

double clock_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int options_open(cusgd_options **out)
{
    cusgd_status status = cusgd_options_new(out);
    return status ? complain_last(status) : CUSGD_OK;
}

int option_is(const cusgd_options *options, const char *name, const char *value)
{
    char text[CUSGD_OPTION_TEXT];
    return cusgd_options_get(options, name, text) == CUSGD_OK && strcmp(text, value) == 0;
}

double option_number(const cusgd_options *options, const char *name)
{
    double value = (double)NAN;
    (void)cusgd_options_get_number(options, name, &value); /* the names are constants of the command */
    return value;
}

/* By its text: a double has 53 of its bits. */
uint64_t seed_of(const cusgd_options *options)
{
    char text[CUSGD_OPTION_TEXT];
    return cusgd_options_get(options, "seed", text) == CUSGD_OK ? strtoull(text, NULL, 10) : 0;
}

cusgd_synthetic_targets targets_for(const cusgd_options *options)
{
    char loss[CUSGD_OPTION_TEXT];
    cusgd_options_get(options, "loss", loss);
    switch (cusgd_loss_find(loss)->targets) {
    case CUSGD_TARGET_CLASS: return CUSGD_SYNTHETIC_LOGISTIC;
    case CUSGD_TARGET_POSITIVE:
    case CUSGD_TARGET_NONNEGATIVE: return CUSGD_SYNTHETIC_POSITIVE;
    case CUSGD_TARGET_REAL: break;
    }
    return CUSGD_SYNTHETIC_LINEAR;
}

cusgd_type type_for(const cusgd_options *options)
{
    return option_is(options, "precision", "double") ? CUSGD_TYPE_FLOAT64 : CUSGD_TYPE_FLOAT32;
}
