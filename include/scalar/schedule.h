/* The numbers that change from step to step. They are computed in double on the host, so that kernels need no pow or log. t
 * counts steps from 0. */
#ifndef CUSGD_SCALAR_SCHEDULE_H
#define CUSGD_SCALAR_SCHEDULE_H

#include "kinds.h"

#include <math.h>

/* The numbers of a step, which the host passes to a device. */
typedef struct step_numbers {
    double rate, momentum;
    double correction1, correction2; /* corrections of moments that started at 0: see optimizer_numbers() */
    double blend;                    /* nadam: the share of the gradient itself */
    double average;                  /* the weight of this step's iterate in the average */
} step_numbers;

/* The weight of iterate s in an average is about s^ECCENTRICITY; 0 gives the mean of Polyak and Ruppert (Shamir, Zhang 2013). */
#define AVERAGE_ECCENTRICITY 3.0

/* A schedule with its numbers from cusgd_options, with times in steps. */
typedef struct rate_schedule {
    cusgd_schedule kind;
    int64_t batches, steps; /* of an epoch; of all epochs that may run */
    int by_epoch;           /* 1: the rate changes only at the start of an epoch */
    double rate, t0, t1, decay, every, power, warm_up, final;
} rate_schedule;

#define SCHEDULE_PI     3.14159265358979323846
#define ONE_CYCLE_START 25.0 /* the highest rate in units of the first, and the first in units of the last: PyTorch's */
#define ONE_CYCLE_END   1e4

/* Returns the half cosine from `from` at x = 0 to `to` at x = 1. */
static inline double cosine_between(double from, double to, double x)
{
    return to + (from - to) / 2 * (1 + cos(SCHEDULE_PI * fmin(fmax(x, 0), 1)));
}

/* The last step of each phase has the final rate of the phase. */
static inline double one_cycle_rate(const rate_schedule *s, double t)
{
    double first = s->rate / ONE_CYCLE_START, top = s->warm_up - 1, end = (double)s->steps - 1;
    if (t <= top) return cosine_between(first, s->rate, top > 0 ? t / top : 1);
    return cosine_between(s->rate, first / ONE_CYCLE_END, end > top ? (t - top) / (end - top) : 1);
}

/* Increases to the rate in warm_up steps, and then decreases by a half cosine to the final rate. */
static inline double cosine_rate(const rate_schedule *s, double t)
{
    double left = (double)s->steps - s->warm_up;
    if (t < s->warm_up) return s->rate * (t + 1) / (s->warm_up + 1);
    return cosine_between(s->rate, s->final, left > 0 ? (t - s->warm_up) / left : 1);
}

/* One row per schedule, in the enumeration's order: enumerator, name, its rate at step t after `epochs` epochs, then its
 * schedule_info. The usual numbers are NaN or 0 where it has none. */
/* clang-format off */
#define SCHEDULES(X)                                                                                                           \
    X(CONSTANT, "constant", s->rate, )                                                                                         \
    X(TIME_DECAY, "time-decay", s->t0 / (t + s->t1), .reads = {"t0", "t1"})                                                    \
    X(INVERSE_SCALING, "inverse-scaling", s->rate / pow(t + 1, s->power), .decay_power = 0.25,                                 \
      .reads = {"decay-power"})                                                                                                \
    X(OPTIMAL, "optimal", s->t0 / (t + s->t1), )                                                                               \
    X(EXPONENTIAL, "exponential", s->rate * pow(s->decay, epochs), .decay = 0.95, .reads = {"decay"})                          \
    X(STEP, "step", s->rate * pow(s->decay, floor(epochs / s->every)), .falls_to_its_end = 1, .decay = 0.1,                    \
      .decays = 3, .reads = {"decay", "decay-every"})                                                                          \
    X(COSINE, "cosine", cosine_rate(s, t), .falls_to_its_end = 1, .warm_up = 0.05, .has_final_rate = 1,                        \
      .reads = {"warm-up", "final-rate"})                                                                                      \
    X(ONE_CYCLE, "one-cycle", one_cycle_rate(s, t), .falls_to_its_end = 1, .warm_up = 0.3, .reads = {"warm-up"})               \
    X(POLYNOMIAL, "polynomial", s->final + (s->rate - s->final) * pow(fmax(1 - t / (double)s->steps, 0), s->power),            \
      .falls_to_its_end = 1, .decay_power = 1, .has_final_rate = 1, .reads = {"decay-power", "final-rate"})                    \
    X(PLATEAU, "plateau", s->rate, .decay = 0.1, .decay_patience = 3, .reads = {"decay", "decay-patience"})
/* clang-format on */

#define RATE_CASE(KIND, NAME, RATE, ...) \
    case CUSGD_SCHEDULE_##KIND: return RATE;

static inline double schedule_rate(const rate_schedule *s, int64_t step)
{
    double t = (double)(s->by_epoch ? step / s->batches * s->batches : step), epochs = t / (double)s->batches;
    switch (s->kind) {
        SCHEDULES(RATE_CASE)
    }
    return s->rate;
}
#undef RATE_CASE

/* The constant c of the schedule `optimal`, 1 / (l2 (t + c)), given dl/dp at a typical prediction of the wrong sign: the first
 * step then changes coefficients by what is usual for them (Bottou 2012, as scikit-learn has it). */
static inline double optimal_prediction(double l2) { return -sqrt(1 / sqrt(l2)); }
static inline double optimal_start(double l2, double derivative) { return fmax(1, derivative) / (-optimal_prediction(l2) * l2); }

/* 1 / (1 - beta^(t+1)): undoes the pull of a moving average towards its start at 0. expm1 keeps the digits that 1 - beta^t loses.
 */
static inline double bias_correction(double beta, int64_t t) { return beta == 0 ? 1 : -1 / expm1((double)(t + 1) * log(beta)); }

/* Nadam's momentum of step t, counted from 1, and the product of the first t: below 10^-17 it changes nothing. */
static inline double nadam_momentum(double beta1, int64_t t) { return beta1 * (1 - 0.5 * pow(0.96, 0.004 * (double)t)); }
static inline double nadam_product(double beta1, int64_t t)
{
    double product = 1, power = 1, step = pow(0.96, 0.004);
    for (int64_t i = 1; i <= t && product > 1e-17; i++) {
        power *= step;
        product *= beta1 * (1 - 0.5 * power);
    }
    return product > 1e-17 ? product : 0;
}

/* RAdam's rectification times sqrt(1 - beta2^t); 0 where the variance of so few squares is not finite. */
static inline double radam_correction(double beta2, int64_t t)
{
    double steps = (double)t, power = exp(steps * log(beta2)), left = -expm1(steps * log(beta2)), maximum = 2 / (1 - beta2) - 1;
    double length = beta2 > 0 ? maximum - 2 * steps * power / left : maximum;
    if (!(length > 5)) return 0;
    return sqrt((length - 4) * (length - 2) * maximum / ((maximum - 4) * (maximum - 2) * length) * (beta2 > 0 ? left : 1));
}

/* Computes the corrections of step t, counted from 0. */
static inline void optimizer_numbers(int optimizer, double beta1, double beta2, int64_t t, step_numbers *s)
{
    s->correction1 = s->correction2 = 1;
    s->blend = 0;
    switch (optimizer) {
    case CUSGD_OPTIMIZER_ADAM:
    case CUSGD_OPTIMIZER_ADAMW:
    case CUSGD_OPTIMIZER_AMSGRAD:
    case CUSGD_OPTIMIZER_ADAMAX:
        s->correction1 = bias_correction(beta1, t);
        s->correction2 = bias_correction(beta2, t);
        break;
    case CUSGD_OPTIMIZER_RADAM:
        s->correction1 = bias_correction(beta1, t);
        s->correction2 = radam_correction(beta2, t + 1);
        break;
    case CUSGD_OPTIMIZER_NADAM: {
        double product = nadam_product(beta1, t + 1), next = nadam_momentum(beta1, t + 2);
        s->blend = (1 - nadam_momentum(beta1, t + 1)) / (1 - product);
        s->correction1 = next / (1 - product * next);
        s->correction2 = bias_correction(beta2, t);
        break;
    }
    case CUSGD_OPTIMIZER_FTRL: s->correction1 = (double)(t + 1); break; /* number of steps that have added penalties */
    default: break;
    }
}

/* Returns the factor on the rate of asgd at step t (Bottou 2012). */
static inline double asgd_share(double decay, double rate, int64_t t) { return pow(1 + decay * rate * (double)t, -0.75); }

/* Returns the weight of the iterate after step t in the average that starts with the one after step `from`. */
static inline double average_weight(double eccentricity, int64_t t, int64_t from)
{
    if (t <= from) return 1; /* before it starts, the average is the iterate */
    return (eccentricity + 1) / ((double)(t - from + 1) + eccentricity);
}

/* The table itself is only compiled in C. */
#ifndef __cplusplus

enum { MAX_SCHEDULE_READS = 3 };

typedef struct schedule_info {
    const char *name;          /* value of the option `schedule` */
    int falls_to_its_end;      /* 1: it extends over all epochs and ends at a small rate, which a run that stops early does not
                                * reach */
    double decay, decay_power; /* the usual ones; 0: it looks at none */
    double decays, warm_up;    /* how many decays in all epochs; the share of all epochs; 0: likewise */
    int has_final_rate, decay_patience;    /* 1: it ends at the final rate, usually 0; evaluations; 0: likewise */
    const char *reads[MAX_SCHEDULE_READS]; /* the options that it looks at; NULL-terminated */
} schedule_info;

#define SCHEDULE_ROW(KIND, NAME, RATE, ...) [CUSGD_SCHEDULE_##KIND] = {.name = NAME, __VA_ARGS__},
static const schedule_info schedule_table[] = {SCHEDULES(SCHEDULE_ROW)};
#undef SCHEDULE_ROW
enum { SCHEDULE_COUNT = sizeof schedule_table / sizeof schedule_table[0] };

#endif
#endif
