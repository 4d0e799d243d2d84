/* Sweeps in several passes, halving, and what ends a run. */
#include "sweeps.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef struct announced {
    int64_t models, passes;
    double bytes;
} announced;

static void take_begin(void *user, int64_t models, int64_t passes, double bytes)
{
    *(announced *)user = (announced){models, passes, bytes};
}

enum { MANY = 9, GROUPS = 40 /* more than three groups of a GPU */ };

/* Rates that differ, so that some configurations are soon clearly worse. */
static void many_make(cusgd_configuration *all, int count)
{
    for (int i = 0; i < count; i++) all[i] = (cusgd_configuration){0, 1e-3, 1e-4 * (1 << ((i * 4 + 2) % MANY)), .5, 0, 0};
}

/* In how many passes they are trained changes no bit. */
Test(sweep_passes, passes_do_not_show)
{
    cusgd_configuration all[GROUPS];
    rows_made t;
    announced whole, parts;
    sweep_rows_make(&t);
    many_make(all, GROUPS);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    o.average = 1;
    cusgd_sweep_plan plan = sweep_plan_of(&t, all, GROUPS);
    plan.begins = take_begin;
    plan.user = &whole;
    cusgd_sweep *a = sweep_of(&o, data, &plan), *b;
    cr_assert_eq(whole.models, GROUPS * (FOLDS + 1));
    cr_assert_eq(whole.passes, 1);
    cr_assert(whole.bytes > 8. * GROUPS * (FOLDS + 1) * (D + 1));
    plan.user = &parts;
    plan.memory = whole.bytes / 2;
    b = sweep_of(&o, data, &plan);
    cr_assert(parts.passes > 1 && parts.bytes <= plan.memory, "%lld passes of %g bytes", (long long)parts.passes, parts.bytes);
    for (size_t i = 0; i < GROUPS; i++) check_same_outcome(a, i, b, i);
    cr_assert_eq(cusgd_sweep_chosen(a), cusgd_sweep_chosen(b));
    cusgd_model *x, *y;
    cr_assert_eq(cusgd_sweep_create_model(a, &x), CUSGD_OK);
    cr_assert_eq(cusgd_sweep_create_model(b, &y), CUSGD_OK);
    cr_assert_arr_eq(cusgd_model_weight(x), cusgd_model_weight(y), D * sizeof(double));
    cusgd_model_free(x);
    cusgd_model_free(y);
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_data_free(data);
}

/* Products of the batches' columns count in the memory that is stated, get what the models leave of it, and change no bit by
 * being kept. */
Test(sweep_passes, memory_of_products_does_not_show)
{
    cusgd_configuration all[MANY];
    rows_made t;
    announced rows, whole, some, parts;
    if (getenv("CUSGD_TEST_DEVICE")) cr_skip_test("a GPU keeps no products");
    sweep_rows_make(&t);
    many_make(all, MANY);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, all, MANY);
    plan.begins = take_begin;
    plan.user = &rows;
    cusgd_sweep_free(sweep_of(&o, data, &plan));
    o.sampling = CUSGD_SAMPLING_BATCHES;
    plan.user = &whole;
    cusgd_sweep *a = sweep_of(&o, data, &plan);
    cr_assert(whole.bytes > rows.bytes, "%g bytes, and %g without products", whole.bytes, rows.bytes);
    plan.user = &some;
    plan.memory = rows.bytes + 2 * (whole.bytes - rows.bytes) / 3;
    cusgd_sweep *b = sweep_of(&o, data, &plan);
    cr_assert_eq(some.passes, 1);
    cr_assert(some.bytes > rows.bytes && some.bytes <= plan.memory, "%g of %g bytes", some.bytes, plan.memory);
    plan.user = &parts;
    plan.memory = 2 * rows.bytes / 3;
    cusgd_sweep *c = sweep_of(&o, data, &plan);
    cr_assert(parts.passes > 1 && parts.bytes <= plan.memory);
    for (size_t i = 0; i < MANY; i++) {
        check_same_outcome(a, i, b, i);
        check_same_outcome(a, i, c, i);
    }
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_sweep_free(c);
    cusgd_data_free(data);
}

/* Of `alike`, which ended after an epoch, the best third went on; and what went on to the end has the bits of a sweep without
 * halving. */
static void check_halved(const cusgd_sweep *halved, const cusgd_sweep *alike, const cusgd_sweep *whole)
{
    int lasted[4] = {0};
    for (size_t i = 0; i < MANY; i++) {
        cusgd_outcome o = sweep_outcome_of(halved, i);
        cr_assert_eq(o.stop == CUSGD_STOP_DROPPED, o.rank > 1, "%zu: rank %lld", i, (long long)o.rank);
        cr_assert_eq(o.epochs == 1, sweep_outcome_of(alike, i).rank > MANY / 3, "configuration %zu took %lld epochs", i,
                     (long long)o.epochs);
        cr_assert_eq(o.epochs == 1, o.rank > MANY / 3);
        lasted[o.epochs == 1 ? 0 : o.epochs == 3 ? 1 : o.epochs == 12 ? 2 : 3]++;
        if (o.rank == 1) check_same_outcome(halved, i, whole, i);
        if (o.rank == 1) cr_assert_eq(cusgd_sweep_chosen(halved), i);
    }
    cr_assert_eq(lasted[0], 6);
    cr_assert_eq(lasted[1], 2);
    cr_assert_eq(lasted[2], 1);
}

/* Comparisons are of all configurations, in how many passes they are trained. */
static void check_halved_in_passes(const cusgd_options *o, const cusgd_data *data, cusgd_sweep_plan plan,
                                   const cusgd_sweep *halved)
{
    announced one, some;
    if (getenv("CUSGD_TEST_DEVICE")) return; /* a GPU has all of them in one group */
    plan.begins = take_begin;
    plan.user = &one;
    cusgd_sweep_free(sweep_of(o, data, &plan));
    plan.memory = one.bytes / 2;
    plan.user = &some;
    cusgd_sweep *s = sweep_of(o, data, &plan);
    cr_assert(some.passes > 1, "%lld", (long long)some.passes);
    for (size_t i = 0; i < MANY; i++) {
        check_same_outcome(s, i, halved, i);
        cr_assert_eq(sweep_outcome_of(s, i).stop, sweep_outcome_of(halved, i).stop);
        cr_assert_eq(sweep_outcome_of(s, i).rank, sweep_outcome_of(halved, i).rank);
    }
    cusgd_sweep_free(s);
}

Test(sweep_passes, halving_keeps_the_best)
{
    cusgd_configuration all[MANY];
    rows_made t;
    sweep_rows_make(&t);
    many_make(all, MANY);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, all, MANY);
    cusgd_sweep *whole = sweep_of(&o, data, &plan), *alike;
    o.epochs = 1;
    alike = sweep_of(&o, data, &plan);
    o.epochs = 12;
    plan.halving = 3;
    for (int selects = 0; selects < 2; selects++) {
        plan.select = selects ? CUSGD_SELECT_ONE_SE : CUSGD_SELECT_BEST;
        cusgd_sweep *halved = sweep_of(&o, data, &plan);
        check_halved(halved, alike, whole);
        check_halved_in_passes(&o, data, plan, halved);
        cusgd_sweep_free(halved);
    }
    cusgd_sweep *none;
    plan.halving = 1;
    cr_assert_eq(cusgd_sweep_create(&o, data, NULL, &plan, &none), CUSGD_ERROR_USAGE);
    cusgd_sweep_free(whole);
    cusgd_sweep_free(alike);
    cusgd_data_free(data);
}

/* An average has zeros only where the end of a run clears them, also of rows in shards. */
Test(sweep_passes, zeros_are_cleared_of_shards)
{
    const cusgd_configuration one[] = {{2, 0, .02, .5, 0, 0}};
    rows_made t;
    int64_t nonzeros[2];
    if (getenv("CUSGD_TEST_DEVICE")) cr_skip_test("a GPU takes models without shards alone");
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    o.average = 1;
    o.epochs = 60;
    for (int i = 0; i < 2; i++) {
        o.shards = i == 0 ? 1 : 3;
        cusgd_sweep_plan plan = sweep_plan_of(&t, one, 1);
        cusgd_sweep *s = sweep_of(&o, data, &plan);
        nonzeros[i] = sweep_outcome_of(s, 0).nonzeros;
        cusgd_sweep_free(s);
    }
    cr_assert(nonzeros[0] > 0 && nonzeros[0] < D, "%lld nonzeros", (long long)nonzeros[0]);
    cr_assert_eq(nonzeros[1], nonzeros[0], "%lld nonzeros of shards", (long long)nonzeros[1]);
    cusgd_data_free(data);
}
