/* Sweeps: against scikit-learn, configuration by configuration, and what they choose. */
#include "sweeps.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cusgd_configuration penalties[] = {{(double)NAN, 1e-3, (double)NAN, (double)NAN, 0, 0},
                                                {(double)NAN, .1, (double)NAN, (double)NAN, 0, 0},
                                                {(double)NAN, 1, (double)NAN, (double)NAN, 0, 0}};

/* Fold losses of scikit-learn 1.9.1: a StandardScaler and Ridge(alpha=l2 W), or LogisticRegression(C=1/(l2 n)), fitted to the
 * other folds' rows: n of them, of weight W. Ridge without weights and with; logistic. */
static const double expected[3][3][FOLDS] = {
    {{5.05294378112, 5.0462957159, 4.73663761853, 5.11661420677},
     {6.93020956527, 4.65854831905, 4.86302771399, 5.80936878816},
     {23.3698077528, 10.6589841025, 8.77867820685, 16.9201141642}},
    {{4.86547408067, 5.35098507893, 4.54197173467, 5.54913730141},
     {6.653875707, 4.80924849878, 4.91371151821, 6.24131311642},
     {23.8474971116, 10.4449815143, 9.56831680501, 17.654254454}},
    {{0.578604911993, 0.457215859758, 0.605611493615, 0.385681827717},
     {0.508889121915, 0.506456005299, 0.579634088388, 0.477162127336},
     {0.625177844663, 0.629871657351, 0.653719770893, 0.625960631471}},
};

/* Of what a kind of `expected` trains, over rows in so many shards. */
static void check_losses(const rows_made *t, int kind, int shards)
{
    cusgd_options o = options_default();
    cusgd_data *data = data_of(N, D, 1, t->x, kind == 2 ? t->classes : t->y, kind == 1 ? t->w : NULL);
    o.loss = kind == 2 ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
    o.optimizer = CUSGD_OPTIMIZER_NESTEROV;
    o.momentum = 0.7;
    o.average = 0;
    o.batch = N;
    o.epochs = 600;
    o.shards = shards;
    cusgd_sweep_plan plan = sweep_plan_of(t, penalties, 3);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan);
    for (size_t i = 0; i < 3; i++)
        for (int f = 0; f < FOLDS; f++)
            cr_assert(fabs(cusgd_sweep_losses(sweep, i)[f] - expected[kind][i][f]) <= 1e-6 * expected[kind][i][f],
                      "kind %d, %d shards, l2 %g, fold %d: %.12g, not %.12g", kind, shards, penalties[i].l2, f,
                      cusgd_sweep_losses(sweep, i)[f], expected[kind][i][f]);
    cusgd_sweep_free(sweep);
    cusgd_data_free(data);
}

Test(sweep, losses_of_folds_are_scikit_learns)
{
    rows_made t;
    sweep_rows_make(&t);
    for (int kind = 0; kind < 3; kind++) check_losses(&t, kind, 1);
    if (!getenv("CUSGD_TEST_DEVICE")) check_losses(&t, 1, 4); /* a GPU takes models without shards alone */
}

/* A configuration's bits do not depend on the others, nor on one of them that diverges. */
Test(sweep, configurations_do_not_know_each_other)
{
    enum { COUNT = 5 };
    const cusgd_configuration all[COUNT] = {
        {0, 1e-3, .01, .9, 0, 0}, {.1, 0, .02, .5, 0, 0}, {0, .1, 1e9, .9, 0, 0}, {.3, .1, .02, 0, 0, 0}, {0, 1, .005, .8, 0, 0}};
    const cusgd_configuration some[] = {all[4], all[3], all[0], all[1]};
    const size_t place[] = {4, 3, 0, 1};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan whole = sweep_plan_of(&t, all, COUNT), part = sweep_plan_of(&t, some, 4);
    cusgd_sweep *a = sweep_of(&o, data, &whole), *b;
    cusgd_outcome last = CUSGD_INIT(cusgd_outcome);
    cusgd_sweep_outcome(a, 2, &last);
    cr_assert_eq(last.stop, CUSGD_STOP_DIVERGED);
    cr_assert_eq(last.rank, COUNT);
    cr_assert(isnan(last.mean));
    b = sweep_of(&o, data, &part);
    for (size_t i = 0; i < 4; i++) check_same_outcome(b, i, a, place[i]);
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_data_free(data);
}

/* Equal models that diverge have a sum of losses beyond all numbers while each has one. The others go on all the same. */
Test(sweep, models_that_diverge_together_leave_others_alone)
{
    enum { COUNT = 65 };
    cusgd_configuration all[COUNT] = {{0, 1e-3, .01, 0, 0, 0}};
    for (int i = 1; i < COUNT; i++) all[i] = (cusgd_configuration){0, 0, 4, 0, 0, 0};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    o.batch = N;
    o.epochs = 2000;
    cusgd_sweep_plan whole = sweep_plan_of(&t, all, COUNT), part = sweep_plan_of(&t, all, 1);
    cusgd_sweep *a = sweep_of(&o, data, &whole), *b = sweep_of(&o, data, &part);
    cusgd_outcome last = CUSGD_INIT(cusgd_outcome);
    cusgd_sweep_outcome(a, COUNT - 1, &last);
    cr_assert_eq(last.stop, CUSGD_STOP_DIVERGED);
    check_same_outcome(b, 0, a, 0);
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_data_free(data);
}

/* The chosen model is trained on all rows, and is what training with its numbers leads to. */
Test(sweep, chosen_model_is_refitted)
{
    const cusgd_configuration rates[] = {{0, .5, (double)NAN, (double)NAN, 0, 0},
                                         {0, .01, (double)NAN, (double)NAN, 0, 0},
                                         {0, 5, (double)NAN, (double)NAN, 0, 0}};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = options_default();
    o.optimizer = CUSGD_OPTIMIZER_NESTEROV;
    o.momentum = 0.7;
    o.batch = N;
    o.epochs = 400;
    cusgd_sweep_plan plan = sweep_plan_of(&t, rates, 3);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan);
    cr_assert_eq(cusgd_sweep_chosen(sweep), 1);
    cusgd_model *model;
    cr_assert_eq(cusgd_sweep_create_model(sweep, &model), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_options alone = options_default();
    double parameters[D + 1];
    alone.solver = CUSGD_SOLVER_EXACT;
    alone.l2 = .01;
    train(&alone, data, parameters);
    for (int j = 0; j < D; j++) cr_assert_float_eq(cusgd_model_weight(model)[j], parameters[j], 1e-7);
    cr_assert_float_eq(cusgd_model_bias(model)[0], parameters[D], 1e-6);
    cusgd_model_free(model);
    cusgd_sweep_free(sweep);
    plan.select = CUSGD_SELECT_ONE_SE;
    sweep = sweep_of(&o, data, &plan);
    cusgd_outcome best = CUSGD_INIT(cusgd_outcome), chosen = best;
    cusgd_sweep_outcome(sweep, 1, &best);
    cusgd_sweep_outcome(sweep, cusgd_sweep_chosen(sweep), &chosen);
    cr_assert(chosen.mean <= best.mean + best.standard_error && chosen.numbers.l2 >= best.numbers.l2);
    cusgd_sweep_free(sweep);
    cusgd_data_free(data);
}

/* l1 leaves zeros, and more of them where it is larger. */
Test(sweep, l1_clears_coefficients)
{
    const cusgd_configuration some[] = {
        {0, 0, (double)NAN, (double)NAN, 0, 0}, {.5, 0, (double)NAN, (double)NAN, 0, 0}, {50, 0, (double)NAN, (double)NAN, 0, 0}};
    const int64_t nonzeros[] = {D, D - 1, 0};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = options_default();
    o.epochs = 200;
    cusgd_sweep_plan plan = sweep_plan_of(&t, some, 3);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan);
    cusgd_outcome outcome = CUSGD_INIT(cusgd_outcome);
    for (size_t i = 0; i < 3; i++) {
        cusgd_sweep_outcome(sweep, i, &outcome);
        cr_assert(outcome.nonzeros <= nonzeros[i] && (i > 0 || outcome.nonzeros == D), "l1 %g: %lld", some[i].l1,
                  (long long)outcome.nonzeros);
    }
    cr_assert_eq(cusgd_sweep_outcome(sweep, 3, &outcome), 0);
    cr_assert_null(cusgd_sweep_losses(sweep, 3));
    cusgd_sweep_free(sweep);
    cusgd_data_free(data);
}

/* Validation rows judge where there are no folds; the seed draws folds where none are given. */
Test(sweep, judges)
{
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL), *classes = data_of(N, D, 1, t.x, t.classes, NULL);
    cusgd_data *valid = data_of(30, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, penalties, 3);
    cusgd_sweep *sweep, *again;
    plan.folds = 0;
    plan.fold = NULL;
    cr_assert_eq(cusgd_sweep_create(&o, data, valid, &plan, &sweep), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_model *model;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    cusgd_outcome outcome = CUSGD_INIT(cusgd_outcome);
    cr_assert_eq(cusgd_sweep_create_model(sweep, &model), CUSGD_OK);
    cr_assert_eq(cusgd_model_evaluate(model, valid, -1, &metrics), CUSGD_OK);
    cusgd_sweep_outcome(sweep, cusgd_sweep_chosen(sweep), &outcome);
    cr_assert_float_eq(outcome.mean, metrics.loss, 1e-9 * metrics.loss);
    cr_assert(isnan(outcome.standard_error));
    cr_assert_eq(outcome.rank, 1);
    cusgd_model_free(model);
    cusgd_sweep_free(sweep);
    plan.folds = 5;
    o.loss = CUSGD_LOSS_LOGISTIC;
    cr_assert_eq(cusgd_sweep_create(&o, classes, NULL, &plan, &sweep), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_sweep_create(&o, classes, NULL, &plan, &again), CUSGD_OK);
    for (size_t i = 0; i < 3; i++)
        cr_assert_arr_eq(cusgd_sweep_losses(sweep, i), cusgd_sweep_losses(again, i), 5 * sizeof(double));
    cusgd_sweep_free(sweep);
    cusgd_sweep_free(again);
    cusgd_data_free(data);
    cusgd_data_free(valid);
    cusgd_data_free(classes);
}

static void refused(const cusgd_options *o, const cusgd_data *data, const cusgd_sweep_plan *plan, cusgd_status status,
                    const char *words)
{
    cusgd_sweep *sweep;
    cr_assert_eq(cusgd_sweep_create(o, data, NULL, plan, &sweep), status, "not refused: %s", words);
    cr_assert_null(sweep);
    cr_assert(strstr(cusgd_last_error(), words), "\"%s\" does not say \"%s\"", cusgd_last_error(), words);
}

Test(sweep, refusals)
{
    const cusgd_configuration bad = {-1, (double)NAN, (double)NAN, (double)NAN, 0, 0},
                              wild = {(double)NAN, (double)NAN, 1e30, (double)NAN, 0, 0},
                              moving = {(double)NAN, (double)NAN, (double)NAN, .5, 0, 0};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL), *two = data_of(N / 2, D, 2, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, penalties, 3);
    refused(&o, two, &plan, CUSGD_ERROR_USAGE, "one target");
    plan.folds = 1;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "folds");
    plan.folds = 0;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "validation");
    plan.folds = 3;
    refused(&o, data, &plan, CUSGD_ERROR_DATA, "row 3 is of fold 3");
    plan = sweep_plan_of(&t, &bad, 1);
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "configuration 0");
    plan = sweep_plan_of(&t, &wild, 1);
    refused(&o, data, &plan, CUSGD_ERROR_DIVERGED, "the only configuration has diverged; sweep over lower rates");
    o.optimizer = CUSGD_OPTIMIZER_ADAM;
    plan = sweep_plan_of(&t, &moving, 1);
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "momentum");
    cusgd_data *three = data_of(N, D, 1, t.x, t.thirds, NULL);
    cr_assert_eq(cusgd_data_set_classes(three, NULL, 3), CUSGD_OK, "%s", cusgd_last_error());
    o = sweep_options();
    o.loss = CUSGD_LOSS_LOGISTIC;
    plan = sweep_plan_of(&t, penalties, 3);
    refused(&o, three, &plan, CUSGD_ERROR_USAGE, "one for each of more than two classes");
    cusgd_data_free(three);
    cusgd_data *pair = data_of(N, D, 1, t.x, t.classes, NULL);
    o.loss = CUSGD_LOSS_SOFTMAX;
    refused(&o, pair, &plan, CUSGD_ERROR_USAGE, "one for each of more than two classes");
    cusgd_data_free(pair);
    o = sweep_options();
    o.robust = 1;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "quartiles");
    o = sweep_options();
    o.whiten = CUSGD_WHITEN_ZCA;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "whiten");
    o = sweep_options();
    o.clip_norm = 1;
    plan = sweep_plan_of(&t, penalties, 3);
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "clip-norm");
    o = sweep_options();
    o.solver = CUSGD_SOLVER_EXACT;
    o.optimizer = CUSGD_OPTIMIZER_AUTO;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "solver");
    cusgd_data_free(data);
    cusgd_data_free(two);
}

/* What a run has once is refused where configurations need their own. */
Test(sweep, numbers_of_one_run)
{
    const double none = (double)NAN;
    const cusgd_configuration rates[] = {{none, none, .01, none, 0, 0}, {none, none, .1, none, 0, 0}},
                              mixed[] = {{none, none, .01, .5, 0, 0}, {none, none, none, none, 0, 0}},
                              momenta[] = {{none, none, .01, .5, 0, 0}, {none, none, .01, none, 0, 0}};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, penalties, 3), of_rates = sweep_plan_of(&t, rates, 2);
    o.gradient_tolerance = 1e-3;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "gradient-tolerance");
    o = sweep_options();
    o.l2 = .1;
    o.schedule = CUSGD_SCHEDULE_OPTIMAL;
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "optimal");
    refused(&o, data, &of_rates, CUSGD_ERROR_USAGE, "optimal");
    o.schedule = CUSGD_SCHEDULE_TIME_DECAY;
    o.t0 = 1;
    refused(&o, data, &of_rates, CUSGD_ERROR_USAGE, "t0");
    o = sweep_options();
    o.schedule = CUSGD_SCHEDULE_COSINE;
    o.final_rate = 1e-3;
    refused(&o, data, &of_rates, CUSGD_ERROR_USAGE, "final-rate");
    o = sweep_options();
    o.optimizer = CUSGD_OPTIMIZER_ASGD;
    refused(&o, data, &of_rates, CUSGD_ERROR_USAGE, "asgd");
    o = sweep_options();
    plan = sweep_plan_of(&t, mixed, 2);
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "1 of 2 configurations have a rate");
    plan = sweep_plan_of(&t, momenta, 2);
    refused(&o, data, &plan, CUSGD_ERROR_USAGE, "1 of 2 configurations have a momentum");
    cusgd_data_free(data);
}

/* The option's momentum is that of configurations without one, and a rate changes nothing where the schedule has none. */
Test(sweep, numbers_of_the_options)
{
    const double none = (double)NAN;
    const cusgd_configuration momenta[] = {{none, none, .01, .9, 0, 0}, {none, none, .01, none, 0, 0}},
                              some[] = {{.1, none, none, none, 0, 0}};
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = sweep_options();
    cusgd_sweep_plan plan = sweep_plan_of(&t, momenta, 2);
    o.momentum = .9;
    cusgd_sweep *a = sweep_of(&o, data, &plan), *b;
    check_same_outcome(a, 0, a, 1);
    cusgd_sweep_free(a);
    o = sweep_options();
    o.schedule = CUSGD_SCHEDULE_OPTIMAL;
    o.l2 = .1;
    plan = sweep_plan_of(&t, some, 1);
    a = sweep_of(&o, data, &plan);
    o.rate = 1e-3;
    b = sweep_of(&o, data, &plan);
    check_same_outcome(a, 0, b, 0);
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_data_free(data);
}

/* The rate that is chosen for all is safe for the largest momentum. */
Test(sweep, rate_of_the_largest_momentum)
{
    const double none = (double)NAN;
    const cusgd_configuration momenta[] = {{none, none, none, .5, 0, 0}, {none, none, none, .99, 0, 0}};
    rows_made t;
    sweep_rows_make(&t);
    for (int i = 0; i < N; i += 9) t.x[i * D] *= 30; /* rows that make noise */
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = options_default();
    o.optimizer = CUSGD_OPTIMIZER_MOMENTUM;
    o.batch = 1;
    o.epochs = 60;
    cusgd_sweep_plan plan = sweep_plan_of(&t, momenta, 2);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan);
    for (size_t i = 0; i < 2; i++) {
        cusgd_outcome outcome = CUSGD_INIT(cusgd_outcome);
        cusgd_sweep_outcome(sweep, i, &outcome);
        cr_assert_neq(outcome.stop, CUSGD_STOP_DIVERGED, "%zu", i);
        cr_assert_eq(outcome.numbers.momentum, momenta[i].momentum);
    }
    cusgd_sweep_free(sweep);
    cusgd_data_free(data);
}
