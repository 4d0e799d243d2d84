/* scalar/update.h and schedule.h: golden trajectories, float against double, the l1 fixed point, averaging. */
#include "oracle.h"
#include "scalar.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef double real;
#include "scalar/clip.h"
#include "scalar/update.h"

/* ---- Golden trajectories ------------------------------------------------------------------------------------------------- */

enum { N = 64, D = 5, BATCH = 8, STEPS = 24 };

typedef struct golden {
    cJSON *json;
    double x[N * D], y[N], theta0[D];
} golden;

static golden golden_open(void)
{
    golden g;
    g.json = golden_json("optimizers.json");
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(g.json, "X"), g.x, N * D), N * D);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(g.json, "y"), g.y, N), N);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(g.json, "theta0"), g.theta0, D), D);
    return g;
}

static const struct {
    const char *name;
    int optimizer;
} runs[] = {{"sgd", CUSGD_OPTIMIZER_SGD},
            {"sgd_weight_decay", CUSGD_OPTIMIZER_SGD},
            {"notes_time_decay", CUSGD_OPTIMIZER_SGD},
            {"notes_momentum", CUSGD_OPTIMIZER_MOMENTUM},
            {"sgd_momentum_weight_decay", CUSGD_OPTIMIZER_MOMENTUM},
            {"notes_time_decay_momentum", CUSGD_OPTIMIZER_MOMENTUM},
            {"notes_nag_minus", CUSGD_OPTIMIZER_NESTEROV},
            {"adagrad", CUSGD_OPTIMIZER_ADAGRAD},
            {"notes_adagrad", CUSGD_OPTIMIZER_ADAGRAD},
            {"adadelta", CUSGD_OPTIMIZER_ADADELTA},
            {"rmsprop", CUSGD_OPTIMIZER_RMSPROP},
            {"notes_rmsprop_delta_plus_sqrt_big", CUSGD_OPTIMIZER_RMSPROP},
            {"adam", CUSGD_OPTIMIZER_ADAM},
            {"adam_l2", CUSGD_OPTIMIZER_ADAM},
            {"rmsprop_centered_momentum", OPTIMIZER_RMSPROP_CENTERED_MOMENTUM},
            {"adamw", CUSGD_OPTIMIZER_ADAMW},
            {"adam_amsgrad", CUSGD_OPTIMIZER_AMSGRAD},
            {"adam_amsgrad_b2_0.9", CUSGD_OPTIMIZER_AMSGRAD},
            {"nadam", CUSGD_OPTIMIZER_NADAM},
            {"radam", CUSGD_OPTIMIZER_RADAM},
            {"adamax", CUSGD_OPTIMIZER_ADAMAX},
            {"ftrl", CUSGD_OPTIMIZER_FTRL},
            {"asgd", CUSGD_OPTIMIZER_ASGD}};
enum { RUNS = sizeof runs / sizeof *runs };

/* The golden run of this name: its hyperparameters under our names, and theta after every step (STEPS x D). */
static update_case golden_run(const golden *g, int run, double *trajectory)
{
    const cJSON *r;
    cJSON_ArrayForEach(
        r, cJSON_GetObjectItem(g->json, "runs")) if (!strcmp(cJSON_GetObjectItem(r, "name")->valuestring, runs[run].name)) break;
    cr_assert(r, "no golden run %s", runs[run].name);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(r, "trajectory"), trajectory, STEPS * D), STEPS * D);
    const cJSON *h = cJSON_GetObjectItem(r, "hyper");
    update_case c = {.optimizer = runs[run].optimizer};
    c.rate = json_number_or(h, "lr", json_number_or(h, "eta", 0));
    c.momentum = json_number_or(h, "momentum", json_number_or(h, "gamma", 0));
    c.beta1 = json_number_or(h, "beta1", 0);
    c.beta2 = json_number_or(h, "beta2", 0);
    c.rho = json_number_or(h, "rho", json_number_or(h, "alpha", 0));
    c.epsilon = json_number_or(h, "eps", json_number_or(h, "delta", 0));
    c.l1 = json_number_or(h, "l1", 0);
    if (c.optimizer == CUSGD_OPTIMIZER_ADAMW)
        c.decay = json_number(h, "weight_decay");
    else
        c.l2 = json_number_or(h, "weight_decay", 0);
    if (c.optimizer == CUSGD_OPTIMIZER_ASGD) { /* its t0 is where the average starts */
        c.decay = json_number(h, "lambd");
        c.rho = 0;
        c.average = 2 + (int)json_number(h, "t0");
        return c;
    }
    c.t0 = json_number_or(h, "t0", 0);
    c.t1 = json_number_or(h, "t1", 0);
    c.schedule = c.t0 > 0 ? CUSGD_SCHEDULE_TIME_DECAY : CUSGD_SCHEDULE_CONSTANT;
    return c;
}

/* The minibatch's gradient of the mean squared error at theta, in double. */
static void batch_gradient(const golden *g, int t, const double *theta, double *gradient)
{
    int first = t % (N / BATCH) * BATCH;
    problem p = {.n = BATCH, .d = D, .x = g->x + first * D, .y = g->y + first, .loss = CUSGD_LOSS_MSE};
    double all[D + 1];
    oracle_objective(&p, theta, all);
    memcpy(gradient, all, D * sizeof *gradient);
}

/* The largest distance of a run by `f` from the golden trajectory. */
static double trajectory_error(const golden *g, const scalar_functions *f, const update_case *c, const double *trajectory)
{
    parameter_numbers q[D] = {{0}};
    double point[D], gradient[D], worst = 0;
    for (int j = 0; j < D; j++) q[j].theta = g->theta0[j];
    for (int t = 0; t < STEPS; t++) {
        for (int j = 0; j < D; j++) point[j] = f->point(c, t, &q[j]);
        batch_gradient(g, t, point, gradient);
        for (int j = 0; j < D; j++) {
            f->step(c, t, 1, point[j], gradient[j], &q[j]);
            worst = fmax(worst, fabs(q[j].theta - trajectory[t * D + j]));
        }
    }
    return worst;
}

Test(update, golden_double)
{
    golden g = golden_open();
    double trajectory[STEPS * D];
    for (int run = 0; run < RUNS; run++) {
        update_case c = golden_run(&g, run, trajectory);
        double error = trajectory_error(&g, &scalar_double, &c, trajectory);
        cr_assert_lt(error, 1e-12, "%s: %g", runs[run].name, error);
    }
    cJSON_Delete(g.json);
}

/* The nearest float. */
static double in_float(double x) { return (double)(float)x; }

/* How many units of roundoff u a step in float may be off, relative to the sum of the sizes of what it adds up. Each operation
 * and each rounded hyperparameter is worth one: fewer than 12. A decay b rounds to b (1 + u), so that 1 - b is off by b/(1-b) u;
 * under a square root that counts half. */
static double roundoffs(const update_case *c)
{
    double decay = fmax(c->beta2, c->rho);
    return 12 + c->beta1 / (1 - c->beta1) + decay / (1 - decay) / 2;
}

/* Step by step from equal states: what one float step adds. The terms that a step sums are the old velocity or moment and the new
 * gradient's share; their sizes' sum is the step taken with both made positive. */
Test(update, float_step_by_step)
{
    golden g = golden_open();
    double trajectory[STEPS * D], gradient[D], u = scalar_float.unit;
    for (int run = 0; run < RUNS; run++) {
        update_case c = golden_run(&g, run, trajectory);
        parameter_numbers q[D] = {{0}};
        for (int j = 0; j < D; j++) q[j].theta = g.theta0[j];
        for (int t = 0; t < STEPS; t++) {
            double point[D];
            for (int j = 0; j < D; j++) {
                q[j] = (parameter_numbers){.theta = in_float(q[j].theta),
                                           .slot1 = in_float(q[j].slot1),
                                           .slot2 = in_float(q[j].slot2),
                                           .slot3 = in_float(q[j].slot3)};
                point[j] = in_float(scalar_double.point(&c, t, &q[j]));
            }
            batch_gradient(&g, t, point, gradient);
            for (int j = 0; j < D; j++) {
                parameter_numbers single = q[j], sizes = {.slot1 = fabs(q[j].slot1), .slot2 = q[j].slot2, .slot3 = q[j].slot3};
                double before = q[j].theta;
                gradient[j] = in_float(gradient[j]);
                scalar_float.step(&c, t, 1, point[j], gradient[j], &single);
                scalar_double.step(&c, t, 1, point[j], gradient[j], &q[j]);
                update_case positive = c;
                positive.l2 = 0;
                scalar_double.step(&positive, t, 1, 0, fabs(gradient[j]) + c.l2 * fabs(point[j]), &sizes);
                double bound = u * (fabs(before) + fabs(q[j].theta) + roundoffs(&c) * fabs(sizes.theta));
                cr_assert_leq(fabs(single.theta - q[j].theta), bound, "%s, step %d: %g apart, bound %g", runs[run].name, t,
                              fabs(single.theta - q[j].theta), bound);
            }
        }
    }
    cJSON_Delete(g.json);
}

/* The whole trajectory in float: |theta| < 4 and steps below 1, so that a step adds at most (4 + roundoffs) u by the test above,
 * and these contracting iterations do not magnify it. The gradient comes from the oracle in double. */
Test(update, golden_float)
{
    golden g = golden_open();
    double trajectory[STEPS * D];
    for (int run = 0; run < RUNS; run++) {
        update_case c = golden_run(&g, run, trajectory);
        double error = trajectory_error(&g, &scalar_float, &c, trajectory),
               bound = STEPS * (4 + roundoffs(&c)) * scalar_float.unit;
        cr_assert_leq(error, bound, "%s: %g, bound %g", runs[run].name, error, bound);
    }
    cJSON_Delete(g.json);
}

/* Auto's second rule has no golden run: Nesterov's recursion with the rate divided by AdaGrad's root; l2 acts
 * where the gradient is taken. */
Test(update, adagrad_nesterov)
{
    update_case c = {.optimizer = OPTIMIZER_ADAGRAD_NESTEROV, .rate = 0.1, .momentum = 0.9, .epsilon = 1e-8, .l2 = 0.5};
    parameter_numbers q = {.theta = 1};
    double theta = 1, v = 0, squares = 0;
    for (int t = 0; t < 100; t++) {
        double at = theta - 0.9 * v, g = at - 0.25 + 0.1 * sin(t) + 0.5 * at;
        squares += g * g;
        v = 0.9 * v + 0.1 / (sqrt(squares) + 1e-8) * g;
        theta -= v;
        double point = scalar_double.point(&c, t, &q);
        cr_assert_float_eq(point, at, 1e-14);
        scalar_double.step(&c, t, 1, point, point - 0.25 + 0.1 * sin(t), &q);
        cr_assert_float_eq(q.theta, theta, 1e-13);
    }
}

/* ---- The l1 penalty ------------------------------------------------------------------------------------------------------ */

Test(update, soft_threshold)
{
    const scalar_functions *both[] = {&scalar_float, &scalar_double};
    for (int f = 0; f < 2; f++)
        for (double theta = -3; theta <= 3; theta += 0.125)
            for (double by = 0; by <= 2; by += 0.25) {
                double got = both[f]->soft_threshold(theta, by), best = (double)INFINITY, at = 0;
                for (double z = -4; z <= 4;
                     z += 0.125) { /* the minimizer of by |z| + (z - theta)^2 / 2 on the grid that has it */
                    double value = by * fabs(z) + (z - theta) * (z - theta) / 2;
                    if (value < best) {
                        best = value;
                        at = z;
                    }
                }
                cr_assert_eq(got, at, "soft threshold of %g by %g: %g", theta, by, got);
            }
    cr_assert(isnan(scalar_double.soft_threshold((double)NAN, 0.5)) && isnan(scalar_float.soft_threshold((double)NAN, 0.5)));
    cr_assert_eq(scalar_double.soft_threshold((double)INFINITY, 1), (double)INFINITY);
}

static const struct {
    const char *name;
    int optimizer;
    double rate;
} methods[] = {{"sgd", CUSGD_OPTIMIZER_SGD, 0.1},
               {"momentum", CUSGD_OPTIMIZER_MOMENTUM, 0.05},
               {"nesterov", CUSGD_OPTIMIZER_NESTEROV, 0.05},
               {"adagrad", CUSGD_OPTIMIZER_ADAGRAD, 0.5},
               {"adadelta", CUSGD_OPTIMIZER_ADADELTA, 0.2},
               {"rmsprop", CUSGD_OPTIMIZER_RMSPROP, 0.002},
               {"adam", CUSGD_OPTIMIZER_ADAM, 0.005},
               {"rmsprop, momentum", OPTIMIZER_RMSPROP_MOMENTUM, 0.0002},
               {"adamw", CUSGD_OPTIMIZER_ADAMW, 0.005},
               {"amsgrad", CUSGD_OPTIMIZER_AMSGRAD, 0.02},
               {"nadam", CUSGD_OPTIMIZER_NADAM, 0.005},
               {"radam", CUSGD_OPTIMIZER_RADAM, 0.005},
               {"adamax", CUSGD_OPTIMIZER_ADAMAX, 0.005},
               {"asgd", CUSGD_OPTIMIZER_ASGD, 0.1},
               {"ftrl", CUSGD_OPTIMIZER_FTRL, 0.5},
               {"auto", OPTIMIZER_ADAGRAD_NESTEROV, 0.05}};

/* Full-batch steps of every optimizer end where coordinate descent does, zeros included. */
Test(update, l1_fixed_point)
{
    enum { ROWS = 12, COLS = 4 };
    double x[ROWS * COLS], y[ROWS], best[COLS + 1];
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLS; j++) x[i * COLS + j] = cos(1 + 2.3 * i + 1.7 * j * i) + 0.4 * sin(3 * i);
        y[i] = 1.4 * x[i * COLS] - 0.9 * x[i * COLS + 2] + 0.1 * sin(17 * i);
    }
    problem p = {.n = ROWS, .d = COLS, .x = x, .y = y, .l1 = 0.15, .l2 = 0.05};
    cr_assert_lt(oracle_solve(&p, best), 1e-14);
    int zeros = 0;
    for (int j = 0; j < COLS; j++) zeros += best[j] == 0;
    cr_assert(zeros > 0 && zeros < COLS, "%d zeros: no test", zeros);

    problem smooth = p; /* the steps add both penalties themselves */
    smooth.l1 = smooth.l2 = 0;
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        update_case c = {.optimizer = methods[m].optimizer,
                         .rate = methods[m].rate,
                         .momentum = 0.9,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .rho = 0.9,
                         .epsilon = 1e-6,
                         .l1 = p.l1,
                         .l2 = p.l2};
        parameter_numbers q[COLS] = {{0}};
        double theta[COLS + 1] = {0}, gradient[COLS + 1];
        for (int t = 0; t < 20000; t++) {
            for (int j = 0; j < COLS; j++) theta[j] = scalar_double.point(&c, t, &q[j]);
            oracle_objective(&smooth, theta, gradient);
            for (int j = 0; j < COLS; j++) scalar_double.step(&c, t, 1, theta[j], gradient[j], &q[j]);
        }
        for (int j = 0; j < COLS; j++) {
            cr_assert_float_eq(q[j].theta, best[j], 1e-9, "%s: theta[%d] = %.12g, not %.12g", methods[m].name, j, q[j].theta,
                               best[j]);
            cr_assert_eq(q[j].theta == 0, best[j] == 0, "%s: theta[%d]", methods[m].name, j);
        }
    }
}

/* After a thresholded step the velocity is what theta did; without l1, and for intercepts, it is the recursion's. */
Test(update, velocity_rule)
{
    const int with_velocity[] = {CUSGD_OPTIMIZER_MOMENTUM, CUSGD_OPTIMIZER_NESTEROV, OPTIMIZER_ADAGRAD_NESTEROV};
    for (int o = 0; o < 3; o++) {
        update_case c = {.optimizer = with_velocity[o], .rate = 0.1, .momentum = 0.5, .epsilon = 1e-8, .l1 = 2};
        parameter_numbers q = {.theta = 0.25, .slot1 = 0.5}, free = q;
        scalar_double.step(&c, 0, 1, 0, 1, &q);
        scalar_double.step(&c, 0, 0, 0, 1, &free);
        double factor = c.optimizer == OPTIMIZER_ADAGRAD_NESTEROV ? 0.1 / (1 + 1e-8) : 0.1;
        cr_assert_float_eq(free.slot1, 0.25 + factor, 1e-15);
        cr_assert_float_eq(free.theta, -factor, 1e-15);
        cr_assert_eq(q.theta, 0);
        cr_assert_eq(q.slot1, 0.25);
    }
}

Test(update, intercepts_are_not_penalized)
{
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        update_case plain = {.optimizer = methods[m].optimizer,
                             .rate = 0.1,
                             .momentum = 0.9,
                             .beta1 = 0.9,
                             .beta2 = 0.99,
                             .rho = 0.9,
                             .epsilon = 1e-8},
                    penalized = plain;
        penalized.l1 = 0.5;
        penalized.l2 = 0.5;
        parameter_numbers a = {.theta = 1}, b = a, c = a;
        scalar_double.step(&plain, 0, 0, 1, 0.7, &a);
        scalar_double.step(&penalized, 0, 0, 1, 0.7, &b);
        scalar_double.step(&penalized, 0, 1, 1, 0.7, &c);
        cr_assert_eq(memcmp(&a, &b, sizeof a), 0, "%s", methods[m].name);
        cr_assert_neq(a.theta, c.theta, "%s", methods[m].name);
    }
}

/* asgd's average, compared with the golden run's. */
Test(update, asgd_average)
{
    golden g = golden_open();
    double trajectory[STEPS * D], averages[STEPS * D], gradient[D], theta[D];
    update_case c = golden_run(&g, RUNS - 1, trajectory);
    cr_assert_eq(c.optimizer, CUSGD_OPTIMIZER_ASGD);
    const cJSON *r;
    cJSON_ArrayForEach(r, cJSON_GetObjectItem(g.json, "runs")) if (cJSON_GetObjectItem(r, "trajectory_ax")) break;
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(r, "trajectory_ax"), averages, STEPS * D), STEPS * D);
    parameter_numbers q[D] = {{0}};
    for (int j = 0; j < D; j++) q[j].theta = g.theta0[j];
    for (int t = 0; t < STEPS; t++) {
        for (int j = 0; j < D; j++) theta[j] = q[j].theta;
        batch_gradient(&g, t, theta, gradient);
        for (int j = 0; j < D; j++) {
            scalar_double.step(&c, t, 1, theta[j], gradient[j], &q[j]);
            cr_assert_float_eq(q[j].average, averages[t * D + j], 1e-12, "step %d", t);
        }
    }
    cJSON_Delete(g.json);
}

/* Momentum of 0 and a mean that is not taken away are the plain kind; bounds hold at every step, and a fixed point in them is
 * stationary for every optimizer. */
Test(update, rmsprop_kinds)
{
    update_case plain = {.optimizer = CUSGD_OPTIMIZER_RMSPROP, .rate = 0.1, .rho = 0.9, .epsilon = 1e-8}, other = plain;
    parameter_numbers a = {.theta = 1}, b = a, m = a;
    other.optimizer = OPTIMIZER_RMSPROP_MOMENTUM;
    update_case centered = plain, both = plain;
    centered.optimizer = OPTIMIZER_RMSPROP_CENTERED;
    both.optimizer = OPTIMIZER_RMSPROP_CENTERED_MOMENTUM;
    parameter_numbers d = m;
    for (int t = 0; t < 50; t++) {
        double g = sin(t) + 0.3;
        scalar_double.step(&plain, t, 1, a.theta, g, &a);
        scalar_double.step(&other, t, 1, b.theta, g, &b);
        scalar_double.step(&centered, t, 1, m.theta, g, &m);
        scalar_double.step(&both, t, 1, d.theta, g, &d);
        cr_assert_float_eq(a.theta, b.theta, 1e-13);
        cr_assert_float_eq(m.theta, d.theta, 1e-13);
    }
    cr_assert_neq(a.theta, m.theta);
}

Test(update, bounds)
{
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        update_case c = {.optimizer = methods[m].optimizer,
                         .rate = methods[m].rate,
                         .momentum = 0.9,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .rho = 0.9,
                         .epsilon = 1e-6,
                         .limited = 1,
                         .l1_factor = 0,
                         .l2_factor = 0,
                         .lower = -0.25,
                         .upper = 0.5,
                         .l1 = 9,
                         .l2 = 9};
        for (int side = -1; side <= 1; side += 2) { /* minimize (theta - 2 side)^2 / 2; penalties count nothing */
            parameter_numbers q = {.theta = 0.1};
            for (int t = 0; t < 5000; t++) {
                double point = scalar_double.point(&c, t, &q);
                scalar_double.step(&c, t, 1, point, point - 2 * side, &q);
                cr_assert(q.theta >= c.lower && q.theta <= c.upper, "%s", methods[m].name);
            }
            cr_assert_eq(q.theta, side > 0 ? c.upper : c.lower, "%s ends at %g", methods[m].name, q.theta);
        }
        update_case inside = c; /* a minimum between the bounds is reached as if there were none */
        inside.lower = -9, inside.upper = 9, inside.l1_factor = inside.l2_factor = 1, inside.l1 = 0.5, inside.l2 = 0;
        parameter_numbers q = {.theta = 0.1};
        for (int t = 0; t < 20000; t++) {
            double point = scalar_double.point(&inside, t, &q);
            scalar_double.step(&inside, t, 1, point, point - 2, &q);
        }
        cr_assert_float_eq(q.theta, 1.5, 1e-2, "%s ends at %g", methods[m].name, q.theta);
    }
}

Test(update, clipping)
{
    double g[10000], squares = 0;
    for (int i = 0; i < 10000; i++) g[i] = sin(i), squares += g[i] * g[i];
    cr_assert_float_eq(clip_squares(g, 10000) / squares, 1, 1e-14);
    cr_assert_eq(clip_squares(g, 1), g[0] * g[0]);
    cr_assert_eq(clip_scale(2, 3), 1);
    cr_assert_float_eq(clip_scale(2, 16), 0.5, 1e-16);
    cr_assert_eq(clip_scale(0, 1e300), 1);
    cr_assert_eq(clip_value(0.0, 0.5, 3.0), 1.5);
    cr_assert_eq(clip_value(1.0, 0.5, 3.0), 1);
    cr_assert_eq(clip_value(1.0, 0.5, -3.0), -1);
    cr_assert(isnan(clip_value(1.0, 1.0, (double)NAN)));
}

/* ---- Schedules and averaging --------------------------------------------------------------------------------------------- */

Test(schedule, rates)
{
    rate_schedule constant = {.kind = CUSGD_SCHEDULE_CONSTANT, .batches = 1, .steps = 1, .rate = 0.3, .t0 = 1, .t1 = 2};
    rate_schedule decay = {.kind = CUSGD_SCHEDULE_TIME_DECAY, .batches = 1, .steps = 1, .rate = 9, .t0 = 5, .t1 = 50};
    cr_assert_eq(schedule_rate(&constant, 7), 0.3);
    for (int64_t t = 0; t < 1000000000000; t = t * 3 + 1) cr_assert_eq(schedule_rate(&decay, t), 5 / ((double)t + 50));
}

/* Against PyTorch's schedulers. */
Test(schedule, golden)
{
    cJSON *json = golden_json("schedules.json");
    static const struct {
        const char *name;
        cusgd_schedule kind;
    } kinds[] = {{"exponential", CUSGD_SCHEDULE_EXPONENTIAL}, {"step", CUSGD_SCHEDULE_STEP},
                 {"cosine", CUSGD_SCHEDULE_COSINE},           {"one-cycle", CUSGD_SCHEDULE_ONE_CYCLE},
                 {"polynomial", CUSGD_SCHEDULE_POLYNOMIAL},   {"inverse-scaling", CUSGD_SCHEDULE_INVERSE_SCALING},
                 {"optimal", CUSGD_SCHEDULE_OPTIMAL}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double rates[1000];
        const cJSON *run = cJSON_GetObjectItem(json, kinds[i].name);
        int64_t count = json_numbers(cJSON_GetObjectItem(run, "rates"), rates, 1000);
        rate_schedule s = {.kind = kinds[i].kind,
                           .batches = (int64_t)json_number(run, "batches"),
                           .steps = (int64_t)json_number(run, "steps"),
                           .rate = json_number(run, "rate"),
                           .t0 = json_number_or(run, "t0", 0),
                           .t1 = json_number_or(run, "t1", 0),
                           .decay = json_number_or(run, "decay", 0),
                           .every = json_number_or(run, "every", 0),
                           .power = json_number_or(run, "power", 0),
                           .warm_up = json_number_or(run, "warm_up", 0),
                           .final = json_number_or(run, "final", 0)};
        cr_assert_gt(count, 50);
        for (int64_t t = 0; t < count; t++)
            cr_assert_float_eq(schedule_rate(&s, t), rates[t], 1e-12 * s.rate, "%s at %d: %.17g, not %.17g", kinds[i].name,
                               (int)t, schedule_rate(&s, t), rates[t]);
        for (int64_t t = count; t < 3 * count; t++) cr_assert(schedule_rate(&s, t) >= 0); /* a run that goes on */
        s.by_epoch = 1;
        for (int64_t t = 0; t < count; t++) cr_assert_eq(schedule_rate(&s, t), schedule_rate(&s, t / s.batches * s.batches));
    }
    cJSON_Delete(json);
}

/* Against 1 / (1 - beta^(t+1)) in long double, where the power is a product. */
Test(schedule, bias_correction)
{
    const double betas[] = {0, 0.5, 0.9, 0.999, 0.999999};
    for (int b = 0; b < 5; b++) {
        long double power = 1;
        for (int64_t t = 0; t < 20000; t++) {
            power *= (long double)betas[b];
            double expected = (double)(1 / (1 - power));
            cr_assert_float_eq(bias_correction(betas[b], t) / expected, 1, betas[b] < 0.9999 ? 1e-13 : 1e-10);
        }
    }
}

/* With eccentricity e the average after T iterates weighs iterate s by C(s+e-1, e) / C(T+e, e+1); e = 0 is the plain mean. */
Test(schedule, averages)
{
    for (int e = 0; e <= 3; e++)
        for (int64_t from = 0; from <= 40; from += 20) {
            double average = 0, weight = 0, sum = 0;
            for (int64_t t = 0; t < 200; t++) {
                double theta = sin(0.1 * (double)(t * t)), share = 1, a = average_weight(e, t, from);
                for (int i = 0; i < e; i++) share *= (double)(t - from + 1 + i);
                if (t < from) continue;
                average += a * (theta - average);
                weight += share;
                sum += share * theta;
                cr_assert_float_eq(average, sum / weight, 1e-13, "e = %d, from %d, t = %d", e, (int)from, (int)t);
            }
            for (int64_t t = 0; t <= from; t++) cr_assert_eq(average_weight(e, t, from), 1);
        }
    update_case c = {.optimizer = CUSGD_OPTIMIZER_SGD, .rate = 0.5, .average = 1};
    parameter_numbers q = {.theta = 8};
    double weight = 0, sum = 0;
    for (int t = 0; t < 4; t++) { /* theta 4, 2, 1, .5 with weights 1, 4, 10, 20 */
        const double share[] = {1, 4, 10, 20};
        scalar_double.step(&c, t, 1, q.theta, q.theta, &q);
        weight += share[t];
        sum += share[t] * q.theta;
        cr_assert_float_eq(q.average, sum / weight, 1e-15);
    }
}
