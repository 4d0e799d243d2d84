/* Reading of DATA: the arguments that train, predict, evaluate and info share. */
#ifndef CUSGD_CLI_READING_H
#define CUSGD_CLI_READING_H

#include "arguments.h"
#include "cusgd_world.h"

/* What LIBSVM text may not determine. */
typedef struct indexed_text {
    const char *base, *columns;
} indexed_text;

/* The arguments for the dialect of a CSV file. */
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
    const char *sparse, *datasets; /* storage of x; datasets of HDF5 files */
    cusgd_reader reader;           /* for train: the reader from all these arguments, also for later rows */
} reading;

enum { READING_ARGUMENTS = 23, READING_ARGUMENTS_EVALUATE = 18, READING_ARGUMENTS_PREDICT = 14 };

/* Fills a table of arguments whose values are stored in *r: READING_ARGUMENTS of them. The first READING_ARGUMENTS_PREDICT do not
 * concern targets, and the first READING_ARGUMENTS_EVALUATE do not concern choices that the model has made. The very first is for
 * predictions only. */
void reading_arguments(reading *r, argument table[READING_ARGUMENTS]);
void reading_free(reading *r);

/* Sets up the reader for `path` from *r, to which it refers. A model (NULL: none) provides the names of its features, its offset
 * and its classes unless *r gives them. Returns a status. */
int reading_reader(reading *r, const syntax *s, const char *path, const cusgd_model *model, cusgd_reader *reader);
/* Returns whether the name of the path is one of data: a folder, "-", or a file of arrays or of a table. */
int is_data_name(const char *path);
/* Returns whether the path has arrays, which have no header and one role each: a folder, .npy, .npz or HDF5. */
int is_arrays(const char *path);

/* Makes the ranks of a world store a large table in a file, so that each only needs memory for its own rows, although it reads
 * the whole table. */
void reading_spill_shared(const cusgd_world *world, cusgd_reader *reader);
/* Opens data on all ranks of a world (NULL: only this process), and prints notes on how it was read unless `quiet` is 1. Returns
 * a status. */
int reading_open(cusgd_world *world, const char *path, const cusgd_reader *reader, int quiet, cusgd_data **out);
/* Opens validation data likewise, read in the way that `first` was read by `reader`: columns by name if there are names, else by
 * number, and classes with the same numbers. */
int reading_open_alike(cusgd_world *world, const char *path, const cusgd_data *first, cusgd_reader reader, int quiet,
                       cusgd_data **out);

#endif
