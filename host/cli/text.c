#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

int complain(int status, const char *format, ...)
{
    va_list arguments;
    fputs("cusgd: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return status;
}

int complain_last(cusgd_status status) { return complain((int)status, "%s", cusgd_last_error()); }

const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

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

cusgd_targets targets_for(cusgd_loss loss)
{
    switch (loss) {
    case CUSGD_LOSS_LOGISTIC:
    case CUSGD_LOSS_HINGE:
    case CUSGD_LOSS_SQUARED_HINGE: return CUSGD_TARGETS_LOGISTIC;
    case CUSGD_LOSS_POISSON:
    case CUSGD_LOSS_GAMMA:
    case CUSGD_LOSS_TWEEDIE: return CUSGD_TARGETS_POSITIVE;
    default: return CUSGD_TARGETS_LINEAR;
    }
}
