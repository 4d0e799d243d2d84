/* Options. The checks, the command, the help and the metadata of models all use one table, which has a row for each option.
 * Inside the library, options are a plain struct that is copied by value; programs have a handle. */
#ifndef CUSGD_HOST_OPTIONS_H
#define CUSGD_HOST_OPTIONS_H

#include "cusgd.h"
#include "scalar/losses.h"

/* Which parameters a step updates for sparse data. LAZY: those of the columns in its batch, with sgd, adagrad and ftrl. */
typedef enum cusgd_update { CUSGD_UPDATE_AUTO, CUSGD_UPDATE_DENSE, CUSGD_UPDATE_LAZY } cusgd_update;

/* How columns of sparse data are scaled. RMS divides them by their root mean square, zeros included; FULL standardizes them
 * without storing the values that become nonzero. */
typedef enum cusgd_sparse_scale { CUSGD_SPARSE_SCALE_NONE, CUSGD_SPARSE_SCALE_RMS, CUSGD_SPARSE_SCALE_FULL } cusgd_sparse_scale;

/* Members without a fixed default have a value that means "auto": NAN for numbers (except l1, l2 and valid_fraction), 0 for
 * batch, epochs and evaluate_every, -1 for patience. A trainer replaces it when it has the data. */
struct cusgd_options {
    cusgd_loss loss;
    cusgd_solver solver;
    cusgd_optimizer optimizer;
    cusgd_schedule schedule;
    cusgd_sampling sampling; /* -1 (auto): batches for sparse data, else permute */
    cusgd_precision precision;
    cusgd_storage storage; /* BF16: of training rows only, with precision float and solver sgd; evaluations use full precision */
    cusgd_math math;
    cusgd_engine engine;
    cusgd_multiclass multiclass; /* the option "classes" */
    cusgd_update update;
    cusgd_sparse_scale sparse_scale;
    double delta;            /* huber: > 0, in the units of the targets, as width is; NAN: 1.35 */
    double width;            /* epsilon-insensitive, squared-epsilon-insensitive: >= 0; NAN: 0.1 */
    double quantile;         /* (0, 1); NAN: 0.5 */
    double power;            /* tweedie: (1, 2); NAN: 1.5 */
    double rate;             /* > 0; NAN: from the curvature of the data (sgd, momentum, nesterov, auto), or the usual rate of the
                              * optimizer */
    double t0, t1;           /* time-decay: > 0; NAN: t1 = steps of 10 epochs, t0 = rate t1 */
    double decay;            /* exponential, step, plateau: (0, 1); NAN: 0.95, 0.1, 0.1 */
    double decay_every;      /* step: epochs, > 0; NAN: a third of the epochs */
    double decay_power;      /* inverse-scaling: any; polynomial: > 0; NAN: 0.25, 1 */
    int64_t decay_patience;  /* plateau: evaluations, >= 1; 0: 3 */
    double warm_up;          /* cosine, one-cycle: epochs, >= 0; NAN: 5 %, 30 % of the epochs */
    double final_rate;       /* cosine, polynomial: >= 0; NAN: 0 */
    cusgd_pace rate_changes; /* whether a schedule changes the rate per step or per epoch */
    double momentum;         /* [0, 1) */
    double beta1, beta2;     /* adam and its variants: [0, 1) */
    double rho;              /* adadelta, rmsprop: [0, 1) */
    int centered;            /* 1: rmsprop divides by the standard deviation of the gradient */
    double weight_decay;     /* >= 0: the share of the rate by which adamw and asgd shrink coefficients; NAN: 0.01, 1e-4 */
    double epsilon;          /* > 0 */
    int64_t batch;           /* rows per step; the whole data if it has fewer rows */
    int64_t epochs;          /* maximum number of passes over the data */
    double l1, l2;           /* >= 0, for coefficients in the units of penalty_units */
    cusgd_penalty_units penalty_units;
    const double *l1_factors, *l2_factors;      /* >= 0, d each: factors on l1 and l2; NULL: all 1 */
    size_t l1_factor_count, l2_factor_count;    /* number of factors; 0: one per column */
    const double *column_means, *column_scales; /* d each, for standardization; NULL: computed from the columns */
    size_t column_mean_count, column_scale_count;
    double lower, upper;          /* bounds on every coefficient, in the units of the data; NAN: none */
    double clip_norm, clip_value; /* > 0: limits on the norm of the gradient of a batch and on each of its values; NAN: no
                                   * limit */
    int average;               /* 1: the result is the average of the iterates (Shamir, Zhang 2013); -1: the optimizer chooses */
    int64_t average_from;      /* the step at which averaging starts, >= 0; -1: the first. >= 0 turns averaging on */
    int standardize;           /* 1: training uses columns of mean 0 and variance 1; results are in the units of the data */
    cusgd_whiten whiten;       /* how columns are decorrelated before training */
    int robust;                /* 1: standardize by the median and the interquartile range */
    int intercept;             /* 1: fit b */
    double valid_fraction;     /* [0, 1): the share of the rows that are held out, which the seed chooses */
    int64_t evaluate_every;    /* epochs between evaluations of the objective; -1: only at the end */
    int64_t patience;          /* the run ends after this many evaluations without improvement */
    double tolerance;          /* >= 0; smaller relative improvements are not counted */
    double gradient_tolerance; /* >= 0; the run ends when |gradient| is at most this share of that of the intercept-only model */
    uint64_t seed;
    int shards;                              /* >= 1: number of parts of the rows; every batch takes its share of each part */
    int64_t memory;                          /* the budget of training in bytes; 0: no limit. Results do not depend on it */
    int threads;                             /* CPU threads; 0: the number that is fastest. Results do not depend on it */
    char device[16];                         /* "auto", "cpu", "cuda" or "cuda:I" */
    char loss_expression[CUSGD_OPTION_TEXT]; /* the formula of p and y if the loss is an expression; else "" */
    char link[CUSGD_OPTION_TEXT];            /* the formula of p for the mean of y; "": the mean is p */
    char constants[CUSGD_OPTION_TEXT];       /* constants in both formulas: NAME=VALUE,... */
    const struct loss_formula *formula;      /* the compiled formulas, which a trainer owns; else NULL */
};

/* Sets the defaults. */
void options_init(cusgd_options *options);
/* options_table.c. The set of options that are left to the trainer, by their rows in the table. */
enum { OPTIONS_MOST = 96 };
typedef struct open_options {
    char is[OPTIONS_MOST];
} open_options;
open_options options_undecided(const cusgd_options *options);
/* Returns NULL if the options are valid, otherwise a sentence that says which one is wrong and what to do; it is valid until the
 * next call in this thread. Sets *name (`name` may be NULL) to the name of the option (static), or to NULL if the problem is not
 * with a single option. */
const char *options_wrong(const cusgd_options *options, const char **name);
static inline const char *options_check(const cusgd_options *options) { return options_wrong(options, NULL); }
/* Returns the first option that does not have its default and that solver sgd reads but full-batch solvers do not (static), or
 * NULL (options_unused.c). */
const char *options_only_sgd_reads(const cusgd_options *options);
/* Replaces the penalty factors, one per column, by copies that the options own. Fails with USAGE if their number is not
 * `cols`. */
cusgd_status options_own(cusgd_options *options, int64_t cols);
/* Returns whether both options give the same means and scales of columns, or none. */
int options_standardize_alike(const cusgd_options *a, const cusgd_options *b);
/* Returns whether both have the same formula, constants and link. */
int options_formula_alike(const cusgd_options *a, const cusgd_options *b);
/* Frees the copies that options_own() made. */
void options_disown(cusgd_options *options);

/* Removes the dashes of option names in a text ("--rate" becomes "rate"), in place, unless cusgd_set_option_dashes() has turned
 * them on. The texts in the library are written with dashes. */
void options_undash(char *text);

/* Returns the option with that name or alias, or NULL. */
const cusgd_option_info *options_find(const char *name);

/* Gets the name and the value of the index-th option as text (%.17g, a name, "true") for the metadata of models. Skips options
 * that cannot change a result (threads, device, one shard) and those that are still auto. Returns 0 past the last. `value` has
 * room for 64 bytes. */
int options_describe(const cusgd_options *options, size_t index, const char **name, char *value);

int options_have_bounds(const cusgd_options *options);
/* Returns 1 if the bounds exclude coefficients of 0. */
int options_exclude_zero(const cusgd_options *options);
/* Returns whether solver exact computes the optimum of a quantile regression. */
int options_solve_quantile(const cusgd_options *options);

/* Returns the name of an enumeration value as a value of the option. */
const char *loss_word(cusgd_loss loss);
int loss_from_word(const char *word, cusgd_loss *loss); /* 0 if there is none */
const char *solver_word(cusgd_solver solver);
/* Sets the parameter of the loss, if it has one and it is auto, to its default. */
void loss_numbers_choose(cusgd_options *options);
/* Sets the option for the parameter of options->loss, if it has one. */
void loss_number_set(cusgd_options *options, double number);
/* Returns the loss with its parameter, rounded to the precision of the options. */
loss_rule loss_rule_of(const cusgd_options *options);

#endif
