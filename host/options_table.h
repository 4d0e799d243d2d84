/* The rows behind the table of options, and what the files that read them share: options_table.c has the rows, options.c says
 * which values make sense, options_set.c sets and gets them by name. */
#ifndef CUSGD_HOST_OPTIONS_TABLE_H
#define CUSGD_HOST_OPTIONS_TABLE_H

#include "options.h"

#include <math.h>
#include <stddef.h>

/* What the member of an option is. */
enum storage_kind { IN_INT, IN_INT64, IN_DOUBLE, IN_SEED, IN_DEVICE, IN_TEXT };

enum rounding { EXACT, ROUNDED };

typedef struct option {
    cusgd_option_info info;
    enum storage_kind kind;
    size_t offset;          /* in cusgd_options */
    int64_t open;           /* what "auto" is as a whole number or a flag; as a number it is NAN */
    enum rounding rounding; /* ROUNDED: the device computes with it in its precision */
} option;

/* All rows; one without a name follows the last. */
extern const option option_rows[];
/* The row of that name or alias, or NULL. *opposite: 1 if the name is that of a flag's opposite. */
const option *option_find(const char *name, int *opposite);
/* The value of an option that takes a name, and its name; -1 and NULL: there is none. In addition to the choices these know the
 * loss expression, which loss-expr chooses. */
int choice_find(const option *o, const char *word);
const char *choice_word(const option *o, int64_t value);

/* ---- Members of the options that rows stand for ---- */

static inline void *member_of(const option *o, cusgd_options *options) { return (char *)options + o->offset; }
static inline const void *value_of(const option *o, const cusgd_options *options) { return (const char *)options + o->offset; }
static inline int is_number(const option *o) { return o->info.type == CUSGD_OPTION_NUMBER; }

/* The value of a member that is a whole number; flags and names by their integers. */
static inline int64_t integer_in(const option *o, const cusgd_options *options)
{
    return o->kind == IN_INT64 ? *(const int64_t *)value_of(o, options) : *(const int *)value_of(o, options);
}

static inline void put_integer(const option *o, cusgd_options *options, int64_t value)
{
    if (o->kind == IN_INT64)
        *(int64_t *)member_of(o, options) = value;
    else
        *(int *)member_of(o, options) = (int)value;
}

static inline int is_open(const option *o, const cusgd_options *options)
{
    if (!o->info.takes_auto) return 0;
    if (o->kind == IN_TEXT) return *(const char *)value_of(o, options) == '\0';
    return is_number(o) ? isnan(*(const double *)value_of(o, options)) : integer_in(o, options) == o->open;
}

static inline void leave_open(const option *o, cusgd_options *options)
{
    if (o->kind == IN_TEXT)
        *(char *)member_of(o, options) = '\0';
    else if (is_number(o))
        *(double *)member_of(o, options) = (double)NAN;
    else
        put_integer(o, options, o->open);
}

/* ---- One value (options.c) ---- */

int option_is_valid(const option *o, const cusgd_options *options);
/* The option's name and what it must be, for a sentence. */
void option_requirement(const option *o, char *text, size_t size);
/* Its value as text. */
void option_text(const option *o, const cusgd_options *options, char text[CUSGD_OPTION_TEXT]);

#endif
