/* Examples in the host's memory, and what is known of their columns. */
#ifndef CUSGD_HOST_DATA_H
#define CUSGD_HOST_DATA_H

#include "cusgd_tools.h"

/* A place in the memory of a GPU. late: 1 if its contents are valid only after the work that was submitted to `stream`, a
 * cudaStream_t, has ended. */
typedef struct memory_place {
    int device, late;
    void *stream;
} memory_place;

/* n rows of x (d columns), y (k columns, the targets; y.at NULL: none), w (one column; w.at NULL: every weight is 1) and o (one
 * column; o.at NULL: every offset is 0). x is sparse if s.start is not NULL; x.at is then NULL. Row i is row rows[i] of the
 * matrices, or row i if rows is NULL. This is a view: it does not own the arrays. */
typedef struct examples {
    int64_t n, d, k;
    int64_t classes; /* 0: each target has an output. Otherwise k is 1, y is the number of a class, 0 .. classes - 1 (of two
                      * classes also -1, for 0), and each class has an output */
    cusgd_matrix x, y, w, o;
    const memory_place *place; /* the place of x; NULL: host memory. All other arrays are always in host memory */
    cusgd_csr s;
    const int64_t *rows;
    const uint8_t *fold; /* the fold of each row of the matrices, < `folds`; NULL: all 0 */
    int folds;           /* at most MAX_FOLDS; 0 means 1 */
} examples;
enum { MAX_FOLDS = 64 };

static inline int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

enum { WATCHED_FILES = 5 }; /* x, y, weights, offset, exposure */
static inline int64_t examples_outputs(const examples *e) { return e->classes > 0 ? e->classes : e->k; }

/* The arrays that data can own: x (or its values), y, w, o, the starts and columns of a sparse x, and PLACE_WHOLE, an int64_t for
 * each row that is equal for the rows that one row with several classes was split into; these are adjacent unless rows were
 * selected in another order. NULL: no row was split. */
enum { PLACE_X, PLACE_Y, PLACE_W, PLACE_O, PLACE_START, PLACE_COLUMN, PLACE_WHOLE, DATA_PLACES };

/* What the functions that open data share. */
typedef struct data_opening {
    int is_archive;           /* 1: a .npz file, not a folder */
    struct data_ranks *ranks; /* the processes that read the data together (data/ranks.h); NULL: only this one */
} data_opening;

struct cusgd_data {
    examples view;   /* rows is NULL */
    char **features; /* d names, or NULL */
    char **targets;  /* k names, or NULL */
    data_opening opening;
    char **classes;           /* the names of the classes; NULL: they have none */
    int64_t class_count;      /* number of classes; equals view.classes if it is more than 2 */
    char *source;             /* the name of the file in messages; "data" for wrapped arrays */
    cusgd_offset offset;      /* the kind of offsets from which view.o was computed */
    char *offset_name;        /* the name of the column of offsets, or NULL */
    cusgd_layout *layout;     /* the numbers of the columns in the table; NULL if the data is not from a table */
    int64_t first_line;       /* the line of the first row of the table; 0 if the data is not from a table */
    cusgd_encoding *encoding; /* how the columns became x; NULL: x has the columns themselves */
    int64_t *incomplete;      /* the rows that lack a value, ascending; x is 0 in them, and their predictions are NaN */
    int64_t incomplete_count;
    char **notes; /* notes for the user on how the data was read */
    size_t note_count;
    cusgd_index_base base;        /* the index base of the LIBSVM file; AUTO if the data is not from one */
    void *memory[DATA_PLACES];    /* malloc'd */
    void *watched[WATCHED_FILES]; /* handles of file_watch() for arrays that the caller wrapped; the first ones are used */
    void *mapping[DATA_PLACES];   /* mappings of file_map(); the first ones are used */
};

static inline int examples_are_sparse(const examples *e) { return e->s.start != NULL; }
static inline int64_t csr_column(const cusgd_csr *s, int64_t at)
{
    return s->wide ? ((const int64_t *)s->column)[at] : ((const int32_t *)s->column)[at];
}
static inline double csr_value(const cusgd_csr *s, int64_t at)
{
    if (!s->value) return 1;
    return s->type == CUSGD_TYPE_FLOAT32 ? (double)((const float *)s->value)[at] : ((const double *)s->value)[at];
}

static inline int64_t examples_row(const examples *e, int64_t i) { return e->rows ? e->rows[i] : i; }

static inline double matrix_at(const cusgd_matrix *m, int64_t row, int64_t col)
{
    int64_t at = row * m->row_stride + col * m->col_stride;
    return m->type == CUSGD_TYPE_FLOAT32 ? (double)((const float *)m->at)[at] : ((const double *)m->at)[at];
}

static inline size_t type_bytes(cusgd_type type) { return type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double); }

/* Returns a view of rows first .. first + count - 1. */
static inline examples examples_piece(const examples *e, int64_t first, int64_t count)
{
    examples piece = *e;
    cusgd_matrix *matrices[] = {&piece.x, &piece.y, &piece.w, &piece.o};
    piece.n = count;
    if (e->rows) piece.rows = e->rows + first;
    if (e->fold && !e->rows) piece.fold = e->fold + first;
    if (e->s.start && !e->rows) piece.s.start += first;
    for (int i = 0; i < 4 && !e->rows; i++) {
        int64_t size = (int64_t)type_bytes(matrices[i]->type);
        if (matrices[i]->at) matrices[i]->at = (const char *)matrices[i]->at + first * matrices[i]->row_stride * size;
    }
    return piece;
}

/* Above the device interface, only these functions and problem/row_source.h read the arrays of a row. `row` is a row of the
 * matrices. */
static inline double target_at(const examples *e, int64_t row, int64_t c) { return matrix_at(&e->y, row, c); }
static inline double offset_at(const examples *e, int64_t row) { return e->o.at ? matrix_at(&e->o, row, 0) : 0; }
static inline double weight_at(const examples *e, int64_t row) { return e->w.at ? matrix_at(&e->w, row, 0) : 1; }

/* Returns the target of output c, which is 1 or 0 if y is a class. */
static inline double output_target(const examples *e, int64_t row, int64_t c)
{
    if (e->classes == 0) return target_at(e, row, c);
    double y = target_at(e, row, 0);
    return (y < 0 ? 0 : y) == (double)c;
}

/* Fails with USAGE if x is in the memory of a GPU, which `what` (for the message) cannot read. */
cusgd_status data_on_host(const cusgd_data *data, const char *what);
/* Fails with USAGE if x is sparse, which `what` cannot read. */
cusgd_status data_is_dense(const cusgd_data *data, const char *what);
/* Checks all values once, in parallel, except x if it is in the memory of a GPU. Fails with DATA for the first row and column, in
 * the order of rows, whose value is not finite or is a target that `loss` does not accept, for a negative weight, if all weights
 * are 0, and for an offset that is not finite. loss < 0: targets are not checked. */
cusgd_status examples_check(const examples *e, int loss, const char *source, int threads);
/* As examples_check(), but checks only rows first .. end - 1 of the features. */
typedef struct row_range {
    int64_t first, end;
} row_range;
cusgd_status examples_check_part(const examples *e, row_range part, int loss, const char *source, int threads);
/* Fails unless every target has rows of both classes with weights that are not 0. Losses that are not of classes accept all
 * targets. */
cusgd_status examples_check_classes(const examples *e, int loss, const char *source);
/* *Sets *have to whether some target equals y. */
cusgd_status examples_have_target(const examples *e, double y, int *have);

/* data/data.c. Creates data without rows; `source` is its name in messages. */
cusgd_status data_create(const char *source, cusgd_data **out);
/* Frees what the data has, so that it is as after data_create(). */
void data_reset(cusgd_data *data);
/* data/map.c. Maps a whole regular file that is not empty, read-only. */
cusgd_status file_map(const char *path, void **mapping, size_t *bytes);
void file_unmap(void *mapping); /* accepts NULL */
/* Takes over an open file that is already mapped at `mapping`: file_unmap() closes and unmaps it. `path` is for messages. */
cusgd_status file_adopt(const char *path, void *mapping, size_t bytes, int file);
/* Advises the system that mapped bytes will not be used soon, up to the end of the last whole page, so that they do not count as
 * memory of the process. Does nothing for bytes that are not in a mapped file. */
void file_forget(const void *at, size_t bytes);
/* Advises the system that mapped bytes will be read in order soon. It then reads them with one request, whereas page faults would
 * read a few pages at a time. */
void file_fetch(const void *at, size_t bytes);
/* Calls file_forget() for rows of a dense x. */
void examples_forget(const examples *e, int64_t row, int64_t count);
/* Returns how many rows of a dense x to fetch at a time, a multiple of `block`. */
int64_t examples_fetched(const examples *e, int64_t block);
/* Fails with DATA if the file has become shorter since it was mapped, so that values read from it may be zeros. To be called
 * after reading. Accepts NULL. */
cusgd_status file_check(const void *mapping);
/* A file that file_map() or file_map_parts() has mapped, or the part of it after an address. Valid as long as the mapping. */
typedef struct file_piece {
    size_t at;           /* the distance of its beginning from the address */
    size_t bytes, start; /* the number of mapped bytes, and their position in the file */
    const char *path;
    int file;                /* open while it is mapped; -1: it was closed */
    const struct stat *seen; /* the status of the mapped file if `file` is -1; else NULL */
} file_piece;
/* Lists the first `room` of the mapped files that follow `at` without gaps. Returns their number, 0 if none is known. */
int64_t file_pieces(const void *at, file_piece *list, int64_t room);
/* data/shared_map.c. Returns 1 if the memory at `at` is the system's cache of the open file from `offset` on, so that reads from
 * the file always give the same bytes, even if either is written to. */
int map_is_of(const void *at, int file, size_t offset);
/* As file_map(), for a file that the caller has mapped from `offset` on at `mapping`. *watch is its handle for file_unwatch(),
 * which does not unmap the file. */
cusgd_status file_watch(const char *path, const void *mapping, size_t bytes, size_t offset, void **watch);
cusgd_status file_check_watched(const void *watch); /* accepts NULL */
void file_unwatch(void *watch);                     /* likewise */
/* Maps parts of several files contiguously, read-only: `bytes` of each, from `offset` to the end of the file, which must be as
 * long. file_unmap() and file_check() treat it as one mapping. */
typedef struct file_part {
    const char *path;
    size_t offset, bytes;
} file_part;
cusgd_status file_map_parts(const file_part *parts, int64_t count, void **mapping);
/* Returns whether the page size of this machine allows it: parts must begin at the start of a page, and all but the last must end
 * at the end of one. */
int file_parts_fit(const file_part *parts, int64_t count);
/* data/data.c. Calls file_check() for all files that the data uses. */
cusgd_status data_check_files(const cusgd_data *data);
/* Makes the data own `memory`, which is NULL or from malloc, as one of its arrays, and frees the array that was there. */
void data_replace(cusgd_data *data, int place, void *memory);
/* data/text.c. Returns whether the bytes are UTF-8 (RFC 3629) without NUL. */
int text_is_utf8(const char *text, size_t length);
/* Copies `count` names; the caller frees *out with strings_free(). Fails with USAGE if a name is NULL or not UTF-8, because no
 * file could store it. */
cusgd_status texts_copy(const char *const *texts, int64_t count, char ***out);
void strings_free(char **texts, int64_t count); /* accepts NULL */
/* Fails with DATA if both sides have a name and these differ, so that columns in another order are not mixed up. `what` is the
 * kind of the names, such as column, and `source` the data that `names` belongs to. */
cusgd_status texts_check_same(const char *what, char *const *known, char *const *names, int64_t count, const char *source);
/* Fails with USAGE unless there are at least two classes and all have names in UTF-8, or `classes` is NULL. */
cusgd_status classes_check(const char *const *classes, int64_t count);
/* Writes the first character of a text of length >= 1 as cusgd_text_escape() shows it. Returns the number of bytes of the
 * character. */
enum { ESCAPED_BYTES = 16 };
size_t text_escape_next(const char *text, size_t length, char escaped[ESCAPED_BYTES]);
/* Write the name of a file for a command or a Python expression in a message, quoted if necessary. They write FILE for standard
 * input and for names that are longer than 200 bytes or need escapes. Both return `quoted`. */
enum { MAX_QUOTED = 200, QUOTED_BYTES = 4 * MAX_QUOTED + 8 };
const char *file_for_shell(const char *source, char quoted[QUOTED_BYTES]);
const char *file_for_python(const char *source, char quoted[QUOTED_BYTES]);

/* data/npy.c. An array of numbers of any type. Little-endian float32 and float64 are used in the mapped file; other types are
 * converted. */
typedef struct npy_array {
    cusgd_matrix matrix;
    int64_t rows, cols; /* cols 0: one-dimensional, to be used as one column */
    void *mapping;      /* the matrix is either in `mapping`, which file_unmap frees, */
    void *memory;       /* or in `memory`, which free() frees */
} npy_array;
cusgd_status npy_open(const char *path, npy_array *out); /* on failure out->mapping and out->memory are NULL */
/* As npy_open(), for the bytes of a file that are in out->mapping or out->memory. `path` is for messages. */
cusgd_status npy_take(const char *path, const void *bytes, size_t size, npy_array *out);
/* An array of integers of 32 or 64 bits, which is used in the mapped file. */
typedef struct npy_integers {
    const void *at;
    int64_t count;
    int wide;      /* 1: int64_t, else int32_t */
    void *mapping; /* to be freed by file_unmap; NULL on failure */
} npy_integers;
cusgd_status npy_map_integers(const char *path, npy_integers *out);
/* data/npz.c. Opens the array `name` (without .npy) of a NumPy archive; sets *found to whether there is one. */
cusgd_status npz_open(const char *path, const char *name, npy_array *out, int *found);
/* Gets the last three bytes of the file of such an array, whatever its type: the format of a sparse matrix. */
cusgd_status npz_tail(const char *path, const char *name, char tail[4], int *found);
/* Writes an array of `type` (rows x cols in C order; cols 0: one-dimensional) in parts: create, append, close. */
typedef struct npy_writer npy_writer;
cusgd_status npy_create(const char *path, cusgd_type type, int64_t rows, int64_t cols, npy_writer **out);
cusgd_status npy_create_integers(const char *path, int wide, int64_t count, npy_writer **out); /* int64_t or int32_t */
cusgd_status npy_append(npy_writer *writer, const void *values, int64_t count);
cusgd_status npy_complete(npy_writer *writer); /* completes the file, but leaves it under its temporary name */
cusgd_status npy_close(npy_writer *writer);    /* completes the file and renames it */
void npy_abandon(npy_writer *writer);          /* removes what was written; accepts NULL */

/* data/csr.c. Fails with USAGE or DATA if the matrix violates the description of cusgd_csr; `source` is for messages. */
cusgd_status csr_check(const cusgd_csr *s, int64_t n, int64_t d, const char *source);
/* Copies the given rows of a sparse matrix into arrays that `to` owns. */
cusgd_status csr_select(const cusgd_csr *from, const int64_t *rows, int64_t count, cusgd_data *to);
/* data/sparsity.c */
cusgd_status csr_note(cusgd_data *data); /* adds a note that x is stored sparse although the file is not */
/* data/csr_files.c. Opens an archive of scipy.sparse.save_npz (formats csr, csc and coo) as x; sets *found to whether it is
 * one. */
cusgd_status csr_open_archive(cusgd_data *data, const char *path, int *found);
/* Opens a folder with indptr.npy, indices.npy and data.npy likewise; the last two are used in the mapped files. d: the number of
 * columns; 0: as many as the largest index requires. */
cusgd_status csr_open_folder(cusgd_data *data, const char *folder, int64_t d, int *found);
/* data/svmlight.c. Reads a LIBSVM text file. Each thread parses a block of this many bytes at a time; tests choose smaller
 * blocks. */
extern size_t svmlight_block_bytes;
cusgd_status svmlight_open(const char *path, const cusgd_reader *reader, cusgd_data *data);

/* data/labels.c. Applies classes that are numbers to a target of numbers; leaves other targets unchanged. */
cusgd_status data_apply_classes(cusgd_data *data, const char *const *classes, int64_t count);
/* Gives the data the names of its `count` >= 2 classes, which it then owns. */
void data_take_classes(cusgd_data *data, char **classes, int64_t count);
/* The maximum number of classes. */
enum { MAX_CLASSES = 1 << 16 };

/* Returns the number of class names in a reader. */
static inline int64_t reader_classes(const cusgd_reader *reader)
{
    return !reader->classes ? 0 : reader->class_count > 0 ? (int64_t)reader->class_count : 2;
}

/* data/csv.c */
cusgd_status csv_open(const char *path, const cusgd_reader *reader, cusgd_data *data);

/* data/number.c. Parses a number, independently of the locale, correctly rounded. Returns 0 if the field is not a number. */
int number_parse(const char *text, size_t length, double *value);
/* Parses the number that begins at `at`, with `point` as its decimal mark. Returns the position after it; NULL: no number begins
 * there. */
const char *number_take(const char *at, const char *end, char point, double *value);
/* Parses a number whose integer part is written in groups of three digits with `separator` between them: 1,234,567.8 */
int number_parse_grouped(const char *text, size_t length, char separator, int comma, double *value);
/* Parses a number with a decimal comma, which then must not have a point. */
int number_parse_comma(const char *text, size_t length, double *value);

/* data/format.c. Writes a number by %.17g with a decimal point, independently of the locale. */
enum { NUMBER_TEXT = 32 };
void number_format(double value, char text[NUMBER_TEXT]);

/* data/replace.c. A file that replaces another one only when it is complete: it is written next to the old file, synced and
 * renamed. */
typedef struct replacement replacement;
cusgd_status replacement_open(const char *path, replacement **out);
/* As replacement_open(), but the temporary name is the path followed by `ending`. Takes over such a file if the process that
 * wrote it was killed. Fails with DATA if another process is writing it. */
cusgd_status replacement_open_named(const char *path, const char *ending, replacement **out);
cusgd_status replacement_write(replacement *r, const void *bytes, size_t count);
cusgd_status replacement_complete(replacement *r); /* after the last write: syncs and closes the file, so that only renaming is
                                                    * left */
/* To be called after replacement_complete(): makes the old file, if there is one, keep existing under the path followed by
 * `ending`, replacing an earlier one. Does nothing if the file system does not support hard links. */
cusgd_status replacement_keep(const replacement *r, const char *ending);
cusgd_status replacement_commit(replacement *r); /* renames the file and frees r, also on failure (the old file is then
                                                  * unchanged) */
void replacement_abandon(replacement *r);        /* accepts NULL */

#endif
