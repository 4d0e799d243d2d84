/* safetensors files: a JSON header with names, types, shapes and offsets, followed by the bytes of the tensors. */
#ifndef CUSGD_HOST_DATA_SAFETENSORS_H
#define CUSGD_HOST_DATA_SAFETENSORS_H

#include "data.h"
#include <cjson/cJSON.h>

typedef struct safetensors {
    const char *path;            /* the caller's */
    void *mapping;               /* of the whole file; NULL if it is in the memory of the caller */
    const unsigned char *bytes;  /* of the file */
    size_t count;                /* of bytes */
    cJSON *header;               /* checked: an object of tensors, and optionally __metadata__ */
    const cJSON *metadata;       /* an object of strings, or NULL */
    const unsigned char *values; /* the origin of the offsets of tensors */
} safetensors;

/* A float32 or float64 tensor of at most two dimensions. */
typedef struct tensor {
    const char *name;
    cusgd_type type;
    int dimensions;
    int64_t shape[2];
    int64_t count;               /* number of elements */
    const unsigned char *values; /* little-endian, with any alignment; NULL: there is no such tensor */
} tensor;

/* Opens a file and checks it strictly: every byte must belong to the header or to one tensor, and no key may occur twice. The
 * caller keeps `path` valid. */
cusgd_status safetensors_open(const char *path, safetensors *out);
/* Opens a file in the memory of the caller; `name` is its name in messages. */
cusgd_status safetensors_open_memory(const char *name, const void *bytes, size_t count, safetensors *out);
void safetensors_close(safetensors *s);
/* Gets the tensor of that name. Fails if its type is not supported or it has more than two dimensions; out->values is NULL if
 * there is no such tensor. */
cusgd_status safetensors_tensor(const safetensors *s, const char *name, tensor *out);
/* Gets the tensors of a linear model: weight, and bias if there is one (else bias->values is NULL); or NAME.weight and NAME.bias
 * if the file has no others, as in PyTorch's state_dict of a layer. */
cusgd_status safetensors_linear(const safetensors *s, tensor *weight, tensor *bias);
double tensor_at(const tensor *t, int64_t i);

/* Writes the contents of a file. metadata: an object of strings. */
cusgd_status safetensors_put(replacement *file, const cJSON *metadata, const tensor *tensors, size_t count);
/* Writes a file. */
cusgd_status safetensors_write(const char *path, const cJSON *metadata, const tensor *tensors, size_t count);
/* Writes to memory: *bytes becomes the size, and as much as fits into `capacity` is written to `buffer`. */
cusgd_status safetensors_write_memory(void *buffer, size_t capacity, size_t *bytes, const cJSON *metadata, const tensor *tensors,
                                      size_t count);

#endif
