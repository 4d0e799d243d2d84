/* Sparse rows whose columns are centered without being stored: with x' = x - c, predictions are x theta - c theta, and the
 * gradient of a column is that of x less c times the sum of the derivatives, which is the intercept's gradient. */
#include "parts.h"

#include "failure.h"
#include <stdlib.h>

cusgd_status NAMED(sparse_center)(const transform *t, int64_t d, sparse_rows *s)
{
    int centered = 0;
    for (int64_t j = 0; t->mean && j < d; j++) centered |= t->mean[j] < 0 || t->mean[j] > 0;
    if (!centered) return CUSGD_OK;
    s->center = allocate((size_t)d, sizeof *s->center);
    if (!s->center) return fail_memory((size_t)d * sizeof *s->center, "the columns' means");
    for (int64_t j = 0; j < d; j++) s->center[j] = t->mean[j] * (1 / t->scale[j]);
    return CUSGD_OK;
}

/* c theta of LANES outputs, or of one: by lanes of columns, which hide how long an addition takes. */
static void center_product(const double *center, int64_t d, const real *theta, int64_t each, double *out)
{
    enum { AT_ONCE = 8 };
    double sum[AT_ONCE * LANES] = {0};
    for (int64_t j = 0; j < d; j++)
        for (int64_t c = 0; c < each; c++) sum[j % AT_ONCE * each + c] += center[j] * (double)theta[j * each + c];
    for (int64_t c = 0; c < each; c++) {
        out[c] = 0;
        for (int64_t l = 0; l < AT_ONCE; l++) out[c] += sum[l * each + c];
    }
}

void NAMED(sparse_bias)(const dataset *b, const layout *l, const real *theta, real *bias)
{
    int64_t each = l->wide ? LANES : 1;
    for (int64_t block = 0; block < l->blocks; block++) {
        const real *own = theta + block * l->ld;
        double product[LANES] = {0};
        if (b->sparse->center) center_product(b->sparse->center, b->d, own, each, product);
        for (int64_t c = 0; c < each; c++) bias[block * each + c] = (real)((double)own[l->ld - LANES + c] - product[c]);
    }
}

void NAMED(sparse_center_gradient)(const dataset *b, const layout *l, real *gradient)
{
    int64_t each = l->wide ? LANES : 1;
    const double *center = b->sparse->center;
    for (int64_t block = 0; center && block < l->blocks; block++) {
        real *own = gradient + block * l->ld;
        const real *intercept = own + l->ld - LANES;
        for (int64_t j = 0; j < b->d; j++)
            for (int64_t c = 0; c < each; c++)
                own[j * each + c] = (real)((double)own[j * each + c] - center[j] * (double)intercept[c]);
    }
}
