#include "streams.h"

#include "scalar/random.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

/* Uniform on (-1, 1). */
static float noise_of(uint64_t bits) { return (float)(int32_t)(uint32_t)bits / 2147483648.0f; }
static float noise_at(int64_t i, int64_t j) { return noise_of(random_bits(7, (uint64_t)i, (uint64_t)j)); }

/* Two values of each draw: most of the time that these tests take with a sanitizer would be theirs. */
static void fill_row(int64_t i, int64_t d, float *x)
{
    uint64_t bits = 0;
    for (int64_t j = 0; j < d; j++) {
        bits = j % 2 ? bits >> 32 : random_bits(8, (uint64_t)i, (uint64_t)j);
        x[j] = noise_of(bits) + (float)j / 8;
    }
}

stream_rows make_rows(int64_t n, int64_t d, int64_t k, int weighted)
{
    stream_rows m = {.n = n, .d = d, .k = k > 0 ? k : 1};
    m.x = malloc(sizeof(float) * (size_t)(n * d));
    m.y = malloc(sizeof(float) * (size_t)(n * m.k));
    m.w = weighted ? malloc(sizeof(float) * (size_t)n) : NULL;
    for (int64_t i = 0; i < n; i++) {
        fill_row(i, d, m.x + i * d);
        for (int64_t c = 0; c < k; c++) m.y[i * k + c] = m.x[i * d + c] - 2 * m.x[i * d + 5] + noise_at(i, d + c);
        for (int64_t j = 0; k == 0 && j < d; j++) m.x[i * d + j] += (i >= n / 2 ? 0.1f : -0.1f) * (float)(j % 5);
        if (k == 0) m.y[i] = i >= n / 2;
        if (m.w) m.w[i] = 1.5f + noise_at(i, 2 * d);
    }
    m.data = data_of_floats(n, d, m.k, m.x, m.y, m.w);
    return m;
}

void free_rows(stream_rows *m)
{
    cusgd_data_free(m->data);
    free(m->x);
    free(m->y);
    free(m->w);
}

int device_is_gpu(void)
{
    const char *device = getenv("CUSGD_TEST_DEVICE");
    return device && strncmp(device, "cuda", 4) == 0;
}

cusgd_options stream_options(const char *words)
{
    cusgd_options o = options_default();
    char text[512], *rest = text;
    snprintf(text, sizeof text, "precision=float sampling=pages %s", words);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        char *value = strchr(word, '=');
        if (!value) continue;
        *value = '\0';
        assert_works(cusgd_options_set(&o, word, value + 1));
    }
    return o;
}
