/* Folders of numbered .npy files, each with a part of the rows: x-00000.npy, x-00001.npy, ..., with y, w and offset likewise.
 * Those that cuSGD writes have an index, cusgd.json, which is written last, and a layout that can be mapped as one matrix. */
#ifndef CUSGD_HOST_DATA_PIECES_H
#define CUSGD_HOST_DATA_PIECES_H

#include "data.h"
#include "scalar/sampling.h"

#define PIECES_INDEX "cusgd.json"

enum piece_array { PIECE_X, PIECE_Y, PIECE_W, PIECE_O, PIECE_ARRAYS };
enum piece_type { PIECE_FLOAT32, PIECE_FLOAT64, PIECE_BF16 }; /* the first two as in cusgd_type */

/* The position of the elements in a file, at the beginning of a page. The header is padded with blanks. */
enum { PIECE_START = 4096 };
/* The number of rows of each file except the last is a multiple of this, so that elements of 4 or 8 bytes end at the end of a
 * page. */
enum { PIECE_ROWS = 1024 };
/* A checksum is computed over blocks of this many bytes; the last one may be shorter. */
enum { SUMMED_BYTES = 1 << 20 };

/* The description of the files in the index. */
typedef struct pieces {
    int64_t rows, rows_per_file, files;
    int64_t cols[PIECE_ARRAYS]; /* 0: there is no such array; 1: one dimension, except for x */
    enum piece_type type[PIECE_ARRAYS];
    int sparse;    /* 1: x is indptr.npy, indices.npy and data.npy; each array has one file without a number */
    uint64_t *sum; /* checksums of the files, PIECE_ARRAYS per file; NULL if sparse. Owned */
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
/* Returns FOLDER/NAME-00012.npy, without the number if file < 0; NULL: out of memory. The caller frees it. */
char *piece_path(const char *folder, const char *name, int64_t file);

/* data/pieces_index.c. Writes the index with the names, classes, encoding and layout of `described`. s NULL: writes an index that
 * says that the folder is not complete. */
cusgd_status pieces_write_index(const char *folder, const pieces *s, const cusgd_data *described);
/* Reads *s and everything of the data except its arrays. Fails with DATA if the index is invalid or the folder is not
 * complete. */
cusgd_status pieces_read_index(const char *folder, cusgd_data *data, pieces *s);

/* data/pieces_open.c. Opens a folder of numbered files; sets *found to whether it is one. */
cusgd_status pieces_open(cusgd_data *data, const char *folder, const cusgd_reader *reader, int *found);

/* data/pieces_write.c. Writes the files of a new folder in order, in a hidden folder next to it until they are complete. */
typedef struct pieces_writer pieces_writer;
/* s: the description without rows, files and sum, which the writer sets. */
cusgd_status pieces_create(const char *folder, const pieces *s, pieces_writer **out);
/* Appends rows, which have the types of the files, array by array. */
cusgd_status pieces_append(pieces_writer *w, const void *const arrays[PIECE_ARRAYS], int64_t rows);
/* Returns the path of the hidden folder. */
const char *pieces_folder(const pieces_writer *w);
/* Completes all files, writes the index and renames the folder. Frees w, also on failure. */
cusgd_status pieces_finish(pieces_writer *w, const cusgd_data *described);
void pieces_abandon(pieces_writer *w); /* removes what was written; accepts NULL */

/* Writes the header of a file of `rows` rows: version 1 of the format, with blanks up to PIECE_START. NumPy has no name for bf16,
 * which is described as integers of 16 bits. */
void pieces_header(const pieces *s, int array, int64_t rows, char header[PIECE_START]);

/* data/pieces_save.c. Converts rows first .. first + count - 1 to the types of the files, array by array. */
void pieces_pack(const examples *e, const pieces *s, int64_t first, int64_t count, unsigned char *const to[PIECE_ARRAYS]);
/* Return the bytes of a row in all arrays, and the places of the arrays of `rows` rows in `memory`. */
size_t pieces_row_bytes(const pieces *s);
void pieces_divide(const pieces *s, unsigned char *memory, int64_t rows, unsigned char *arrays[PIECE_ARRAYS]);

/* data/pieces_shuffle.c. Returns the order of the rows: row i is written to place permutation_at(i). */
permutation pieces_order(int64_t n, uint64_t seed);
/* Appends the dense rows of `data` in that order. bucket_bytes: bytes of the rows that are sorted at a time; the result does not
 * depend on it. */
cusgd_status pieces_append_shuffled(pieces_writer *w, const pieces *s, const cusgd_data *data, uint64_t seed,
                                    size_t bucket_bytes);
/* data/pieces_sparse.c. Writes the files of sparse rows, in that order if `shuffle` is 1. */
cusgd_status pieces_save_sparse(const pieces_writer *w, const cusgd_data *data, int shuffle, uint64_t seed);

#endif
