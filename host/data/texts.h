/* The set of different texts of a column, numbered in the order of their first occurrence. */
#ifndef CUSGD_HOST_DATA_TEXTS_H
#define CUSGD_HOST_DATA_TEXTS_H

#include "scan.h"

enum { MAX_CATEGORIES = 1000, MAX_SPARSE_CATEGORIES = 1000000 };

typedef struct text_set {
    char **at; /* `count` texts, owned */
    int64_t count;
    int64_t *slots;    /* hash table of their numbers; -1: free */
    size_t slot_count; /* a power of two, or 0 */
    int64_t total;     /* number of fields that were added */
    int64_t line;      /* line of the first one */
    int64_t most;      /* maximum number of texts; 0: MAX_CATEGORIES */
} text_set;

void texts_free(text_set *t);
/* Returns the number of a text; -1 if it is not in the set. */
int64_t texts_find(const text_set *t, const char *text, size_t length);
/* Adds a field after trimming it. *number becomes the number of its text, or -1 if there are too many texts. Messages do not name
 * the file. */
cusgd_status texts_add(text_set *t, field f, int64_t *number);
/* Adds a trimmed field whose text is not in the set. */
cusgd_status texts_insert(text_set *t, const field *f);
/* Renumbers the texts after `at` was reordered or shortened. */
void texts_renumber(text_set *t);
/* Adds a text that is not in the set. */
cusgd_status texts_put(text_set *t, const char *text);

/* Returns whether the texts are names or identifiers rather than categories: each occurs less than twice on average, or there are
 * too many. */
int texts_are_names(const text_set *t);

/* Returns whether all texts are dates whose order of day and month is known. */
int texts_are_dates(const text_set *t);

/* Returns whether the text is one of a pair such as no and yes, in upper or lower case. *value: 0 or 1; *pair: the pair. */
int text_is_boolean(const char *text, size_t length, int *pair, int *value);

#endif
