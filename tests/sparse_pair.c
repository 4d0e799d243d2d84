#include "sparse_pair.h"

#include "support.h"
#include "training.h"

#include <math.h>
#include <string.h>

void sparse_pair_make(sparse_pair *b, int classes)
{
    uint64_t seed = 5;
    memset(b, 0, sizeof *b);
    for (int64_t i = 0, at = 0; i < N; i++) {
        int64_t j = -1;
        double p = 0.3;
        for (int s = 0; s < STORED && i != 7; s++) {
            j += 1 + (int64_t)(fabs(random_normal(&seed)) * 3);
            if (j >= D - 2) break;
            b->column[at] = (int32_t)j;
            b->value[at] = b->x[i * D + j] = random_normal(&seed);
            p += b->value[at++] * (double)(j % 5 - 2);
        }
        b->start[i + 1] = at;
        for (int64_t c = 0; c < K; c++) {
            double y = (c ? -p : p) + random_normal(&seed);
            b->y[i * K + c] = classes ? y > 0 : y;
        }
        b->w[i] = (double)(1 + i % 3);
    }
}

cusgd_data *sparse_pair_data(const sparse_pair *b, int weights)
{
    cusgd_csr x = {b->start, b->column, b->value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix y = {b->y, CUSGD_TYPE_FLOAT64, K, 1}, w = {weights ? b->w : NULL, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    assert_works(cusgd_data_wrap_csr(N, D, K, x, y, w, &data));
    return data;
}

void sparse_pair_fit(const cusgd_options *o, cusgd_data *data, double out[K * (D + 1)])
{
    cusgd_trainer *t = trainer_of(o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, out, out + K * D));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}
