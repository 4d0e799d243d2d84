/* Synthetic rows, equal to those of the CPU (scalar/generate.h): all operations are + - * / and sqrt in double in a fixed
 * order, except the exp() of logistic targets. */
#include "block.h"
#include "kernels.h"
#include "scalar/generate.h"

template <class T> __device__ static void put_normal(const generate_task &t, T *out, int64_t i, uint32_t word)
{
    if (i >= 0 && i < t.rows * t.d) out[i] = (T)normal_from(word);
}

/* Generates four neighboring numbers per thread, which is one Philox block. out: rows x d. */
template <class T> __global__ static void normals_kernel(generate_task t, T *out)
{
    uint64_t start = (uint64_t)t.first * (uint64_t)t.d;
    int64_t lead = (int64_t)(start % 4), blocks = (lead + t.rows * t.d + 3) / 4;
    for (int64_t b = thread_number(); b < blocks; b += thread_count()) {
        philox_words four;
        if (t.words)
            for (int l = 0; l < 4; l++) four.at[l] = t.words[b * 4 + l];
        else
            four = random_block(t.features, start / 4 + (uint64_t)b);
        for (int l = 0; l < 4; l++) put_normal(t, out, b * 4 + l - lead, four.at[l]);
    }
}

/* Each thread processes one row, because each number depends on the previous one. */
template <class real> __global__ static void shape_kernel(generate_task t)
{
    for (int64_t i = thread_number(); i < t.rows; i += thread_count()) {
        double *row = t.work + i * t.d;
        generate_row_shape(t.d, t.correlation, t.scale, t.reflection, row);
        for (int64_t j = 0; j < t.d; j++) ((real *)t.x)[i * t.d + j] = (real)row[j];
    }
}

template <class real> __global__ static void targets_kernel(generate_task t)
{
    for (int64_t at = thread_number(); at < t.rows * t.k; at += thread_count()) {
        int64_t i = at / t.k, c = at % t.k;
        uint64_t word = (uint64_t)(t.first + i) * (uint64_t)t.k + (uint64_t)c;
        double p = generate_linear<real>(t.d, t.k, (const real *)t.x + i * t.d, t.truth, c);
        ((real *)t.y)[at] = (real)generate_target(t.targets, word, t.kind, t.noise, p);
    }
}

template <class real> static cudaError_t generate(const generate_task *t, cudaStream_t stream)
{
    dim3 block(THREADS), fours(blocks_for(t->rows * t->d / 4 + 2));
    cudaError_t error = t->work ? LAUNCH(normals_kernel<double>, fours, block, 0, stream, *t, t->work)
                                : LAUNCH(normals_kernel<real>, fours, block, 0, stream, *t, (real *)t->x);
    if (!error && t->work) error = LAUNCH(shape_kernel<real>, dim3(blocks_for(t->rows)), block, 0, stream, *t);
    if (!error) error = LAUNCH(targets_kernel<real>, dim3(blocks_for(t->rows * t->k)), block, 0, stream, *t);
    return error;
}

extern "C" cudaError_t kernel_generate(const generate_task *t, cudaStream_t stream)
{
    return t->precision == CUSGD_PRECISION_FLOAT ? generate<float>(t, stream) : generate<double>(t, stream);
}

/* Compares `count` words, which start at block first_block of the key's stream, at as many places as there are threads. */
__global__ static void check_words_kernel(uint64_t key, uint64_t first_block, const uint32_t *words, int64_t count, int *differs)
{
    int64_t places = thread_count(), n = thread_number();
    int64_t at = places < 2 ? 0 : (int64_t)((double)(count - 1) / (double)(places - 1) * (double)n);
    if (at >= count) at = count - 1;
    if (random_block(key, first_block + (uint64_t)at / 4).at[at % 4] != words[at]) atomicExch(differs, 1);
}

extern "C" cudaError_t kernel_check_words(uint64_t key, uint64_t first_block, const uint32_t *words, int64_t count, int *differs,
                                          cudaStream_t stream)
{
    return LAUNCH(check_words_kernel, dim3(16), dim3(THREADS), 0, stream, key, first_block, words, count, differs);
}

extern "C" cudaError_t kernel_probe(int *capability)
{
    cudaFuncAttributes compiled;
    cudaError_t error = cudaFuncGetAttributes(&compiled, (const void *)check_words_kernel);
    if (error == cudaSuccess) *capability = compiled.ptxVersion; /* may be less than the capability of the device */
    return error;
}
