/* Class weights of configurations with two classes: factors on the weights of the rows of each class. */
#include "sweep.h"

#include "failure.h"
#include "options.h"
#include <math.h>
#include <stdlib.h>

static int is_balanced(double weight) { return weight < 0; }

/* Returns the class weight; NAN and 0 mean none. */
static double weight_of(const cusgd_configuration *c) { return c->class_weight < 0 || c->class_weight > 0 ? c->class_weight : 1; }

cusgd_status class_weights_check(const cusgd_options *o, const cusgd_sweep_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        double weight = weight_of(&plan->configurations[i]);
        int is_right = is_balanced(weight) ? weight == CUSGD_CLASS_BALANCED : isfinite(weight);
        if (!is_right)
            return fail(CUSGD_ERROR_USAGE,
                        "configuration %zu has class weight %g: give a number above 0, or CUSGD_CLASS_BALANCED", i, weight);
        if (!loss_is_of_classes(o->loss) && (weight < 1 || weight > 1))
            return fail_option("loss", "class weights are for losses of classes, and %s takes numbers",
                               loss_info_of(o->loss)->name);
    }
    return CUSGD_OK;
}

/* The weights of the rows of each fold and class. */
typedef struct class_sums {
    double of[MAX_FOLDS][2];
} class_sums;

static void add_up(const cusgd_sweep *s, class_sums *sums)
{
    const examples *rows = &s->trainer->problem.train.rows;
    *sums = (class_sums){{{0}}};
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t row = examples_row(rows, i);
        sums->of[s->folds > 0 ? s->fold[row] : 0][target_at(rows, row, 0) > 0] += weight_at(rows, row);
    }
}

/* Sets the class weights as in scikit-learn, where "balanced" refers to the training rows of the column. */
static void weigh(const cusgd_sweep *s, const class_sums *sums, column *c)
{
    double weight = weight_of(&s->configurations[c->configuration]), rows[2] = {0};
    for (int f = 0; f < (s->folds > 0 ? s->folds : 1); f++)
        for (int y = 0; y < 2 && f != c->fold; y++) rows[y] += sums->of[f][y];
    double all = rows[0] + rows[1];
    c->class_weight[0] = 1;
    c->class_weight[1] = weight;
    for (int y = 0; y < 2 && is_balanced(weight); y++) c->class_weight[y] = rows[y] > 0 ? all / (2 * rows[y]) : 1;
    c->divisor = c->share * (c->class_weight[0] * rows[0] + c->class_weight[1] * rows[1]) / all;
}

cusgd_status class_weights_take(cusgd_sweep *s)
{
    s->weighs = 0;
    for (size_t i = 0; i < s->count; i++) {
        double weight = s->configurations[i].class_weight = weight_of(&s->configurations[i]);
        s->weighs |= weight < 1 || weight > 1;
    }
    class_sums *sums = s->weighs ? allocate(1, sizeof *sums) : NULL;
    if (s->weighs && !sums) return fail_memory(sizeof *sums, "the weights of classes");
    if (sums) add_up(s, sums);
    for (int64_t c = 0; c < (int64_t)s->count * columns_each(s); c++) {
        column *of = &s->columns[c];
        of->class_weight[0] = of->class_weight[1] = 1;
        of->divisor = of->share;
        if (sums) weigh(s, sums, of);
    }
    free(sums);
    return CUSGD_OK;
}
