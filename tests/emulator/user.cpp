/* What a program of the user's does with the GPU next to the library: memory and a stream of its own. */
#include "emulator.h"
#include "internal.h"

void *emulator_user_memory(size_t bytes)
{
    void *p = nullptr;
    return cudaMalloc(&p, bytes) ? nullptr : p;
}

void emulator_user_free(void *p) { (void)cudaFree(p); }

void *emulator_user_stream(void)
{
    cudaStream_t stream = nullptr;
    return cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) ? nullptr : stream;
}

void emulator_user_stream_free(void *stream) { (void)cudaStreamDestroy((cudaStream_t)stream); }

int emulator_user_copy(void *to, const void *from, size_t bytes, void *stream)
{
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, (cudaStream_t)stream) ? -1 : 0;
}
