/* The device interface's steps and report: every kind of step, and shapes that are large in one direction. See step_experiment.h.
 */
#include "step_experiment.h"

#include <criterion/criterion.h>

static const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 127, 1000};
static const int64_t outputs[] = {1, 2, 3, 17};
enum { SIZES = sizeof sizes / sizeof *sizes, OUTPUTS = sizeof outputs / sizeof *outputs };

/* ---- Every kind of step ---- */

enum {
    KIND,
    OPTIMIZER,
    SAMPLING,
    LOSS,
    WEIGHTED,
    L1,
    L2,
    AVERAGE,
    INTERCEPT,
    METRIC,
    LIMITS,
    CLIP,
    K,
    N,
    D,
    BATCH,
    IN_PLACE,
    STANDARDIZED,
    TEAM,
    ENGINE,
    OFFSET
};
static const interface_factor step_factors[] = {{"kind", INTERFACE_KINDS, 1},
                                                {"optimizer", STEP_OPTIMIZERS, 1},
                                                {"sampling", SAMPLING_COUNT, 1},
                                                {"loss", INTERFACE_LOSSES, 1},
                                                {"weighted", 2, 1},
                                                {"l1", 2, 1},
                                                {"l2", 2, 1},
                                                {"average", 2, 1},
                                                {"intercept", 2, 1},
                                                {"rate_factor", 2, 1},
                                                {"limits", 2, 0},
                                                {"clip", 3, 0},
                                                {"k", OUTPUTS, 0},
                                                {"n", SIZES, 0},
                                                {"d", SIZES, 0},
                                                {"batch", SIZES, 0},
                                                {"in place", 2, 0},
                                                {"standardized", 3, 0},
                                                {"threads", STEP_TEAMS, 0},
                                                {"engine", INTERFACE_ENGINES, 0},
                                                {"offset", 2, 0},
                                                {NULL, 0, 0}};

static void steps_visit(const int *level, void *context)
{
    step_session *s = context;
    interface_spec spec = {.n = sizes[level[N]],
                           .d = sizes[level[D]],
                           .k = outputs[level[K]],
                           .precision = interface_precision(level[KIND]),
                           .storage = interface_storage(level[KIND]),
                           .weighted = level[WEIGHTED],
                           .standardized = level[STANDARDIZED],
                           .offset = level[OFFSET],
                           .seed = 100 + ++s->cases};
    interface_spec_for(&spec, (cusgd_loss)level[LOSS], level[IN_PLACE]);
    run_spec p = {.loss = interface_loss(level[LOSS]),
                  .optimizer = step_optimizers[level[OPTIMIZER]],
                  .d = spec.d,
                  .k = spec.k,
                  .batch = sizes[level[BATCH]], /* may be more than there are rows */
                  .intercept = level[INTERCEPT],
                  .average = level[AVERAGE],
                  .constants.beta1 = 0.9,
                  .constants.beta2 = 0.999,
                  .constants.rho = 0.95,
                  .constants.epsilon = 1e-7,
                  .constants.l1 = level[L1] ? 0.3 : 0,
                  .constants.l2 = level[L2] ? 0.7 : 0};
    static const double given; /* that there are limits: experiment_make() makes them */
    if (level[LIMITS]) p.limit[0] = &given;
    p.clip.norm = level[CLIP] == 1 ? 0.25 : 0;
    p.clip.value = level[CLIP] == 2 ? 0.0625 : 0;
    experiment x;
    const backend *b = &s->of[spec.precision][level[TEAM]];
    p.engine = (cusgd_engine)level[ENGINE];
    experiment_make(&x, b, &spec, &p, level[METRIC], level[SAMPLING]);
    steps_report report = experiment_run(&x);
    experiment_check_slices(&x, report);
    experiment_check_steps(&x, report);
    experiment_free(&x);
}

Test(interface_steps, gradient_update_and_report_of_every_kind_of_step)
{
    step_session s;
    step_session_open(&s);
    interface_cover(step_factors, 4, steps_visit, &s);
    step_session_close(&s);
}

/* ---- Shapes that are large in one direction ---- */

static void check_shape(const step_session *s, interface_spec spec, run_spec p, int threads, int sampling)
{
    experiment x;
    p.d = spec.d;
    p.k = spec.k;
    experiment_make(&x, &s->of[spec.precision][threads], &spec, &p, 0, sampling);
    steps_report report = experiment_run(&x);
    experiment_check_slices(&x, report);
    experiment_check_steps(&x, report);
    experiment_free(&x);
}

Test(interface_steps, many_columns_many_rows)
{
    step_session s;
    step_session_open(&s);
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_NESTEROV, .intercept = 1, .average = 1};
    for (int kind = 0; kind < INTERFACE_KINDS - 1; kind++) {
        cusgd_precision precision = interface_precision(kind);
        cusgd_storage storage = interface_storage(kind);
        p.batch = 7;
        p.clip.norm = 0;
        check_shape(&s, (interface_spec){.n = 40, .d = 5000, .k = 1, .precision = precision, .storage = storage, .seed = 11}, p,
                    0, CUSGD_SAMPLING_PERMUTE);
        p.batch = 1999; /* several chunks a batch, several threads */
        check_shape(
            &s,
            (interface_spec){.n = 4001, .d = 61, .k = 2, .precision = precision, .storage = storage, .weighted = 1, .seed = 12},
            p, 2, CUSGD_SAMPLING_BLOCKS);
        p.batch = 4000;
        p.clip.norm = 0.01;
        check_shape(&s, (interface_spec){.n = 30, .d = 9000, .k = 1, .precision = precision, .storage = storage, .seed = 14}, p,
                    1, CUSGD_SAMPLING_NONE);
        check_shape(&s, (interface_spec){.n = 4000, .d = 33, .k = 2, .precision = precision, .storage = storage, .seed = 13}, p,
                    1, CUSGD_SAMPLING_NONE);
    }
    step_session_close(&s);
}
