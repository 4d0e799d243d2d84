/* HDF5 files, read by a module (libcusgd-hdf5.so) that is opened for the first such file, so that nothing else needs libhdf5. */
#ifndef CUSGD_HOST_DATA_HDF5_H
#define CUSGD_HOST_DATA_HDF5_H

#include "cusgd_tools.h"

#define HDF5_MAGIC "\x89HDF\r\n\x1A\n"
enum { HDF5_MAGIC_BYTES = 8 };

/* data/hdf5.c. Reads the datasets of a file as data. */
cusgd_status hdf5_open(cusgd_data *data, const char *path, const cusgd_reader *reader);

/* ---- Between libcusgd and the module ---- */

/* To be increased with every change of what follows; a module with another number is refused. */
enum { HDF5_ABI = 1 };

typedef struct hdf5_services {
    cusgd_status (*fail)(cusgd_status status, const char *format, ...); /* failure.h's */
} hdf5_services;

typedef struct hdf5_array {
    void *of;
    int64_t rows, cols; /* cols 0: one-dimensional */
    int64_t block;      /* minimum number of rows to read at a time, because chunks of the file are decompressed as a whole */
    char descr[8];      /* NumPy's type string of the elements that read() returns; '?' for a type that is not numeric */
} hdf5_array;

typedef struct hdf5_module {
    /* **found: whether there is such a dataset. If it was found, the caller must call close(). */
    cusgd_status (*open)(const char *path, const char *name, hdf5_array *out, int *found);
    cusgd_status (*read)(const hdf5_array *a, const char *path, int64_t first, int64_t count, void *to);
    void (*close)(hdf5_array *a);
} hdf5_module;

/* Returns NULL if the module has another ABI. */
typedef const hdf5_module *hdf5_module_open(int abi, const hdf5_services *services);
#define HDF5_MODULE_OPEN "cusgd_hdf5_open"

#endif
