/* Steps of one row, one output and a rule without slots have a loop of their own (host/cpu/one_row.h). The steps of a run that
 * clips by a norm that no gradient reaches are the same ones by the general way: both must have the same bits. */
#include "training.h"

#include "scalar/losses.h"
#include "scalar/sampling.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 700, MAX_COLS = 70, EPOCHS = 2, VALUES = MAX_COLS + 1 + EPOCHS + 1 };
static const double UNREACHED = 1e30, UNREACHED_BEFORE_INFINITY = 1e300;

/* Fewer columns than a register has, as many, one more; and beyond what a dot product's lanes take. */
static const int64_t columns[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 30, 32, 33, MAX_COLS};
enum { COLUMN_COUNTS = sizeof columns / sizeof *columns };

typedef struct pair {
    cusgd_options options;
    cusgd_data *data;
    int64_t d;
    double *x, *y, *w, *o;
    float *narrow[3];
} pair;

static void pair_make(pair *p, cusgd_loss loss, uint64_t draw)
{
    uint64_t seed = draw + 1;
    int64_t d = p->d = columns[draw % COLUMN_COUNTS];
    p->x = random_normals(&seed, ROWS * d);
    p->y = random_normals(&seed, ROWS);
    p->w = random_normals(&seed, ROWS);
    p->o = random_normals(&seed, ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
        double y = p->y[i] + p->x[i * d];
        p->y[i] = loss_is_of_classes(loss) ? (double)(y > 0) : fabs(y) + 0.1;
        p->w[i] = fabs(p->w[i]) + 0.1;
        p->o[i] *= 0.1;
    }
    int weighted = draw / 2 % 2 == 1;
    if (p->options.precision == CUSGD_PRECISION_DOUBLE) {
        p->data = data_of(ROWS, d, 1, p->x, p->y, weighted ? p->w : NULL);
    } else {
        double *const from[] = {p->x, p->y, p->w};
        for (int i = 0; i < 3; i++) p->narrow[i] = floats_of(from[i], i == 0 ? ROWS * d : ROWS);
        p->data = data_of_floats(ROWS, d, 1, p->narrow[0], p->narrow[1], weighted ? p->narrow[2] : NULL);
    }
    cusgd_matrix offset = {p->o, CUSGD_TYPE_FLOAT64, 1, 1};
    if (draw / 4 % 3 == 1)
        cr_assert_eq(cusgd_data_set_offset(p->data, CUSGD_OFFSET_LINEAR, offset), CUSGD_OK, "%s", cusgd_last_error());
}

static void pair_free(pair *p)
{
    cusgd_data_free(p->data);
    free(p->x);
    free(p->y);
    free(p->w);
    free(p->o);
    for (int i = 0; i < 3; i++) free(p->narrow[i]);
}

/* The mean of the steps' losses in each epoch. */
static int keep_loss(const cusgd_progress *now, void *user)
{
    ((double *)user)[now->epoch - 1] = now->loss;
    return 0;
}

/* Parameters, the epochs' losses and the number of steps. */
static void pair_run(const pair *p, double clip_norm, double *values)
{
    cusgd_options o = p->options;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    o.clip_norm = clip_norm;
    memset(values, 0, VALUES * sizeof *values);
    cusgd_trainer *t = trainer_of(&o, p->data, NULL);
    cusgd_status status = cusgd_trainer_fit(t, keep_loss, values + MAX_COLS + 1, &r);
    cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_NOT_CONVERGED, "%s",
              cusgd_last_error());
    parameters_of(t, p->d, 1, values);
    values[VALUES - 1] = (double)r.steps;
    cusgd_trainer_free(t);
}

/* One case; `draw` chooses everything but the loss and the sampling. */
static void check_pair(cusgd_loss loss, cusgd_sampling sampling, uint64_t draw)
{
    double direct[VALUES], general[VALUES];
    pair p = {.options = options_plain(draw % 3 == 2 ? CUSGD_OPTIMIZER_ASGD : CUSGD_OPTIMIZER_SGD, 0.003, 1, EPOCHS)};
    cusgd_options *o = &p.options;
    o->loss = loss;
    o->sampling = sampling;
    o->precision = draw / 3 % 2 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
    o->average = draw / 5 % 2 == 1;
    o->l1 = draw / 7 % 2 ? 0.01 : 0;
    o->l2 = draw / 11 % 3 ? 0.1 : 0;
    o->clip_value = draw / 13 % 2 ? 0.5 : (double)NAN;
    o->intercept = draw / 17 % 3 != 0;
    o->standardize = draw / 19 % 2 == 1;
    o->evaluate_every = -1;
    pair_make(&p, loss, draw);
    pair_run(&p, (double)NAN, direct);
    pair_run(&p, UNREACHED, general);
    cr_assert(memcmp(direct, general, sizeof direct) == 0, "loss %d, sampling %d, case %d: %g apart", (int)loss, (int)sampling,
              (int)draw, distance(direct, general, VALUES));
    pair_free(&p);
}

Test(one_row, steps_have_the_bits_of_the_general_way)
{
    uint64_t draw = 0;
    for (int round = 0; round < (REDUCED ? 2 : 6); round++)
        for (int loss = 0; loss < CUSGD_LOSS_SOFTMAX; loss++)
            for (int sampling = 0; sampling < SAMPLING_COUNT; sampling++, draw++)
                check_pair((cusgd_loss)loss, (cusgd_sampling)sampling, draw);
}

/* The step whose loss is not finite is not taken, and those before it are. */
Test(one_row, a_run_that_diverges_ends_at_the_same_step)
{
    double direct[VALUES], general[VALUES];
    pair p = {.options = options_plain(CUSGD_OPTIMIZER_SGD, 50, 1, EPOCHS)};
    p.options.loss = CUSGD_LOSS_SQUARED;
    p.options.standardize = 0;
    p.options.evaluate_every = -1;
    pair_make(&p, CUSGD_LOSS_SQUARED, 0);
    pair_run(&p, (double)NAN, direct);
    pair_run(&p, UNREACHED_BEFORE_INFINITY, general);
    cr_assert(memcmp(direct, general, sizeof direct) == 0);
    pair_free(&p);
}
