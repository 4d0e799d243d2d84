/* The metrics of the rows that a trainer holds out, against those of the same rows as data of their own. */
#include "support.h"
#include "training.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { ALL = 12, HELD = 3, SIZE = 2 };

typedef struct some_rows {
    double x[ALL * SIZE], y[ALL], w[ALL], o[ALL];
} some_rows;

static cusgd_data *some_data(const some_rows *r, int64_t n, int classes)
{
    cusgd_matrix offset = {r->o, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data = data_of(n, SIZE, 1, r->x, r->y, r->w);
    if (classes) assert_works(cusgd_data_set_classes(data, NULL, classes));
    if (!classes) assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, offset));
    return data;
}

static some_rows chosen_of(const some_rows *all, const int at[HELD])
{
    some_rows some = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < HELD; i++) {
        memcpy(some.x + i * SIZE, all->x + at[i] * SIZE, sizeof(double) * SIZE);
        some.y[i] = all->y[at[i]];
        some.w[i] = all->w[at[i]];
        some.o[i] = all->o[at[i]];
    }
    return some;
}

/* Both NaN, or next to equal. */
static void check_same(const cusgd_metrics *a, const cusgd_metrics *b)
{
    const double *x = &a->loss, *y = &b->loss;
    cr_assert_eq(a->rows, b->rows);
    for (size_t i = 0; i < (sizeof *a - offsetof(cusgd_metrics, loss)) / sizeof(double); i++)
        cr_assert(isnan(x[i]) ? isnan(y[i]) : fabs(x[i] - y[i]) <= 1e-9 * (1 + fabs(y[i])), "number %zu: %.12g, %.12g", i, x[i],
                  y[i]);
}

/* Of all choices of rows there is one whose loss is that of the rows that were held out; as data of their own they have the same
 * metrics. */
static void check_held_out(const cusgd_options *o, const some_rows *all, int classes)
{
    cusgd_data *data = some_data(all, ALL, classes);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    cusgd_result r = fit(t);
    cusgd_metrics held = CUSGD_INIT(cusgd_metrics), m = CUSGD_INIT(cusgd_metrics);
    int found = 0;
    assert_works(cusgd_trainer_evaluate_valid(t, -1, &held));
    cr_assert_eq(held.rows, HELD);
    cr_assert_float_eq(held.loss, r.valid_loss, 1e-9 * (1 + fabs(r.valid_loss)), "%.12g, %.12g", held.loss, r.valid_loss);
    for (int a = 0; a < ALL; a++)
        for (int b = a + 1; b < ALL; b++)
            for (int c = b + 1; c < ALL; c++) {
                some_rows some = chosen_of(all, (const int[HELD]){a, b, c});
                cusgd_data *few = some_data(&some, HELD, classes);
                assert_works(cusgd_trainer_evaluate(t, few, -1, &m));
                cusgd_data_free(few);
                if (fabs(m.loss - held.loss) > 1e-9 * (1 + fabs(m.loss))) continue;
                check_same(&held, &m);
                found++;
            }
    cr_assert_eq(found, 1);
    assert_fails(cusgd_trainer_evaluate_valid(t, 1, &m), CUSGD_ERROR_USAGE, "output 1");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

static some_rows all_rows(void)
{
    some_rows all;
    for (int i = 0; i < ALL; i++) {
        all.x[SIZE * i] = i * 7 % 12 - 5.5;
        all.x[SIZE * i + 1] = i * i % 11 - 4;
        all.y[i] = i % 3;
        all.w[i] = 1 + 0.1 * i;
        all.o[i] = 0.2 * (i % 4);
    }
    return all;
}

Test(held_out, metrics)
{
    static const cusgd_loss losses[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_POISSON, CUSGD_LOSS_SOFTMAX};
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        some_rows all = all_rows();
        cusgd_options o = options_default();
        o.loss = losses[i];
        o.epochs = 5;
        o.valid_fraction = (double)HELD / ALL;
        for (int r = 0; r < ALL && losses[i] == CUSGD_LOSS_LOGISTIC; r++) all.y[r] = all.y[r] > 0;
        check_held_out(&o, &all, losses[i] == CUSGD_LOSS_SOFTMAX ? 3 : 0);
        o.whiten = CUSGD_WHITEN_ZCA;
        if (losses[i] == CUSGD_LOSS_SQUARED) check_held_out(&o, &all, 0);
    }
}

/* Without rows that are held out, the validation data that was given; without either, a refusal. */
Test(held_out, validation_rows_that_were_given)
{
    some_rows all = all_rows();
    cusgd_options o = options_default();
    o.epochs = 5;
    for (int given = 0; given < 2; given++) {
        cusgd_data *data = some_data(&all, ALL, 0), *few = some_data(&all, HELD, 0);
        cusgd_trainer *t = trainer_of(&o, data, given ? few : NULL);
        cusgd_metrics a = CUSGD_INIT(cusgd_metrics), b = CUSGD_INIT(cusgd_metrics);
        fit(t);
        if (given) {
            assert_works(cusgd_trainer_evaluate_valid(t, -1, &a));
            assert_works(cusgd_trainer_evaluate(t, few, -1, &b));
            check_same(&a, &b);
        } else {
            assert_fails(cusgd_trainer_evaluate_valid(t, -1, &a), CUSGD_ERROR_USAGE, "has no validation rows");
        }
        cusgd_trainer_free(t);
        cusgd_data_free(few);
        cusgd_data_free(data);
    }
}
