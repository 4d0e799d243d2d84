/* How the columns of a table become features: numbers are unchanged, booleans become 0 and 1, categories one column each, dates
 * their parts, and missing values are filled; powers and products of these columns may follow. A model keeps its encoding, so
 * that later tables are encoded in the same way. */
#ifndef CUSGD_HOST_DATA_ENCODING_H
#define CUSGD_HOST_DATA_ENCODING_H

#include "csr_rows.h"
#include "dates.h"
#include "polynomial.h"
#include "texts.h"

#include <cjson/cJSON.h>

enum feature_kind { FEATURE_NUMBER, FEATURE_BOOLEAN, FEATURE_CATEGORY, FEATURE_DATE };

/* A column of the table. Its `raw` value in a row is a number; 0 or 1; the index of a category, or -1 for an unknown one; the
 * days of a date since 1970; or NaN if it is missing. */
typedef struct feature {
    char *name; /* or NULL; owned */
    enum feature_kind kind;
    text_set categories; /* in their order */
    int parts;           /* of a date: bit i is set if there is a column for part i */
    enum date_order order;
    int reference; /* 1: the first category has no column; all columns are 0 for it */
    int fills;     /* 1: missing values are replaced by `fill`, or have no category */
    double fill;
    int indicator; /* 1: followed by a column that is 1 if the value is missing and otherwise 0 */
} feature;

struct cusgd_encoding {
    feature *at;
    int64_t count;         /* columns of the table that are features */
    int64_t d;             /* columns of x */
    polynomial terms;      /* the last columns of x, computed from those before */
    cusgd_missing missing; /* how missing values were treated */
    int sparse;            /* 1: x is sparse */
    const char **names;    /* names of the features, for a reader */
};

cusgd_status encoding_create(int64_t count, cusgd_encoding **out);            /* all columns are numbers */
cusgd_status encoding_copy(const cusgd_encoding *from, cusgd_encoding **out); /* NULL is copied as NULL */
void encoding_free(cusgd_encoding *e);                                        /* accepts NULL */

/* Determines from the rows, for features whose kinds are set: the categories in order (their indices in `raw` are changed
 * accordingly), the parts of dates that differ, means and indicators; and then the columns of x. raw: n x count, row-major,
 * values of the features. all_levels: 1: no reference category. */
cusgd_status encoding_fit(cusgd_encoding *e, double *raw, int64_t n, int all_levels);
/* Sets e->terms, whose degree is set, and e->d. */
cusgd_status encoding_set_columns(cusgd_encoding *e);
/* Encodes n rows of raw values to rows of x, d values each. Missing values that are not filled become 0. */
void encoding_apply(const cusgd_encoding *e, const double *raw, int64_t n, double *x);
/* Encodes rows likewise as sparse rows, which are added to x. */
cusgd_status encoding_apply_sparse(const cusgd_encoding *e, const double *raw, int64_t n, csr_rows *x);
/* Returns whether a column has too many categories for a dense x. */
int encoding_has_many(const cusgd_encoding *e);

/* Sets the name of the column of a feature, which the encoding then owns; NULL: none. */
void encoding_set_name(cusgd_encoding *e, int64_t j, char *name);
/* Returns the feature from which column j of x is computed, the first one if there are several. */
int64_t encoding_source(const cusgd_encoding *e, int64_t j);
/* Creates the d names of the columns of x: 'age', 'sex=male', 'missing(age)', 'year(born)', 'age^2'. For columns without a name,
 * `numbers` has their numbers in the table. */
cusgd_status encoding_names(const cusgd_encoding *e, const int64_t *numbers, char ***out);

/* data/encoding_json.c. Converts to JSON; NULL: out of memory. */
cJSON *encoding_to_json(const cusgd_encoding *e);
/* Reads an encoding from a text. Fails with DATA if it is not an encoding of `d` columns; the message does not name the file. */
cusgd_status encoding_from_json(const char *text, int64_t d, cusgd_encoding **out);

#endif
