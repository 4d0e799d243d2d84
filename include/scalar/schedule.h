/* What changes from step to step, in double, on the host only: no pow or log runs in a kernel. t counts steps from 0. */
#ifndef CUSGD_SCALAR_SCHEDULE_H
#define CUSGD_SCALAR_SCHEDULE_H

#include "../cusgd.h"
#include <math.h>

/* The numbers of one step, as the host hands them to a device. */
typedef struct step_numbers {
    double rate, momentum;
    double correction1, correction2; /* of moments that started at 0: see optimizer_numbers() */
    double blend;                    /* nadam: the share of the gradient itself */
    double average;                  /* the weight of this step's iterate in the average */
} step_numbers;

/* Averages weigh iterate s by s^ECCENTRICITY or so: 0 is Polyak and Ruppert's plain mean (Shamir, Zhang 2013). */
#define AVERAGE_ECCENTRICITY 3.0

static inline double schedule_rate(cusgd_schedule schedule, double rate, double t0, double t1, int64_t t)
{
    switch (schedule) {
    case CUSGD_SCHEDULE_TIME_DECAY: return t0 / ((double)t + t1);
    case CUSGD_SCHEDULE_CONSTANT: break;
    }
    return rate;
}

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
    double steps = (double)t, power = exp(steps * log(beta2)), left = -expm1(steps * log(beta2)), most = 2 / (1 - beta2) - 1;
    double length = beta2 > 0 ? most - 2 * steps * power / left : most;
    if (!(length > 5)) return 0;
    return sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length) * (beta2 > 0 ? left : 1));
}

/* The corrections of step t, counted from 0. */
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
    default: break;
    }
}

/* The share of asgd's rate that is left at step t (Bottou 2012). */
static inline double asgd_share(double decay, double rate, int64_t t) { return pow(1 + decay * rate * (double)t, -0.75); }

/* The weight of the iterate after step t in the average that starts with the one after step `from`. */
static inline double average_weight(double eccentricity, int64_t t, int64_t from)
{
    if (t <= from) return 1; /* before it starts, the average is the iterate */
    return (eccentricity + 1) / ((double)(t - from + 1) + eccentricity);
}

#endif
