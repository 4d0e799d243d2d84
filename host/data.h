/* Examples in the host's memory, and what is known of their columns. */
#ifndef CUSGD_HOST_DATA_H
#define CUSGD_HOST_DATA_H

#include "cusgd_tools.h"

/* A GPU's memory. late: what is in it is ready only once what `stream`, a cudaStream_t, has been given is done. */
typedef struct memory_place {
    int device, late;
    void *stream;
} memory_place;

/* n rows of x (d columns), y (k columns, the targets; at NULL: none), w (one column; at NULL: every weight 1) and o (one column;
 * at NULL: every offset 0). x is sparse where s.start is not NULL: x.at is NULL then. Row i is row rows[i] of the matrices, or
 * row i where rows is NULL. A view: it owns nothing. */
typedef struct examples {
    int64_t n, d, k;
    int64_t classes; /* 0: each target has an output. Else k is 1, y is a class's number, 0 .. classes - 1 (of two also -1, for
                        0), and each class has an output */
    cusgd_matrix x, y, w, o;
    const memory_place *place; /* of x; NULL: the host's memory, in which all else lies */
    cusgd_csr s;
    const int64_t *rows;
    const uint8_t *fold; /* of the matrices' rows, each below `folds`; NULL: all 0 */
    int folds;           /* at most MAX_FOLDS; 0: 1 */
} examples;
enum { MAX_FOLDS = 64 };

static inline int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

enum { WATCHED_FILES = 5 }; /* x, y, weights, offset, exposure */
static inline int64_t examples_outputs(const examples *e) { return e->classes > 0 ? e->classes : e->k; }

/* Places of what data owns: x (or its values), y, w, o, a sparse x's starts and columns; and an int64_t for each row, equal for
 * the parts of a row that was split into classes, which lie together unless rows were selected otherwise; NULL: no row was. */
enum { PLACE_X, PLACE_Y, PLACE_W, PLACE_O, PLACE_START, PLACE_COLUMN, PLACE_WHOLE, DATA_PLACES };

/* How data is opened. */
typedef struct data_opening {
    int is_archive;           /* 1: a .npz file, not a folder */
    struct data_ranks *ranks; /* the processes that read it together (data/ranks.h); NULL: this one alone */
} data_opening;

struct cusgd_data {
    examples view;   /* rows is NULL */
    char **features; /* d names, or NULL */
    char **targets;  /* k names, or NULL */
    data_opening opening;
    char **classes;           /* the names of the classes; NULL: they have none */
    int64_t class_count;      /* of them; view.classes is that where it is more than 2 */
    char *source;             /* the file's name as messages show it; "data" for wrapped arrays */
    cusgd_offset offset;      /* what view.o was made of */
    char *offset_name;        /* the column's, or NULL */
    cusgd_layout *layout;     /* the columns' numbers in the CSV; NULL where the data is no CSV */
    int64_t first_line;       /* of the table's first row; 0 where the data is no table */
    cusgd_encoding *encoding; /* of the columns' values as x; NULL: x is the columns themselves */
    int64_t *incomplete;      /* rows that lack a value, ascending, whose predictions are NaN; x is 0 there */
    int64_t incomplete_count;
    char **notes; /* what people should know of how the data was read */
    size_t note_count;
    cusgd_index_base base;        /* of the LIBSVM file; AUTO where the data is none */
    void *memory[DATA_PLACES];    /* malloc'd */
    void *watched[WATCHED_FILES]; /* file_watch's: of what the caller wrapped; in use from the first on */
    void *mapping[DATA_PLACES];   /* file_map's: likewise */
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

/* Rows first .. first + count - 1 of the view. */
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

/* Above the device interface these and problem/row_source.h alone read the arrays of a row, a row of the matrices. */
static inline double target_at(const examples *e, int64_t row, int64_t c) { return matrix_at(&e->y, row, c); }
static inline double offset_at(const examples *e, int64_t row) { return e->o.at ? matrix_at(&e->o, row, 0) : 0; }
static inline double weight_at(const examples *e, int64_t row) { return e->w.at ? matrix_at(&e->w, row, 0) : 1; }

/* The target of output c: 1 or 0 where y is a class. */
static inline double output_target(const examples *e, int64_t row, int64_t c)
{
    if (e->classes == 0) return target_at(e, row, c);
    double y = target_at(e, row, 0);
    return (y < 0 ? 0 : y) == (double)c;
}

/* USAGE if x lies in the memory of a GPU, where `what` cannot read it. */
cusgd_status data_on_host(const cusgd_data *data, const char *what);
/* Likewise where x is sparse. */
cusgd_status data_is_dense(const cusgd_data *data, const char *what);
/* The first row and column whose value is not finite or not what `loss` takes, by row, as an error that names them; weights must
 * not be negative nor all zero, offsets must be finite. Reads everything once, in parallel, but x where that lies in the memory
 * of a GPU. `loss` < 0: targets are not looked at. */
cusgd_status examples_check(const examples *e, int loss, const char *source, int threads);
/* Likewise, but that of the features only some rows are looked at: first .. end - 1 of the view. */
typedef struct row_range {
    int64_t first, end;
} row_range;
cusgd_status examples_check_part(const examples *e, row_range part, int loss, const char *source, int threads);
/* A loss of classes needs rows of both, not counting those of weight 0, in every target; other losses take any. */
cusgd_status examples_check_classes(const examples *e, int loss, const char *source);
/* *have: whether some target is y. */
cusgd_status examples_have_target(const examples *e, double y, int *have);

/* data/data.c: data of no rows; `source` is its name in messages. */
cusgd_status data_create(const char *source, cusgd_data **out);
/* Makes it that again. */
void data_reset(cusgd_data *data);
/* data/map.c: a whole regular file in memory, read-only; it is not empty. */
cusgd_status file_map(const char *path, void **mapping, size_t *bytes);
void file_unmap(void *mapping); /* accepts NULL */
/* Likewise of an open file that is mapped at `mapping` already, both of which file_unmap() then gives back. `path` is for
 * messages. */
cusgd_status file_adopt(const char *path, void *mapping, size_t bytes, int file);
/* Where the bytes lie in a file that file_map() and its like have mapped: those in front of a page's end are not needed soon, and
 * do not count as memory of the process until they are. */
void file_forget(const void *at, size_t bytes);
/* Those that are about to be read in order: their pages come by one request, where faults would ask for a few at a time. */
void file_fetch(const void *at, size_t bytes);
/* The former of rows of dense x. */
void examples_forget(const examples *e, int64_t row, int64_t count);
/* How many rows of dense x to fetch at once: a multiple of `block`. */
int64_t examples_fetched(const examples *e, int64_t block);
/* DATA if the file has become shorter since, so that what was read of it may be zeros. NULL is sound. To be asked after reading.
 */
cusgd_status file_check(const void *mapping);
/* A file that file_map() or file_map_parts() has mapped, or its rest behind an address; it lives as long as the mapping. */
typedef struct file_piece {
    size_t at;           /* where it begins behind the address */
    size_t bytes, start; /* how many are mapped, and from where in the file on */
    const char *path;
    int file;                /* open as long as it is mapped; -1: it was closed again, and then */
    const struct stat *seen; /* what was mapped; else NULL */
} file_piece;
/* The files behind `at`, one behind the other: how many there are, 0 where none are known. Lists the first `room` of them. */
int64_t file_pieces(const void *at, file_piece *list, int64_t room);
/* data/shared_map.c: 1 if the memory at `at` is what the system has of the open file from `offset` on, so that reading the file
 * gives the same bytes, whoever writes to either. */
int map_is_of(const void *at, int file, size_t offset);
/* Like file_map() of a file that the caller has mapped, from `offset` on, at `mapping`: *watch stands for it, to be given back by
 * file_unwatch(), which leaves the mapping. */
cusgd_status file_watch(const char *path, const void *mapping, size_t bytes, size_t offset, void **watch);
cusgd_status file_check_watched(const void *watch); /* accepts NULL */
void file_unwatch(void *watch);                     /* likewise */
/* Parts of several files, one behind the other, as one piece of read-only memory: `bytes` of each, from `offset` to the file's
 * end, which must be there. For file_unmap() and file_check() it is one mapping. */
typedef struct file_part {
    const char *path;
    size_t offset, bytes;
} file_part;
cusgd_status file_map_parts(const file_part *parts, int64_t count, void **mapping);
/* Whether this machine's pages allow it: parts begin at one, and all but the last end at one. */
int file_parts_fit(const file_part *parts, int64_t count);
/* data/data.c: the same of all files that the data lies in. */
cusgd_status data_check_files(const cusgd_data *data);
/* The data owns `memory` from here on, NULL or malloc'd, as one of its places; what was there is given back. */
void data_replace(cusgd_data *data, int place, void *memory);
/* data/text.c: whether the bytes are UTF-8 (RFC 3629) with no NUL among them. */
int text_is_utf8(const char *text, size_t length);
/* A copy of `count` names, to be freed by strings_free(); USAGE where one is NULL or not UTF-8, which no file could hold. */
cusgd_status texts_copy(const char *const *texts, int64_t count, char ***out);
void strings_free(char **texts, int64_t count); /* accepts NULL */
/* USAGE unless all classes, two at least, have names in UTF-8, or `classes` is NULL. */
cusgd_status classes_check(const char *const *classes, int64_t count);
/* The first character of a text of length >= 1 as cusgd_text_escape() shows it; returns how many of its bytes that is. */
enum { ESCAPED_BYTES = 16 };
size_t text_escape_next(const char *text, size_t length, char escaped[ESCAPED_BYTES]);
/* A file's name as a command or a Python expression in a message holds it, quoted where that is needed. FILE stands for standard
 * input, and for a name that is longer than 200 bytes or that the message would show escaped. Both return `quoted`. */
enum { MAX_QUOTED = 200, QUOTED_BYTES = 4 * MAX_QUOTED + 8 };
const char *file_for_shell(const char *source, char quoted[QUOTED_BYTES]);
const char *file_for_python(const char *source, char quoted[QUOTED_BYTES]);

/* data/npy.c: an array of any type of numbers. Little-endian float32 and float64 stay in the file, all else is converted. */
typedef struct npy_array {
    cusgd_matrix matrix;
    int64_t rows, cols; /* cols 0: one-dimensional, a column then */
    void *mapping;      /* where the matrix lies: one of both, to be freed by file_unmap */
    void *memory;       /* and free */
} npy_array;
cusgd_status npy_open(const char *path, npy_array *out); /* on failure both are NULL */
/* The same of a file's bytes, which lie in what out->mapping or out->memory owns; `path` is for messages. */
cusgd_status npy_take(const char *path, const void *bytes, size_t size, npy_array *out);
/* Whole numbers of 32 or 64 bits, which stay in the file. */
typedef struct npy_integers {
    const void *at;
    int64_t count;
    int wide;      /* 1: int64_t, else int32_t */
    void *mapping; /* to be freed by file_unmap; NULL on failure */
} npy_integers;
cusgd_status npy_map_integers(const char *path, npy_integers *out);
/* data/npz.c: the array of that name (without .npy) of a NumPy archive; *found: whether there is one. */
cusgd_status npz_open(const char *path, const char *name, npy_array *out, int *found);
/* The last three bytes of that array's file, whatever its type: the format of a sparse matrix. */
cusgd_status npz_tail(const char *path, const char *name, char tail[4], int *found);
/* Writes count values of `type` (rows x cols, C order; cols 0: one-dimensional) in pieces: open, append, close. */
typedef struct npy_writer npy_writer;
cusgd_status npy_create(const char *path, cusgd_type type, int64_t rows, int64_t cols, npy_writer **out);
cusgd_status npy_create_integers(const char *path, int wide, int64_t count, npy_writer **out); /* int64_t or int32_t */
cusgd_status npy_append(npy_writer *writer, const void *values, int64_t count);
cusgd_status npy_complete(npy_writer *writer); /* all but putting it in its place */
cusgd_status npy_close(npy_writer *writer);    /* completes the file and puts it in its place */
void npy_abandon(npy_writer *writer);          /* removes what was written; accepts NULL */

/* data/csr.c: USAGE or DATA where the matrix is not as cusgd_csr says; `source` is for messages. */
cusgd_status csr_check(const cusgd_csr *s, int64_t n, int64_t d, const char *source);
/* Rows `rows` of a sparse matrix as the data's own. */
cusgd_status csr_select(const cusgd_csr *from, const int64_t *rows, int64_t count, cusgd_data *to);
/* data/sparsity.c */
cusgd_status csr_note(cusgd_data *data); /* that x is sparse, though the file is not */
/* data/csr_files.c: an archive of scipy.sparse.save_npz as x, of the formats csr, csc and coo; *found: whether it is one. */
cusgd_status csr_open_archive(cusgd_data *data, const char *path, int *found);
/* Likewise a folder with indptr.npy, indices.npy and data.npy, of which the last two stay in their files. d: the number of
 * columns; 0: as many as the largest index requires. */
cusgd_status csr_open_folder(cusgd_data *data, const char *folder, int64_t d, int *found);
/* data/svmlight.c: a LIBSVM text file. Blocks of so many bytes are for one thread; tests choose smaller ones. */
extern size_t svmlight_block_bytes;
cusgd_status svmlight_open(const char *path, const cusgd_reader *reader, cusgd_data *data);

/* data/labels.c: classes that are numbers, for a target that is; other targets stay as they are. */
cusgd_status data_apply_classes(cusgd_data *data, const char *const *classes, int64_t count);
/* Gives the data the names of its classes, `count` >= 2 of them, which it takes over. */
void data_take_classes(cusgd_data *data, char **classes, int64_t count);
/* More values than these are no classes. */
enum { MAX_CLASSES = 1 << 16 };

/* How many names of classes a reader gives. */
static inline int64_t reader_classes(const cusgd_reader *reader)
{
    return !reader->classes ? 0 : reader->class_count > 0 ? (int64_t)reader->class_count : 2;
}

/* data/csv.c */
cusgd_status csv_open(const char *path, const cusgd_reader *reader, cusgd_data *data);

/* data/number.c: the double that a field spells, whatever the locale; 0 if it spells none. Correctly rounded. */
int number_parse(const char *text, size_t length, double *value);
/* Likewise of a number that begins at `at`, with `point` for its decimal mark. Returns the place behind it; NULL: none begins. */
const char *number_take(const char *at, const char *end, char point, double *value);
/* Likewise of a number whose whole part is written in groups of three digits with `separator` between them: 1,234,567.8 */
int number_parse_grouped(const char *text, size_t length, char separator, int comma, double *value);
/* Likewise of a number with a decimal comma, which then has no point. */
int number_parse_comma(const char *text, size_t length, double *value);

/* data/format.c: %.17g with a point, whatever the locale. */
enum { NUMBER_TEXT = 32 };
void number_format(double value, char text[NUMBER_TEXT]);

/* data/replace.c: a file that takes another's place only when it is complete: written next to it, fsync'd, renamed. */
typedef struct replacement replacement;
cusgd_status replacement_open(const char *path, replacement **out);
/* Likewise, written at the path with `ending` behind it; where a process was killed that file is taken over. DATA where another
 * process is writing it. */
cusgd_status replacement_open_named(const char *path, const char *ending, replacement **out);
cusgd_status replacement_write(replacement *r, const void *bytes, size_t count);
cusgd_status replacement_complete(replacement *r); /* no more is written; all but the renaming has then been done */
/* Once it is complete: the old file, if there is one, gets that ending's name, too, in the place of an earlier one. Where the
 * file system has no second names for files, nothing is kept. */
cusgd_status replacement_keep(const replacement *r, const char *ending);
cusgd_status replacement_commit(replacement *r); /* frees r, also on failure (the old file then stands) */
void replacement_abandon(replacement *r);        /* accepts NULL */

#endif
