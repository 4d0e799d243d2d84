#include "data.h"

#include <stdio.h>

/* A locale's decimal point is the one thing that printf puts into a number that is no digit, sign or letter; it may have several
 * bytes. */
void number_format(double value, char text[NUMBER_TEXT])
{
    char local[NUMBER_TEXT];
    snprintf(local, sizeof local, "%.17g", value);
    char *to = text;
    for (const char *from = local; *from; from++) {
        int plain = (*from >= '0' && *from <= '9') || (*from >= 'a' && *from <= 'z') || *from == '-' || *from == '+';
        if (plain)
            *to++ = *from;
        else if (to == text || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
}
