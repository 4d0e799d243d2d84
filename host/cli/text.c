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

cusgd_synthetic_targets targets_for(cusgd_loss loss)
{
    switch (loss) {
    case CUSGD_LOSS_LOGISTIC:
    case CUSGD_LOSS_HINGE:
    case CUSGD_LOSS_SQUARED_HINGE: return CUSGD_SYNTHETIC_LOGISTIC;
    case CUSGD_LOSS_POISSON:
    case CUSGD_LOSS_GAMMA:
    case CUSGD_LOSS_TWEEDIE: return CUSGD_SYNTHETIC_POSITIVE;
    default: return CUSGD_SYNTHETIC_LINEAR;
    }
}
