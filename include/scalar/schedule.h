/* What changes from step to step, in double, on the host only: no pow or log runs in a kernel. t counts steps from 0. */
#ifndef CUSGD_SCALAR_SCHEDULE_H
#define CUSGD_SCALAR_SCHEDULE_H

#include "../cusgd.h"
#include <math.h>

/* The numbers of one step, as the host hands them to a device. */
typedef struct step_numbers {
    double rate, momentum;
    double correction1, correction2; /* adam: 1 / (1 - beta^(t+1)) */
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

/* The weight of the iterate after step t in the average that starts with the one after step `from`. */
static inline double average_weight(double eccentricity, int64_t t, int64_t from)
{
    if (t <= from) return 1; /* before it starts, the average is the iterate */
    return (eccentricity + 1) / ((double)(t - from + 1) + eccentricity);
}

#endif
