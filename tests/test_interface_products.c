/* Models of squared error whose steps the CPU takes from products of the columns: of chunks of large batches, and of batches that
 * repeat. */
#include "trial.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Models of squared error in few columns and large batches, whose gradients the CPU takes from products of the columns. */
Test(interface_products, products_of_columns)
{
    static const cusgd_loss losses[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_MSE};
    scene a;
    scene_make(&a, 10);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    for (int i = 0; i < N; i++) a.y[i * TARGETS] += 100; /* sums cancel */
    for (int precision = 0; precision < 2; precision++)
        for (int i = 0; i < 2; i++) {
            backend b = {0};
            interface_backend_open((cusgd_precision)precision, 2, &b);
            dataset *at = bind_targets(&b, &a, 1);
            trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM);
            t.loss = losses[i];
            t.batch = N;
            t.batches = 2;
            run_trial(&t);
            check_reference(&t, precision == CUSGD_PRECISION_FLOAT ? 1e-3 : 1e-11);
            for (int c = 0; c < K && b.is_host; c++) check_alone(&t, &t, c);
            free(t.state);
            b.ops->unbind(b.self, at);
            b.ops->close(b.self);
        }
}

static const cusgd_sampling repeated[] = {CUSGD_SAMPLING_BATCHES, CUSGD_SAMPLING_NONE, CUSGD_SAMPLING_REPLACE_BLOCKS};
enum { REPEATED = sizeof repeated / sizeof *repeated, KEEPS_ALL = 1 << 20, KEEPS_TWO = 20000 };

/* Batches that are the same in all epochs: with and without memory for their products, on one thread or two, alone or among
 * others, of which one may fail. */
Test(interface_products, products_of_batches)
{
    enum { CHANGED = 6 };
    scene a;
    scene_make(&a, 11);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    for (int i = 0; i < REPEATED * 4; i++) {
        cusgd_precision precision = (cusgd_precision)(i % 2);
        backend one = {0}, two = {0};
        interface_backend_open(precision, 1, &one);
        interface_backend_open(precision, 2, &two);
        dataset *at = bind_targets(&one, &a, 1), *at2 = bind_targets(&two, &a, 1);
        trial all = trial_of(&two, at2, &a, CUSGD_OPTIMIZER_MOMENTUM);
        all.loss = i / 2 % 2 ? CUSGD_LOSS_MSE : CUSGD_LOSS_SQUARED;
        all.sampling = repeated[i / 4];
        all.repeats = STEPS / BATCHES;
        all.bytes = KEEPS_ALL;
        trial rows = all, again = all, some = all;
        run_trial(&all);
        check_reference(&all, precision == CUSGD_PRECISION_FLOAT ? 2e-5 : 1e-13);
        rows.repeats = 0;
        run_trial(&rows);
        if (one.is_host && precision == CUSGD_PRECISION_FLOAT) /* else products have not been used */
            cr_assert(memcmp(rows.state, all.state, SIZE * sizeof(double)) != 0);
        again.b = some.b = &one;
        again.at = some.at = at;
        again.bytes = i / 2 % 2 ? 0 : KEEPS_TWO;
        run_trial(&again);
        for (int c = 0; c < K && one.is_host; c++) check_same(&again, c, &all, c, "without memory");
        some.k = 5;
        some.which = (const int[]){18, 3, 11, 0, 7};
        run_trial(&some);
        for (int c = 0; c < some.k && one.is_host; c++) check_same(&some, c, &all, some.which[c], "some of them");
        scene other = a;
        trial fails = all;
        fails.of = &other;
        other.rate[CHANGED] = precision == CUSGD_PRECISION_FLOAT ? 3e38 : 1e300;
        run_trial(&fails);
        for (int c = 0; c < K; c++) {
            cr_assert_eq(fails.ended[c], c == CHANGED, "model %d", c);
            if (c != CHANGED) check_same(&fails, c, &all, c, "next to one that fails");
        }
        free(all.state);
        free(rows.state);
        free(again.state);
        free(some.state);
        free(fails.state);
        one.ops->unbind(one.self, at);
        two.ops->unbind(two.self, at2);
        one.ops->close(one.self);
        two.ops->close(two.self);
    }
}

/* What is kept of batches is of their rows, and of no others that come to the same place. */
Test(interface_products, products_of_other_rows)
{
    scene a, other;
    scene_make(&a, 12);
    scene_make(&other, 13);
    for (int c = 0; c < K; c++) a.target_of[c] = other.target_of[c] = 0;
    backend b = {0};
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    for (int i = 0; i < 2; i++) {
        scene *of = i ? &other : &a;
        dataset *at = bind_targets(&b, of, 1);
        trial t = trial_of(&b, at, of, CUSGD_OPTIMIZER_MOMENTUM);
        t.loss = CUSGD_LOSS_SQUARED;
        t.repeats = STEPS / BATCHES;
        t.bytes = KEEPS_ALL;
        for (int s = 0; s < REPEATED; s++) {
            t.sampling = repeated[s];
            run_trial(&t);
            check_reference(&t, 1e-13);
            free(t.state);
        }
        for (int c = 0; c < K; c++) of->held_out[c] = c % 2 ? 6 : 1; /* other sets of folds */
        t.k = 4;
        run_trial(&t);
        check_reference(&t, 1e-13);
        free(t.state);
        b.ops->unbind(b.self, at);
    }
    b.ops->close(b.self);
}
