/* The table of options: one row is all that the check, the command, the help and a model's metadata know of an option. Inside the
 * library the options are a plain struct, which is copied by value; programs see a handle. */
#ifndef CUSGD_HOST_OPTIONS_H
#define CUSGD_HOST_OPTIONS_H

#include "cusgd.h"
#include "scalar/losses.h"

/* Of sparse data: which parameters a step updates. LAZY: those of the columns in its batch, with
 * sgd, adagrad and ftrl. */
typedef enum cusgd_update { CUSGD_UPDATE_AUTO, CUSGD_UPDATE_DENSE, CUSGD_UPDATE_LAZY } cusgd_update;

/* Of sparse data: RMS divides columns by their root mean square, zeros included; FULL standardizes them, without storing the
 * values that would then not be 0. */
typedef enum cusgd_sparse_scale { CUSGD_SPARSE_SCALE_NONE, CUSGD_SPARSE_SCALE_RMS, CUSGD_SPARSE_SCALE_FULL } cusgd_sparse_scale;

/* Members without a plain default have a value that means "choose": NAN for numbers (not l1, l2, valid_fraction), 0 for batch,
 * epochs and evaluate_every, -1 for patience. A trainer replaces it when it sees the data. */
struct cusgd_options {
    cusgd_loss loss;
    cusgd_solver solver;
    cusgd_optimizer optimizer;
    cusgd_schedule schedule;
    cusgd_sampling sampling; /* -1: batches for sparse data, else permute */
    cusgd_precision precision;
    cusgd_storage storage; /* BF16: of the training rows, with precision float and solver sgd; all that is evaluated is in full */
    cusgd_math math;
    cusgd_engine engine;
    cusgd_multiclass multiclass; /* the option "classes" */
    cusgd_update update;
    cusgd_sparse_scale sparse_scale;
    double delta;           /* huber: > 0, in the targets' units, as is width; NAN: 1.35 */
    double width;           /* epsilon-insensitive, squared-epsilon-insensitive: >= 0; NAN: 0.1 */
    double quantile;        /* (0, 1); NAN: 0.5 */
    double power;           /* tweedie: (1, 2); NAN: 1.5 */
    double rate;            /* > 0; NAN: from the data's curvature (sgd, momentum, nesterov, auto) or the optimizer's usual one */
    double t0, t1;          /* time-decay: > 0; NAN: t1 = 10 epochs' steps, t0 = rate t1 */
    double decay;           /* exponential, step, plateau: (0, 1); NAN: 0.95, 0.1, 0.1 */
    double decay_every;     /* step: epochs, > 0; NAN: a third of all */
    double decay_power;     /* inverse-scaling: any; polynomial: > 0; NAN: 0.25, 1 */
    int64_t decay_patience; /* plateau: evaluations, >= 1; 0: 3 */
    double warm_up;         /* cosine, one-cycle: epochs, >= 0; NAN: 5 %, 30 % of all */
    double final_rate;      /* cosine, polynomial: >= 0; NAN: 0 */
    cusgd_pace rate_changes; /* how often a schedule moves */
    double momentum;         /* [0, 1) */
    double beta1, beta2;     /* adam and its kin: [0, 1) */
    double rho;              /* adadelta, rmsprop: [0, 1) */
    int centered;            /* 1: rmsprop divides by the gradient's deviation */
    double weight_decay;     /* >= 0: the share of the rate by which adamw and asgd shrink coefficients; NAN: 0.01, 1e-4 */
    double epsilon;          /* > 0 */
    int64_t batch;           /* rows per step; more than the rows there are: full batch */
    int64_t epochs;          /* passes over the data at most */
    double l1, l2;           /* >= 0, on the coefficients in penalty_units */
    cusgd_penalty_units penalty_units;
    const double *l1_factors, *l2_factors;      /* >= 0, d each: factors on l1 and l2; NULL: all 1 */
    size_t l1_factor_count, l2_factor_count;    /* of them; 0: as many as there are columns */
    const double *column_means, *column_scales; /* by which columns are standardized, d each; NULL: their own */
    size_t column_mean_count, column_scale_count;
    double lower, upper;          /* bounds on every coefficient, in the data's units; NAN: none */
    double clip_norm, clip_value; /* > 0: the most that a batch's gradient's norm, and each of its values, may be; NAN: any */
    int average;           /* 0 or 1: the result is an average of the iterates (Shamir, Zhang 2013); -1: the optimizer's choice */
    int64_t average_from;  /* the step at which averaging starts, >= 0; -1: the first. >= 0 turns averaging on */
    int standardize;       /* 1: columns are brought to mean 0, variance 1 inside; results are in the data's units all the same */
    cusgd_whiten whiten;   /* how columns are decorrelated before training */
    int robust;            /* 1: by the median and the range between the quartiles instead */
    int intercept;         /* 1: fit b */
    double valid_fraction; /* [0, 1): share of the rows held out, chosen by the seed */
    int64_t evaluate_every;    /* epochs between full passes over the objective; -1: only at the end */
    int64_t patience;          /* evaluations without improvement that end the run */
    double tolerance;          /* >= 0; a relative improvement below it counts as none */
    double gradient_tolerance; /* >= 0; the run ends when |gradient| falls to this share of the intercept-only model's */
    uint64_t seed;
    int shards;      /* >= 1: parts of the rows from each of which every batch takes its share */
    int64_t memory;  /* bytes that training may take; 0: as many as it needs. Results do not depend on it */
    int threads;     /* CPU threads; 0: as many as help. Results do not depend on it */
    char device[16]; /* "auto", "cpu", "cuda" or "cuda:I" */
    char loss_expression[CUSGD_OPTION_TEXT]; /* a formula of p and y, where the loss is an expression; else "" */
    char link[CUSGD_OPTION_TEXT];            /* likewise of p: the mean of y; "": p itself */
    char constants[CUSGD_OPTION_TEXT];       /* of both: NAME=VALUE,... */
    const struct loss_formula *formula;      /* what a trainer has made of them, and owns; else NULL */
};

/* The defaults. */
void options_init(cusgd_options *options);
/* options_table.c: which options are left to the data, by the numbers of their rows. */
enum { OPTIONS_MOST = 96 };
typedef struct open_options {
    char is[OPTIONS_MOST];
} open_options;
open_options options_undecided(const cusgd_options *options);
/* NULL if the options make sense, else a sentence that says which does not and what to do (this thread's, until its next call);
 * *name: the option (static), or NULL where it is not one's. `name` may be NULL. */
const char *options_wrong(const cusgd_options *options, const char **name);
static inline const char *options_check(const cusgd_options *options) { return options_wrong(options, NULL); }
/* The first option that is set to other than its default and that solver sgd reads and the full-batch methods do not (static);
 * NULL: there is none (options_unused.c). */
const char *options_only_sgd_reads(const cusgd_options *options);
/* Makes the penalty factors, one per column, a copy of the options' own. USAGE where they are not as many. */
cusgd_status options_own(cusgd_options *options, int64_t cols);
/* Whether columns are standardized by the same given numbers, or both by their own. */
int options_standardize_alike(const cusgd_options *a, const cusgd_options *b);
/* Whether both have the same formula, with the same constants and link. */
int options_formula_alike(const cusgd_options *a, const cusgd_options *b);
/* Frees what options_own has made. */
void options_disown(cusgd_options *options);

/* Takes the dashes from the names of options in a text ("--rate" becomes "rate"), in place, unless cusgd_set_option_dashes wants
 * them. Texts of the library are written with them. */
void options_undash(char *text);

/* The option of that name or alias; NULL: there is none. */
const cusgd_option_info *options_find(const char *name);

/* The index-th option's name and value as text (%.17g, a name, "true"): what a model's metadata holds. Options that cannot change
 * a result (threads, device, one shard) and those still to be chosen are passed over. Returns 0 past the last. `value` has room
 * for 64 bytes. */
int options_describe(const cusgd_options *options, size_t index, const char **name, char *value);

int options_have_bounds(const cusgd_options *options);
/* 1 if the bounds exclude coefficients of 0. */
int options_exclude_zero(const cusgd_options *options);
/* Whether the optimum of quantile regression is computed, by solver exact. */
int options_solve_quantile(const cusgd_options *options);

/* The name of an enumeration's value, as options have it. */
const char *loss_word(cusgd_loss loss);
int loss_from_word(const char *word, cusgd_loss *loss); /* 0 if there is none */
const char *solver_word(cusgd_solver solver);
/* The loss's number, where it has one: the usual one if it was left open. */
void loss_numbers_choose(cusgd_options *options);
/* Sets the option that holds the number of options->loss, where it has one. */
void loss_number_set(cusgd_options *options, double number);
/* The loss with its number, as the options' precision has it. */
loss_rule loss_rule_of(const cusgd_options *options);

#endif
