/* Which GPUs the module has code for, without asking a GPU. */
#ifndef CUSGD_HOST_CUDA_CODE_H
#define CUSGD_HOST_CUDA_CODE_H

typedef enum code_kind {
    CODE_NONE,
    CODE_PTX,    /* the driver compiles it when the module is first used on such a GPU */
    CODE_BINARY, /* what the GPU runs */
    CODE_UNKNOWN /* the list says nothing that can be read */
} code_kind;

/* architectures: as in CMAKE_CUDA_ARCHITECTURES, separated by commas ("75-real,90"); of a GPU of this compute capability. */
code_kind code_for(const char *architectures, int major, int minor);

#endif
