/* Inference from standard errors: statistics, p-values and confidence intervals of coefficients. */
#include "distribution.h"
#include "failure.h"
#include "model.h"
#include "public.h"

#include <inttypes.h>
#include <math.h>

cusgd_status model_coefficient(const cusgd_model *m, int64_t output, int64_t j, double level, cusgd_coefficient *out)
{
    if (output < 0 || output >= m->k) return fail(CUSGD_ERROR_USAGE, "output %" PRId64 ": there are %" PRId64, output, m->k);
    if (j < 0 || j > m->d)
        return fail(CUSGD_ERROR_USAGE, "coefficient %" PRId64 ": there are %" PRId64 ", and the intercept", j, m->d);
    if (!(level > 0 && level < 1))
        return fail(CUSGD_ERROR_USAGE, "an interval's level lies between 0 and 1, as 0.95 does; %g does not", level);
    double degrees = m->residual_degrees > 0 ? (double)m->residual_degrees : (double)INFINITY;
    double error = m->errors ? m->errors[output * (m->d + 1) + j] : 0;
    *out = (cusgd_coefficient){.size = sizeof *out, .value = j < m->d ? m->weight[output * m->d + j] : m->bias[output]};
    out->error = out->statistic = out->p_value = out->lower = out->upper = (double)NAN;
    out->degrees_of_freedom = m->residual_degrees;
    if (!(error > 0)) return CUSGD_OK; /* the coefficient was not fitted or has no error */
    double width = two_sided_quantile(1 - level, degrees) * error;
    out->error = error;
    out->statistic = out->value / error;
    out->p_value = two_sided_probability(out->statistic, degrees);
    out->lower = out->value - width;
    out->upper = out->value + width;
    return CUSGD_OK;
}
