/* The table of optimizers. Its rows have everything about an optimizer except for the formulas in update.h and schedule.h. */
#ifndef CUSGD_SCALAR_OPTIMIZERS_H
#define CUSGD_SCALAR_OPTIMIZERS_H

#include "kinds.h"
#include "real.h"

/* Internal variants: those that run for `auto`, and those of rmsprop, which its options select. */
enum {
    OPTIMIZER_ADAGRAD_NESTEROV = 60, /* each number is a bit of optimizer_has()'s sets */
    OPTIMIZER_RMSPROP_MOMENTUM,
    OPTIMIZER_RMSPROP_CENTERED,
    OPTIMIZER_RMSPROP_CENTERED_MOMENTUM
};

/* Flags of a row: what an optimizer does in addition to its move. */
enum {
    HAS_VELOCITY = 1, /* slot1 is a velocity, the last change of theta */
    LOOKS_AHEAD = 2,  /* the gradient is taken at theta - momentum v instead of at theta */
    DECAYS = 4,       /* theta shrinks by rate x decay in each step, independently of the gradient (Loshchilov, Hutter 2019) */
    LEADS = 8,        /* theta follows from the slots: it minimizes the sum of all steps, including penalties */
    MAY_WAIT = 16     /* steps of a parameter without a gradient can be combined and applied later (lazy.h) */
};

/* One row per optimizer, in the enumeration's order: enumerator, name, the move by the names of optimizer_move()'s variables, how
 * many slots of state a parameter has, flags, then its optimizer_info. Every switch over all optimizers is made from this list.
 */
/* clang-format off */
#define OPTIMIZERS(X)                                                                                                          \
    X(CUSGD_OPTIMIZER_AUTO, "auto", update_sgd(rate, g), 0, 0,                                                                 \
      .rate = (double)NAN, .epsilon = 1e-8, .scales_with_gradient = 1, .reads = {"momentum", "epsilon"})                       \
    X(CUSGD_OPTIMIZER_SGD, "sgd", update_sgd(rate, g), 0, MAY_WAIT,                                                            \
      .rate = (double)NAN, .epsilon = 1e-8, .scales_with_gradient = 1)                                                         \
    X(CUSGD_OPTIMIZER_MOMENTUM, "momentum", update_momentum(rate, step.momentum, g, &q->slot1), 1, HAS_VELOCITY,               \
      .rate = (double)NAN, .epsilon = 1e-8, .scales_with_gradient = 1, .reads = {"momentum"})                                  \
    X(CUSGD_OPTIMIZER_NESTEROV, "nesterov", update_momentum(rate, step.momentum, g, &q->slot1), 1, HAS_VELOCITY | LOOKS_AHEAD, \
      .rate = (double)NAN, .epsilon = 1e-8, .scales_with_gradient = 1, .reads = {"momentum"})                                  \
    X(CUSGD_OPTIMIZER_ADAGRAD, "adagrad", update_adagrad(rate, rule.epsilon, g, &q->slot1), 1, MAY_WAIT,                       \
      .rate = 0.01, .epsilon = 1e-10, .reads = {"epsilon"})                                                                    \
    X(CUSGD_OPTIMIZER_ADADELTA, "adadelta", update_adadelta(rate, rule.rho, rule.epsilon, g, &q->slot1, &q->slot2), 2, 0,      \
      .rate = 1, .epsilon = 1e-6, .rho = 0.9, .reads = {"rho", "epsilon"})                                                     \
    X(CUSGD_OPTIMIZER_RMSPROP, "rmsprop", update_rmsprop(rate, rule.rho, rule.epsilon, g, &q->slot1), 1, 0,                    \
      .rate = 0.01, .epsilon = 1e-8, .rho = 0.99, .reads = {"momentum", "rho", "centered", "epsilon"})                         \
    X(CUSGD_OPTIMIZER_ADAM, "adam", update_adam(rule, step, rate, g, &q->slot1, &q->slot2), 2, 0,                              \
      .rate = 1e-3, .epsilon = 1e-8, .reads = {"beta1", "beta2", "epsilon"})                                                   \
    X(CUSGD_OPTIMIZER_ADAMW, "adamw", update_adam(rule, step, rate, g, &q->slot1, &q->slot2), 2, DECAYS,                       \
      .rate = 1e-3, .epsilon = 1e-8, .weight_decay = 0.01,                                                                     \
      .reads = {"beta1", "beta2", "weight-decay", "epsilon"})                                                                  \
    X(CUSGD_OPTIMIZER_AMSGRAD, "amsgrad", update_amsgrad(rule, step, rate, g, &q->slot1, &q->slot2, &q->slot3), 3, 0,          \
      .rate = 1e-3, .epsilon = 1e-8, .reads = {"beta1", "beta2", "epsilon"})                                                   \
    X(CUSGD_OPTIMIZER_NADAM, "nadam", update_nadam(rule, step, rate, g, &q->slot1, &q->slot2), 2, 0,                           \
      .rate = 2e-3, .epsilon = 1e-8, .reads = {"beta1", "beta2", "epsilon"})                                                   \
    X(CUSGD_OPTIMIZER_RADAM, "radam", update_radam(rule, step, rate, g, &q->slot1, &q->slot2), 2, 0,                           \
      .rate = 1e-3, .epsilon = 1e-8, .reads = {"beta1", "beta2", "epsilon"})                                                   \
    X(CUSGD_OPTIMIZER_ADAMAX, "adamax", update_adamax(rule, step, rate, g, &q->slot1, &q->slot2), 2, 0,                        \
      .rate = 2e-3, .epsilon = 1e-8, .reads = {"beta1", "beta2", "epsilon"})                                                   \
    X(CUSGD_OPTIMIZER_ASGD, "asgd", update_sgd(rate, g), 0, DECAYS,                                                            \
      .rate = (double)NAN, .epsilon = 1e-8, .weight_decay = 1e-4, .scales_with_gradient = 1,                                   \
      .averages = 1, .reads = {"weight-decay"})                                                                                \
    X(CUSGD_OPTIMIZER_FTRL, "ftrl", update_ftrl(rate, rule.epsilon, g, q), 3, LEADS | MAY_WAIT,                                         \
      .rate = 0.5, .epsilon = 1e-6, .reads = {"epsilon"})

/* The variants, which have no options of their own. */
#define OPTIMIZER_VARIANTS(X)                                                                                                  \
    X(OPTIMIZER_ADAGRAD_NESTEROV, NULL,                                                                                        \
      update_adagrad_nesterov(rate, step.momentum, rule.epsilon, g, &q->slot1, &q->slot2), 2, HAS_VELOCITY | LOOKS_AHEAD, )    \
    X(OPTIMIZER_RMSPROP_MOMENTUM, NULL, update_rmsprop_momentum(rule, step, rate, g, &q->slot1, &q->slot2), 2, HAS_VELOCITY, ) \
    X(OPTIMIZER_RMSPROP_CENTERED, NULL, update_rmsprop_centered(rule, rate, g, &q->slot1, &q->slot2), 2, 0, )                  \
    X(OPTIMIZER_RMSPROP_CENTERED_MOMENTUM, NULL,                                                                               \
      update_rmsprop_centered_momentum(rule, step, rate, g, &q->slot1, &q->slot2, &q->slot3), 3, HAS_VELOCITY, )
/* clang-format on */

#define SLOTS_CASE(KIND, NAME, MOVE, SLOTS, ...) \
    case KIND: return SLOTS;

/* Returns the number of slots per parameter. */
DEVICE int optimizer_slots(int optimizer)
{
    switch (optimizer) {
        OPTIMIZERS(SLOTS_CASE)
        OPTIMIZER_VARIANTS(SLOTS_CASE)
    default: return 0;
    }
}
#undef SLOTS_CASE

#define FLAG_BIT(KIND, NAME, MOVE, SLOTS, FLAGS, ...) | (uint64_t)(((FLAGS)&flag) != 0) << (KIND)

/* Returns whether an optimizer has a flag. Uses sets of bits instead of a switch, for which nvcc would store the flags as an
 * array in local memory. */
DEVICE int optimizer_has(int optimizer, int flag)
{
    const uint64_t set = 0 OPTIMIZERS(FLAG_BIT) OPTIMIZER_VARIANTS(FLAG_BIT);
    return (int)(set >> optimizer & 1);
}
#undef FLAG_BIT

DEVICE int optimizer_has_velocity(int optimizer) { return optimizer_has(optimizer, HAS_VELOCITY); }
DEVICE int optimizer_looks_ahead(int optimizer) { return optimizer_has(optimizer, LOOKS_AHEAD); }
DEVICE int optimizer_may_wait(int optimizer) { return optimizer_has(optimizer, MAY_WAIT); }
DEVICE int optimizer_leads(int optimizer) { return optimizer_has(optimizer, LEADS); }
DEVICE int optimizer_decays(int optimizer) { return optimizer_has(optimizer, DECAYS); }

/* The table itself is only compiled in C. */
#ifndef __cplusplus

#include <math.h>

enum { MAX_READS = 5 };

typedef struct optimizer_info {
    const char *name;             /* value of the option `optimizer` */
    double rate;                  /* default rate, as in PyTorch; NaN: computed from the curvature of the data */
    double epsilon, rho;          /* defaults */
    double weight_decay;          /* likewise */
    int scales_with_gradient;     /* 1: a step is proportional to the gradient */
    int averages;                 /* 1: the result is an average, from the second epoch on */
    const char *reads[MAX_READS]; /* options that it reads in addition to those that all optimizers read; NULL-terminated */
} optimizer_info;

#define OPTIMIZER_ROW(KIND, NAME, MOVE, SLOTS, FLAGS, ...) [KIND] = {.name = NAME, __VA_ARGS__},
static const optimizer_info optimizer_table[] = {OPTIMIZERS(OPTIMIZER_ROW)};
#undef OPTIMIZER_ROW
enum { OPTIMIZER_COUNT = sizeof optimizer_table / sizeof optimizer_table[0] };

#endif
#endif
