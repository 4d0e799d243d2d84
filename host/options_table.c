/* The table of options: names, ranges, defaults and help. */
#include "options_table.h"

#include "scalar/optimizers.h"
#include "scalar/sampling.h"
#include "scalar/schedule.h"

#include <string.h>

/* Upper limits of counts, for which no product of counts overflows in the trainer. */
#define MAX_COUNT   1e12
#define MAX_THREADS 4096
#define MAX_BYTES   9007199254740992.0 /* 2^53 */

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

/* The names of the rows of a table, and the list of them in a help text, "a|b|c". */
#define LOSS_NAME(KIND, NAME, ...)           [CUSGD_LOSS_##KIND] = NAME,
#define OPTIMIZER_NAME(KIND, NAME, ...)      [KIND] = NAME,
#define SCHEDULE_NAME(KIND, NAME, ...)       [CUSGD_SCHEDULE_##KIND] = NAME,
#define SAMPLING_NAME(KIND, NAME, ROW, FLAG) [CUSGD_SAMPLING_##KIND] = NAME,
#define AFTER_BAR(KIND, NAME, ...)           "|" NAME

static const char *const loss_words[] = {LOSSES(LOSS_NAME) NULL};
static const char *const optimizer_words[] = {OPTIMIZERS(OPTIMIZER_NAME) NULL};
static const char *const schedule_words[] = {SCHEDULES(SCHEDULE_NAME) NULL};
static const char *const sampling_words[] = {SAMPLINGS(SAMPLING_NAME) NULL};
static const char *const solver_words[] = {"sgd",  "auto", "best",  "exact",        "gd",          "steepest",   "cg", "newton",
                                           "bfgs", "dfp",  "lbfgs", "broyden-good", "broyden-bad", "coordinate", NULL};
static const char *const pace_words[] = {"step", "epoch", NULL};
static const char *const precision_words[] = {"float", "double", NULL};
static const char *const storage_words[] = {"full", "bf16", NULL};
static const char *const math_words[] = {"exact", "tf32", NULL};
static const char *const engine_words[] = {"auto", "cublas", "fused", "persistent", NULL};
static const char *const whiten_words[] = {"none", "zca", "pca", NULL};
static const char *const penalty_unit_words[] = {"standardized", "data", NULL};
static const char *const multiclass_words[] = {"auto", "softmax", "one-vs-rest", NULL};
static const char *const update_words[] = {"auto", "dense", "lazy", NULL};
static const char *const sparse_scale_words[] = {"none", "rms", "full", NULL};
static const char *const end_words[] = {"end", NULL};

static const char bar_losses[] = LOSSES(AFTER_BAR), bar_optimizers[] = OPTIMIZERS(AFTER_BAR);
static const char bar_schedules[] = SCHEDULES(AFTER_BAR), bar_samplings[] = SAMPLINGS(AFTER_BAR);

_Static_assert(sizeof(cusgd_loss) == sizeof(int) && sizeof(cusgd_solver) == sizeof(int) &&
                   sizeof(cusgd_optimizer) == sizeof(int) && sizeof(cusgd_schedule) == sizeof(int) &&
                   sizeof(cusgd_sampling) == sizeof(int) && sizeof(cusgd_precision) == sizeof(int) &&
                   sizeof(cusgd_storage) == sizeof(int) && sizeof(cusgd_math) == sizeof(int) &&
                   sizeof(cusgd_engine) == sizeof(int) && sizeof(cusgd_penalty_units) == sizeof(int) &&
                   sizeof(cusgd_whiten) == sizeof(int) && sizeof(cusgd_multiclass) == sizeof(int) &&
                   sizeof(cusgd_update) == sizeof(int) && sizeof(cusgd_sparse_scale) == sizeof(int),
               "the enumerations are read and written as int");

/* ---- The table ----------------------------------------------------------------------------------------------------------- */

/* The last members of a cusgd_option_info: type, choices, min, max, min_excluded, max_excluded, takes_auto. */
#define NAMED_BY(words)       CUSGD_OPTION_NAME, words, 0, 0, 0, 0, 0
#define POSITIVE(automatic)   CUSGD_OPTION_NUMBER, NULL, 0, (double)INFINITY, 1, 1, automatic
#define NATURAL(automatic)    CUSGD_OPTION_NUMBER, NULL, 0, (double)INFINITY, 0, 1, automatic
#define SHARE(automatic)      CUSGD_OPTION_NUMBER, NULL, 0, 1, 0, 1, automatic
#define BETWEEN(low, high)    CUSGD_OPTION_NUMBER, NULL, low, high, 1, 1, 1
#define ANY_NUMBER            CUSGD_OPTION_NUMBER, NULL, -(double)INFINITY, (double)INFINITY, 1, 1, 1
#define COUNT(minimum, words) CUSGD_OPTION_WHOLE, words, minimum, MAX_COUNT, 0, 0, 1
#define FLAG(automatic)       CUSGD_OPTION_FLAG, NULL, 0, 1, 0, 0, automatic

#define TEXT_OF(type) type, NULL, 0, CUSGD_OPTION_TEXT - 1, 0, 0, 1

#define AT(field) offsetof(cusgd_options, field)

/* clang-format off */
const option option_rows[] = {
    {{"loss", bar_losses + 1, "squared", "loss function", NULL,
      NAMED_BY(loss_words)}, IN_INT, AT(loss), 0, EXACT},
    {{"loss-expr", "FORMULA", "none", "a loss of your own, by p and y: \"log(cosh(p - y))\"", NULL,
      TEXT_OF(CUSGD_OPTION_FORMULA)}, IN_TEXT, AT(loss_expression), 0, EXACT},
    {{"constant", "NAME=X", "none", "a number that loss-expr and link name; may be repeated", NULL,
      TEXT_OF(CUSGD_OPTION_CONSTANTS)}, IN_TEXT, AT(constants), 0, EXACT},
    {{"link", "FORMULA", "p", "loss-expr: the mean of the target by p: \"exp(p)\"", NULL,
      TEXT_OF(CUSGD_OPTION_FORMULA)}, IN_TEXT, AT(link), 0, EXACT},
    {{"classes", "auto|softmax|one-vs-rest", "softmax for logistic", "how more than two classes are trained", NULL,
      CUSGD_OPTION_NAME, multiclass_words, 0, 0, 0, 0, 1}, IN_INT, AT(multiclass), CUSGD_MULTICLASS_AUTO, EXACT},
    {{"delta", "X", "1.35", "huber: residual size at which the loss becomes linear", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(delta), 0, ROUNDED},
    {{"width", "X", "0.1", "epsilon-insensitive losses: half-width of the zero-loss tube", NULL,
      NATURAL(1)}, IN_DOUBLE, AT(width), 0, ROUNDED},
    {{"quantile", "X", "0.5", "quantile: which one, in (0, 1); train: or several", NULL,
      BETWEEN(0, 1)}, IN_DOUBLE, AT(quantile), 0, ROUNDED},
    {{"power", "X", "1.5", "tweedie: between 1 (poisson) and 2 (gamma)", NULL,
      BETWEEN(1, 2)}, IN_DOUBLE, AT(power), 0, ROUNDED},
    {{"solver", "sgd|auto|best|exact|gd|steepest|cg|newton|bfgs|dfp|lbfgs|broyden-good|broyden-bad|coordinate", "sgd", "minibatch steps, or a full-batch method", NULL,
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
      ANY_NUMBER}, IN_DOUBLE, AT(decay_power), 0, EXACT},
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
    {{"epsilon", "X", "1e-8; adagrad 1e-10, adadelta and ftrl 1e-6", "added to the denominator", NULL,
      POSITIVE(1)}, IN_DOUBLE, AT(epsilon), 0, ROUNDED},
    {{"batch", "B", "256, less for few rows", "rows per step", "batch-size",
      COUNT(1, NULL)}, IN_INT64, AT(batch), 0, EXACT},
    {{"epochs", "E", "2e6 rows' worth, 20 to 1000", "maximum number of passes over the data", NULL,
      COUNT(1, NULL)}, IN_INT64, AT(epochs), 0, EXACT},
    {{"sampling", bar_samplings + 1, "permute; sparse data: batches", "order of the rows", NULL,
      CUSGD_OPTION_NAME, sampling_words, 0, 0, 0, 0, 1}, IN_INT, AT(sampling), -1, EXACT},
    {{"update", "auto|dense|lazy", "auto", "sparse data: update all columns, or those of the batch", NULL,
      CUSGD_OPTION_NAME, update_words, 0, 0, 0, 0, 1}, IN_INT, AT(update), CUSGD_UPDATE_AUTO, EXACT},
    {{"shards", "L", "1", "parts of the rows from each of which every batch takes a share", NULL,
      CUSGD_OPTION_WHOLE, NULL, 1, MAX_SHARDS, 0, 0, 0}, IN_INT, AT(shards), 0, EXACT},
    {{"l1", "X", "0", "penalty on |theta|_1", NULL,
      NATURAL(0)}, IN_DOUBLE, AT(l1), 0, ROUNDED},
    {{"l2", "X", "0", "penalty on |theta|^2 / 2", NULL,
      NATURAL(0)}, IN_DOUBLE, AT(l2), 0, ROUNDED},
    {{"penalty-units", "standardized|data", "standardized", "the columns whose coefficients l1 and l2 act on", NULL,
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
    {{"sparse-scale", "none|rms|full", "none", "sparse columns: divided by their RMS, or standardized", NULL,
      NAMED_BY(sparse_scale_words)}, IN_INT, AT(sparse_scale), 0, EXACT},
    {{"robust", NULL, "off", "standardize by median and interquartile range", "no-robust",
      FLAG(0)}, IN_INT, AT(robust), -1, EXACT},
    {{"whiten", "none|zca|pca", "none", "train on decorrelated columns", NULL,
      NAMED_BY(whiten_words)}, IN_INT, AT(whiten), 0, EXACT},
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
    {{"memory", "BYTES", "no limit", "memory for training rows (2G); more are read as needed", NULL,
      CUSGD_OPTION_WHOLE, NULL, 1, MAX_BYTES, 0, 0, 1}, IN_INT64, AT(memory), 0, EXACT},
    {{"threads", "N", "as many as help", "CPU threads; the result does not depend on them", NULL,
      CUSGD_OPTION_WHOLE, NULL, 1, MAX_THREADS, 0, 0, 1}, IN_INT, AT(threads), 0, EXACT},
    {{0}, IN_INT, 0, 0, EXACT},
};
/* clang-format on */

enum { OPTION_COUNT = sizeof option_rows / sizeof option_rows[0] - 1 };
_Static_assert((int)OPTION_COUNT <= (int)OPTIONS_MOST, "open_options has room for every option");

const cusgd_option_info *cusgd_option_at(size_t index) { return index < OPTION_COUNT ? &option_rows[index].info : NULL; }

const cusgd_loss_info *cusgd_loss_at(size_t index) { return index < LOSS_COUNT ? &loss_table[index].info : NULL; }

const cusgd_loss_info *cusgd_loss_find(const char *name)
{
    cusgd_loss loss;
    return loss_from_word(name, &loss) ? loss_info_of(loss) : NULL;
}

void options_init(cusgd_options *options)
{
    *options = (cusgd_options){.standardize = 1, .intercept = 1, .shards = 1, .device = "auto"};
    for (const option *o = option_rows; o->info.name; o++)
        if (o->info.takes_auto) leave_open(o, options);
}

open_options options_undecided(const cusgd_options *options)
{
    open_options open = {{0}};
    for (int i = 0; i < OPTION_COUNT; i++) open.is[i] = (char)is_open(&option_rows[i], options);
    return open;
}

/* ---- Finding them
 * --------------------------------------------------------------------------------------------------------------- */

/* Returns the index of a word in a NULL-terminated array; -1 if it is not there. */
static int word_find(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0) return i;
    }
    return -1;
}

const char *loss_word(cusgd_loss loss) { return loss_info_of(loss)->name; }
const char *solver_word(cusgd_solver solver) { return solver_words[solver]; }

static int loss_find(const char *word)
{
    return strcmp(word, loss_word(CUSGD_LOSS_EXPRESSION)) == 0 ? CUSGD_LOSS_EXPRESSION : word_find(loss_words, word);
}

int choice_find(const option *o, const char *word)
{
    return o->info.choices == loss_words ? loss_find(word) : word_find(o->info.choices, word);
}

const char *choice_word(const option *o, int64_t value)
{
    int64_t count = 0;
    if (o->info.choices == loss_words && value >= LOSS_COUNT && value <= CUSGD_LOSS_EXPRESSION_SHIFT_NOT)
        return loss_word((cusgd_loss)value);
    while (o->info.choices[count]) count++;
    return value >= 0 && value < count ? o->info.choices[value] : NULL;
}

int loss_from_word(const char *word, cusgd_loss *loss)
{
    int found = loss_find(word);
    if (found >= 0) *loss = (cusgd_loss)found;
    return found >= 0;
}

const option *option_find(const char *name, int *opposite)
{
    for (const option *o = option_rows; o->info.name; o++) {
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
