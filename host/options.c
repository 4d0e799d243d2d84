#include "options.h"

#include "data.h"
#include "error.h"
#include "scalar/optimizers.h"
#include "scalar/sampling.h"
#include "scalar/schedule.h"

#include <ctype.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What the member of an option is. */
enum storage_kind { IN_INT, IN_INT64, IN_DOUBLE, IN_SEED, IN_DEVICE };

enum rounding { EXACT, ROUNDED };

/* Bounds that keep every product of counts within the trainer's arithmetic. */
#define MAX_COUNT   1e12
#define MAX_THREADS 4096
#define MAX_SHARDS  1024

typedef struct option {
    cusgd_option_info info;
    enum storage_kind kind;
    size_t offset;          /* in cusgd_options */
    int64_t open;           /* what "auto" is as a whole number or a flag; as a number it is NAN */
    enum rounding rounding; /* ROUNDED: the device computes with it in its precision */
} option;

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

/* Names and what a help text calls the choice, "a|b|c", from the table of a family. */
#define LOSS_NAME(KIND, NAME, ...)           [CUSGD_LOSS_##KIND] = NAME,
#define OPTIMIZER_NAME(KIND, NAME, ...)      [KIND] = NAME,
#define SCHEDULE_NAME(KIND, NAME, ...)       [CUSGD_SCHEDULE_##KIND] = NAME,
#define SAMPLING_NAME(KIND, NAME, ROW, FLAG) [CUSGD_SAMPLING_##KIND] = NAME,
#define AFTER_BAR(KIND, NAME, ...)           "|" NAME

static const char *const loss_words[] = {LOSSES(LOSS_NAME) NULL};
static const char *const optimizer_words[] = {OPTIMIZERS(OPTIMIZER_NAME) NULL};
static const char *const schedule_words[] = {SCHEDULES(SCHEDULE_NAME) NULL};
static const char *const sampling_words[] = {SAMPLINGS(SAMPLING_NAME) NULL};
static const char *const solver_words[] = {"sgd",  "auto", "exact", "gd",           "steepest",    "cg", "newton",
                                           "bfgs", "dfp",  "lbfgs", "broyden-good", "broyden-bad", NULL};
static const char *const pace_words[] = {"step", "epoch", NULL};
static const char *const precision_words[] = {"float", "double", NULL};
static const char *const storage_words[] = {"full", "bf16", NULL};
static const char *const math_words[] = {"exact", "tf32", NULL};
static const char *const engine_words[] = {"auto", "cublas", "fused", "persistent", NULL};
static const char *const penalty_unit_words[] = {"standardized", "data", NULL};
static const char *const end_words[] = {"end", NULL};

static const char bar_losses[] = LOSSES(AFTER_BAR), bar_optimizers[] = OPTIMIZERS(AFTER_BAR);
static const char bar_schedules[] = SCHEDULES(AFTER_BAR), bar_samplings[] = SAMPLINGS(AFTER_BAR);

_Static_assert(sizeof(cusgd_loss) == sizeof(int) && sizeof(cusgd_solver) == sizeof(int) &&
                   sizeof(cusgd_optimizer) == sizeof(int) && sizeof(cusgd_schedule) == sizeof(int) &&
                   sizeof(cusgd_sampling) == sizeof(int) && sizeof(cusgd_precision) == sizeof(int) &&
                   sizeof(cusgd_storage) == sizeof(int) && sizeof(cusgd_math) == sizeof(int) &&
                   sizeof(cusgd_engine) == sizeof(int) && sizeof(cusgd_penalty_units) == sizeof(int),
               "the enumerations are read and written as int");

/* ---- The table ----------------------------------------------------------------------------------------------------------- */

/* The rest of a cusgd_option_info: type, choices, min, max, min_excluded, max_excluded, takes_auto. */
#define NAMED_BY(words)       CUSGD_OPTION_NAME, words, 0, 0, 0, 0, 0
#define POSITIVE(automatic)   CUSGD_OPTION_NUMBER, NULL, 0, (double)INFINITY, 1, 1, automatic
#define NATURAL(automatic)    CUSGD_OPTION_NUMBER, NULL, 0, (double)INFINITY, 0, 1, automatic
#define SHARE(automatic)      CUSGD_OPTION_NUMBER, NULL, 0, 1, 0, 1, automatic
#define BETWEEN(low, high)    CUSGD_OPTION_NUMBER, NULL, low, high, 1, 1, 1
#define ANY_NUMBER            CUSGD_OPTION_NUMBER, NULL, -(double)INFINITY, (double)INFINITY, 1, 1, 1
#define COUNT(minimum, words) CUSGD_OPTION_WHOLE, words, minimum, MAX_COUNT, 0, 0, 1
#define FLAG(automatic)       CUSGD_OPTION_FLAG, NULL, 0, 1, 0, 0, automatic

#define AT(field) offsetof(cusgd_options, field)

/* clang-format off */
static const option table[] = {
    {{"loss", bar_losses + 1, "squared", "loss function", NULL,
      NAMED_BY(loss_words)}, IN_INT, AT(loss), 0, EXACT},
    {{"delta", "X", "1.35", "huber: residual size at which the loss becomes linear", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(delta), 0, ROUNDED},
    {{"width", "X", "0.1", "epsilon-insensitive losses: half-width of the zero-loss tube", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(width), 0, ROUNDED},
    {{"quantile", "X", "0.5", "quantile: which one, between 0 and 1", NULL,
      BETWEEN(0, 1)}, IN_DOUBLE, AT(quantile), 0, ROUNDED},
    {{"power", "X", "1.5", "tweedie: between 1 (poisson) and 2 (gamma)", NULL,
      BETWEEN(1, 2)}, IN_DOUBLE, AT(power), 0, ROUNDED},
    {{"solver", "sgd|auto|exact|gd|steepest|cg|newton|bfgs|dfp|lbfgs|broyden-good|broyden-bad", "sgd", "minibatch steps, or a full-batch method", NULL,
      NAMED_BY(solver_words)}, IN_INT, AT(solver), 0, EXACT},
    {{"optimizer", bar_optimizers + 1, "auto", "update rule", NULL,
      NAMED_BY(optimizer_words)}, IN_INT, AT(optimizer), 0, EXACT},
    {{"rate", "R|auto", "from the data, or the optimizer's usual one", "learning rate", "lr",
      POSITIVE(1)}, IN_DOUBLE, AT(rate), 0, ROUNDED},
    {{"schedule", bar_schedules + 1, "constant", "how the rate changes", NULL,
      NAMED_BY(schedule_words)}, IN_INT, AT(schedule), 0, EXACT},
    {{"t0", "A", "rate t1", "time-decay: rate(t) = t0 / (t + t1) at step t", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(t0), 0, EXACT},
    {{"t1", "B", "the steps of 10 epochs", "time-decay: see t0", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(t1), 0, EXACT},
    {{"decay", "G", "0.1; exponential 0.95", "exponential, step, plateau: decay factor", NULL,
      BETWEEN(0, 1)}, IN_DOUBLE, AT(decay), 0, EXACT},
    {{"decay-every", "E", "a third of all", "step: epochs from one decay to the next", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(decay_every), 0, EXACT},
    {{"decay-power", "P", "0.25; polynomial 1", "inverse-scaling, polynomial: the exponent", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(decay_power), 0, EXACT},
    {{"decay-patience", "N", "3", "plateau: evaluations without improvement that it waits", NULL,
      COUNT(1, NULL)}, IN_INT64, AT(decay_patience), 0, EXACT},
    {{"warm-up", "E", "5 % of all; one-cycle 30 %", "cosine, one-cycle: epochs of warm-up", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(warm_up), 0, EXACT},
    {{"final-rate", "R", "0", "cosine, polynomial: the rate at the end", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(final_rate), 0, EXACT},
    {{"rate-changes", "step|epoch", "step", "update the rate every step or every epoch", NULL,
      NAMED_BY(pace_words)}, IN_INT, AT(rate_changes), 0, EXACT},
    {{"momentum", "M", "0.9; rmsprop 0; auto chooses", "momentum coefficient", NULL,
      SHARE(1)}, IN_DOUBLE, AT(momentum), 0, ROUNDED},
    {{"beta1", "X", "0.9", "adam family: decay of the mean gradient", NULL,
      SHARE(1)}, IN_DOUBLE, AT(beta1), 0, ROUNDED},
    {{"beta2", "X", "0.999", "adam family: decay of the mean squared gradient", NULL,
      SHARE(1)}, IN_DOUBLE, AT(beta2), 0, ROUNDED},
    {{"rho", "X", "0.9; rmsprop 0.99", "adadelta, rmsprop: decay", NULL,
      SHARE(1)}, IN_DOUBLE, AT(rho), 0, ROUNDED},
    {{"centered", NULL, "off", "rmsprop: divide by the gradient's standard deviation", "no-centered",
      FLAG(0)}, IN_INT, AT(centered), -1, EXACT},
    {{"weight-decay", "X", "adamw 0.01, asgd 1e-4", "share of the rate by which coefficients shrink", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(weight_decay), 0, ROUNDED},
    {{"epsilon", "X", "1e-8; adagrad 1e-10, adadelta 1e-6", "added to the denominator", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(epsilon), 0, ROUNDED},
    {{"batch", "B", "256, less for few rows", "rows per step", "batch-size",
      COUNT(1, NULL)}, IN_INT64, AT(batch), 0, EXACT},
    {{"epochs", "E", "2e6 rows' worth, 20 to 1000", "maximum number of passes over the data", NULL,
      COUNT(1, NULL)}, IN_INT64, AT(epochs), 0, EXACT},
    {{"sampling", bar_samplings + 1, "permute", "order of the rows", NULL,
      NAMED_BY(sampling_words)}, IN_INT, AT(sampling), 0, EXACT},
    {{"shards", "L", "1", "parts of the rows from each of which every batch takes a share", NULL,
      CUSGD_OPTION_WHOLE, NULL, 1, MAX_SHARDS, 0, 0, 0}, IN_INT, AT(shards), 0, EXACT},
    {{"l1", "X", "0", "penalty on |theta|_1", NULL,
      NATURAL(0)}, IN_DOUBLE, AT(l1), 0, ROUNDED},
    {{"l2", "X", "0", "penalty on |theta|^2 / 2", NULL,
      NATURAL(0)}, IN_DOUBLE, AT(l2), 0, ROUNDED},
    {{"penalty-units", "standardized|data", "standardized", "coefficients that l1 and l2 act on: of standardized or original columns", NULL,
      NAMED_BY(penalty_unit_words)}, IN_INT, AT(penalty_units), 0, EXACT},
    {{"lower", "X", "none", "minimum of every coefficient, in the data's units", NULL,
      ANY_NUMBER}, IN_DOUBLE, AT(lower), 0, EXACT},
    {{"upper", "X", "none", "maximum of every coefficient", NULL,
      ANY_NUMBER}, IN_DOUBLE, AT(upper), 0, EXACT},
    {{"clip-norm", "X", "none", "maximum norm of a batch's gradient, which is scaled down to it", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(clip_norm), 0, ROUNDED},
    {{"clip-value", "X", "none", "maximum size of each value of a batch's gradient", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(clip_value), 0, ROUNDED},
    {{"average", NULL, "only with optimizer auto", "average the iterates", "no-average",
      FLAG(1)}, IN_INT, AT(average), -1, EXACT},
    {{"average-from", "STEP", "the first step", "average from this step on", NULL,
      COUNT(0, NULL)}, IN_INT64, AT(average_from), -1, EXACT},
    {{"standardize", NULL, "on", "bring columns to mean 0, variance 1", "no-standardize",
      FLAG(0)}, IN_INT, AT(standardize), -1, EXACT},
    {{"intercept", NULL, "on", "fit an intercept", "no-intercept",
      FLAG(0)}, IN_INT, AT(intercept), -1, EXACT},
    {{"valid-fraction", "F", "0", "share of the rows held out for validation", NULL,
      SHARE(0)}, IN_DOUBLE, AT(valid_fraction), 0, EXACT},
    {{"evaluate-every", "N|end", "1 with validation or tolerance, else end", "epochs between evaluations", NULL,
      COUNT(1, end_words)}, IN_INT64, AT(evaluate_every), 0, EXACT},
    {{"tolerance", "X", "1e-5; none if epochs is given", "minimum relative improvement", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(tolerance), 0, EXACT},
    {{"gradient-tolerance", "X", "none", "stop at this share of the intercept-only model's gradient", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(gradient_tolerance), 0, EXACT},
    {{"patience", "N", "5; more if few rows", "evaluations without improvement that end the run", NULL,
      COUNT(1, NULL)}, IN_INT64, AT(patience), -1, EXACT},
    {{"seed", "S", "0", "random seed", NULL,
      CUSGD_OPTION_SEED, NULL, 0, 18446744073709551615.0, 0, 0, 0}, IN_SEED, AT(seed), 0, EXACT},
    {{"device", "auto|cpu|cuda[:I]", "auto", "device to train on", NULL,
      CUSGD_OPTION_DEVICE, NULL, 0, 0, 0, 0, 0}, IN_DEVICE, AT(device), 0, EXACT},
    {{"precision", "float|double", "float", "precision of the computation", NULL,
      NAMED_BY(precision_words)}, IN_INT, AT(precision), 0, EXACT},
    {{"storage", "full|bf16", "full", "how training rows are kept; bf16: rounded, in half the bytes", NULL,
      NAMED_BY(storage_words)}, IN_INT, AT(storage), 0, EXACT},
    {{"math", "exact|tf32", "exact", "precision of matrix products on the GPU", NULL,
      NAMED_BY(math_words)}, IN_INT, AT(math), 0, EXACT},
    {{"engine", "auto|cublas|fused|persistent", "auto", "how a GPU computes steps", NULL,
      NAMED_BY(engine_words)}, IN_INT, AT(engine), 0, EXACT},
    {{"threads", "N", "as many as help", "CPU threads; the result does not depend on them", NULL,
      CUSGD_OPTION_WHOLE, NULL, 1, MAX_THREADS, 0, 0, 1}, IN_INT, AT(threads), 0, EXACT},
};
/* clang-format on */

enum { OPTION_COUNT = sizeof table / sizeof table[0] };

const cusgd_option_info *cusgd_option_at(size_t index) { return index < OPTION_COUNT ? &table[index].info : NULL; }

const cusgd_loss_info *cusgd_loss_at(size_t index) { return index < LOSS_COUNT ? &loss_table[index].info : NULL; }

const cusgd_loss_info *cusgd_loss_find(const char *name)
{
    cusgd_loss loss;
    return loss_from_word(name, &loss) ? loss_info_of(loss) : NULL;
}

/* ---- Members ------------------------------------------------------------------------------------------------------------- */

static void *member_of(const option *o, cusgd_options *options) { return (char *)options + o->offset; }
static const void *value_of(const option *o, const cusgd_options *options) { return (const char *)options + o->offset; }
static int is_number(const option *o) { return o->info.type == CUSGD_OPTION_NUMBER; }

/* The value of a member that is a whole number; flags and names by their integers. */
static int64_t integer_in(const option *o, const cusgd_options *options)
{
    return o->kind == IN_INT64 ? *(const int64_t *)value_of(o, options) : *(const int *)value_of(o, options);
}

static void put_integer(const option *o, cusgd_options *options, int64_t value)
{
    if (o->kind == IN_INT64)
        *(int64_t *)member_of(o, options) = value;
    else
        *(int *)member_of(o, options) = (int)value;
}

static int is_open(const option *o, const cusgd_options *options)
{
    if (!o->info.takes_auto) return 0;
    return is_number(o) ? isnan(*(const double *)value_of(o, options)) : integer_in(o, options) == o->open;
}

static void leave_open(const option *o, cusgd_options *options)
{
    if (is_number(o))
        *(double *)member_of(o, options) = (double)NAN;
    else
        put_integer(o, options, o->open);
}

void options_init(cusgd_options *options)
{
    *options = (cusgd_options){.standardize = 1, .intercept = 1, .shards = 1, .device = "auto"};
    for (const option *o = table; o < table + OPTION_COUNT; o++)
        if (o->info.takes_auto) leave_open(o, options);
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

static int word_count(const char *const *words)
{
    int count = 0;
    while (words[count]) count++;
    return count;
}

static int word_find(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0) return i;
    }
    return -1;
}

const char *loss_word(cusgd_loss loss) { return loss_info_of(loss)->name; }
const char *solver_word(cusgd_solver solver) { return solver_words[solver]; }
const char *optimizer_word(cusgd_optimizer optimizer) { return optimizer_table[optimizer].name; }

int loss_from_word(const char *word, cusgd_loss *loss)
{
    int found = word_find(loss_words, word);
    if (found >= 0) *loss = (cusgd_loss)found;
    return found >= 0;
}

/* *opposite: 1 if the name is that of a flag's opposite. */
static const option *option_find(const char *name, int *opposite)
{
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
        int other = o->info.alias && strcmp(name, o->info.alias) == 0;
        if (!other && strcmp(name, o->info.name) != 0) continue;
        *opposite = other && o->info.type == CUSGD_OPTION_FLAG;
        return o;
    }
    return NULL;
}

const cusgd_option_info *options_find(const char *name)
{
    int opposite;
    const option *o = option_find(name, &opposite);
    return o ? &o->info : NULL;
}

static cusgd_status fail_unknown(const char *name) { return fail(CUSGD_ERROR_USAGE, "there is no option \"%.60s\"", name); }

/* ---- Names in messages --------------------------------------------------------------------------------------------------- */

static _Atomic int keeps_dashes;

void cusgd_set_option_dashes(int dashes) { atomic_store(&keeps_dashes, dashes); }

/* Arguments of the command that are no options here, but members of a reader or arguments of functions. */
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

/* The member that holds the number of the loss; NULL: it has none. */
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
    loss_rule rule = {o.loss, 0, -(double)INFINITY, (double)INFINITY};
    loss_numbers_choose(&o);
    if (number) rule.number = o.precision == CUSGD_PRECISION_FLOAT ? (double)(float)*number : *number;
    return rule;
}

/* ---- One value ----------------------------------------------------------------------------------------------------------- */

static int number_is_valid(const cusgd_option_info *info, double x)
{
    if (!isfinite(x)) return 0;
    return (info->min_excluded ? x > info->min : x >= info->min) && (info->max_excluded ? x < info->max : x <= info->max);
}

/* "auto", "cpu", "cuda" or "cuda:" and up to three digits. */
static int device_is_valid(const char *word)
{
    if (strcmp(word, "auto") == 0 || strcmp(word, "cpu") == 0 || strcmp(word, "cuda") == 0) return 1;
    if (strncmp(word, "cuda:", 5) != 0) return 0;
    size_t digits = strspn(word + 5, "0123456789");
    return digits >= 1 && digits <= 3 && word[5 + digits] == '\0';
}

static int is_valid(const option *o, const cusgd_options *options)
{
    const cusgd_option_info *info = &o->info;
    if (is_open(o, options)) return 1;
    switch (info->type) {
    case CUSGD_OPTION_SEED: return 1;
    case CUSGD_OPTION_NUMBER: return number_is_valid(info, *(const double *)value_of(o, options));
    case CUSGD_OPTION_DEVICE: return memchr(options->device, 0, sizeof options->device) && device_is_valid(options->device);
    case CUSGD_OPTION_FLAG: return integer_in(o, options) == 0 || integer_in(o, options) == 1;
    case CUSGD_OPTION_NAME: return integer_in(o, options) >= 0 && integer_in(o, options) < word_count(info->choices);
    case CUSGD_OPTION_WHOLE: break;
    }
    int64_t x = integer_in(o, options);
    return number_is_valid(info, (double)x) || (info->choices && x == -1);
}

/* What a number must be, for a sentence. */
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

/* The option's name and what it must be, for a sentence. */
static void put_requirement(const option *o, char *text, size_t size)
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
    case CUSGD_OPTION_WHOLE:
        snprintf(text, size, "%s must be a whole number from %.0f to %.0f, or %s", info->name, info->min, info->max,
                 info->choices ? info->choices[0] : "auto");
    }
}

static void put_value(const option *o, const cusgd_options *options, char text[CUSGD_OPTION_TEXT])
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
    } else {
        int64_t x = integer_in(o, options);
        if (info->type == CUSGD_OPTION_NAME && is_valid(o, options))
            strcpy(text, info->choices[x]);
        else if (info->type == CUSGD_OPTION_FLAG && is_valid(o, options))
            strcpy(text, x ? "true" : "false");
        else if (info->type == CUSGD_OPTION_WHOLE && info->choices && x == -1)
            strcpy(text, info->choices[0]);
        else
            snprintf(text, CUSGD_OPTION_TEXT, "%lld", (long long)x);
    }
}

/* ---- What makes sense together ------------------------------------------------------------------------------------------- */

/* A number that is in its range as given may leave it when it is rounded to float: 1e-60 to 0, .999999999 to 1, 1e60 to infinity.
 */
static int survives_rounding(const option *o, const cusgd_options *options)
{
    if (o->rounding == EXACT || options->precision != CUSGD_PRECISION_FLOAT || is_open(o, options)) return 1;
    double x = *(const double *)value_of(o, options), rounded = (double)(float)x;
    return number_is_valid(&o->info, rounded) && (x == 0) == (rounded == 0);
}

/* Which methods can do what the objective asks for. */
static const char *check_solver(const cusgd_options *options)
{
    cusgd_solver solver = options->solver;
    int takes_l1 = solver == CUSGD_SOLVER_SGD || solver == CUSGD_SOLVER_AUTO || solver == CUSGD_SOLVER_LBFGS;
    if (options->l1 > 0 && !takes_l1) return "l1 needs solver lbfgs, auto or sgd: the others want a smooth objective";
    if (solver != CUSGD_SOLVER_SGD && !(isnan(options->lower) && isnan(options->upper)))
        return "lower and upper need solver sgd: the others do not support bounds";
    if (solver != CUSGD_SOLVER_SGD && options->storage != CUSGD_STORAGE_FULL)
        return "storage bf16 needs solver sgd: what the others find would be the optimum of rounded rows";
    if (solver == CUSGD_SOLVER_EXACT && !loss_is_quadratic(options->loss))
        return "solver exact is for the losses squared and mse; take newton or auto";
    return NULL;
}

static const char *check_together(const cusgd_options *options, const char **name)
{
    *name = "schedule";
    if (options->schedule == CUSGD_SCHEDULE_OPTIMAL && options->l2 == 0)
        return "the schedule optimal, 1 / (l2 (t + c)), needs l2: give l2, or choose inverse-scaling or time-decay";
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
    *name = "solver";
    return check_solver(options);
}

const char *options_wrong(const cusgd_options *options, const char **name)
{
    static _Thread_local char sentence[256];
    const char *unused;
    char text[CUSGD_OPTION_TEXT];
    if (!name) name = &unused;
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
        *name = o->info.name;
        if (!is_valid(o, options)) {
            put_requirement(o, sentence, sizeof sentence);
            put_value(o, options, text);
            size_t length = strlen(sentence);
            snprintf(sentence + length, sizeof sentence - length, ", not %s", text);
            return sentence;
        }
        if (!survives_rounding(o, options)) {
            put_value(o, options, text);
            snprintf(sentence, sizeof sentence, "%s %s leaves its range when it is rounded to float: set precision to double",
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
    const char *name, *wrong = options_wrong(options, &name);
    return wrong ? fail_option(name, "%s", wrong) : CUSGD_OK;
}

/* ---- By name ------------------------------------------------------------------------------------------------------------- */

/* A whole text that is a finite number. */
static int finite_parse(const char *text, double *value)
{
    return !strpbrk(text, " \t") && number_parse(text, strlen(text), value) && isfinite(*value);
}

/* Digits alone, or a number such as 1e6 that is whole and exact in double. */
static int whole_parse(const char *text, uint64_t *value)
{
    double x;
    uint64_t whole = 0;
    for (const char *c = text; *c; c++) {
        unsigned digit = (unsigned)(unsigned char)*c - '0';
        if (digit > 9) {
            if (!finite_parse(text, &x) || x < 0 || x > 9007199254740992.0 || x != floor(x)) return 0;
            *value = (uint64_t)x;
            return 1;
        }
        if (whole > (UINT64_MAX - digit) / 10) return 0;
        whole = whole * 10 + digit;
    }
    *value = whole;
    return *text != '\0';
}

static int value_parse(const option *o, const char *text, int opposite, cusgd_options *options)
{
    const cusgd_option_info *info = &o->info;
    uint64_t whole;
    int found;
    switch (info->type) {
    case CUSGD_OPTION_NAME:
        found = word_find(info->choices, text);
        if (found >= 0) put_integer(o, options, found);
        return found >= 0;
    case CUSGD_OPTION_FLAG:
        found = strcmp(text, "true") == 0;
        if (!found && strcmp(text, "false") != 0) return 0;
        put_integer(o, options, found != opposite);
        return 1;
    case CUSGD_OPTION_SEED: return whole_parse(text, &options->seed);
    case CUSGD_OPTION_DEVICE:
        if (strlen(text) >= sizeof options->device) return 0;
        strcpy(options->device, text);
        return 1;
    case CUSGD_OPTION_WHOLE:
        if (info->choices && strcmp(text, info->choices[0]) == 0) {
            put_integer(o, options, -1);
            return 1;
        }
        if (!whole_parse(text, &whole) || whole > (uint64_t)info->max || whole < (uint64_t)info->min) return 0;
        put_integer(o, options, (int64_t)whole);
        return 1;
    case CUSGD_OPTION_NUMBER: break;
    }
    return finite_parse(text, member_of(o, options));
}

cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value)
{
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (!value && o->info.type != CUSGD_OPTION_FLAG)
        return fail_option(o->info.name, "%s needs a value: %s", name, o->info.metavar);
    if (!value) value = "true";

    cusgd_options trial = *options;
    if (o->info.takes_auto && strcmp(value, CUSGD_AUTO) == 0) {
        leave_open(o, &trial);
    } else if (!value_parse(o, value, opposite, &trial) || !is_valid(o, &trial)) {
        char text[256];
        put_requirement(o, text, sizeof text);
        return fail_option(o->info.name, "%s, not \"%.60s\"", text, value);
    }
    *options = trial;
    return CUSGD_OK;
}

cusgd_status cusgd_options_set_number(cusgd_options *options, const char *name, double value)
{
    int opposite;
    char text[NUMBER_TEXT];
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (o->info.type == CUSGD_OPTION_NAME || o->info.type == CUSGD_OPTION_DEVICE)
        return fail_option(o->info.name, "%s is not a number: set it by cusgd_options_set", name);
    if (isnan(value)) return cusgd_options_set(options, name, CUSGD_AUTO);
    if (o->info.type == CUSGD_OPTION_FLAG && (value == 0 || value == 1))
        return cusgd_options_set(options, name, value != 0 ? "true" : "false");
    if (o->info.type == CUSGD_OPTION_WHOLE && o->info.choices && value == -1)
        return cusgd_options_set(options, name, o->info.choices[0]);
    number_format(value, text);
    return cusgd_options_set(options, name, text);
}

cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT])
{
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    put_value(o, options, value);
    if (opposite && !is_open(o, options)) strcpy(value, integer_in(o, options) ? "false" : "true");
    return CUSGD_OK;
}

cusgd_status cusgd_options_get_number(const cusgd_options *options, const char *name, double *value)
{
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail_unknown(name);
    if (o->info.type == CUSGD_OPTION_NAME || o->info.type == CUSGD_OPTION_DEVICE)
        return fail_option(o->info.name, "%s is not a number: read it by cusgd_options_get", name);
    if (is_open(o, options))
        *value = (double)NAN;
    else if (is_number(o))
        *value = *(const double *)value_of(o, options);
    else
        *value = o->kind == IN_SEED ? (double)options->seed : (double)integer_in(o, options);
    if (opposite && !isnan(*value)) *value = 1 - *value;
    return CUSGD_OK;
}

/* Whether an option has no part in the result: one shard is how rows are without shards. */
static int is_silent(const option *o, const cusgd_options *options)
{
    if (o->info.type == CUSGD_OPTION_DEVICE || strcmp(o->info.name, "threads") == 0) return 1;
    return strcmp(o->info.name, "shards") == 0 && options->shards == 1;
}

int options_describe(const cusgd_options *options, size_t index, const char **name, char *value)
{
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
        if (is_silent(o, options) || is_open(o, options)) continue;
        if (index-- > 0) continue;
        *name = o->info.name;
        put_value(o, options, value);
        return 1;
    }
    return 0;
}
