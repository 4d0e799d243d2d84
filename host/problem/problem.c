/* A problem: checks of the options and the data, and uploads. */
#include "problem.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "scalar/shards.h"
#include "stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options and data together ---- */

static const char *offset_phrase(cusgd_offset kind)
{
    static const char *const phrases[] = {"no offset", "an offset", "an exposure"};
    return phrases[kind];
}

/* Checks whether lazy updates are possible: they skip columns that a batch does not have, which only few methods can make up for
 * later. */
static cusgd_status check_update(const cusgd_options *o, const examples *train)
{
    if (o->update != CUSGD_UPDATE_LAZY || o->solver != CUSGD_SOLVER_SGD) return CUSGD_OK;
    if (!examples_are_sparse(train)) return fail_option("update", "lazy updates are those of sparse data; leave out --update");
    if (o->optimizer != CUSGD_OPTIMIZER_AUTO && !optimizer_may_wait((int)o->optimizer))
        return fail_option(
            "update", "lazy updates are those of the optimizers sgd, adagrad and ftrl: choose one of them, or --update dense");
    if (o->optimizer == CUSGD_OPTIMIZER_SGD && (o->l1_factors || o->l2_factors))
        return fail_option("update",
                           "lazy updates of sgd take no penalty factors: leave those out, or choose optimizer adagrad or "
                           "ftrl, or --update dense");
    if (o->sparse_scale == CUSGD_SPARSE_SCALE_FULL)
        return fail_option("update", "a step changes all columns where they are centered (--sparse-scale full): choose --update "
                                     "dense, or --sparse-scale rms");
    if (o->shards > 1)
        return fail_option("update",
                           "updates of several shards, which several processes have, are not lazy: choose --update dense, "
                           "or leave out --shards");
    if (o->clip_norm > 0 || o->clip_value > 0)
        return fail_option("update", "lazy updates take no clipping: leave it out, or choose --update dense");
    return CUSGD_OK;
}

/* Refuses given means or scales for sparse columns, which are only centered and scaled by --sparse-scale. */
static cusgd_status check_sparse_scales(const cusgd_options *o, const cusgd_data *train)
{
    int64_t d = train->view.d;
    for (int64_t j = 0; o->column_means && o->sparse_scale != CUSGD_SPARSE_SCALE_FULL && j < d; j++)
        if (o->column_means[j] != 0)
            return fail_option("column-means", "sparse columns are not centered: give them the means 0, or leave the means out, "
                                               "or take --sparse-scale full");
    for (int64_t j = 0; o->column_scales && o->sparse_scale == CUSGD_SPARSE_SCALE_NONE && j < d; j++)
        if (o->column_scales[j] != 1)
            return fail_option("column-scales",
                               "sparse columns are divided by given scales with --sparse-scale rms or full only: give that "
                               "too, or leave the scales out");
    return CUSGD_OK;
}

static cusgd_status check_targets(const cusgd_options *o, const cusgd_data *train)
{
    const examples *a = &train->view;
    if (a->k == 0) return fail(CUSGD_ERROR_DATA, "%s: there are no targets to train on", train->source);
    if (o->multiclass == CUSGD_MULTICLASS_SOFTMAX && o->loss != CUSGD_LOSS_SOFTMAX)
        return fail_option("classes", "classes softmax is for the loss logistic: leave it out, or give one-vs-rest");
    if (o->loss == CUSGD_LOSS_SOFTMAX && (a->k != 1 || (a->classes == 0 && train->class_count != 0 && train->class_count != 2)))
        return fail(CUSGD_ERROR_DATA, "%s has %lld targets, and the loss softmax takes one: the numbers of classes, from 0",
                    train->source, (long long)a->k);
    if (a->classes > 0 && !loss_is_of_classes(o->loss))
        return fail(CUSGD_ERROR_DATA,
                    "%s: the target has %lld classes, and the loss %s takes numbers: take --loss logistic, or choose another "
                    "target (--target)",
                    train->source, (long long)a->classes, loss_word(o->loss));
    if (train->offset == CUSGD_OFFSET_EXPOSURE && !loss_has_log_link(o->loss))
        return fail(
            CUSGD_ERROR_USAGE,
            "an exposure is for losses with a logarithmic link (poisson, gamma, tweedie), where it multiplies the mean; with the "
            "loss %s give an offset, which is added to the prediction",
            loss_word(o->loss));
    return CUSGD_OK;
}

/* Checks whether the solver supports the loss. */
static cusgd_status check_solver(const cusgd_options *o, const examples *a)
{
    if (o->loss == CUSGD_LOSS_SOFTMAX && o->solver == CUSGD_SOLVER_NEWTON)
        return fail_option("solver", "the outputs of the loss softmax have no second derivatives of their own, which solver "
                                     "newton needs; take lbfgs, or --classes one-vs-rest");
    if (o->loss == CUSGD_LOSS_SOFTMAX && o->solver == CUSGD_SOLVER_COORDINATE)
        return fail_option("solver", "the outputs of the loss softmax share their rows' losses, and solver coordinate takes one "
                                     "output after another; take lbfgs, or --classes one-vs-rest");
    int of_quantile = options_solve_quantile(o);
    if (of_quantile && (a->k > 1 || examples_are_sparse(a)))
        return fail_option("solver",
                           "the optimum of the loss quantile is computed for dense data with one target: take solver sgd");
    if (o->solver != CUSGD_SOLVER_SGD && loss_is_nonsmooth(o->loss) && !of_quantile)
        return fail(
            CUSGD_ERROR_USAGE,
            "the loss %s is not differentiable everywhere and requires solver sgd: the other solvers need a smooth objective",
            loss_word(o->loss));
    return CUSGD_OK;
}

/* Checks options that sparse rows or dense rows do not support. */
static cusgd_status check_storage(const cusgd_options *o, const cusgd_data *train)
{
    const examples *a = &train->view;
    cusgd_status status = check_update(o, a);
    if (!status && o->sparse_scale != CUSGD_SPARSE_SCALE_NONE && !examples_are_sparse(a))
        status = fail_option("sparse-scale", "sparse-scale is for sparse data: leave it out");
    if (!status && examples_are_sparse(a)) status = check_sparse_scales(o, train);
    if (!status && o->robust) status = data_is_dense(train, "option robust");
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = data_is_dense(train, "option whiten");
    if (status) return status;
    int by_gradients = o->solver == CUSGD_SOLVER_AUTO || o->solver == CUSGD_SOLVER_SGD || o->solver == CUSGD_SOLVER_GD ||
                       o->solver == CUSGD_SOLVER_CG || o->solver == CUSGD_SOLVER_LBFGS || o->solver == CUSGD_SOLVER_COORDINATE;
    if (examples_are_sparse(a) && !by_gradients)
        return fail_option("solver",
                           "sparse data is trained by the solvers sgd, gd, cg, lbfgs and coordinate: the others need second "
                           "derivatives or the matrix itself");
    return CUSGD_OK;
}

static cusgd_status check_validation(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid)
{
    const examples *a = &train->view, *b = &valid->view;
    if (examples_are_sparse(a) != examples_are_sparse(b))
        return fail(CUSGD_ERROR_DATA, "%s is %s and the training data is not: both need to be sparse, or dense", valid->source,
                    examples_are_sparse(a) ? "dense" : "sparse");
    if (train->offset != valid->offset)
        return fail(CUSGD_ERROR_DATA, "%s has %s, and the training data has %s: both need the same", valid->source,
                    offset_phrase(valid->offset), offset_phrase(train->offset));
    if (o->valid_fraction > 0) return fail(CUSGD_ERROR_USAGE, "validation data and valid-fraction exclude each other; give one");
    if (b->classes != a->classes && b->classes != 0)
        return fail(CUSGD_ERROR_DATA, "%s has %lld classes where the training data has %lld: give both the same", valid->source,
                    (long long)b->classes, (long long)a->classes);
    if (a->d != b->d || a->k != b->k)
        return fail(CUSGD_ERROR_DATA, "%s has %lld columns and %lld targets where the training data has %lld and %lld",
                    valid->source, (long long)b->d, (long long)b->k, (long long)a->d, (long long)a->k);
    return CUSGD_OK;
}

cusgd_status problem_check_options(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid)
{
    cusgd_status status = check_targets(o, train);
    if (!status) status = check_solver(o, &train->view);
    if (!status) status = check_storage(o, train);
    return status || !valid ? status : check_validation(o, train, valid);
}

/* ---- Making one ---- */

static cusgd_status allocate_vectors(problem *p)
{
    size_t d = (size_t)p->d, k = (size_t)p->k;
    p->units.mean = allocate_zeroed(d, sizeof(double));
    p->units.scale = allocate_zeroed(d, sizeof(double));
    p->units.rms = allocate_zeroed(d, sizeof(double));
    p->units.own_scale = allocate_zeroed(d, sizeof(double));
    p->units.shift = allocate_zeroed(k, sizeof(double));
    p->targets.null = allocate_zeroed(k, sizeof(double));
    p->targets.scale = allocate_zeroed(k, sizeof(double));
    int complete = p->units.mean && p->units.scale && p->units.rms && p->units.own_scale && p->units.shift && p->targets.null &&
                   p->targets.scale;
    return complete ? CUSGD_OK : fail_memory((4 * d + 3 * k) * sizeof(double), "the columns' means and scales");
}

static cusgd_status check_shards(const example_set *set)
{
    if (set->shards <= set->rows.n) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%d shards of %lld rows: each needs a row; give fewer", set->shards, (long long)set->rows.n);
}

/* The rows whose features are checked. OWN: if several processes share the rows, approximately those that this process trains
 * on. */
enum checked_rows { CHECK_NONE, CHECK_OWN, CHECK_ALL };

/* Returns whether the moments check the features, which must be finite for finite moments: the rows are then read only once, and
 * checked only if a moment is not finite. Moments do not include rows that are left out or held out. Processes that share rows
 * find failures together before they upload rows. */
static int moments_check(const problem *p, const examples *e)
{
    return !examples_are_sparse(e) && !e->w.at && !p->world && !(p->options->valid_fraction > 0) &&
           p->options->whiten == CUSGD_WHITEN_NONE;
}

static cusgd_status check_set(const problem *p, const example_set *set, enum checked_rows of)
{
    const cusgd_options *o = p->options;
    uint64_t n = (uint64_t)set->rows.n, shards = (uint64_t)o->shards;
    tree_node own = of == CHECK_OWN ? world_shards(p->world, o->shards, p->world->rank) : (tree_node){0, o->shards};
    if (of == CHECK_NONE) own.count = 0;
    row_range part = {(int64_t)shard_start(n, shards, (uint64_t)own.first),
                      (int64_t)shard_start(n, shards, (uint64_t)own.first + (uint64_t)own.count)};
    return examples_check_part(&set->rows, part, (int)o->loss, set->data->source, o->threads);
}

static cusgd_status check_sets(const problem *p, const example_set *train, const example_set *valid, enum checked_rows of)
{
    cusgd_status status = valid->data ? check_set(p, valid, of) : CUSGD_OK;
    return status ? status : check_set(p, train, of);
}

/* Checks the examples. Several processes divide the rows. If one finds a fault, all check all rows, so that they find the first
 * fault, as a single process does. They exchange the outcome once, whatever rows each has; differences between their data are
 * found later. */
static cusgd_status check_examples(const problem *p, const example_set *train, const example_set *valid)
{
    int wrong = 0;
    if (!p->world) return check_sets(p, train, valid, CHECK_ALL);
    cusgd_status status = check_sets(p, train, valid, CHECK_OWN);
    if (status && status != CUSGD_ERROR_DATA) return status;
    status = world_any(p->world, status != CUSGD_OK, &wrong);
    return status || !wrong ? status : check_sets(p, train, valid, CHECK_ALL);
}

/* Checks the features after the moments were not finite, to name the first row with a fault. */
static cusgd_status explained(const problem *p, cusgd_status status)
{
    if (status != CUSGD_ERROR_DATA || !moments_check(p, &p->train.rows)) return status;
    cusgd_status found = check_set(p, &p->train, CHECK_ALL);
    return found ? found : status;
}

static cusgd_status check_before_moments(const problem *p)
{
    if (!moments_check(p, &p->train.rows)) return check_examples(p, &p->train, &p->valid);
    cusgd_status status = p->valid.data ? check_set(p, &p->valid, CHECK_ALL) : CUSGD_OK;
    return status ? status : explained(p, check_set(p, &p->train, CHECK_NONE));
}

static cusgd_status take_examples(problem *p)
{
    const cusgd_options *o = p->options;
    cusgd_status status = leave_out_weightless(&p->train);
    if (!status && p->valid.data) status = leave_out_weightless(&p->valid);
    if (!status && loss_is_of_classes(o->loss)) status = examples_have_target(&p->train.rows, -1, &p->targets.minus);
    if (!status) status = allocate_vectors(p);
    if (!status && o->valid_fraction > 0) status = hold_out(p);
    if (!status) status = check_shards(&p->train);
    if (p->valid.shards > p->valid.rows.n) p->valid.shards = p->valid.rows.n > 1 ? (int)p->valid.rows.n : 1;
    return status ? status : examples_check_classes(&p->train.rows, (int)o->loss, p->train.data->source);
}

cusgd_status problem_open(problem *p, world *w, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid)
{
    *p = (problem){.options = options,
                   .world = w,
                   .loss = loss_rule_of(options),
                   .d = train->view.d,
                   .m = train->view.k,
                   .intercept = options->intercept,
                   .l1 = options->l1,
                   .l2 = options->l2,
                   .train = {.data = train, .rows = train->view, .shards = options->shards},
                   .valid = {.data = valid, .shards = options->shards},
                   .units = {.target = 1, .loss = 1},
                   .null_loss = (double)NAN,
                   .null_gradient = (double)NAN,
                   .separated = -1};
    if (valid) p->valid.rows = valid->view;
    p->train.rows.classes = p->valid.rows.classes = classes_of(options, train);
    p->k = examples_outputs(&p->train.rows);
    cusgd_status status = problem_check_options(options, train, valid);
    if (!status) status = check_before_moments(p);
    return status ? status : explained(p, take_examples(p));
}

static cusgd_status bind_training(problem *p)
{
    double *variance = allocate_zeroed((size_t)(2 * p->d + p->m + p->k), sizeof *variance);
    if (!variance) return fail_memory((size_t)(2 * p->d + p->m + p->k) * sizeof *variance, "the columns' variances");
    cusgd_status status = explained(p, problem_standardize(p, variance, variance + p->d));
    if (!status && p->options->robust) status = problem_take_quartiles(p, variance);
    if (!status) problem_standardize_in_float(p);
    free(variance);
    return status ? status : stream_bind_training(p);
}

/* Uploads the validation rows. Their losses are weighted relative to their own mean weight, and their features keep full
 * precision. */
static cusgd_status bind_validation(problem *p)
{
    transform own = p->units.transform;
    double weight = 0, *unused = allocate((size_t)(2 * p->d + p->m), sizeof *unused);
    if (!unused) return fail_memory((size_t)(2 * p->d + p->m) * sizeof *unused, "the columns' means");
    cusgd_status status = shards_moments(p, &p->valid, unused, unused + p->d, unused + 2 * p->d, &weight);
    free(unused);
    own.storage = CUSGD_STORAGE_FULL;
    own.weight_mean = weight / (double)p->valid.rows.n;
    return status ? status : shards_bind(p, &own, &p->valid);
}

cusgd_status problem_bind(problem *p, const backend *b)
{
    p->backend = b;
    cusgd_status status = explained(p, scale_targets(p));
    if (!status) status = bind_training(p);
    if (!status && p->valid.rows.n > 0) status = bind_validation(p);
    return status ? status : problem_set_limits(p);
}

static void close_set(const problem *p, example_set *set)
{
    shards_unbind(p, set);
    stream_close(p, set->stream);
    free(set->index);
    free(set->scaled);
}

void problem_close(problem *p)
{
    close_set(p, &p->train);
    close_set(p, &p->valid);
    free(p->units.mean);
    free(p->units.scale);
    free(p->units.rms);
    free(p->units.own_scale);
    free(p->units.shift);
    free(p->targets.null);
    free(p->targets.scale);
    for (int i = 0; i < LIMIT_COUNT; i++) free(p->limit[i]);
}

/* ---- Other rows, and other options ---- */

static cusgd_status check_alike(const problem *p, const cusgd_data *data)
{
    const cusgd_data *known = p->train.data;
    const example_set none = {.data = NULL};
    example_set set = {.data = data, .rows = data->view};
    if (data->view.d != p->d || data->view.k != p->m)
        return fail(CUSGD_ERROR_DATA, "%s has %lld columns and %lld targets where the rows before have %lld and %lld",
                    data->source, (long long)data->view.d, (long long)data->view.k, (long long)p->d, (long long)p->m);
    if (data->offset != known->offset)
        return fail(CUSGD_ERROR_DATA, "%s has %s, and the rows before have %s: all need the same", data->source,
                    offset_phrase(data->offset), offset_phrase(known->offset));
    if (examples_are_sparse(&data->view) != examples_are_sparse(&known->view))
        return fail(CUSGD_ERROR_DATA, "%s: sparse rows cannot follow dense ones, nor dense ones sparse ones", data->source);
    cusgd_status status = texts_check_same("column", known->features, data->features, p->d, data->source);
    if (!status) status = texts_check_same("target", known->targets, data->targets, p->m, data->source);
    if (!status && known->classes && data->classes && known->class_count != data->class_count)
        status = fail(CUSGD_ERROR_DATA, "%s has %lld classes where the rows before have %lld", data->source,
                      (long long)data->class_count, (long long)known->class_count);
    if (!status) status = texts_check_same("class", known->classes, data->classes, known->class_count, data->source);
    set.rows.classes = p->train.rows.classes;
    return status ? status : check_examples(p, &set, &none);
}

cusgd_status problem_rebind(problem *p, const cusgd_data *train)
{
    problem next = *p;
    next.train = (example_set){.data = train, .rows = train->view, .shards = p->train.shards};
    next.train.rows.classes = p->train.rows.classes;
    next.separated = -1;
    cusgd_status status = check_alike(p, train);
    if (!status) status = leave_out_weightless(&next.train);
    if (!status) status = check_shards(&next.train);
    if (!status) status = rescale_targets(&next);
    if (!status) status = shards_bind(&next, &next.units.transform, &next.train);
    if (!status) next.targets.lower_bound = targets_lower_bound(&next);
    if (!status && !isnan(p->null_loss)) status = problem_measure_null(&next, !isnan(p->null_gradient));
    if (!status && interrupt_asked()) status = fail_interrupted();
    if (!status) status = data_check_files(train);
    close_set(p, !status ? &p->train : &next.train);
    if (!status) *p = next;
    return status;
}

int problem_binds_alike(const problem *p, const cusgd_options *after)
{
    const cusgd_options *before = p->options;
    loss_rule old = loss_rule_of(before), new = loss_rule_of(after);
    int was_auto = before->solver == CUSGD_SOLVER_SGD && before->optimizer == CUSGD_OPTIMIZER_AUTO;
    int is_auto = after->solver == CUSGD_SOLVER_SGD && after->optimizer == CUSGD_OPTIMIZER_AUTO; /* it bounds exponentials */
    int alike = old.kind == new.kind && !(old.number < new.number) && !(old.number > new.number) && was_auto == is_auto &&
                before->precision == after->precision && before->storage == after->storage &&
                before->standardize == after->standardize && before->robust == after->robust && before->whiten == after->whiten &&
                before->intercept == after->intercept && before->threads == after->threads && before->shards == after->shards &&
                before->memory == after->memory &&strcmp(before->device, after->device) == 0 && !(p->units.target > 1) &&
                !(p->units.target < 1) && !(before->valid_fraction > 0) && !(after->valid_fraction > 0);
    alike = alike && options_standardize_alike(before, after) && options_formula_alike(before, after);
    if (p->train.stream) alike = alike && before->sampling == after->sampling && before->solver == after->solver;
    for (int64_t j = 0; j < p->d && alike; j++) {
        double scale = problem_penalized_scale(after, j, p->units.own_scale[j]);
        alike = !(scale < p->units.scale[j]) && !(scale > p->units.scale[j]);
    }
    return alike;
}

cusgd_status problem_reset(problem *p)
{
    const cusgd_options *o = p->options;
    p->l1 = o->l1;
    p->l2 = o->l2;
    p->null_loss = p->null_gradient = (double)NAN;
    p->separated = -1;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        free(p->limit[i]);
        p->limit[i] = NULL;
    }
    return problem_set_limits(p);
}

cusgd_status problem_check_data(const problem *p)
{
    cusgd_status status = data_check_files(p->train.data);
    if (!status && p->train.stream) status = stream_check(p->train.stream);
    return !status && p->valid.data ? data_check_files(p->valid.data) : status;
}
