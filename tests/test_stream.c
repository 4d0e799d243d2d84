/* Data that is read when it is needed: the sampling `pages`, and runs within a budget of memory, which have the bits of runs
 * whose data is in memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cusgd.h"
#include "options.h"
#include "scalar/sampling.h"

static void must(cusgd_status status, const char *what) { cr_assert_eq(status, CUSGD_OK, "%s: %s", what, cusgd_last_error()); }

/* n rows of d columns and a target of two classes, those of class 0 first. */
typedef struct made {
    int64_t n, d;
    float *x, *y;
    cusgd_data *data;
} made;

static made make(int64_t n, int64_t d)
{
    made m = {n, d, malloc(sizeof(float) * (size_t)(n * d)), malloc(sizeof(float) * (size_t)n), NULL};
    for (int64_t i = 0; i < n; i++) {
        m.y[i] = i >= n / 2;
        for (int64_t j = 0; j < d; j++) {
            uint64_t bits = random_bits(7, (uint64_t)i, (uint64_t)j);
            float noise = (float)(int32_t)(uint32_t)bits / 2147483648.0f;
            m.x[i * d + j] = noise + (m.y[i] > 0 ? 0.1f : -0.1f) * (float)(j % 5);
        }
    }
    cusgd_matrix x = {m.x, CUSGD_TYPE_FLOAT32, d, 1}, y = {m.y, CUSGD_TYPE_FLOAT32, 1, 1};
    must(cusgd_data_wrap(n, d, 1, x, y, (cusgd_matrix){0}, &m.data), "the data");
    return m;
}

static void unmake(made *m)
{
    cusgd_data_free(m->data);
    free(m->x);
    free(m->y);
}

static double loss_of(const made *m, const char *sampling)
{
    cusgd_options *o;
    cusgd_trainer *t;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    must(cusgd_options_new(&o), "options");
    must(cusgd_options_set(o, "loss", "logistic"), "loss");
    must(cusgd_options_set(o, "device", "cpu"), "device");
    must(cusgd_options_set(o, "epochs", "4"), "epochs");
    must(cusgd_options_set(o, "l2", "1e-3"), "l2");
    must(cusgd_options_set(o, "sampling", sampling), "sampling");
    must(cusgd_trainer_create(o, m->data, NULL, &t), "a trainer");
    must(cusgd_trainer_fit(t, NULL, NULL, &result), "a fit");
    cusgd_trainer_free(t);
    cusgd_options_free(o);
    return result.loss;
}

/* Rows that are sorted by class end where permuted ones do: a window has pages of both classes. */
Test(stream, sorted_classes)
{
    made m = make(5 * 2048 + 17, 1024);
    double permuted = loss_of(&m, "permute"), pages = loss_of(&m, "pages");
    cr_assert_lt(fabs(pages - permuted), 1e-3, "pages %g, permute %g", pages, permuted);
    unmake(&m);
}
