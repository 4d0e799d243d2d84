/* Whether a sweep or a path has room: what it needs grows with models times columns, and is known before it begins. */
#include "path.h"

#include "failure.h"
#include "physical_memory.h"

cusgd_status sweep_check_memory(const cusgd_sweep *s)
{
    const run_spec *p = &s->trainer->run.spec;
    int of_snapshot = 1 + (p->average != 0) + optimizer_slots(p->optimizer), others = 3 + LIMIT_COUNT; /* step.c, the CPU's */
    double count = (double)s->count * (double)columns_each(s), values = count * (double)(s->trainer->problem.d + 1);
    double each = s->trainer->options.precision == CUSGD_PRECISION_FLOAT ? sizeof(float) : sizeof(double);
    double bytes = values * (each * (SNAPSHOTS * of_snapshot + others) + sizeof(double) * (2 + LIMIT_COUNT));
    double all = memory_of_machine();
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: %.0f models of %lld columns need %.3g GB, and this machine has %.3g GB; give fewer configurations or "
        "folds",
        count, (long long)s->trainer->problem.d, bytes / 1e9, all / 1e9);
}

cusgd_status path_check_memory(const cusgd_path *s)
{
    double side = (double)s->d + 1, matrices = (s->folds > 0 ? s->folds : 1) + 1 + (s->l1_ratio > 0 ? 0 : 1);
    double bytes = sizeof(double) * side * (matrices * side + 2 * (double)s->count), all = memory_of_machine();
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: a path of %lld columns and %d folds needs %.3g GB for their products, and this machine has %.3g GB; "
        "sweep over l1 and l2 instead",
        (long long)s->d, s->folds, bytes / 1e9, all / 1e9);
}
