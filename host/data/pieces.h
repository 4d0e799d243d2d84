/* Folders of numbered .npy files, a part of the rows each: x-00000.npy, x-00001.npy, ..., with y, w and offset likewise. Those
 * that cuSGD writes have an index, cusgd.json, which is written last, and a layout that can be mapped as one matrix. */
#ifndef CUSGD_HOST_DATA_PIECES_H
#define CUSGD_HOST_DATA_PIECES_H

#include "data.h"
#include "scalar/sampling.h"

#define PIECES_INDEX "cusgd.json"

enum piece_array { PIECE_X, PIECE_Y, PIECE_W, PIECE_O, PIECE_ARRAYS };
enum piece_type { PIECE_FLOAT32, PIECE_FLOAT64, PIECE_BF16 }; /* the first two as in cusgd_type */

/* The elements begin here, behind a header that blanks fill up: at a page's beginning. */
enum { PIECE_START = 4096 };
/* A file but the last of an array has a multiple of these rows, so that elements of 4 or 8 bytes end with a page. */
enum { PIECE_ROWS = 1024 };
/* A checksum goes over runs of these bytes; the last one is shorter. */
enum { SUMMED_BYTES = 1 << 20 };

/* What the index says of the files. */
typedef struct pieces {
    int64_t rows, rows_per_file, files;
    int64_t cols[PIECE_ARRAYS]; /* 0: the array is not there; 1 has one dimension, but x */
    enum piece_type type[PIECE_ARRAYS];
    int sparse;    /* 1: x is indptr.npy, indices.npy and data.npy; there is one file of each array, without a number */
    uint64_t *sum; /* the files' checksums, PIECE_ARRAYS for each; NULL where it is sparse. Owned */
    int64_t d;     /* columns of x */
} pieces;

static inline size_t piece_element(enum piece_type type) { return type == PIECE_FLOAT64 ? 8 : type == PIECE_FLOAT32 ? 4 : 2; }
static inline int64_t piece_rows(const pieces *s, int64_t file)
{
    int64_t left = s->rows - file * s->rows_per_file;
    return left < s->rows_per_file ? left : s->rows_per_file;
}
static inline int64_t pieces_count(int64_t rows, int64_t rows_per_file) { return (rows + rows_per_file - 1) / rows_per_file; }

/* "x", "y", "w", "offset" */
extern const char *const piece_names[PIECE_ARRAYS];
/* FOLDER/NAME-00012.npy; file < 0: without a number. NULL: out of memory. The caller frees it. */
char *piece_path(const char *folder, const char *name, int64_t file);

/* data/pieces_index.c: writes the index of `described`'s names, classes, encoding and layout. s NULL: it says that the folder is
 * not complete. */
cusgd_status pieces_write_index(const char *folder, const pieces *s, const cusgd_data *described);
/* Fills *s and what the data has besides its arrays. DATA where the index is not one, or of a folder that is not complete. */
cusgd_status pieces_read_index(const char *folder, cusgd_data *data, pieces *s);

/* data/pieces_open.c: *found: whether the folder is one of pieces. */
cusgd_status pieces_open(cusgd_data *data, const char *folder, const cusgd_reader *reader, int *found);

/* data/pieces_write.c: the files of a folder that is to come, in order. They lie in a hidden folder next to it until all is
 * there.
 */
typedef struct pieces_writer pieces_writer;
/* s: what is known before the rows; s->rows, s->files and s->sum are counted. */
cusgd_status pieces_create(const char *folder, const pieces *s, pieces_writer **out);
/* Rows in the files' types, array by array. */
cusgd_status pieces_append(pieces_writer *w, const void *const arrays[PIECE_ARRAYS], int64_t rows);
/* The hidden folder's path. */
const char *pieces_folder(const pieces_writer *w);
/* Completes all files, writes the index and gives the folder its name. On failure, too, w is freed. */
cusgd_status pieces_finish(pieces_writer *w, const cusgd_data *described);
void pieces_abandon(pieces_writer *w); /* removes what was written; accepts NULL */

/* The header of a file of `rows` rows: version 1 of the format, blanks up to PIECE_START. bf16 has no name in NumPy: it stands as
 * its bits. */
void pieces_header(const pieces *s, int array, int64_t rows, char header[PIECE_START]);

/* data/pieces_save.c: rows first .. first + count - 1 in the files' types, array by array. */
void pieces_pack(const examples *e, const pieces *s, int64_t first, int64_t count, unsigned char *const to[PIECE_ARRAYS]);
/* The bytes of a row in all arrays; and the places in `memory` of the arrays of `rows` rows. */
size_t pieces_row_bytes(const pieces *s);
void pieces_divide(const pieces *s, unsigned char *memory, int64_t rows, unsigned char *arrays[PIECE_ARRAYS]);

/* data/pieces_shuffle.c: where the rows go: row i to place permutation_at(i). */
permutation pieces_order(int64_t n, uint64_t seed);
/* Appends the dense rows of `data` in that order. bucket_bytes: of the rows that are put in order at a time; the result does not
 * depend on it. */
cusgd_status pieces_append_shuffled(pieces_writer *w, const pieces *s, const cusgd_data *data, uint64_t seed,
                                    size_t bucket_bytes);
/* data/pieces_sparse.c: writes the files of sparse rows; `shuffle`: in that order. */
cusgd_status pieces_save_sparse(const pieces_writer *w, const cusgd_data *data, int shuffle, uint64_t seed);

#endif
