/* The message for a run whose loss is no longer finite: where it happened, at which rate, and what to do. */
#include "sgd.h"

#include "failure.h"
#include <math.h>
#include <stdio.h>

/* Returns whether the transformed columns differ in scale from each other or from the 1 of the intercept. */
static int scales_differ(const sgd *s)
{
    const double *rms = s->problem->units.rms;
    double low = s->problem->intercept ? 1 : rms[0], high = rms[0];
    for (int64_t j = 0; j < s->problem->d; j++) {
        low = fmin(low, rms[j]);
        high = fmax(high, rms[j]);
    }
    return !s->run->options->standardize && !s->run->spec.sparse && high > 1.01 * low;
}

/* Writes "a" (1e+06), "b" (3000), ...: the columns with the largest scales, which make a rate too large. */
static void largest_columns(const sgd *s, char *text, size_t room)
{
    enum { NAMED_COLUMNS = 3 };
    int64_t chosen[NAMED_COLUMNS], d = s->problem->d;
    size_t used = 0;
    for (int i = 0; i < NAMED_COLUMNS && i < d; i++) {
        int64_t best = -1;
        for (int64_t j = 0; j < d; j++) {
            int taken = 0;
            for (int l = 0; l < i; l++) taken |= chosen[l] == j;
            if (!taken && (best < 0 || s->problem->units.rms[j] > s->problem->units.rms[best])) best = j;
        }
        chosen[i] = best;
        const char *name = cusgd_data_feature(s->problem->train.data, best);
        char shown[64];
        int64_t column = cusgd_data_feature_column(s->problem->train.data, best);
        snprintf(shown, sizeof shown, "%lld", (long long)(column ? column : best + 1));
        if (name) cusgd_text_escape(name, shown, sizeof shown);
        int wrote = snprintf(text + used, room - used, "%s%s (%.3g)", i ? ", " : "", shown, s->problem->units.rms[best]);
        if (wrote < 0 || (size_t)wrote >= room - used) break;
        used += (size_t)wrote;
    }
}

/* Writes the advice for the option that sets the rate, and for options that are not set. */
static void rate_advice(const sgd *s, char *text, size_t size)
{
    const cusgd_options *o = s->run->options;
    const char *rate = "a smaller rate", *or_else = "";
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL)
        rate = "a larger l2, from which the schedule optimal takes its rate";
    else if (s->given_t0)
        rate = "a smaller t0 or a larger t1, which set the rate of the schedule time-decay";
    else if (s->retreats) /* the rate was chosen, and it has been lowered as far as possible */
        rate = o->precision == CUSGD_PRECISION_FLOAT ? "--precision double" : "scaling the data to ordinary magnitudes";
    else if (o->optimizer == CUSGD_OPTIMIZER_AUTO)
        or_else = ", or leave the rate out: the optimizer chooses its own";
    else
        or_else = ", or --optimizer auto without a rate, which chooses its own";
    snprintf(text, size, "%s%s%s", o->standardize || s->run->spec.sparse ? "" : "standardizing (leave out --no-standardize), ",
             rate, or_else);
}

cusgd_status fit_diverged(const sgd *s, double rate)
{
    char columns[256] = "", advice[256];
    int differ = scales_differ(s);
    if (differ) largest_columns(s, columns, sizeof columns);
    rate_advice(s, advice, sizeof advice);
    return fail(CUSGD_ERROR_DIVERGED, "diverged: the loss is not finite at step %lld (epoch %lld), at rate %g. %s%s%sTry %s",
                (long long)s->run->at.step + 1, (long long)s->run->at.epoch + 1, rate, differ ? "Columns of largest scale: " : "",
                columns, differ ? ". " : "", advice);
}
