/* Checks of options against each other, the parameters of losses, and the names of options in messages. */
#include "options_table.h"

#include "data.h"
#include "failure.h"
#include "scalar/rounding.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* ---- Names in messages --------------------------------------------------------------------------------------------------- */

static _Atomic int keeps_dashes;

void cusgd_set_option_dashes(int dashes) { atomic_store(&keeps_dashes, dashes); }

/* Returns whether a name is an argument of the command that is not an option of the library but a member of a reader or an
 * argument of a function. */
static int is_argument(const char *name)
{
    static const char *const names[] = {"valid",    "target", "features",   "ignore",    "weights",         "offset",
                                        "exposure", "header", "init",       "model",     "penalty-factors", "rows",
                                        "cols",     "force",  "l1-factors", "l2-factors"};
    int opposite;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return option_find(name, &opposite) != NULL;
}

void options_undash(char *text)
{
    char name[32], *to = text;
    if (atomic_load(&keeps_dashes)) return;
    for (const char *from = text; *from;) {
        int begins = strncmp(from, "--", 2) == 0 && (from == text || !isalnum((unsigned char)from[-1]));
        size_t length = begins ? strspn(from + 2, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;
        if (length > 0 && length < sizeof name) {
            memcpy(name, from + 2, length);
            name[length] = '\0';
            if (is_argument(name)) from += 2;
        }
        *to++ = *from++;
    }
    *to = '\0';
}

/* ---- The loss's number --------------------------------------------------------------------------------------------------- */

/* Returns the member that holds the parameter of the loss; NULL: it has none. */
static double *loss_number(cusgd_options *o)
{
    int opposite;
    const char *name = loss_info_of(o->loss)->option;
    return name ? member_of(option_find(name, &opposite), o) : NULL;
}

void loss_numbers_choose(cusgd_options *options)
{
    double *number = loss_number(options);
    if (number && isnan(*number)) *number = loss_info_of(options->loss)->option_default;
}

void loss_number_set(cusgd_options *options, double number)
{
    double *at = loss_number(options);
    if (at) *at = number;
}

loss_rule loss_rule_of(const cusgd_options *options)
{
    cusgd_options o = *options;
    const double *number = loss_number(&o);
    loss_rule rule = {o.loss, 0, -(double)INFINITY, (double)INFINITY, o.formula};
    loss_numbers_choose(&o);
    if (number) rule.number = rounded_for(o.precision == CUSGD_PRECISION_FLOAT, *number);
    return rule;
}

/* ---- One value ----------------------------------------------------------------------------------------------------------- */

static int number_is_valid(const cusgd_option_info *info, double x)
{
    if (!isfinite(x)) return 0;
    return (info->min_excluded ? x > info->min : x >= info->min) && (info->max_excluded ? x < info->max : x <= info->max);
}

/* Returns whether a word is "auto", "cpu", "cuda" or "cuda:" and up to three digits. */
static int device_is_valid(const char *word)
{
    if (strcmp(word, "auto") == 0 || strcmp(word, "cpu") == 0 || strcmp(word, "cuda") == 0) return 1;
    if (strncmp(word, "cuda:", 5) != 0) return 0;
    size_t digits = strspn(word + 5, "0123456789");
    return digits >= 1 && digits <= 3 && word[5 + digits] == '\0';
}

int option_is_valid(const option *o, const cusgd_options *options)
{
    const cusgd_option_info *info = &o->info;
    if (is_open(o, options)) return 1;
    switch (info->type) {
    case CUSGD_OPTION_SEED: return 1;
    case CUSGD_OPTION_NUMBER: return number_is_valid(info, *(const double *)value_of(o, options));
    case CUSGD_OPTION_DEVICE: return memchr(options->device, 0, sizeof options->device) && device_is_valid(options->device);
    case CUSGD_OPTION_FLAG: return integer_in(o, options) == 0 || integer_in(o, options) == 1;
    case CUSGD_OPTION_NAME: return choice_word(o, integer_in(o, options)) != NULL;
    case CUSGD_OPTION_FORMULA:
    case CUSGD_OPTION_CONSTANTS: return memchr(value_of(o, options), 0, (size_t)info->max + 1) != NULL;
    case CUSGD_OPTION_WHOLE: break;
    }
    int64_t x = integer_in(o, options);
    return number_is_valid(info, (double)x) || (info->choices && x == -1);
}

/* Writes the range of a number as part of a sentence. */
static void put_range(const cusgd_option_info *info, char *text, size_t size)
{
    if (isinf(info->min))
        snprintf(text, size, "a finite number");
    else if (isinf(info->max) && info->min == 0)
        snprintf(text, size, info->min_excluded ? "a number greater than 0" : "a number that is not negative");
    else if (info->min_excluded)
        snprintf(text, size, "a number between %g and %g, both excluded", info->min, info->max);
    else
        snprintf(text, size, "a number from %g to less than %g", info->min, info->max);
}

void option_requirement(const option *o, char *text, size_t size)
{
    const cusgd_option_info *info = &o->info;
    char range[64];
    switch (info->type) {
    case CUSGD_OPTION_NAME: snprintf(text, size, "%s must be %s", info->name, info->metavar); break;
    case CUSGD_OPTION_NUMBER:
        put_range(info, range, sizeof range);
        snprintf(text, size, "%s must be %s%s", info->name, range, info->takes_auto ? ", or auto" : "");
        break;
    case CUSGD_OPTION_FLAG: snprintf(text, size, "%s must be true or false", info->name); break;
    case CUSGD_OPTION_SEED: snprintf(text, size, "%s must be a whole number from 0 to 18446744073709551615", info->name); break;
    case CUSGD_OPTION_DEVICE:
        snprintf(text, size, "%s must be auto, cpu, cuda or cuda:I, I a device's number", info->name);
        break;
    case CUSGD_OPTION_FORMULA: snprintf(text, size, "%s must be a formula of at most %.0f bytes", info->name, info->max); break;
    case CUSGD_OPTION_CONSTANTS:
        snprintf(text, size, "%s must be a name and a finite number, NAME=X, all of at most %.0f bytes", info->name, info->max);
        break;
    case CUSGD_OPTION_WHOLE:
        if (strcmp(info->metavar, "BYTES") == 0) {
            snprintf(text, size, "%s must be a number of bytes above 0, such as 500M or 2G (units: K, M, G, T), or auto",
                     info->name);
            break;
        }
        snprintf(text, size, "%s must be a whole number from %.0f to %.0f, or %s", info->name, info->min, info->max,
                 info->choices ? info->choices[0] : "auto");
    }
}

void option_text(const option *o, const cusgd_options *options, char text[CUSGD_OPTION_TEXT])
{
    const cusgd_option_info *info = &o->info;
    if (is_open(o, options)) {
        strcpy(text, "auto");
    } else if (is_number(o)) {
        number_format(*(const double *)value_of(o, options), text);
    } else if (info->type == CUSGD_OPTION_SEED) {
        snprintf(text, CUSGD_OPTION_TEXT, "%llu", (unsigned long long)options->seed);
    } else if (info->type == CUSGD_OPTION_DEVICE) {
        snprintf(text, CUSGD_OPTION_TEXT, "%.*s", (int)sizeof options->device, options->device);
    } else if (o->kind == IN_TEXT) {
        snprintf(text, CUSGD_OPTION_TEXT, "%s", (const char *)value_of(o, options));
    } else {
        int64_t x = integer_in(o, options);
        if (info->type == CUSGD_OPTION_NAME && option_is_valid(o, options))
            strcpy(text, choice_word(o, x));
        else if (info->type == CUSGD_OPTION_FLAG && option_is_valid(o, options))
            strcpy(text, x ? "true" : "false");
        else if (info->type == CUSGD_OPTION_WHOLE && info->choices && x == -1)
            strcpy(text, info->choices[0]);
        else
            snprintf(text, CUSGD_OPTION_TEXT, "%lld", (long long)x);
    }
}

/* ---- What makes sense together ------------------------------------------------------------------------------------------- */

/* Returns whether a number is still in its range after it was rounded to float: 1e-60 becomes 0, .999999999 becomes 1, and 1e60
 * becomes infinite. */
static int survives_rounding(const option *o, const cusgd_options *options)
{
    if (o->rounding == EXACT || options->precision != CUSGD_PRECISION_FLOAT || is_open(o, options)) return 1;
    double x = *(const double *)value_of(o, options), rounded = rounded_for(1, x);
    return number_is_valid(&o->info, rounded) && (x == 0) == (rounded == 0);
}

int options_have_bounds(const cusgd_options *options) { return !isnan(options->lower) || !isnan(options->upper); }
int options_exclude_zero(const cusgd_options *options) { return options->lower > 0 || options->upper < 0; }

int options_solve_quantile(const cusgd_options *options)
{
    int is_solved = options->solver == CUSGD_SOLVER_EXACT || options->solver == CUSGD_SOLVER_AUTO;
    return options->loss == CUSGD_LOSS_QUANTILE && is_solved;
}

/* Checks that the solver supports the objective. */
static const char *check_solver(const cusgd_options *options)
{
    cusgd_solver solver = options->solver;
    if (solver == CUSGD_SOLVER_BEST) return NULL; /* a solver that supports it will be chosen */
    int of_quantile = options_solve_quantile(options);
    int is_proximal = solver == CUSGD_SOLVER_SGD || solver == CUSGD_SOLVER_AUTO || solver == CUSGD_SOLVER_LBFGS ||
                      solver == CUSGD_SOLVER_COORDINATE;
    if (options->l1 > 0 && !is_proximal && !of_quantile)
        return "l1 needs solver coordinate, lbfgs, auto or sgd: the others want a smooth objective";
    if (options_have_bounds(options) && of_quantile)
        return "lower and upper need solver sgd where the loss is quantile: the optimum is looked for without bounds";
    if (options_have_bounds(options) && !is_proximal)
        return "lower and upper need solver coordinate, lbfgs, auto or sgd: the others do not support bounds";
    if (solver != CUSGD_SOLVER_SGD && options->storage != CUSGD_STORAGE_FULL)
        return "storage bf16 needs solver sgd: what the others find would be the optimum of rounded rows";
    if (loss_is_expression(options->loss) && solver != CUSGD_SOLVER_SGD && loss_is_nonsmooth(options->loss))
        return "the derivative of this formula jumps: it requires solver sgd, as the others need a smooth objective";
    if (solver == CUSGD_SOLVER_EXACT && !loss_is_quadratic(options->loss) && !of_quantile)
        return "solver exact is for the losses squared, mse and quantile; take newton or auto";
    return NULL;
}

/* Refuses options for single columns together with whitening, whose columns are mixtures. */
static const char *check_whiten(const cusgd_options *options)
{
    if (options->whiten == CUSGD_WHITEN_NONE) return NULL;
    if (options->robust) return "whiten and robust both choose how columns are scaled: leave one of them out";
    if (options->l1_factors || options->l2_factors || options_have_bounds(options))
        return "whiten trains on mixtures of the columns, and penalty factors and bounds are those of single columns: leave one "
               "of "
               "them out";
    if (options->penalty_units == CUSGD_PENALTY_DATA)
        return "penalty-units data is about the columns as they are, and with whiten penalties act on mixtures of them: leave "
               "one of "
               "them out";
    return NULL;
}

/* Checks the options for given means and scales, which replace those that standardization computes. */
static const char *check_given_standardization(const cusgd_options *options)
{
    if (!options->column_means && !options->column_scales) return NULL;
    if (!options->standardize)
        return "column-means and column-scales say how columns are standardized, and standardize is off: leave one of them out";
    if (options->robust || options->whiten != CUSGD_WHITEN_NONE)
        return "column-means and column-scales exclude robust and whiten, which compute their own: leave one of them out";
    if (options->column_means && !options->intercept)
        return "column-means need an intercept: without one, columns are only scaled; leave them out";
    return NULL;
}

static const char *check_together(const cusgd_options *options, const char **name)
{
    *name = "schedule";
    if (options->schedule == CUSGD_SCHEDULE_OPTIMAL && options->l2 == 0)
        return "the schedule optimal, 1 / (l2 (t + c)), needs l2: give l2, or choose inverse-scaling or time-decay";
    *name = "decay-power";
    if (options->decay_power <= 0 && options->schedule != CUSGD_SCHEDULE_INVERSE_SCALING)
        return "decay-power must be a number above 0; the schedule inverse-scaling alone takes others, by which the rate does "
               "not fall";
    *name = "warm-up";
    if (options->epochs > 0 && options->warm_up >= (double)options->epochs)
        return "warm-up takes all epochs, and the rate would never fall: give fewer epochs of warm-up, or more epochs";
    *name = "lower";
    if (options->lower > options->upper) return "lower is above upper: no coefficient lies between them; exchange the two";
    *name = "storage";
    if (options->storage != CUSGD_STORAGE_FULL && options->precision != CUSGD_PRECISION_FLOAT)
        return "storage bf16 keeps 8 bits of each value: take it with precision float, or storage full with precision double";
    *name = "average-from";
    if (options->average == 0 && options->average_from >= 0)
        return "average-from asks for averaging and average is off: leave one of them out";
    *name = "robust";
    if (options->robust && !options->standardize)
        return "robust chooses how columns are standardized, and standardize is off: leave one of them out";
    *name = "whiten";
    const char *wrong = check_whiten(options);
    if (wrong) return wrong;
    *name = "standardize";
    if ((wrong = check_given_standardization(options)) != NULL) return wrong;
    *name = "loss-expr";
    if (loss_is_expression(options->loss) && *options->loss_expression == '\0')
        return "the loss expression needs its formula: give loss-expr";
    *name = "solver";
    return check_solver(options);
}

const char *options_wrong(const cusgd_options *options, const char **name)
{
    static _Thread_local char sentence[256];
    const char *unused;
    char text[CUSGD_OPTION_TEXT];
    if (!name) name = &unused;
    for (const option *o = option_rows; o->info.name; o++) {
        *name = o->info.name;
        if (!option_is_valid(o, options)) {
            option_requirement(o, sentence, sizeof sentence);
            option_text(o, options, text);
            size_t length = strlen(sentence);
            snprintf(sentence + length, sizeof sentence - length, ", not %.60s", text);
            return sentence;
        }
        if (!survives_rounding(o, options)) {
            option_text(o, options, text);
            snprintf(sentence, sizeof sentence, "%s %.60s leaves its range when it is rounded to float: set precision to double",
                     o->info.name, text);
            return sentence;
        }
    }
    const char *wrong = check_together(options, name);
    if (!wrong) *name = NULL;
    return wrong;
}

cusgd_status cusgd_options_check(const cusgd_options *options)
{
    if (!options) return fail_null(__func__);
    const char *name, *wrong = options_wrong(options, &name);
    return wrong ? fail_option(name, "%s", wrong) : CUSGD_OK;
}
