/* The enumerations behind the options that take a name. Programs set them by name (cusgd_options_set); the numbers are the
 * library's own, and each family's table is next to its formulas: losses.h, optimizers.h, schedule.h, sampling.h. */
#ifndef CUSGD_SCALAR_KINDS_H
#define CUSGD_SCALAR_KINDS_H

#include "../cusgd.h"

typedef enum cusgd_loss {
    CUSGD_LOSS_SQUARED,                     /* (p - y)^2 / 2 */
    CUSGD_LOSS_MSE,                         /* (p - y)^2 */
    CUSGD_LOSS_LOGISTIC,                    /* log(1 + e^p) - y p, y in {0, 1}. Losses of classes take {-1, 1} as well: -1 is 0 */
    CUSGD_LOSS_HUBER,                       /* r = p - y: r^2 / 2 up to |r| = delta, then delta (|r| - delta/2) */
    CUSGD_LOSS_EPSILON_INSENSITIVE,         /* max(0, |r| - width) */
    CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, /* max(0, |r| - width)^2 */
    CUSGD_LOSS_HINGE,                       /* max(0, 1 - s p), s = 1 where y is 1, else -1 */
    CUSGD_LOSS_SQUARED_HINGE,               /* max(0, 1 - s p)^2 */
    CUSGD_LOSS_QUANTILE,                    /* quantile (y - p) where y is above p, (1 - quantile) (p - y) where it is below */
    CUSGD_LOSS_POISSON,                     /* e^p - y p, y >= 0: logarithmic link, as in the next two */
    CUSGD_LOSS_GAMMA,                       /* p + y e^-p, y > 0 */
    CUSGD_LOSS_TWEEDIE,                     /* e^((2-q) p) / (2-q) + y e^((1-q) p) / (q-1), q the power, y >= 0 */
    CUSGD_LOSS_LOG_COSH,                    /* log cosh r */
    CUSGD_LOSS_MODIFIED_HUBER,              /* max(0, 1 - s p)^2 where s p >= -1, else -4 s p */
    CUSGD_LOSS_PERCEPTRON,                  /* max(0, -s p): least at coefficients 0, so for a fixed rate only */
    CUSGD_LOSS_SOFTMAX, /* log sum_c e^(p_c) - p_y, y a class and each class an output: softmax.h. Of one output: logistic */
    /* A formula of p and y (option loss-expr). Once it has been looked at it is one of these, which are all called expression: */
    CUSGD_LOSS_EXPRESSION,       /* twice differentiable */
    CUSGD_LOSS_EXPRESSION_ONCE,  /* the second derivative jumps */
    CUSGD_LOSS_EXPRESSION_NOT,   /* the first derivative jumps */
    CUSGD_LOSS_EXPRESSION_SHIFT, /* likewise, of p - y alone */
    CUSGD_LOSS_EXPRESSION_SHIFT_ONCE,
    CUSGD_LOSS_EXPRESSION_SHIFT_NOT,
} cusgd_loss;

typedef enum cusgd_optimizer {
    CUSGD_OPTIMIZER_AUTO, /* needs no rate: see the README, "What runs when nothing is said" */
    CUSGD_OPTIMIZER_SGD,
    CUSGD_OPTIMIZER_MOMENTUM, /* Polyak 1964; the rate inside the velocity */
    CUSGD_OPTIMIZER_NESTEROV, /* Nesterov 1983; the gradient at theta - momentum v */
    CUSGD_OPTIMIZER_ADAGRAD,  /* Duchi, Hazan, Singer 2011 */
    CUSGD_OPTIMIZER_ADADELTA, /* Zeiler 2012 */
    CUSGD_OPTIMIZER_RMSPROP,  /* Tieleman, Hinton 2012 */
    CUSGD_OPTIMIZER_ADAM,     /* Kingma, Ba 2015 */
    CUSGD_OPTIMIZER_ADAMW,    /* Loshchilov, Hutter 2019: weight decay apart from the gradient */
    CUSGD_OPTIMIZER_AMSGRAD,  /* Reddi, Kale, Kumar 2018 */
    CUSGD_OPTIMIZER_NADAM,    /* Dozat 2016 */
    CUSGD_OPTIMIZER_RADAM,    /* Liu et al. 2020 */
    CUSGD_OPTIMIZER_ADAMAX,   /* Kingma, Ba 2015 */
    CUSGD_OPTIMIZER_ASGD,     /* Polyak, Juditsky 1992; Bottou 2012: sgd at a falling rate, averaged from the second epoch on */
    CUSGD_OPTIMIZER_FTRL, /* McMahan et al. 2013: FTRL-Proximal; of both penalties, theta minimizes all that the steps have added
                           */
} cusgd_optimizer;

/* What minimizes the objective: minibatch steps, or a method that looks at all rows at once. Those take `epochs` as the most
 * iterations, `tolerance` and `gradient_tolerance` as stopping rules, and no other option of the optimizer. */
typedef enum cusgd_solver {
    CUSGD_SOLVER_SGD,
    CUSGD_SOLVER_AUTO,     /* exact, cg, newton, lbfgs or coordinate, by the loss and the shape */
    CUSGD_SOLVER_BEST,     /* sgd or one of those, by the options, the loss and the shape */
    CUSGD_SOLVER_EXACT,    /* squared, mse: Cholesky of X^T X, or QR of X; the least norm of all solutions */
    CUSGD_SOLVER_GD,       /* gradient descent; rate: 1 / the largest second derivative unless given; momentum 0 unless given */
    CUSGD_SOLVER_STEEPEST, /* steepest descent with line search */
    CUSGD_SOLVER_CG,       /* conjugate gradients: CGLS, or Polak-Ribiere+ */
    CUSGD_SOLVER_NEWTON,   /* damped */
    CUSGD_SOLVER_BFGS,
    CUSGD_SOLVER_DFP,
    CUSGD_SOLVER_LBFGS, /* with l1: OWL-QN */
    CUSGD_SOLVER_BROYDEN_GOOD,
    CUSGD_SOLVER_BROYDEN_BAD,
    CUSGD_SOLVER_COORDINATE, /* coordinate descent on columns, with l1, by proximal Newton steps */
} cusgd_solver;

/* Of step t, counted from 0, or of the first step of its epoch (rate_changes); E epochs have passed, of all that may run. */
typedef enum cusgd_schedule {
    CUSGD_SCHEDULE_CONSTANT,
    CUSGD_SCHEDULE_TIME_DECAY,      /* t0 / (t + t1) */
    CUSGD_SCHEDULE_INVERSE_SCALING, /* rate / (t + 1)^decay_power */
    CUSGD_SCHEDULE_OPTIMAL,         /* 1 / (l2 (t + c)), c as scikit-learn has it (Bottou 2012) */
    CUSGD_SCHEDULE_EXPONENTIAL,     /* rate decay^E */
    CUSGD_SCHEDULE_STEP,            /* rate decay^floor(E / decay_every) */
    CUSGD_SCHEDULE_COSINE,          /* up to rate in warm_up epochs, then half a cosine down to final_rate */
    CUSGD_SCHEDULE_ONE_CYCLE, /* half a cosine from rate / 25 up to rate in warm_up epochs, half a cosine down to rate / 250000 */
    CUSGD_SCHEDULE_POLYNOMIAL, /* from rate to final_rate by (1 - t / steps)^decay_power */
    CUSGD_SCHEDULE_PLATEAU,    /* rate, times decay whenever decay_patience evaluations brought nothing */
} cusgd_schedule;

typedef enum cusgd_pace { CUSGD_PACE_STEP, CUSGD_PACE_EPOCH } cusgd_pace;

/* How the rows of an epoch are chosen; all but `none` depend on the seed and the epoch alone, on every device alike. */
typedef enum cusgd_sampling {
    CUSGD_SAMPLING_PERMUTE,        /* each row once an epoch, in random order */
    CUSGD_SAMPLING_BATCHES,        /* each row once, in batches that are drawn once; their order is permuted each epoch */
    CUSGD_SAMPLING_BLOCKS,         /* each row once; blocks of rows permuted, and rows again within a window of blocks */
    CUSGD_SAMPLING_REPLACE,        /* every row drawn independently */
    CUSGD_SAMPLING_REPLACE_BLOCKS, /* every batch one of the epoch's contiguous batches, drawn independently */
    CUSGD_SAMPLING_NONE,           /* the data's own order */
    CUSGD_SAMPLING_PAGES,          /* each row once; pages of 256 KiB or more permuted, and rows again within a window of pages */
} cusgd_sampling;

typedef enum cusgd_precision { CUSGD_PRECISION_FLOAT, CUSGD_PRECISION_DOUBLE } cusgd_precision;

/* How a trainer keeps x, as far as it copies it, and reads it in every step. */
typedef enum cusgd_storage {
    CUSGD_STORAGE_FULL, /* in its precision */
    CUSGD_STORAGE_BF16, /* standardized and then rounded to bfloat16, 8 bits, in half the bytes; sums are in float all the same */
} cusgd_storage;

/* Of a GPU's matrix products in training steps, where the precision is float. */
typedef enum cusgd_math {
    CUSGD_MATH_EXACT,
    CUSGD_MATH_TF32, /* factors may be rounded to 10 bits behind the point: faster with many outputs */
} cusgd_math;

/* How a target of more than two classes is learned: each class has an output of its own. */
typedef enum cusgd_multiclass {
    CUSGD_MULTICLASS_AUTO,        /* losses logistic and softmax: softmax; others: one-vs-rest */
    CUSGD_MULTICLASS_SOFTMAX,     /* all outputs together, by the loss softmax: also of two classes */
    CUSGD_MULTICLASS_ONE_VS_REST, /* by the two-class loss of each class against all others */
} cusgd_multiclass;

/* Which coefficients l1 and l2 act on: those of the columns as they are trained on, or as they are given. */
typedef enum cusgd_whiten { CUSGD_WHITEN_NONE, CUSGD_WHITEN_ZCA, CUSGD_WHITEN_PCA } cusgd_whiten;
typedef enum cusgd_penalty_units { CUSGD_PENALTY_STANDARDIZED, CUSGD_PENALTY_DATA } cusgd_penalty_units;

/* How a GPU computes training steps. */
typedef enum cusgd_engine {
    CUSGD_ENGINE_AUTO,       /* by the shape of the data, the batch and the device: see the README */
    CUSGD_ENGINE_CUBLAS,     /* rows gathered, then products by cuBLAS: takes every run */
    CUSGD_ENGINE_FUSED,      /* a kernel that reads each row once; one target */
    CUSGD_ENGINE_PERSISTENT, /* the same, many steps in a launch; one target, batches of a few megabytes */
} cusgd_engine;

#endif
