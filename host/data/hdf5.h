/* HDF5 files, by a module (libcusgd-hdf5.so) that is opened where there is such a file, so that nothing else needs libhdf5. */
#ifndef CUSGD_HOST_DATA_HDF5_H
#define CUSGD_HOST_DATA_HDF5_H

#include "cusgd_tools.h"

#define HDF5_MAGIC "\x89HDF\r\n\x1A\n"
enum { HDF5_MAGIC_BYTES = 8 };

/* data/hdf5.c: the datasets of a file as data. */
cusgd_status hdf5_open(cusgd_data *data, const char *path, const cusgd_reader *reader);

/* ---- Between libcusgd and the module ---- */

/* Raised with every change of what follows: a module of another build is refused. */
enum { HDF5_ABI = 1 };

typedef struct hdf5_services {
    cusgd_status (*fail)(cusgd_status status, const char *format, ...); /* failure.h's */
} hdf5_services;

typedef struct hdf5_array {
    void *of;
    int64_t rows, cols; /* cols 0: one-dimensional */
    int64_t block;      /* rows that are read together at least, as chunks of the file are inflated as a whole */
    char descr[8];      /* of the elements that read() gives, as NumPy writes it; '?' for a type that is none of numbers */
} hdf5_array;

typedef struct hdf5_module {
    /* *found: whether there is such a dataset. On success where it is found, close() is due. */
    cusgd_status (*open)(const char *path, const char *name, hdf5_array *out, int *found);
    cusgd_status (*read)(const hdf5_array *a, const char *path, int64_t first, int64_t count, void *to);
    void (*close)(hdf5_array *a);
} hdf5_module;

/* NULL where the module is of another ABI. */
typedef const hdf5_module *hdf5_module_open(int abi, const hdf5_services *services);
#define HDF5_MODULE_OPEN "cusgd_hdf5_open"

#endif
