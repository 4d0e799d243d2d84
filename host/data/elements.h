/* The elements of a .npy file: what its type string says, and their values as float32 or float64. */
#ifndef CUSGD_HOST_DATA_ELEMENTS_H
#define CUSGD_HOST_DATA_ELEMENTS_H

#include "cusgd_tools.h"

#include <stddef.h>

typedef struct elements {
    char kind;    /* 'b' truth values, 'i' and 'u' integers, 'f' floating point; '\0': nothing that can be read */
    size_t bytes; /* of one */
    int big_endian;
    int native; /* 1: of the machine's byte order */
} elements;

/* From NumPy's type string ("<f8", ">i4", "|b1"). */
elements elements_of(const char *descr);
/* The type that holds every value of them, or the type that holds most where none holds all (64-bit integers). */
cusgd_type elements_type(const elements *e);
/* What to do with an array of a type that cannot be read, as a sentence's end; it never loses a value. */
const char *elements_advice(const char *descr);

/* Converts `count` elements of any alignment to elements_type(). Returns the index of the first that has no exact value there, an
 * integer beyond 2^53, or -1. */
int64_t elements_convert(const elements *e, const void *from, int64_t count, void *to);

#endif
