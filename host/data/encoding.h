/* How the columns of a table become features: numbers stay, booleans become 0 and 1, categories one column each, dates their
 * parts, missing values are filled in; powers and products of these columns may follow. A model keeps this, so that tables that
 * it meets later are encoded alike. */
#ifndef CUSGD_HOST_DATA_ENCODING_H
#define CUSGD_HOST_DATA_ENCODING_H

#include "csr_rows.h"
#include "dates.h"
#include "polynomial.h"
#include "texts.h"

#include <cjson/cJSON.h>

enum feature_kind { FEATURE_NUMBER, FEATURE_BOOLEAN, FEATURE_CATEGORY, FEATURE_DATE };

/* A column of the table. Its value in a row is `raw`: a number; 0 or 1; the number of a category, or -1 for one that is not among
 * them; a date's days since 1970; NaN where it is missing. */
typedef struct feature {
    char *name; /* or NULL; owned */
    enum feature_kind kind;
    text_set categories; /* in their order */
    int parts;           /* of a date: bit i: there is a column of part i */
    enum date_order order;
    int reference; /* 1: the first category has no column of its own: zeros stand for it */
    int fills;     /* 1: missing values are `fill`, or no category */
    double fill;
    int indicator; /* 1: a column that is 1 where the value is missing, and else 0, follows */
} feature;

struct cusgd_encoding {
    feature *at;
    int64_t count;         /* columns of the table that are features */
    int64_t d;             /* columns of x */
    polynomial terms;      /* the last columns of x, made of those before */
    cusgd_missing missing; /* what was done about missing values */
    int sparse;            /* 1: x is sparse */
    const char **names;    /* those of the features, as a reader takes them */
};

cusgd_status encoding_create(int64_t count, cusgd_encoding **out);            /* of numbers */
cusgd_status encoding_copy(const cusgd_encoding *from, cusgd_encoding **out); /* NULL is copied as NULL */
void encoding_free(cusgd_encoding *e);                                        /* accepts NULL */

/* Chooses what the rows decide of features whose kinds are set: which of the categories there are, in order (the rows' numbers
 * change with them), which parts of dates differ, means and indicators; then what columns x has. raw: n x count, row-major, for
 * the features' values. `all_levels`: 1: no reference. */
cusgd_status encoding_fit(cusgd_encoding *e, double *raw, int64_t n, int all_levels);
/* Sets e->terms, whose degree is set, and e->d. */
cusgd_status encoding_set_columns(cusgd_encoding *e);
/* Rows of x, d values each, of rows of raw values. Whatever is missing and not filled becomes 0. */
void encoding_apply(const cusgd_encoding *e, const double *raw, int64_t n, double *x);
/* Likewise as sparse rows, which are added to x. */
cusgd_status encoding_apply_sparse(const cusgd_encoding *e, const double *raw, int64_t n, csr_rows *x);
/* Whether a column has more categories than dense x takes. */
int encoding_has_many(const cusgd_encoding *e);

/* Gives the feature its column's name, which it takes over; NULL: none. */
void encoding_set_name(cusgd_encoding *e, int64_t j, char *name);
/* The feature that column j of x is made of; the first of several. */
int64_t encoding_source(const cusgd_encoding *e, int64_t j);
/* The d names of the columns of x: 'age', 'sex=male', 'missing(age)', 'year(born)', 'age^2'; a column without a name goes by
 * `numbers`, its number in the table. */
cusgd_status encoding_names(const cusgd_encoding *e, const int64_t *numbers, char ***out);

/* data/encoding_json.c: NULL: out of memory. */
cJSON *encoding_to_json(const cusgd_encoding *e);
/* From text. DATA where it is no encoding of `d` columns; the message does not name the file. */
cusgd_status encoding_from_json(const char *text, int64_t d, cusgd_encoding **out);

#endif
