/* scalar/elementary.h and scalar/trigonometry.h against values of mpmath, and against the C library's rules for zeros, infinities
 * and NaN. */
#include "oracle.h"
#include "scalar.h"
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const scalar_functions *const precisions[] = {&scalar_float, &scalar_double};
static const char *const precision_names[] = {"float", "double"};

static int is_float(const scalar_functions *f) { return f->unit > DBL_EPSILON; }

/* An ulp of the number nearest to x; of those that are subnormal the smallest. */
static double ulp_of(const scalar_functions *f, double x)
{
    int exponent, least = is_float(f) ? -125 : -1021;
    frexp(x, &exponent);
    return ldexp(f->unit, exponent < least ? least : exponent);
}

static double item(const cJSON *row, int at) { return cJSON_GetArrayItem(row, at)->valuedouble; }

Test(elementary, errors_are_below_one_ulp)
{
    cJSON *json = golden_json("elementary.json");
    for (int p = 0; p < 2; p++) {
        const cJSON *function, *row;
        int functions = 0;
        cJSON_ArrayForEach(function, cJSON_GetObjectItem(json, precision_names[p]))
        {
            double worst = 0, at = (double)NAN;
            int of_two = !strcmp(function->string, "pow");
            cJSON_ArrayForEach(row, function)
            {
                double x = item(row, 0), high = item(row, 1 + of_two), low = item(row, 2 + of_two);
                double got = of_two ? precisions[p]->pow(x, item(row, 1)) : precisions[p]->elementary(function->string, x);
                double error = fabs((got - high) - low) / ulp_of(precisions[p], high);
                if (!(error <= worst)) worst = error, at = x;
            }
            cr_expect(worst < 1, "%s in %s: %.3f ulp at %.17g", function->string, precision_names[p], worst, at);
            functions++;
        }
        cr_expect_eq(functions, 15);
    }
    cJSON_Delete(json);
}

static int equal(double a, double b) { return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b)); }

/* The functions as the C library has them, in double. */
#define LIBRARY(NAME) {#NAME, NAME},
static const struct {
    const char *name;
    double (*of)(double x);
} library[] = {ELEMENTARY_FUNCTIONS(LIBRARY)};
enum { FUNCTIONS = sizeof library / sizeof library[0] };

/* Zeros, infinities, NaN, ones, and the smallest and largest numbers of float and of double. */
static const double special[] = {0,
                                 -0.0,
                                 1,
                                 -1,
                                 (double)INFINITY,
                                 -(double)INFINITY,
                                 (double)NAN,
                                 DBL_MIN,
                                 -DBL_MIN,
                                 DBL_TRUE_MIN,
                                 -DBL_TRUE_MIN,
                                 DBL_MAX,
                                 -DBL_MAX,
                                 (double)FLT_MIN,
                                 -(double)FLT_MIN,
                                 (double)FLT_TRUE_MIN,
                                 -(double)FLT_TRUE_MIN,
                                 (double)FLT_MAX,
                                 -(double)FLT_MAX,
                                 0.5,
                                 -0.5,
                                 2,
                                 -2,
                                 3,
                                 -3,
                                 1e5,
                                 -1e5,
                                 0x1.fffffffffffffp-1,
                                 0x1.0000000000001p0,
                                 (double)0x1.fffffep-1F,
                                 (double)0x1.000002p0F,
                                 0x1p23 + 1,
                                 -0x1p23 - 1,
                                 0x1p24,
                                 0x1p52 + 1,
                                 -0x1p52 - 1,
                                 0x1p53 - 1,
                                 0x1p53,
                                 -0x1p54};
enum { SPECIAL = sizeof special / sizeof special[0] };

/* Equal to what the library has, rounded, or less than an ulp away: with the same sign, and an infinity only next to one or next
 * to the largest number. */
static int matches(const scalar_functions *f, double got, double exact)
{
    double most = is_float(f) ? (double)FLT_MAX : DBL_MAX, rounded = is_float(f) ? (double)(float)exact : exact;
    if (equal(got, rounded)) return 1;
    if (isnan(got) || isnan(rounded) || !signbit(got) != !signbit(exact)) return 0;
    if (isinf(got) || isinf(rounded)) return fabs(isinf(got) ? rounded : got) == most && fabs(exact) > most * (1 - f->unit);
    return fabs(got - exact) <= 1.5 * ulp_of(f, exact); /* the library is not exact in double */
}

Test(elementary, zeros_infinities_nan_and_limits_are_as_the_c_library_has_them)
{
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < SPECIAL; i++)
            for (int f = 0; f < FUNCTIONS; f++) {
                double x = is_float(precisions[p]) ? (double)(float)special[i] : special[i];
                double got = precisions[p]->elementary(library[f].name, x), exact = library[f].of(x);
                cr_expect(matches(precisions[p], got, exact), "%s(%.17g) in %s: %.17g, not %.17g", library[f].name, x,
                          precision_names[p], got, exact);
            }
}

Test(elementary, powers_of_zeros_infinities_nan_and_limits_are_as_the_c_library_has_them)
{
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < SPECIAL * SPECIAL; i++) {
            double x = special[i / SPECIAL], y = special[i % SPECIAL];
            if (is_float(precisions[p])) x = (double)(float)x, y = (double)(float)y;
            double got = precisions[p]->pow(x, y), exact = pow(x, y);
            cr_expect(matches(precisions[p], got, exact), "%.17g^%.17g in %s: %.17g, not %.17g", x, y, precision_names[p], got,
                      exact);
        }
}

/* On both sides of where a result leaves the range. */
Test(elementary, overflow_and_underflow_begin_where_they_should)
{
    const struct {
        const scalar_functions *of;
        double last_finite, first_infinite, last_positive, first_zero;
    } borders[] = {{&scalar_float, 0x1.62e42ep6, 0x1.62e43p6, -0x1.9fe368p6, -0x1.9fe36ap6},
                   {&scalar_double, 0x1.62e42fefa39efp9, 0x1.62e42fefa39fp9, -0x1.74910d52d3051p9, -0x1.74910d52d3052p9}};
    for (int p = 0; p < 2; p++) {
        cr_expect(isfinite(borders[p].of->elementary("exp", borders[p].last_finite)));
        cr_expect(isinf(borders[p].of->elementary("exp", borders[p].first_infinite)));
        cr_expect_gt(borders[p].of->elementary("exp", borders[p].last_positive), 0);
        cr_expect_eq(borders[p].of->elementary("exp", borders[p].first_zero), 0);
    }
}

/* A result's last bits must not depend on which of two formulas is taken: no function falls where one gives way to the other. */
Test(elementary, where_formulas_meet_nothing_falls)
{
    const struct {
        const char *name;
        double at;
    } seams[] = {{"tanh", 0.625}, {"sinh", 1},    {"erf", 0.625},     {"erf", 1.5},          {"asin", 0.5},
                 {"exp", 0.3466}, {"exp", 0.416}, {"expm1", -0.2773}, {"atan", 0.414213562}, {"atan", 2.414213562}};
    for (int p = 0; p < 2; p++)
        for (unsigned s = 0; s < sizeof seams / sizeof seams[0]; s++) {
            double step = fabs(seams[s].at) * precisions[p]->unit * 2, before = -(double)INFINITY, fall = 0;
            for (int i = -200; i <= 200; i++) {
                double x = seams[s].at + i * step, y = precisions[p]->elementary(seams[s].name, x);
                fall = fmax(fall, before - y);
                before = y;
            }
            cr_expect_leq(fall, ulp_of(precisions[p], before), "%s near %g falls by %g", seams[s].name, seams[s].at, fall);
        }
}
