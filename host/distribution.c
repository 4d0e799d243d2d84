/* Student's t distribution by integration of its density. The usual continued fraction of the incomplete beta function loses
 * digits for many degrees of freedom. */
#include "distribution.h"

#include <math.h>

/* Returns the series of 1/a in Stirling's formula for log Gamma(a), a >= 10 (DLMF 5.11.1). */
static double stirling_rest(double a)
{
    double u = 1 / (a * a);
    return (1.0 / 12 - u * (1.0 / 360 - u * (1.0 / 1260 - u * (1.0 / 1680 - u * (1.0 / 1188 - u * (691.0 / 360360)))))) / a;
}

/* Returns log (Gamma(a + 1/2) / Gamma(a)), for large a without a difference of large numbers. Smaller a are increased by Gamma(a
 * + 1) = a Gamma(a). */
static double log_gamma_ratio(double a)
{
    double below = 0;
    while (a < 10) {
        below += log(a / (a + 0.5));
        a++;
    }
    return below + a * log1p(0.5 / a) + 0.5 * log(a) - 0.5 + stirling_rest(a + 0.5) - stirling_rest(a);
}

/* Returns the density of Student's t distribution at t >= 0. */
static double density(double t, double degrees)
{
    double square = t / sqrt(degrees) * (t / sqrt(degrees));
    double log_fall = isinf(square) ? 2 * log(t) - log(degrees) : log1p(square);
    return exp(log_gamma_ratio(degrees / 2) - (degrees + 1) / 2 * log_fall) / sqrt(degrees * M_PI);
}

/* Returns the integral of the density from t > 0 to infinity, divided by the density at t: the integral of (1 + s (2 t + s) /
 * (degrees + t^2))^-((degrees + 1) / 2) over s > 0. It substitutes s = c exp(pi/2 sinh u) (H. Takahasi, M. Mori, "Double
 * exponential formulas for numerical integration", 1974). The trapezoidal rule over u converges so fast that a fixed number of
 * steps suffices; c is about the length over which the density falls. */
static double tail_over_density(double t, double degrees)
{
    enum { STEPS = 16, FIRST = -4 * STEPS, LAST = 5 * STEPS };
    double root = sqrt(degrees), larger = fmax(root, t), share = fmin(root, t) / larger;
    double scale = larger * sqrt(1 + share * share); /* hypot() would make programs need glibc 2.35 */
    double rate = (degrees + 1) / (degrees / t + t), c = 1 / fmax(rate, 1 / (1 + t)), sum = 0;
    for (int i = FIRST; i <= LAST; i++) {
        double u = (double)i / STEPS, s = c * exp(M_PI / 2 * sinh(u));
        sum += s * cosh(u) * exp(-(degrees + 1) / 2 * log1p(s / scale * ((2 * t + s) / scale)));
    }
    return M_PI / 2 * sum / STEPS;
}

double two_sided_probability(double t, double degrees)
{
    t = fabs(t);
    if (isnan(t) || isnan(degrees)) return (double)NAN;
    if (isinf(degrees)) return erfc(t * M_SQRT1_2);
    if (t == 0 || isinf(t)) return t == 0;
    return fmin(2 * density(t, degrees) * tail_over_density(t, degrees), 1);
}

/* Returns the negative derivative of the probability with respect to log t. */
static double fall(double t, double degrees)
{
    if (isinf(degrees)) return 2 * t * exp(-t * t / 2) / sqrt(2 * M_PI);
    return 2 * t * density(t, degrees);
}

/* Finds the quantile by Newton's method on the logarithms, safeguarded by an interval that shrinks. */
static double find_quantile(double probability, double degrees)
{
    double low = 0, high = (double)INFINITY, t = 1;
    for (int i = 0; i < 200; i++) {
        double at = two_sided_probability(t, degrees);
        if (at > probability)
            low = t;
        else
            high = t;
        double next = at > 0 ? t * exp(at / fall(t, degrees) * log(at / probability)) : 0;
        if (!(next > low && next < high)) next = isinf(high) ? 2 * t : (low + high) / 2;
        if (fabs(next - t) <= 1e-15 * t || next == low || next == high) return next;
        t = next;
    }
    return t;
}

double two_sided_quantile(double probability, double degrees)
{
    static _Thread_local struct {
        double probability, degrees, quantile;
    } last; /* the last result: a model needs the same quantile for each of its coefficients */
    if (!(probability > 0 && probability < 1) || !(degrees > 0)) return (double)NAN;
    if (last.probability != probability || last.degrees != degrees) {
        last.quantile = find_quantile(probability, degrees);
        last.probability = probability;
        last.degrees = degrees;
    }
    return last.quantile;
}
