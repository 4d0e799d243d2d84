/* How the command reads DATA: the arguments that train, predict, evaluate and info share. */
#ifndef CUSGD_CLI_READING_H
#define CUSGD_CLI_READING_H

#include "arguments.h"
#include "cusgd_world.h"

/* What LIBSVM text may leave open. */
typedef struct indexed_text {
    const char *base, *columns;
} indexed_text;

/* How a CSV is written. */
typedef struct written_as {
    const char *separator, *decimal, *thousands, *skip;
} written_as;

typedef struct date_columns {
    text_list columns;
    const char *order;
} date_columns;

typedef struct reading {
    const char *header; /* "auto", "yes", "no" */
    text_list targets, features, ignore;
    const char *weights, *trials, *offset, *exposure;
    written_as written;
    text_list categorical, class_weights;
    date_columns dates;
    int64_t polynomial;
    int interactions, strict;
    const char *missing;
    indexed_text indexed;
    const char *sparse, *datasets; /* how x is stored; of HDF5 */
    cusgd_reader reader;           /* of train: made of all that, also for later rows */
} reading;

enum { READING_ARGUMENTS = 23, READING_ARGUMENTS_EVALUATE = 18, READING_ARGUMENTS_PREDICT = 14 };

/* Fills a table whose values go to *r: READING_ARGUMENTS of them, of which the first READING_ARGUMENTS_PREDICT do without
 * targets, and the first READING_ARGUMENTS_EVALUATE without choices that are the model's. The first of all is for predictions
 * alone. */
void reading_arguments(reading *r, argument table[READING_ARGUMENTS]);
void reading_free(reading *r);

/* The reader of `path` that *r describes; it borrows from *r. A model (NULL: none) gives the names of its features, its offset
 * and its classes where *r says nothing else. Returns a status, complained about. */
int reading_reader(reading *r, const syntax *s, const char *path, const cusgd_model *model, cusgd_reader *reader);
/* Whether the path is data by its name: a folder, "-", or a file of arrays or of a table. */
int is_data_name(const char *path);
/* Whether it is arrays, which have no header and one role each: a folder, .npy, .npz or HDF5. */
int is_arrays(const char *path);

/* Every rank of several reads the whole of a table, and trains on its own rows: a large table lies in a file, so that these alone
 * take memory. */
void reading_spill_shared(const cusgd_world *world, cusgd_reader *reader);
/* Opens data on all ranks of a world (NULL: this process alone), and prints notes on how it was read unless `quiet`. Returns a
 * status, complained about. */
int reading_open(cusgd_world *world, const char *path, const cusgd_reader *reader, int quiet, cusgd_data **out);
/* Likewise, of data for validation, which is read as `first` was by `reader`: its columns by name where there are names, else by
 * number, its classes with the same numbers. */
int reading_open_alike(cusgd_world *world, const char *path, const cusgd_data *first, cusgd_reader reader, int quiet,
                       cusgd_data **out);

#endif
