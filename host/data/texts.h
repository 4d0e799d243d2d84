/* The different texts of a column, numbered in the order in which they come. */
#ifndef CUSGD_HOST_DATA_TEXTS_H
#define CUSGD_HOST_DATA_TEXTS_H

#include "scan.h"

enum { MAX_CATEGORIES = 1000, MAX_SPARSE_CATEGORIES = 1000000 };

typedef struct text_set {
    char **at; /* `count` texts, owned */
    int64_t count;
    int64_t *slots;    /* a hash table of their numbers; -1: free */
    size_t slot_count; /* a power of two, or 0 */
    int64_t total;     /* fields that were added */
    int64_t line;      /* of the first one */
    int64_t most;      /* texts that it takes; 0: MAX_CATEGORIES */
} text_set;

void texts_free(text_set *t);
/* The number of a text; -1: it is none of them. */
int64_t texts_find(const text_set *t, const char *text, size_t length);
/* Adds a field, trimmed; *number is its text's, or -1 where it would be one text too many. Errors do not name the file. */
cusgd_status texts_add(text_set *t, field f, int64_t *number);
/* Adds a field that is trimmed and whose text is not there yet. */
cusgd_status texts_insert(text_set *t, const field *f);
/* Numbers the texts as they now stand in `at`, of which there may be fewer than before. */
void texts_renumber(text_set *t);
/* Adds a text that is not there yet. */
cusgd_status texts_put(text_set *t, const char *text);

/* Whether a text stands less than twice on average, or there are too many to tell apart: names or identifiers, not categories. */
int texts_are_names(const text_set *t);

/* Whether all texts are dates, and it is clear which number is the day. */
int texts_are_dates(const text_set *t);

/* Whether the text is one of a pair such as no and yes, in any case; *value: 0 or 1; *pair: which pair. */
int text_is_boolean(const char *text, size_t length, int *pair, int *value);

#endif
