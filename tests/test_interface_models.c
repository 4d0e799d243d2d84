/* Outputs that are models of their own: alone and among others, in folds, when one fails, and when one retires. */
#include "trial.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int optimizers[] = {CUSGD_OPTIMIZER_SGD, CUSGD_OPTIMIZER_MOMENTUM, CUSGD_OPTIMIZER_NESTEROV, CUSGD_OPTIMIZER_ADAM,
                                 CUSGD_OPTIMIZER_AMSGRAD};
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

/* One at a time, and in another order with others left out. A GPU's bits depend on the place in a group. */
Test(interface_models, alone_and_together)
{
    scene a;
    scene_make(&a, 1);
    for (int precision = 0; precision < 2; precision++)
        for (int i = 0; i < OPTIMIZERS; i++) {
            backend one = {0}, two = {0};
            interface_backend_open((cusgd_precision)precision, 1, &one);
            interface_backend_open((cusgd_precision)precision, 2, &two);
            if (!one.is_host) {
                one.ops->close(one.self);
                two.ops->close(two.self);
                return;
            }
            dataset *at = bind_scene(&one, &a), *at2 = bind_scene(&two, &a);
            trial all = trial_of(&two, at2, &a, optimizers[i]), some = trial_of(&one, at, &a, optimizers[i]);
            const int order[] = {18, 3, 11, 0, 7};
            run_trial(&all);
            cr_assert_eq(all.report.done, STEPS);
            some.k = 5;
            some.which = order;
            run_trial(&some);
            for (int c = 0; c < some.k; c++) check_same(&some, c, &all, order[c], "some of them");
            free(some.state);
            trial like = trial_of(&one, at, &a, optimizers[i]);
            for (int c = 0; c < K; c++) check_alone(&like, &all, c);
            free(all.state);
            one.ops->unbind(one.self, at);
            two.ops->unbind(two.self, at2);
            one.ops->close(one.self);
            two.ops->close(two.self);
        }
}

/* Any device: what the others are, whether one of them fails, and when one retires, changes no bit of a model. */
Test(interface_models, others_change_no_bit)
{
    enum { CHANGED = 6, AFTER = 4 };
    for (int precision = 0; precision < 2; precision++)
        for (int i = precision; i < OPTIMIZERS; i += 2) {
            backend b = {0};
            scene a, other;
            scene_make(&a, 2);
            other = a;
            other.rate[CHANGED] = 1e300;
            if (precision == CUSGD_PRECISION_FLOAT) other.rate[CHANGED] = 3e38;
            interface_backend_open((cusgd_precision)precision, 2, &b);
            dataset *at = bind_scene(&b, &a);
            trial all = trial_of(&b, at, &a, optimizers[i]), fails = trial_of(&b, at, &other, optimizers[i]);
            trial retires = trial_of(&b, at, &a, optimizers[i]), none = retires;
            run_trial(&all);
            run_trial(&fails);
            retires.retires = CHANGED;
            retires.retired_after = AFTER;
            run_trial(&retires);
            none.retires = CHANGED;
            run_trial(&none);
            double sum = 0;
            for (int c = 0; c < K; c++) {
                cr_assert_eq(fails.ended[c], c == CHANGED && fails.ended[CHANGED], "model %d", c);
                cr_assert_eq(retires.ended[c] + all.ended[c], 0);
                sum += fails.losses[c];
                if (c == CHANGED) continue;
                check_same(&fails, c, &all, c, "next to one that fails");
                check_same(&retires, c, &all, c, "next to one that retires");
            }
            cr_assert(fabs(sum - fails.report.loss) <= 1e-12 * sum);
            if (optimizers[i] < CUSGD_OPTIMIZER_ADAM) cr_assert(fails.ended[CHANGED], "optimizer %d", optimizers[i]);
            cr_assert_eq(fails.report.failed, 0);
            cr_assert_eq(fails.report.done, STEPS);
            for (int j = 0; j <= D; j++) cr_assert_eq(none.state[j * K + CHANGED], 0);
            cr_assert_eq(none.losses[CHANGED], 0);
            cr_assert(retires.losses[CHANGED] > 0 && retires.losses[CHANGED] < all.losses[CHANGED]);
            free(all.state);
            free(fails.state);
            free(retires.state);
            free(none.state);
            b.ops->unbind(b.self, at);
            b.ops->close(b.self);
        }
}

/* Any device: the bits of a model follow from its place in its group (models.group), whichever group that is, how many there are,
 * and with whom. fails: all of the last group end in the first step. */
static void check_groups(const backend *b, const scene *a, int optimizer, int fails)
{
    scene wild = *a;
    int which[MOST], group = b->ops->models.group > 0 ? b->ops->models.group : 64;
    dataset *at = bind_scene(b, a);
    trial few = trial_of(b, at, a, optimizer), all = few;
    all.k = 2 * group + K;
    cr_assert(all.k <= MOST);
    for (int i = 0; i < all.k; i++) which[i] = i % group % K;
    all.which = which;
    if (fails) { /* one model stands for all of the last group, and the others have no such rate */
        wild.rate[K - 1] = 3e38;
        for (int i = 0; i < all.k; i++) which[i] = i < 2 * group ? i % group % (K - 1) : K - 1;
        all.of = &wild;
    }
    run_trial(&few);
    run_trial(&all);
    cr_assert_eq(all.report.done, STEPS);
    cr_assert_eq(all.report.failed, 0);
    for (int i = 0; i < (fails ? 2 * group : all.k); i++) {
        if (i >= group) check_same(&all, i, &all, i % group, "in another group");
        if (i < K - fails) check_same(&all, i, &few, i, "with more groups");
    }
    for (int i = 2 * group; i < all.k; i++) cr_assert_eq(all.ended[i], fails, "model %d", i);
    free(few.state);
    free(all.state);
    b->ops->unbind(b->self, at);
}

Test(interface_models, groups_change_no_bit)
{
    scene a;
    scene_make(&a, 4);
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        interface_backend_open((cusgd_precision)precision, 2, &b);
        check_groups(&b, &a, CUSGD_OPTIMIZER_NESTEROV, 0);
        if (precision == CUSGD_PRECISION_FLOAT) check_groups(&b, &a, CUSGD_OPTIMIZER_SGD, 1);
        b.ops->close(b.self);
    }
}

/* One that fails stays as it was before that step, as if it had been retired then. */
Test(interface_models, ends_before_the_step_that_fails)
{
    enum { CHANGED = 11 };
    backend b = {0};
    scene a;
    int step = 0;
    scene_make(&a, 8);
    a.rate[CHANGED] = 3e36;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    dataset *at = bind_scene(&b, &a);
    trial fails = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM), retires = fails;
    run_trial(&fails);
    cr_assert(fails.ended[CHANGED]);
    retires.retires = CHANGED;
    for (int s = 0; s <= STEPS; s++) { /* the latest step before which it can retire without having failed */
        retires.retired_after = s;
        run_trial(&retires);
        free(retires.state);
        if (!retires.ended[CHANGED]) step = s;
    }
    cr_assert(step > 0 && step < STEPS);
    retires.retired_after = step;
    run_trial(&retires);
    for (int c = 0; c < K; c++) check_same(&fails, c, &retires, c, "at its end");
    free(fails.state);
    free(retires.state);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}

/* A run whose models all fail says so, and counts no further step. */
Test(interface_models, all_fail)
{
    backend b = {0};
    scene a;
    scene_make(&a, 3);
    for (int c = 0; c < K; c++) a.rate[c] = 1e300;
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    dataset *at = bind_scene(&b, &a);
    trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_SGD);
    run_trial(&t);
    cr_assert_eq(t.report.failed, 1);
    cr_assert(t.report.done < STEPS);
    for (int c = 0; c < K; c++) cr_assert_eq(t.ended[c], 1);
    free(t.state);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}

Test(interface_models, steps_follow_their_definition)
{
    scene a;
    scene_make(&a, 4);
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        interface_backend_open((cusgd_precision)precision, 2, &b);
        dataset *at = bind_scene(&b, &a);
        trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM);
        run_trial(&t);
        check_reference(&t, precision == CUSGD_PRECISION_FLOAT ? 2e-5 : 1e-13);
        free(t.state);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

/* Without numbers of their own, models take the steps of a run of as many outputs: a GPU's products, where they are as many as a
 * group has. */
Test(interface_models, plain_ones_are_outputs)
{
    enum { WIDE = 64 };
    static double x[N * D], y[N * WIDE], state[2][STATE_PARTS * (D + 1) * WIDE];
    uint64_t seed = 5;
    for (int i = 0; i < N * D; i++) x[i] = interface_uniform(&seed);
    for (int i = 0; i < N * WIDE; i++) y[i] = interface_uniform(&seed);
    examples e = {.n = N, .d = D, .k = WIDE, .x = {x, CUSGD_TYPE_FLOAT64, D, 1}, .y = {y, CUSGD_TYPE_FLOAT64, WIDE, 1}};
    transform t = {.weight_mean = 1};
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        dataset *at;
        double loss[2];
        interface_backend_open((cusgd_precision)precision, 2, &b);
        interface_ok(b.ops->bind(b.self, &e, &t, &at), "bind");
        for (int own = 0; own < 2; own++) {
            models m = {0};
            run_spec p = {.loss = interface_loss(CUSGD_LOSS_SQUARED),
                          .optimizer = CUSGD_OPTIMIZER_NESTEROV,
                          .d = D,
                          .k = WIDE,
                          .batch = BATCH,
                          .intercept = 1,
                          .constants.l2 = 0.01,
                          .models = own ? &m : NULL};
            sampler order = sampler_make(CUSGD_SAMPLING_BLOCKS, 7, N, BATCHES, 0);
            step_numbers now[BATCHES];
            steps_report r;
            for (int i = 0; i < BATCHES; i++) now[i] = (step_numbers){.rate = 0.1, .momentum = 0.9, .average = 1};
            slice s = {&(batch_share){at, &order}, 0, BATCHES, now};
            interface_ok(b.ops->start(b.self, &p), "start");
            interface_ok(b.ops->steps(b.self, &s), "steps");
            interface_ok(b.ops->report(b.self, &r), "report");
            loss[own] = r.loss;
            for (int part = 0; part < STATE_PARTS; part++)
                interface_ok(
                    b.ops->state.get(b.self, SNAPSHOT_CURRENT, (enum state_part)part, state[own] + part * (D + 1) * WIDE), "get");
        }
        cr_assert_arr_eq(state[0], state[1], sizeof state[0]);
        cr_assert(fabs(loss[0] - loss[1]) <= 1e-6 * loss[0]);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

/* Weights of a model's classes are factors on its rows' weights: exactly, where they are powers of two. */
Test(interface_models, class_weights_are_weights_of_rows)
{
    static scene a, b;
    double of[2 * K];
    scene_make(&a, 3);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    b = a;
    for (int i = 0; i < N; i++) b.w[i] *= a.y[i * TARGETS] > 0 ? 4 : .5;
    for (int c = 0; c < 2 * K; c++) of[c] = c < K ? .5 : 4;
    for (int precision = 0; precision < 2; precision++) {
        backend one = {0}, two = {0};
        double theta[SIZE], sums[2][FOLDS * K];
        interface_backend_open((cusgd_precision)precision, 1, &one);
        interface_backend_open((cusgd_precision)precision, 2, &two);
        dataset *at = bind_scene(&one, &a), *weighed = bind_scene(&two, &b);
        trial classes = trial_of(&one, at, &a, CUSGD_OPTIMIZER_NESTEROV),
              rows = trial_of(&two, weighed, &b, CUSGD_OPTIMIZER_NESTEROV);
        classes.class_weight = of;
        run_trial(&classes);
        run_trial(&rows);
        for (int c = 0; c < K; c++) check_same(&classes, c, &rows, c, "weights of classes");
        models own = {.target_of = a.target_of, .class_weight = of}, none = {.target_of = a.target_of};
        uint64_t seed = 9;
        for (int u = 0; u < SIZE; u++) theta[u] = (double)(float)interface_uniform(&seed);
        loss_rule loss = interface_loss(CUSGD_LOSS_LOGISTIC);
        interface_ok(one.ops->models.fold_losses(one.self, at, loss, K, &own, theta, sums[0]), "fold_losses");
        interface_ok(two.ops->models.fold_losses(two.self, weighed, loss, K, &none, theta, sums[1]), "fold_losses");
        cr_assert_arr_eq(sums[0], sums[1], sizeof sums[0]);
        free(classes.state);
        free(rows.state);
        one.ops->unbind(one.self, at);
        two.ops->unbind(two.self, weighed);
        one.ops->close(one.self);
        two.ops->close(two.self);
    }
}

Test(interface_models, losses_by_fold)
{
    scene a;
    scene_make(&a, 6);
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        double theta[SIZE], sums[FOLDS * K], expected[FOLDS * K] = {0};
        uint64_t seed = 9;
        interface_backend_open((cusgd_precision)precision, 2, &b);
        dataset *at = bind_scene(&b, &a);
        models m = {.target_of = a.target_of};
        for (int u = 0; u < SIZE; u++) theta[u] = (double)(float)interface_uniform(&seed);
        interface_ok(b.ops->models.fold_losses(b.self, at, interface_loss(CUSGD_LOSS_LOGISTIC), K, &m, theta, sums),
                     "fold_losses");
        for (int i = 0; i < N; i++)
            for (int c = 0; c < K; c++) {
                double p = theta[D * K + c];
                for (int j = 0; j < D; j++) p += a.x[i * D + j] * theta[j * K + c];
                double y = a.y[i * TARGETS + a.target_of[c]];
                expected[a.fold[i] * K + c] += a.w[i] * (log1p(exp(-fabs(p))) + fmax(p, 0) - y * p);
            }
        for (int i = 0; i < FOLDS * K; i++)
            cr_assert(fabs(sums[i] - expected[i]) <= (precision ? 1e-12 : 1e-5) * expected[i],
                      "fold %d, model %d: %.17g, not %.17g", i / K, i % K, sums[i], expected[i]);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

Test(interface_models, refused)
{
    backend b = {0};
    models m = {0};
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = 3, .k = 1, .batch = 8, .models = &m, .clip.norm = 1};
    cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "clip"));
    p.clip.norm = 0;
    p.engine = CUSGD_ENGINE_FUSED;
    cr_assert_eq(b.ops->refuses(b.self, &p), b.is_host ? CUSGD_OK : CUSGD_ERROR_USAGE);
    p.engine = CUSGD_ENGINE_AUTO;
    cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_OK);
    b.ops->close(b.self);
}

/* Classes are targets of one run's outputs: neither steps nor losses of models are taken on them. */
Test(interface_models, classes_are_refused)
{
    scene a;
    scene_make(&a, 8);
    for (int i = 0; i < N; i++) a.y[i] = i % 3;
    examples e = examples_of(&a, 1);
    e.classes = 3;
    e.y = (cusgd_matrix){a.y, CUSGD_TYPE_FLOAT64, 1, 1};
    transform t = {.weight_mean = 1};
    models m = {0};
    run_spec p = {.loss = interface_loss(CUSGD_LOSS_SOFTMAX),
                  .optimizer = CUSGD_OPTIMIZER_SGD,
                  .d = D,
                  .k = 3,
                  .batch = BATCH,
                  .models = &m};
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 7, N, BATCHES, 0);
    step_numbers now = {.rate = 0.1, .average = 1};
    double theta[(D + 1) * 3] = {0}, sums[FOLDS * 3];
    backend b = {0};
    dataset *at;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    interface_ok(b.ops->bind(b.self, &e, &t, &at), "bind");
    interface_ok(b.ops->start(b.self, &p), "start");
    slice s = {&(batch_share){at, &order}, 0, 1, &now};
    cr_assert_eq(b.ops->steps(b.self, &s), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "one for each of more than two classes"));
    cr_assert_eq(b.ops->models.fold_losses(b.self, at, p.loss, 3, &m, theta, sums), CUSGD_ERROR_USAGE);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}
