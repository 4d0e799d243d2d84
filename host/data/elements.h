/* The elements of a .npy file: their type, and conversion to float32 or float64. */
#ifndef CUSGD_HOST_DATA_ELEMENTS_H
#define CUSGD_HOST_DATA_ELEMENTS_H

#include "cusgd_tools.h"

#include <stddef.h>

typedef struct elements {
    char kind;    /* 'b' booleans, 'i' and 'u' integers, 'f' floating point; '\0': not supported */
    size_t bytes; /* bytes per element */
    int big_endian;
    int native; /* 1: in the byte order of the machine */
} elements;

/* Parses a type string of NumPy ("<f8", ">i4", "|b1"). */
elements elements_of(const char *descr);
/* Returns the type that can represent all values, or the wider one if none can (64-bit integers). */
cusgd_type elements_type(const elements *e);
/* Returns advice for an array of an unsupported type as the end of a sentence. The advice never loses values. */
const char *elements_advice(const char *descr);

/* Converts `count` elements of any alignment to elements_type(). Returns the index of the first element that cannot be
 * represented exactly (an integer beyond 2^53), or -1. */
int64_t elements_convert(const elements *e, const void *from, int64_t count, void *to);

#endif
