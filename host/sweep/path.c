/* The public functions of regularization paths. */
#include "path.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "problem/linear.h"
#include "sized.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status check_options(const cusgd_options *o, const cusgd_data *train)
{
    cusgd_smoothness smoothness = loss_info_of(o->loss)->smoothness;
    if (o->loss == CUSGD_LOSS_SOFTMAX)
        return fail_option("loss", "a path has one output, and softmax one for each class; train for each penalty instead");
    if (smoothness != CUSGD_SMOOTH_QUADRATIC && smoothness != CUSGD_SMOOTH_TWICE)
        return fail_option("loss",
                           "a path needs a loss with second derivatives, which %s lacks; a sweep over l1 and l2 trains it",
                           loss_word(o->loss));
    if (cusgd_data_outputs(train) != 1)
        return fail(CUSGD_ERROR_USAGE, "a path takes one target, not %lld", (long long)cusgd_data_outputs(train));
    if (options_have_bounds(o)) return fail_option("lower", "a path takes no bounds; a sweep over l1 and l2 does");
    if (o->memory > 0) return fail_option("memory", "a path needs all rows at hand: leave the option memory out");
    if (o->whiten != CUSGD_WHITEN_NONE) return fail_option("whiten", "a path does not decorrelate columns: leave whiten out");
    if (o->robust) return fail_option("robust", "a path standardizes by means and deviations: leave robust out");
    if (o->valid_fraction > 0) return fail_option("valid-fraction", "a path is judged by folds: leave valid-fraction out");
    return CUSGD_OK;
}

static cusgd_status check_plan(const cusgd_path_plan *plan)
{
    if (!(plan->l1_ratio >= 0 && plan->l1_ratio <= 1))
        return fail(CUSGD_ERROR_USAGE, "l1-ratio is %g; give from 0 to 1", plan->l1_ratio);
    if (plan->count < 1 || plan->count > 1000000)
        return fail(CUSGD_ERROR_USAGE, "the number of penalties is %lld; give from 1 to 1000000", (long long)plan->count);
    if (!plan->alphas && !(plan->ratio > 0 && plan->ratio < 1))
        return fail(CUSGD_ERROR_USAGE, "the ratio of the last penalty to the first is %g; give between 0 and 1", plan->ratio);
    for (int64_t i = 0; plan->alphas && i < plan->count; i++)
        if (!(plan->alphas[i] > 0 && isfinite(plan->alphas[i])))
            return fail(CUSGD_ERROR_USAGE, "penalty %lld is %g; give numbers above 0", (long long)i + 1, plan->alphas[i]);
    if (plan->folds < 0 || plan->folds == 1 || plan->folds >= MAX_FOLDS)
        return fail(CUSGD_ERROR_USAGE, "the number of folds is %d; give from 2 to %d", plan->folds, MAX_FOLDS - 1);
    if (plan->select == CUSGD_SELECT_ONE_SE && plan->folds == 0)
        return fail(CUSGD_ERROR_USAGE, "the rule 1se needs folds, from which the standard error is known");
    if (!(plan->tolerance >= 0)) return fail(CUSGD_ERROR_USAGE, "the tolerance is %g; give at least 0", plan->tolerance);
    return CUSGD_OK;
}

/* ---- The penalties ---- */

static int falls(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The smallest l1_ratio for which the first penalty is computed, because there is none for 0. */
#define SMALLEST_L1_RATIO 1e-3

void path_choose_alphas(cusgd_path *s, const cusgd_path_plan *plan, double largest)
{
    double first = largest > 0 ? largest / fmax(s->l1_ratio, SMALLEST_L1_RATIO) : 1;
    if (plan->alphas) {
        memcpy(s->alphas, plan->alphas, sizeof(double) * (size_t)s->count);
        qsort(s->alphas, (size_t)s->count, sizeof(double), falls);
        return;
    }
    for (int64_t i = 0; i < s->count; i++)
        s->alphas[i] = first * pow(plan->ratio, (double)i / (double)(s->count > 1 ? s->count - 1 : 1));
}

static cusgd_status choose_alphas(cusgd_path *s, const cusgd_path_plan *plan, const least_squares *all)
{
    descent none = {0};
    cusgd_status status = descent_open(all, &none);
    if (!status) path_choose_alphas(s, plan, descent_largest_l1(&none) * s->unit);
    descent_close(&none);
    return status;
}

/* Return l1 and l2 of penalty i, in the units of the transformed targets. */
static double l1_of(const cusgd_path *s, int64_t i) { return s->alphas[i] * s->l1_ratio / s->unit; }
static double l2_of(const cusgd_path *s, int64_t i) { return s->alphas[i] * (1 - s->l1_ratio); }

/* ---- The models ---- */

static cusgd_status solve_ridge(const cusgd_path *s, const least_squares *of, double *theta)
{
    double *l2 = allocate((size_t)s->count, sizeof *l2);
    if (!l2) return fail_memory((size_t)s->count * sizeof *l2, "the penalties");
    for (int64_t i = 0; i < s->count; i++) l2[i] = l2_of(s, i);
    cusgd_status status = ridge_solve(of, s->count, l2, theta);
    free(l2);
    return status;
}

/* Solves from the largest penalty on, starting from the solution of the previous one. */
static cusgd_status solve_descent(const cusgd_path *s, const least_squares *of, double *theta, cusgd_path_point *points)
{
    descent now;
    cusgd_status status = descent_open(of, &now);
    double before = !status ? descent_largest_l1(&now) : 0;
    for (int64_t i = 0; i < s->count && !status; i++) {
        double l1 = l1_of(s, i);
        descent_solve(&now, l1, l2_of(s, i), fmax(before, l1), s->tolerance);
        vector_copy(s->d, now.theta, theta + i * (s->d + 1));
        if (points) points[i].gap = now.gap;
        before = l1;
        if (interrupt_asked()) status = fail_interrupted();
    }
    descent_close(&now);
    return status;
}

/* Solves for all penalties without the rows of a fold, or with all rows. theta: count x (d+1). */
static cusgd_status solve_all(const cusgd_path *s, const least_squares *of, double *theta, cusgd_path_point *points)
{
    for (int64_t i = 0; points && i < s->count; i++) points[i].gap = (double)NAN;
    cusgd_status status = s->l1_ratio > 0 ? solve_descent(s, of, theta, points) : solve_ridge(s, of, theta);
    for (int64_t i = 0; i < s->count && !status; i++) {
        double *at = theta + i * (s->d + 1);
        at[s->d] = of->y_mean - vector_dot(s->d, of->x_mean, at);
    }
    return status;
}

static cusgd_status solve_folds(cusgd_path *s, least_squares *work)
{
    double unit = s->trainer->problem.units.loss;
    size_t values = (size_t)(s->count * (s->d + 1));
    double *theta = allocate(values, sizeof *theta);
    cusgd_status status = theta ? CUSGD_OK : fail_memory(values * sizeof *theta, "the coefficients of a fold");
    for (int f = 0; f < s->folds && !status; f++) {
        path_problem(s, f, work);
        status = solve_all(s, work, theta, NULL);
        for (int64_t i = 0; i < s->count && !status; i++)
            s->losses[i * s->folds + f] = unit * path_fold_loss(s, f, theta + i * (s->d + 1));
    }
    free(theta);
    return status;
}

/* ---- What came of them ---- */

/* Returns the loss over all rows of theta in the units of the sums. */
static double training_loss(const cusgd_path *s, const double *theta)
{
    int64_t side = s->d + 1;
    double sum = 0, weight = 0;
    for (int f = 0; f < (s->folds > 0 ? s->folds : 1); f++) {
        double own = s->sums[f].product[side * side - 1];
        sum += own * path_fold_loss(s, f, theta);
        weight += own;
    }
    return sum / weight;
}

/* The gap that rounding errors may leave if columns are nearly dependent. */
static const double ROUNDING_GAP = 1e-8;

static void describe(cusgd_path *s, int64_t i)
{
    const problem *p = &s->trainer->problem;
    cusgd_path_point *point = &s->points[i];
    double *theta = s->theta + i * (s->d + 1), squares = 0, *losses = s->losses + i * s->folds;
    point->size = sizeof *point;
    if (!examples_are_sparse(&p->train.rows)) point->converged = !(point->gap > fmax(s->tolerance, ROUNDING_GAP));
    point->alpha = s->alphas[i];
    point->l1 = s->alphas[i] * s->l1_ratio;
    point->l2 = l2_of(s, i);
    if (loss_is_quadratic(p->loss.kind) && !examples_are_sparse(&p->train.rows))
        point->loss = p->units.loss * training_loss(s, theta);
    for (int64_t j = 0; j < s->d; j++) point->nonzeros += theta[j] > 0 || theta[j] < 0;
    for (int f = 0; f < s->folds; f++) point->mean += losses[f] / s->folds;
    for (int f = 0; f < s->folds; f++) squares += (losses[f] - point->mean) * (losses[f] - point->mean);
    point->standard_error = s->folds > 0 ? sqrt(squares / (s->folds - 1) / s->folds) : (double)NAN;
    if (s->folds == 0) point->mean = (double)NAN;
    theta[s->d] += s->shift;
    for (int64_t j = 0; j < s->d; j++) {
        theta[j] /= s->scale[j];
        theta[s->d] -= theta[j] * s->mean[j];
    }
    if (!p->intercept) theta[s->d] = 0;
    for (int64_t j = 0; j <= s->d; j++) theta[j] *= s->unit;
}

static void choose(cusgd_path *s, cusgd_select select)
{
    s->chosen = s->folds > 0 ? 0 : (size_t)s->count - 1;
    for (size_t i = 0; s->folds > 0 && i < (size_t)s->count; i++)
        if (s->points[i].mean < s->points[s->chosen].mean) s->chosen = i;
    double limit = s->points[s->chosen].mean + s->points[s->chosen].standard_error;
    for (size_t i = 0; select == CUSGD_SELECT_ONE_SE && i < s->chosen; i++)
        if (s->points[i].mean <= limit) s->chosen = i;
}

/* ---- Making one ---- */

/* Opens the trainer, which is only used for its checks, its device and its model. Its rows are not uploaded as for a run. */
static cusgd_status open_trainer(cusgd_path *s, const cusgd_options *options, const cusgd_data *train)
{
    cusgd_options o = *options;
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.storage = CUSGD_STORAGE_FULL;
    o.solver = loss_is_expression(o.loss) ? CUSGD_SOLVER_SGD : CUSGD_SOLVER_CG; /* it supports any formula */
    o.standardize = 0;
    if (examples_are_sparse(&train->view)) o.sparse_scale = CUSGD_SPARSE_SCALE_NONE;
    o.l1 = o.l2 = 0;
    cusgd_status status = cusgd_trainer_create(&o, train, NULL, &s->trainer);
    if (status) return status;
    if (s->trainer->problem.k > 1)
        return fail_option("loss", "a path is of one output, and this target has one for each of %lld classes",
                           (long long)s->trainer->problem.k);
    s->trainer->options.standardize = options->standardize;
    s->trainer->options.sparse_scale = options->sparse_scale;
    trainer_choose_storage(&s->trainer->options, train);
    s->d = s->trainer->problem.d;
    return check_options(&s->trainer->options, train); /* the properties of a formula are known now */
}

static cusgd_status check_factors(const cusgd_path *s)
{
    const double *factors = s->trainer->options.l2_factors;
    for (int64_t j = 0; factors && j < s->d && !(s->l1_ratio > 0); j++)
        if (!(factors[j] > 0))
            return fail_option("l2-factors",
                               "column %lld has no l2 penalty, which a path of l1-ratio 0 needs; give an l1-ratio above 0",
                               (long long)j + 1);
    return CUSGD_OK;
}

static cusgd_status allocate_path(cusgd_path *s)
{
    size_t side = (size_t)s->d + 1, count = (size_t)s->count, sums = s->folds > 0 ? (size_t)s->folds : 1;
    int complete = 1;
    s->mean = allocate(2 * (size_t)s->d, sizeof(double));
    s->sums = allocate_zeroed(sums, sizeof *s->sums);
    int sparse = examples_are_sparse(&s->trainer->problem.train.rows); /* their products are not stored */
    s->alphas = allocate(count, sizeof(double));
    s->theta = allocate_zeroed(count * side, sizeof(double));
    s->losses = allocate_zeroed(count * sums, sizeof(double));
    s->points = allocate_zeroed(count, sizeof *s->points);
    if (!s->mean || !s->sums || !s->alphas || !s->theta || !s->losses || !s->points)
        return fail_memory(count * side * sizeof(double), "the path's coefficients");
    s->scale = s->mean + s->d;
    for (size_t f = 0; f < sums && !sparse; f++) {
        complete &= (s->sums[f].product = allocate(side * (side + 1), sizeof(double))) != NULL;
        if (complete) s->sums[f].cross = s->sums[f].product + side * side;
    }
    return complete ? CUSGD_OK : fail_memory(sums * side * side * sizeof(double), "the products of the columns, by fold");
}

static cusgd_status compute_least_squares(cusgd_path *s, const cusgd_path_plan *plan)
{
    least_squares work = {0};
    s->unit = s->trainer->problem.units.target;
    cusgd_status status = path_add_rows(s);
    if (!status) status = least_squares_open(s->d, &work);
    if (!status) path_problem(s, -1, &work);
    if (!status) status = choose_alphas(s, plan, &work);
    if (!status) status = solve_all(s, &work, s->theta, s->points);
    if (!status) status = solve_folds(s, &work);
    least_squares_close(&work);
    return status;
}

/* Computes a path for other losses, whose targets are uploaded unchanged. */
static cusgd_status compute_other(cusgd_path *s, const cusgd_path_plan *plan)
{
    double unused;
    transform t;
    s->unit = 1;
    cusgd_status status = path_standardize(s, &unused, &t);
    return status ? status : path_newton(s, plan);
}

double path_reported(const cusgd_path *s, double loss) { return problem_reported(&s->trainer->problem, loss); }

/* Computes a path for sparse rows and any loss. */
static cusgd_status compute_sparse(cusgd_path *s, const cusgd_path_plan *plan)
{
    double unused;
    transform t;
    s->unit = s->trainer->problem.units.target;
    cusgd_status status = path_standardize(s, &unused, &t);
    return status ? status : path_sparse(s, plan);
}

static cusgd_status compute(cusgd_path *s, const cusgd_path_plan *plan)
{
    const problem *p = &s->trainer->problem;
    cusgd_status status = examples_are_sparse(&p->train.rows) ? compute_sparse(s, plan)
                          : loss_is_quadratic(p->loss.kind)   ? compute_least_squares(s, plan)
                                                              : compute_other(s, plan);
    for (int64_t i = 0; i < s->count && !status; i++) describe(s, i);
    if (!status) choose(s, plan->select);
    return status;
}

static cusgd_status create(cusgd_path *s, const cusgd_options *options, const cusgd_data *train, const cusgd_path_plan *plan)
{
    cusgd_status status = data_on_host(train, "a regularization path");
    if (!status) status = check_options(options, train);
    if (!status) status = check_plan(plan);
    if (status) return status;
    s->count = plan->count;
    s->folds = plan->folds;
    s->l1_ratio = plan->l1_ratio;
    s->tolerance = plan->tolerance > 0 ? plan->tolerance : 1e-12;
    status = open_trainer(s, options, train);
    if (!status) status = check_factors(s);
    int sparse = !status && examples_are_sparse(&s->trainer->problem.train.rows);
    if (!status) status = sparse ? path_check_sparse_memory(s) : path_check_memory(s);
    if (!status) status = allocate_path(s);
    if (!status && s->folds > 0) status = folds_make(plan->fold, s->folds, &s->trainer->problem, &s->fold);
    return status ? status : compute(s, plan);
}

cusgd_status cusgd_path_create(const cusgd_options *options, const cusgd_data *train, const cusgd_path_plan *plan,
                               cusgd_path **out)
{
    *out = NULL;
    if (!options || !train || !plan) return fail_null(__func__);
    cusgd_path_plan complete = {.size = plan->size};
    cusgd_status status = sized_check(plan->size, "plan");
    if (!status) status = cusgd_options_check(options);
    if (status) return status;
    sized_get(&complete, plan, sizeof complete);
    cusgd_path *s = allocate_zeroed(1, sizeof *s);
    if (!s) return fail_memory(sizeof *s, "a path");
    status = create(s, options, train, &complete);
    if (!status)
        *out = s;
    else
        cusgd_path_free(s);
    return status;
}

void cusgd_path_free(cusgd_path *s)
{
    if (!s) return;
    for (int f = 0; s->sums && f < (s->folds > 0 ? s->folds : 1); f++) free(s->sums[f].product);
    cusgd_trainer_free(s->trainer);
    free(s->fold);
    free(s->mean);
    free(s->sums);
    free(s->alphas);
    free(s->theta);
    free(s->losses);
    free(s->points);
    free(s);
}

int cusgd_path_at(const cusgd_path *s, size_t i, cusgd_path_point *out)
{
    if (!s || i >= (size_t)s->count || sized_check(out->size, "out") != CUSGD_OK) return 0;
    sized_put(out, &s->points[i], sizeof *out);
    return 1;
}

const double *cusgd_path_losses(const cusgd_path *s, size_t i)
{
    return s && s->folds > 0 && i < (size_t)s->count ? s->losses + (int64_t)i * s->folds : NULL;
}

const double *cusgd_path_coefficients(const cusgd_path *s, size_t i)
{
    return s && i < (size_t)s->count ? s->theta + (int64_t)i * (s->d + 1) : NULL;
}

size_t cusgd_path_chosen(const cusgd_path *s) { return s ? s->chosen : 0; }

cusgd_status cusgd_path_create_model(cusgd_path *s, size_t i, cusgd_model **out)
{
    *out = NULL;
    if (!s) return fail_null(__func__);
    const double *theta = cusgd_path_coefficients(s, i);
    if (!theta) return fail(CUSGD_ERROR_USAGE, "penalty %zu of a path of %lld", i, (long long)s->count);
    s->trainer->options.l1 = s->points[i].l1;
    s->trainer->options.l2 = s->points[i].l2;
    cusgd_status status = cusgd_trainer_set_coefficients(s->trainer, theta, theta + s->d);
    return status ? status : cusgd_trainer_create_model(s->trainer, out);
}
