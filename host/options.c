#include "options.h"

#include "data.h"
#include "error.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What an option's field holds and which values it may have. */
enum kind {
    WORD,     /* an enumeration, its values in the order of `words` */
    POSITIVE, /* double > 0; the kinds of numbers follow one another */
    NATURAL,  /* double >= 0 */
    SHARE,    /* double in [0, 1) */
    INSIDE,   /* double in (0, 1) */
    POWER,    /* double in (1, 2) */
    NUMBER,   /* double, any */
    COUNT,    /* int64_t from `least` to COUNT_MOST */
    THREADS,  /* int from `least` to THREADS_MOST */
    FLAG,     /* int, 0 or 1 */
    SEED,     /* uint64_t */
    DEVICE,   /* char[16] */
};

enum rounding { EXACT, ROUNDED };

/* Bounds that keep every product of counts within the trainer's arithmetic. */
static const int64_t COUNT_MOST = INT64_C(1000000000000);
static const int THREADS_MOST = 4096;

typedef struct option {
    cusgd_option_info info;
    enum kind kind;
    size_t offset;            /* in cusgd_options */
    const char *const *words; /* WORD, NULL-terminated; COUNT: the word for -1, or NULL */
    int64_t least;
    int64_t open;           /* what "auto" is: COUNT, THREADS: this value; numbers: NAN, flags: -1, both only where it is 1 */
    enum rounding rounding; /* ROUNDED: the device computes with it in its precision */
} option;

static const char *const loss_words[] = {"squared",
                                         "mse",
                                         "logistic",
                                         "huber",
                                         "epsilon-insensitive",
                                         "squared-epsilon-insensitive",
                                         "hinge",
                                         "squared-hinge",
                                         "quantile",
                                         "poisson",
                                         "gamma",
                                         "tweedie",
                                         "log-cosh",
                                         NULL};
static const char *const optimizer_words[] = {"auto",     "sgd",     "momentum", "nesterov", "adagrad",
                                              "adadelta", "rmsprop", "adam",     "adamw",    "amsgrad",
                                              "nadam",    "radam",   "adamax",   "asgd",     NULL};
static const char *const solver_words[] = {"sgd",  "auto", "exact", "gd",           "steepest",    "cg", "newton",
                                           "bfgs", "dfp",  "lbfgs", "broyden-good", "broyden-bad", NULL};
static const char *const schedule_words[] = {"constant", "time-decay", "inverse-scaling", "optimal", "exponential", "step",
                                             "cosine",   "one-cycle",  "polynomial",      "plateau", NULL};
static const char *const pace_words[] = {"step", "epoch", NULL};
static const char *const sampling_words[] = {"permute", "blocks", "replace", "replace-blocks", "none", NULL};
static const char *const precision_words[] = {"float", "double", NULL};
static const char *const storage_words[] = {"full", "bf16", NULL};
static const char *const math_words[] = {"exact", "tf32", NULL};
static const char *const engine_words[] = {"auto", "cublas", "fused", "persistent", NULL};
static const char *const end_words[] = {"end", NULL};

_Static_assert(sizeof(cusgd_loss) == sizeof(int) && sizeof(cusgd_solver) == sizeof(int) &&
                   sizeof(cusgd_optimizer) == sizeof(int) && sizeof(cusgd_schedule) == sizeof(int) &&
                   sizeof(cusgd_sampling) == sizeof(int) && sizeof(cusgd_precision) == sizeof(int) &&
                   sizeof(cusgd_storage) == sizeof(int) && sizeof(cusgd_math) == sizeof(int) &&
                   sizeof(cusgd_engine) == sizeof(int),
               "the enumerations are read and written as int");

#define AT(field) offsetof(cusgd_options, field)

/* clang-format off */
static const option table[] = {
    {{"loss", "squared|mse|logistic|huber|epsilon-insensitive|squared-epsilon-insensitive|hinge|squared-hinge|quantile|"
              "poisson|gamma|tweedie|log-cosh", "squared", "what is minimised", NULL},
     WORD, AT(loss), loss_words, 0, 0, EXACT},
    {{"delta", "X", "1.35", "huber: |residual| from which it counts linearly", NULL},
     POSITIVE, AT(delta), NULL, 0, 1, ROUNDED},
    {{"width", "X", "0.1", "epsilon-insensitive ones: |residual| that counts nothing", NULL},
     NATURAL, AT(width), NULL, 0, 1, ROUNDED},
    {{"quantile", "X", "0.5", "quantile loss: which one, between 0 and 1", NULL},
     INSIDE, AT(quantile), NULL, 0, 1, ROUNDED},
    {{"power", "X", "1.5", "tweedie: between 1 (poisson) and 2 (gamma)", NULL},
     POWER, AT(power), NULL, 0, 1, ROUNDED},
    {{"solver", "sgd|auto|exact|gd|steepest|cg|newton|bfgs|dfp|lbfgs|broyden-good|broyden-bad", "sgd",
      "minibatch steps, or a full-batch method", NULL},
     WORD, AT(solver), solver_words, 0, 0, EXACT},
    {{"optimizer", "auto|sgd|momentum|nesterov|adagrad|adadelta|rmsprop|adam|adamw|amsgrad|nadam|radam|adamax|asgd", "auto", "update rule", NULL},
     WORD, AT(optimizer), optimizer_words, 0, 0, EXACT},
    {{"rate", "R|auto", "from the data, or the optimizer's usual one", "learning rate", "lr"},
     POSITIVE, AT(rate), NULL, 0, 1, ROUNDED},
    {{"schedule", "constant|time-decay|inverse-scaling|optimal|exponential|step|cosine|one-cycle|polynomial|plateau", "constant", "how the rate changes", NULL},
     WORD, AT(schedule), schedule_words, 0, 0, EXACT},
    {{"t0", "A", "rate t1", "time-decay: rate(t) = t0 / (t + t1) at step t", NULL},
     POSITIVE, AT(t0), NULL, 0, 1, EXACT},
    {{"t1", "B", "the steps of 10 epochs", "time-decay: see t0", NULL},
     POSITIVE, AT(t1), NULL, 0, 1, EXACT},
    {{"decay", "G", "0.1; exponential 0.95", "exponential, step, plateau: the share left", NULL},
     INSIDE, AT(decay), NULL, 0, 1, EXACT},
    {{"decay-every", "E", "a third of all", "step: epochs from one decay to the next", NULL},
     POSITIVE, AT(decay_every), NULL, 0, 1, EXACT},
    {{"decay-power", "P", "0.25; polynomial 1", "inverse-scaling, polynomial: the exponent", NULL},
     POSITIVE, AT(decay_power), NULL, 0, 1, EXACT},
    {{"decay-patience", "N", "3", "plateau: evaluations in vain that lower the rate", NULL},
     COUNT, AT(decay_patience), NULL, 1, 0, EXACT},
    {{"warm-up", "E", "5 % of all; one-cycle 30 %", "cosine, one-cycle: epochs up to the rate", NULL},
     NATURAL, AT(warm_up), NULL, 0, 1, EXACT},
    {{"final-rate", "R", "0", "cosine, polynomial: the rate at the end", NULL},
     NATURAL, AT(final_rate), NULL, 0, 1, EXACT},
    {{"rate-changes", "step|epoch", "step", "how often the schedule moves", NULL},
     WORD, AT(rate_changes), pace_words, 0, 0, EXACT},
    {{"momentum", "M", "0.9; rmsprop 0; auto chooses", "share of the velocity kept at each step", NULL},
     SHARE, AT(momentum), NULL, 0, 1, ROUNDED},
    {{"beta1", "X", "0.9", "adam and its kin: decay of the mean gradient", NULL},
     SHARE, AT(beta1), NULL, 0, 1, ROUNDED},
    {{"beta2", "X", "0.999", "adam and its kin: decay of the mean squared gradient", NULL},
     SHARE, AT(beta2), NULL, 0, 1, ROUNDED},
    {{"rho", "X", "0.9; rmsprop 0.99", "adadelta, rmsprop: decay", NULL},
     SHARE, AT(rho), NULL, 0, 1, ROUNDED},
    {{"centered", NULL, "by its root mean square", "rmsprop: divide by the gradient's deviation", "no-centered"},
     FLAG, AT(centered), NULL, 0, 0, EXACT},
    {{"weight-decay", "X", "adamw 0.01, asgd 1e-4", "share of the rate that shrinks coefficients", NULL},
     NATURAL, AT(weight_decay), NULL, 0, 1, ROUNDED},
    {{"epsilon", "X", "1e-8; adagrad 1e-10, adadelta 1e-6", "keeps divisors from 0", NULL},
     POSITIVE, AT(epsilon), NULL, 0, 1, ROUNDED},
    {{"batch", "B", "256, less for few rows", "rows a step", "batch-size"},
     COUNT, AT(batch), NULL, 1, 0, EXACT},
    {{"epochs", "E", "2e6 rows' worth, 20 to 1000", "passes over the data at most", NULL},
     COUNT, AT(epochs), NULL, 1, 0, EXACT},
    {{"sampling", "permute|blocks|replace|replace-blocks|none", "permute", "order of the rows", NULL},
     WORD, AT(sampling), sampling_words, 0, 0, EXACT},
    {{"l1", "X", "0", "penalty on |theta|_1", NULL},
     NATURAL, AT(l1), NULL, 0, 0, ROUNDED},
    {{"l2", "X", "0", "penalty on |theta|^2 / 2", NULL},
     NATURAL, AT(l2), NULL, 0, 0, ROUNDED},
    {{"lower", "X", "none", "least value of every coefficient, in the data's units", NULL},
     NUMBER, AT(lower), NULL, 0, 1, EXACT},
    {{"upper", "X", "none", "greatest value of every coefficient", NULL},
     NUMBER, AT(upper), NULL, 0, 1, EXACT},
    {{"clip-norm", "X", "none", "a step's gradient is scaled down to this norm", NULL},
     POSITIVE, AT(clip_norm), NULL, 0, 1, ROUNDED},
    {{"clip-value", "X", "none", "each value of a step's gradient is cut to this size", NULL},
     POSITIVE, AT(clip_value), NULL, 0, 1, ROUNDED},
    {{"average", NULL, "only with optimizer auto", "take an average of the iterates", "no-average"},
     FLAG, AT(average), NULL, 0, 1, EXACT},
    {{"average-from", "STEP", "the first step", "average from this step on", NULL},
     COUNT, AT(average_from), NULL, 0, -1, EXACT},
    {{"no-standardize", NULL, "brought to mean 0, variance 1", "use the columns as they are", "standardize"},
     FLAG, AT(standardize), NULL, 0, 0, EXACT},
    {{"no-intercept", NULL, "one is fitted", "fit no intercept", "intercept"},
     FLAG, AT(intercept), NULL, 0, 0, EXACT},
    {{"valid-fraction", "F", "0", "share of the rows held out for validation", NULL},
     SHARE, AT(valid_fraction), NULL, 0, 0, EXACT},
    {{"evaluate-every", "N|end", "1 with validation or tolerance, else end", "epochs between evaluations", NULL},
     COUNT, AT(evaluate_every), end_words, 1, 0, EXACT},
    {{"tolerance", "X", "1e-5; none if --epochs is given", "relative improvement that counts", NULL},
     NATURAL, AT(tolerance), NULL, 0, 1, EXACT},
    {{"gradient-tolerance", "X", "none", "stop at this share of the null model's gradient", NULL},
     NATURAL, AT(gradient_tolerance), NULL, 0, 1, EXACT},
    {{"patience", "N", "5; more if few rows", "evaluations without improvement that end the run", NULL},
     COUNT, AT(patience), NULL, 1, -1, EXACT},
    {{"seed", "S", "0", "of everything that is random", NULL},
     SEED, AT(seed), NULL, 0, 0, EXACT},
    {{"device", "auto|cpu|cuda[:I]", "auto", "what computes", NULL},
     DEVICE, AT(device), NULL, 0, 0, EXACT},
    {{"precision", "float|double", "float", "of the computation", NULL},
     WORD, AT(precision), precision_words, 0, 0, EXACT},
    {{"storage", "full|bf16", "full", "of the training rows; bf16: rounded, in half the bytes", NULL},
     WORD, AT(storage), storage_words, 0, 0, EXACT},
    {{"math", "exact|tf32", "exact", "of matrix products on the GPU", NULL},
     WORD, AT(math), math_words, 0, 0, EXACT},
    {{"engine", "auto|cublas|fused|persistent", "auto", "how a GPU computes steps", NULL},
     WORD, AT(engine), engine_words, 0, 0, EXACT},
    {{"threads", "N", "as many as help", "of the CPU; the result does not depend on them", NULL},
     THREADS, AT(threads), NULL, 1, 0, EXACT},
};
/* clang-format on */

enum { OPTION_COUNT = sizeof table / sizeof table[0] };

void cusgd_options_init(cusgd_options *options)
{
    const double choose = (double)NAN;
    *options = (cusgd_options){.delta = choose,
                               .width = choose,
                               .quantile = choose,
                               .power = choose,
                               .rate = choose,
                               .t0 = choose,
                               .t1 = choose,
                               .decay = choose,
                               .decay_every = choose,
                               .decay_power = choose,
                               .warm_up = choose,
                               .final_rate = choose,
                               .momentum = choose,
                               .beta1 = choose,
                               .beta2 = choose,
                               .rho = choose,
                               .epsilon = choose,
                               .weight_decay = choose,
                               .lower = choose,
                               .upper = choose,
                               .clip_norm = choose,
                               .clip_value = choose,
                               .average = -1,
                               .average_from = -1,
                               .standardize = 1,
                               .intercept = 1,
                               .patience = -1,
                               .tolerance = choose,
                               .gradient_tolerance = choose,
                               .device = "auto"};
}

const cusgd_option_info *cusgd_option_at(size_t index) { return index < OPTION_COUNT ? &table[index].info : NULL; }

/* ---- Fields -------------------------------------------------------------------------------------------------------------- */

static void *field_of(const option *o, cusgd_options *options) { return (char *)options + o->offset; }
static const void *value_of(const option *o, const cusgd_options *options) { return (const char *)options + o->offset; }
static int is_number(const option *o) { return o->kind >= POSITIVE && o->kind <= NUMBER; }

/* The value of a field that is a number of one kind or another; flags and words by their integers. */
static int64_t integer_in(const option *o, const cusgd_options *options)
{
    return o->kind == COUNT ? *(const int64_t *)value_of(o, options) : *(const int *)value_of(o, options);
}

static void put_integer(const option *o, cusgd_options *options, int64_t value)
{
    if (o->kind == COUNT)
        *(int64_t *)field_of(o, options) = value;
    else
        *(int *)field_of(o, options) = (int)value;
}

static int is_open(const option *o, const cusgd_options *options)
{
    if (is_number(o)) return o->open && isnan(*(const double *)value_of(o, options));
    if (o->kind == FLAG) return o->open && integer_in(o, options) == -1;
    return (o->kind == COUNT || o->kind == THREADS) && integer_in(o, options) == o->open;
}

/* ---- Words --------------------------------------------------------------------------------------------------------------- */

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

const char *loss_word(cusgd_loss loss) { return loss_words[loss]; }
const char *solver_word(cusgd_solver solver) { return solver_words[solver]; }
const char *optimizer_word(cusgd_optimizer optimizer) { return optimizer_words[optimizer]; }

int loss_from_word(const char *word, cusgd_loss *loss)
{
    int found = word_find(loss_words, word);
    if (found >= 0) *loss = (cusgd_loss)found;
    return found >= 0;
}

/* ---- Losses -------------------------------------------------------------------------------------------------------------- */

/* The field that holds the number of a loss, and what it usually is; NULL: it has none. */
static double *loss_number(cusgd_options *o, double *usual)
{
    switch (o->loss) {
    case CUSGD_LOSS_HUBER: *usual = 1.35; return &o->delta;
    case CUSGD_LOSS_EPSILON_INSENSITIVE:
    case CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE: *usual = 0.1; return &o->width;
    case CUSGD_LOSS_QUANTILE: *usual = 0.5; return &o->quantile;
    case CUSGD_LOSS_TWEEDIE: *usual = 1.5; return &o->power;
    default: return NULL;
    }
}

void loss_numbers_choose(cusgd_options *options)
{
    double usual, *number = loss_number(options, &usual);
    if (number && isnan(*number)) *number = usual;
}

loss_rule loss_rule_of(const cusgd_options *options)
{
    cusgd_options o = *options;
    double usual;
    const double *number = loss_number(&o, &usual);
    loss_rule rule = {o.loss, 0, -(double)INFINITY, (double)INFINITY};
    loss_numbers_choose(&o);
    if (number) rule.number = o.precision == CUSGD_PRECISION_FLOAT ? (double)(float)*number : *number;
    return rule;
}

/* ---- What makes sense ---------------------------------------------------------------------------------------------------- */

static int number_is_valid(enum kind kind, double x)
{
    if (!isfinite(x) || (x < 0 && kind != NUMBER)) return 0;
    switch (kind) {
    case NUMBER:
    case NATURAL: return 1;
    case POSITIVE: return x > 0;
    case INSIDE: return x > 0 && x < 1;
    case POWER: return x > 1 && x < 2;
    default: return x < 1;
    }
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
    if (o->kind == SEED || is_open(o, options)) return 1;
    if (is_number(o)) return number_is_valid(o->kind, *(const double *)value_of(o, options));
    if (o->kind == DEVICE) return memchr(options->device, 0, sizeof options->device) && device_is_valid(options->device);
    int64_t x = integer_in(o, options);
    switch (o->kind) {
    case WORD: return x >= 0 && x < word_count(o->words);
    case FLAG: return x == 0 || x == 1;
    case THREADS: return x >= o->least && x <= THREADS_MOST;
    default: return (x >= o->least && x <= COUNT_MOST) || (o->words && x == -1);
    }
}

/* The option's name and what it must be, for a sentence. */
static void put_requirement(const option *o, char *text, size_t size)
{
    const char *or_auto = is_number(o) && o->open ? ", or auto" : "";
    switch (o->kind) {
    case WORD: snprintf(text, size, "%s must be %s", o->info.name, o->info.argument); break;
    case POSITIVE: snprintf(text, size, "%s must be a number greater than 0%s", o->info.name, or_auto); break;
    case NATURAL: snprintf(text, size, "%s must be a number that is not negative%s", o->info.name, or_auto); break;
    case SHARE: snprintf(text, size, "%s must be a number from 0 to less than 1%s", o->info.name, or_auto); break;
    case INSIDE: snprintf(text, size, "%s must be a number between 0 and 1, both excluded%s", o->info.name, or_auto); break;
    case POWER: snprintf(text, size, "%s must be a number between 1 and 2, both excluded%s", o->info.name, or_auto); break;
    case NUMBER: snprintf(text, size, "%s must be a finite number%s", o->info.name, or_auto); break;
    case FLAG: snprintf(text, size, "%s must be true or false", o->info.name); break;
    case SEED: snprintf(text, size, "%s must be a whole number from 0 to 18446744073709551615", o->info.name); break;
    case DEVICE: snprintf(text, size, "%s must be auto, cpu, cuda or cuda:I, I a device's number", o->info.name); break;
    default:
        snprintf(text, size, "%s must be a whole number from %lld to %lld, or %s", o->info.name, (long long)o->least,
                 (long long)(o->kind == THREADS ? THREADS_MOST : COUNT_MOST), o->words ? o->words[0] : "auto");
    }
}

static void put_value(const option *o, const cusgd_options *options, char text[CUSGD_OPTION_TEXT])
{
    if (is_open(o, options)) {
        strcpy(text, "auto");
    } else if (is_number(o)) {
        number_format(*(const double *)value_of(o, options), text);
    } else if (o->kind == SEED) {
        snprintf(text, CUSGD_OPTION_TEXT, "%llu", (unsigned long long)options->seed);
    } else if (o->kind == DEVICE) {
        snprintf(text, CUSGD_OPTION_TEXT, "%.*s", (int)sizeof options->device, options->device);
    } else {
        int64_t x = integer_in(o, options);
        if (o->kind == WORD && is_valid(o, options))
            strcpy(text, o->words[x]);
        else if (o->kind == FLAG && is_valid(o, options))
            strcpy(text, x ? "true" : "false");
        else if (o->kind == COUNT && o->words && x == -1)
            strcpy(text, o->words[0]);
        else
            snprintf(text, CUSGD_OPTION_TEXT, "%lld", (long long)x);
    }
}

/* A number that is in its range as given may leave it when it is rounded to float: 1e-60 to 0, .999999999 to 1, 1e60 to infinity.
 */
static int survives_rounding(const option *o, const cusgd_options *options)
{
    if (o->rounding == EXACT || options->precision != CUSGD_PRECISION_FLOAT || is_open(o, options)) return 1;
    double x = *(const double *)value_of(o, options), rounded = (double)(float)x;
    return number_is_valid(o->kind, rounded) && (x == 0) == (rounded == 0);
}

/* Which methods can do what the objective asks for. */
static const char *check_solver(const cusgd_options *options)
{
    cusgd_solver solver = options->solver;
    int takes_l1 = solver == CUSGD_SOLVER_SGD || solver == CUSGD_SOLVER_AUTO || solver == CUSGD_SOLVER_LBFGS;
    if (options->l1 > 0 && !takes_l1) return "l1 needs solver lbfgs, auto or sgd: the others want a smooth objective";
    if (solver != CUSGD_SOLVER_SGD && !(isnan(options->lower) && isnan(options->upper)))
        return "lower and upper need solver sgd: the others know no bounds";
    if (solver != CUSGD_SOLVER_SGD && options->storage != CUSGD_STORAGE_FULL)
        return "storage bf16 needs solver sgd: what the others find would be the optimum of rounded rows";
    if (solver == CUSGD_SOLVER_EXACT && options->loss != CUSGD_LOSS_SQUARED && options->loss != CUSGD_LOSS_MSE)
        return "solver exact is for the losses squared and mse; take newton or auto";
    return NULL;
}

const char *cusgd_options_check(const cusgd_options *options)
{
    static _Thread_local char sentence[256];
    char text[CUSGD_OPTION_TEXT];
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
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
    if (options->schedule == CUSGD_SCHEDULE_OPTIMAL && options->l2 == 0)
        return "the schedule optimal, 1 / (l2 (t + c)), needs l2: give l2, or choose inverse-scaling or time-decay";
    if (options->epochs > 0 && options->warm_up >= (double)options->epochs)
        return "warm-up takes all epochs, and the rate would never fall: give fewer epochs of warm-up, or more epochs";
    if (options->lower > options->upper) return "lower is above upper: no coefficient lies between them; exchange the two";
    if (options->storage != CUSGD_STORAGE_FULL && options->precision != CUSGD_PRECISION_FLOAT)
        return "storage bf16 keeps 8 bits of each value: take it with precision float, or storage full with precision double";
    if (options->average == 0 && options->average_from >= 0)
        return "average-from asks for averaging and no-average for none: leave one of them out";
    return check_solver(options);
}

/* ---- By name ------------------------------------------------------------------------------------------------------------- */

/* `opposite`: 1 if the name is that of a flag whose field it sets to 0. */
static const option *option_find(const char *name, int *opposite)
{
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
        int other = o->info.also && strcmp(name, o->info.also) == 0;
        if (!other && strcmp(name, o->info.name) != 0) continue;
        *opposite = o->kind == FLAG && strncmp(name, "no-", 3) == 0;
        return o;
    }
    return NULL;
}

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
    uint64_t whole;
    int found;
    switch (o->kind) {
    case WORD:
        found = word_find(o->words, text);
        if (found >= 0) put_integer(o, options, found);
        return found >= 0;
    case FLAG:
        found = strcmp(text, "true") == 0;
        if (!found && strcmp(text, "false") != 0) return 0;
        put_integer(o, options, found != opposite);
        return 1;
    case SEED: return whole_parse(text, &options->seed);
    case DEVICE:
        if (strlen(text) >= sizeof options->device) return 0;
        strcpy(options->device, text);
        return 1;
    case COUNT:
    case THREADS:
        if (o->words && strcmp(text, o->words[0]) == 0) {
            put_integer(o, options, -1);
            return 1;
        }
        if (!whole_parse(text, &whole) || whole > (uint64_t)COUNT_MOST || (int64_t)whole < o->least) return 0;
        if (o->kind == THREADS && whole > (uint64_t)THREADS_MOST) return 0;
        put_integer(o, options, (int64_t)whole);
        return 1;
    default: return finite_parse(text, field_of(o, options));
    }
}

static int open_option(const option *o, cusgd_options *options)
{
    if (is_number(o) && o->open)
        *(double *)field_of(o, options) = (double)NAN;
    else if (o->kind == COUNT || o->kind == THREADS)
        put_integer(o, options, o->open);
    else if (o->kind == FLAG && o->open)
        put_integer(o, options, -1);
    else
        return 0;
    return 1;
}

cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value)
{
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail(CUSGD_ERROR_USAGE, "there is no option \"%.60s\"", name);
    if (!value && o->kind != FLAG) return fail(CUSGD_ERROR_USAGE, "%s needs a value: %s", name, o->info.argument);
    if (!value) value = "true";

    cusgd_options trial = *options;
    int opened = strcmp(value, "auto") == 0 && open_option(o, &trial);
    if (!opened && !(value_parse(o, value, opposite, &trial) && is_valid(o, &trial))) {
        char text[160];
        put_requirement(o, text, sizeof text);
        return fail(CUSGD_ERROR_USAGE, "%s, not \"%.60s\"", text, value);
    }
    *options = trial;
    return CUSGD_OK;
}

cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT])
{
    int opposite;
    const option *o = option_find(name, &opposite);
    if (!o) return fail(CUSGD_ERROR_USAGE, "there is no option \"%.60s\"", name);
    put_value(o, options, value);
    if (opposite && !is_open(o, options)) strcpy(value, integer_in(o, options) ? "false" : "true");
    return CUSGD_OK;
}

int options_describe(const cusgd_options *options, size_t index, const char **name, char *value)
{
    for (const option *o = table; o < table + OPTION_COUNT; o++) {
        if (o->kind == DEVICE || o->kind == THREADS || is_open(o, options)) continue;
        if (index-- > 0) continue;
        *name = strncmp(o->info.name, "no-", 3) == 0 ? o->info.name + 3 : o->info.name;
        put_value(o, options, value);
        return 1;
    }
    return 0;
}
