/* Determines for which GPUs the module has code, without access to a GPU. */
#ifndef CUSGD_HOST_CUDA_CODE_H
#define CUSGD_HOST_CUDA_CODE_H

typedef enum code_kind {
    CODE_NONE,
    CODE_PTX,    /* compiled by the driver when the module is first used on such a GPU */
    CODE_BINARY, /* machine code */
    CODE_UNKNOWN /* the list cannot be parsed */
} code_kind;

/* Returns the best kind of code for a GPU of this compute capability. architectures: as in CMAKE_CUDA_ARCHITECTURES, separated
 * by commas ("75-real,90"). */
code_kind code_for(const char *architectures, int major, int minor);

#endif
