/* Targets of unusual magnitude. Squares of targets of 1e20 overflow a float, and those of 1e-25 underflow. A quadratic objective
 * can be computed in any unit of its targets: with y = u y' and theta = u theta' it is u^2 times that of y', with l1 / u for l1.
 * Such a run therefore uses targets in a unit of about their size, a power of two, which changes no digits. Reports and results
 * are in the units of the data. */
#include "problem.h"

#include "examples.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include <math.h>
#include <stdlib.h>

/* The range of targets for which losses, gradients and their squares are well within the range of the precision. */
typedef struct bounds {
    double low, high;
} bounds;

static bounds bounds_of(const cusgd_options *o)
{
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    bounds b = {single ? 1e-14 : 1e-140, single ? 1e17 : 1e140};
    if (o->loss == CUSGD_LOSS_GAMMA) b.low = single ? 1e-30 : 1e-290; /* gradients do not depend on the size of targets */
    return b;
}

/* Returns the largest |y| of rows with weight > 0. */
static double largest_target(const examples *e)
{
    double largest = 0;
    for (counted_rows at = {.of = e}; counted_next(&at);)
        for (int64_t c = 0; c < e->k; c++) largest = fmax(largest, fabs(counted_target(&at, c)));
    return largest;
}

/* Returns whether the run is the same in another unit. It is not if, for example, the rate of adam is given, or with offsets,
 * which are absolute. */
static int can_scale(const problem *p)
{
    const cusgd_options *o = p->options;
    int relative = optimizer_table[o->optimizer].scales_with_gradient;
    return loss_is_quadratic(o->loss) && !p->train.rows.o.at && (o->solver != CUSGD_SOLVER_SGD || relative);
}

static cusgd_status refuse(const problem *p, double largest)
{
    int single = p->options->precision == CUSGD_PRECISION_FLOAT;
    bounds wide = {single ? 1e-140 : 0, single ? 1e140 : 0};
    int helps = largest >= wide.low && largest <= wide.high;
    return fail(
        CUSGD_ERROR_DATA,
        "%s: the largest target is %.3g, which is too %s for the %s loss and these options in precision %s: %s the targets by "
        "a power of ten%s",
        p->train.data->source, largest, largest > 1 ? "large" : "small", loss_word(p->options->loss), single ? "float" : "double",
        largest > 1 ? "divide" : "multiply", helps ? ", or use --precision double" : "");
}

/* Replaces y by a copy in the unit of the problem, n x k. Rows that were held out share the copy of the training rows. */
static cusgd_status copy_scaled(const problem *p, example_set *set)
{
    const cusgd_data *data = set->data ? set->data : p->train.data;
    int64_t n = data->view.n, k = data->view.k;
    double *copy = set->data ? allocate((size_t)(n * k), sizeof *copy) : p->train.scaled;
    if (!copy) return fail_memory((size_t)(n * k) * sizeof *copy, "the scaled targets");
    if (set->data) {
        set->scaled = copy;
        for (int64_t i = 0; i < n && !interrupt_asked_at(i); i++)
            for (int64_t c = 0; c < k; c++) copy[i * k + c] = target_at(&data->view, i, c) / p->units.target;
    }
    set->rows.y = (cusgd_matrix){copy, CUSGD_TYPE_FLOAT64, k, 1};
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

cusgd_status scale_targets(problem *p)
{
    bounds b = bounds_of(p->options);
    p->units.target = p->units.loss = 1;
    if (loss_is_of_classes(p->options->loss)) return CUSGD_OK;
    double largest = largest_target(&p->train.rows);
    if (interrupt_asked()) return fail_interrupted();
    if (largest == 0 || (largest >= b.low && largest <= b.high)) return CUSGD_OK;
    if (!can_scale(p) || largest > 1e150) return refuse(p, largest); /* squares of larger targets could not be reported */
    p->units.target = ldexp(1, ilogb(largest));
    p->units.loss = p->units.target * p->units.target;
    p->l1 = fmin(p->l1 / p->units.target, 1e30); /* all coefficients are then 0, as for any larger value */
    cusgd_status status = copy_scaled(p, &p->train);
    return !status && p->valid.rows.n > 0 ? copy_scaled(p, &p->valid) : status;
}

cusgd_status rescale_targets(problem *p)
{
    if (loss_is_of_classes(p->options->loss)) return CUSGD_OK;
    double largest = largest_target(&p->train.rows);
    if (interrupt_asked()) return fail_interrupted();
    if (largest / p->units.target > bounds_of(p->options).high) return refuse(p, largest);
    return p->units.target == 1 ? CUSGD_OK : copy_scaled(p, &p->train);
}
