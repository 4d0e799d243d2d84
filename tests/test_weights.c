/* Rows of weight 0 are as if they were not there. */
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 240, D = 4 };

typedef struct tables {
    double x[N * D], y[N], w[N], o[N];                     /* every third row has weight 0 and values that would tell */
    double kept_x[N * D], kept_y[N], kept_w[N], kept_o[N]; /* the others */
    int64_t kept;
} tables;

static void make(tables *t, uint64_t seed, int classes)
{
    t->kept = 0;
    for (int64_t i = 0; i < N; i++) {
        double *x = t->x + i * D, sum = 0;
        t->w[i] = i % 3 == 1 ? 0 : 1 + (double)(i % 4);
        for (int64_t j = 0; j < D; j++) {
            x[j] = random_normal(&seed) * (double)(1 + j) + (t->w[i] > 0 ? 1 : 1000);
            sum += x[j] / (double)(1 + j);
        }
        t->y[i] = sum + random_normal(&seed);
        if (classes) t->y[i] = t->y[i] > 2;
        t->o[i] = random_normal(&seed);
        if (!(t->w[i] > 0)) continue;
        memcpy(t->kept_x + t->kept * D, x, sizeof *x * D);
        t->kept_y[t->kept] = t->y[i];
        t->kept_o[t->kept] = t->o[i];
        t->kept_w[t->kept++] = t->w[i];
    }
}

static cusgd_data *data_with(const tables *t, int removed, int offset)
{
    cusgd_data *data = removed ? data_of(t->kept, D, 1, t->kept_x, t->kept_y, t->kept_w) : data_of(N, D, 1, t->x, t->y, t->w);
    if (offset)
        assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR,
                                           (cusgd_matrix){removed ? t->kept_o : t->o, CUSGD_TYPE_FLOAT64, 1, 1}));
    return data;
}

/* Trains on the rows with those of weight 0 and without: equal results, to the bit. */
static void check(const cusgd_options *o, int classes, int offset, int validates, const char *what)
{
    static tables a, b;
    double found[2][D + 1];
    cusgd_result result[2];
    make(&a, 1, classes);
    make(&b, 2, classes);
    for (int removed = 0; removed < 2; removed++) {
        cusgd_data *data = data_with(&a, removed, offset), *valid = validates ? data_with(&b, removed, offset) : NULL;
        cusgd_trainer *t = trainer_of(o, data, valid);
        result[removed] = fit(t);
        parameters_of(t, D, 1, found[removed]);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
        cusgd_data_free(valid);
    }
    cr_assert_arr_eq(found[0], found[1], sizeof found[0], "%s: %g, %g", what, found[0][0], found[1][0]);
    cr_assert(result[0].steps == result[1].steps && result[0].stop == result[1].stop, "%s", what);
    cr_assert(memcmp(&result[0].loss, &result[1].loss, sizeof(double)) == 0 &&
                  memcmp(&result[0].objective, &result[1].objective, sizeof(double)) == 0 &&
                  memcmp(&result[0].valid_loss, &result[1].valid_loss, sizeof(double)) == 0,
              "%s: %g, %g", what, result[0].objective, result[1].objective);
    cr_assert_str_eq(result[0].note, result[1].note);
}

Test(weights, minibatch_steps)
{
    static const cusgd_sampling orders[] = {CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_BLOCKS, CUSGD_SAMPLING_REPLACE,
                                            CUSGD_SAMPLING_NONE};
    for (int i = 0; i < 4; i++)
        for (int variant = 0; variant < 8; variant++) {
            cusgd_options o = options_default();
            o.sampling = orders[i];
            o.epochs = 5;
            o.precision = variant & 1 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
            o.storage = variant == 3 ? CUSGD_STORAGE_BF16 : CUSGD_STORAGE_FULL;
            o.valid_fraction = variant & 2 ? 0.25 : 0;
            o.evaluate_every = 1;
            check(&o, 0, variant & 4, 0, "sgd");
        }
}

Test(weights, losses_and_validation)
{
    static const cusgd_loss losses[] = {CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_HINGE, CUSGD_LOSS_HUBER, CUSGD_LOSS_QUANTILE};
    for (int i = 0; i < 4; i++) {
        cusgd_options o = options_default();
        o.loss = losses[i];
        o.l1 = o.l2 = 0.01;
        o.epochs = 5;
        check(&o, i < 2, 0, 1, "loss");
    }
}

Test(weights, full_batch_solvers)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_EXACT, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_CG};
    for (int i = 0; i < 4; i++)
        for (int penalized = 0; penalized < 2; penalized++) {
            cusgd_options o = options_default();
            o.solver = solvers[i];
            o.l2 = penalized ? 0.1 : 0;
            check(&o, 0, penalized, 0, "solver");
        }
}

/* Also of the rows that a trainer goes on with. */
Test(weights, further_rows)
{
    static tables a;
    double found[2][D + 1];
    make(&a, 3, 0);
    for (int removed = 0; removed < 2; removed++) {
        cusgd_data *data = data_with(&a, removed, 0);
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.01, 16, 1);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        for (int pass = 0; pass < 2; pass++) assert_works(cusgd_trainer_partial_fit(t, data, NULL));
        parameters_of(t, D, 1, found[removed]);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
    cr_assert_arr_eq(found[0], found[1], sizeof found[0]);
}
