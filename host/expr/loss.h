/* Evaluates any loss, a formula or one of the table, in one row or in several. To be included after real.h, or where `real` is
 * double. */
#ifndef CUSGD_HOST_EXPR_LOSS_H
#define CUSGD_HOST_EXPR_LOSS_H

#include "scalar/loss.h"
#include "scalar/loss_formula.h"
#include "scalar/losses.h"

/* rows.c, in both precisions and for each instruction set: evaluates a formula and its derivatives with respect to p in some
 * rows. curvature may be NULL, or both derivative and curvature. y may be NULL if the formula does not use it, as a link. */
#define LOSS_FORMULA_ROWS(ISA)                                                                                                \
    void loss_formula_rows_float_##ISA(const struct loss_formula *f, int count, const float *p, const float *y, float *value, \
                                       float *derivative, float *curvature);                                                  \
    void loss_formula_rows_double_##ISA(const struct loss_formula *f, int count, const double *p, const double *y,            \
                                        double *value, double *derivative, double *curvature);                                \
    void formula_rows_float_##ISA(const formula_code *code, int count, const float *p, const float *y, float *value,          \
                                  float *derivative, float *curvature);                                                       \
    void formula_rows_double_##ISA(const formula_code *code, int count, const double *p, const double *y, double *value,      \
                                   double *derivative, double *curvature);
LOSS_FORMULA_ROWS(baseline)
LOSS_FORMULA_ROWS(avx2)
LOSS_FORMULA_ROWS(avx512)
#undef LOSS_FORMULA_ROWS

/* Returns l(p, y) and its derivatives. */
static inline struct loss_point rule_at(loss_rule rule, real p, real y)
{
    if (!rule.formula) return loss_at(rule, p, y);
    struct loss_point l;
    _Generic(p, float
             : loss_formula_rows_float_baseline, double
             : loss_formula_rows_double_baseline)(rule.formula, 1, &p, &y, &l.value, &l.derivative, &l.curvature);
    return l;
}

/* Returns E[y | p]. */
static inline double rule_mean_at(loss_rule rule, double p)
{
    double mean = p;
    if (!rule.formula) return loss_mean_at(rule.kind, p);
    if (rule.formula->link.count > 0) formula_rows_double_baseline(&rule.formula->link, 1, &p, NULL, &mean, NULL, NULL);
    return mean;
}

#endif
