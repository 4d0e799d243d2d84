/* safetensors files: a JSON header of names, types, shapes and places, then the tensors' bytes. */
#ifndef CUSGD_HOST_DATA_SAFETENSORS_H
#define CUSGD_HOST_DATA_SAFETENSORS_H

#include "data.h"
#include <cjson/cJSON.h>

typedef struct safetensors {
    const char *path;            /* the caller's */
    void *mapping;               /* the whole file; NULL where it lies in the caller's memory */
    const unsigned char *bytes;  /* of the file */
    size_t count;                /* of bytes */
    cJSON *header;               /* checked: an object of tensors, and perhaps __metadata__ */
    const cJSON *metadata;       /* an object of strings, or NULL */
    const unsigned char *values; /* what the tensors' places count from */
} safetensors;

/* A float32 or float64 tensor of at most two dimensions. */
typedef struct tensor {
    const char *name;
    cusgd_type type;
    int dimensions;
    int64_t shape[2];
    int64_t count;               /* of elements */
    const unsigned char *values; /* little-endian, of any alignment; NULL: there is no such tensor */
} tensor;

/* Reads the file strictly: every byte belongs to the header or to one tensor, no key stands twice. `path` is kept. */
cusgd_status safetensors_open(const char *path, safetensors *out);
/* The same of a file's bytes in memory, the caller's; `name` is what messages call it. */
cusgd_status safetensors_open_memory(const char *name, const void *bytes, size_t count, safetensors *out);
void safetensors_close(safetensors *s);
/* The tensor of that name. Fails where it is of another type or has more dimensions; out->values is NULL where there is none. */
cusgd_status safetensors_tensor(const safetensors *s, const char *name, tensor *out);
/* The tensors of a linear model: weight, and bias if there is one (else bias->values is NULL); or NAME.weight and NAME.bias where
 * the file holds nothing else, as PyTorch's state_dict names a layer's. */
cusgd_status safetensors_linear(const safetensors *s, tensor *weight, tensor *bias);
double tensor_at(const tensor *t, int64_t i);

/* Writes what a file holds; `metadata` is an object of strings. */
cusgd_status safetensors_put(replacement *file, const cJSON *metadata, const tensor *tensors, size_t count);
/* Writes a file. */
cusgd_status safetensors_write(const char *path, const cJSON *metadata, const tensor *tensors, size_t count);
/* The same to memory: *bytes is how many there are; those that fit into `capacity` are at `buffer`. */
cusgd_status safetensors_write_memory(void *buffer, size_t capacity, size_t *bytes, const cJSON *metadata, const tensor *tensors,
                                      size_t count);

#endif
