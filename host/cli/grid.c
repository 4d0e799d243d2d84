#include "grid.h"
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *grid_name(const grid *g, int at)
{
    static const char *const names[] = {"l1", "l2", "rate", "momentum"};
    const cusgd_loss_info *info = cusgd_loss_find(g->loss);
    if (at == GRID_CLASS_WEIGHT) return info && info->targets == CUSGD_TARGET_CLASS ? "class-weight" : NULL;
    return at < GRID_LOSS_NUMBER ? names[at] : info ? info->option : NULL;
}

int grid_shows(const grid *g, int at) { return grid_name(g, at) && (at != GRID_CLASS_WEIGHT || g->axis[at].count > 0); }

enum { MAX_CONFIGURATIONS = 100000 };

static double *number_in(cusgd_configuration *c, int at)
{
    double *numbers[GRID_NUMBERS] = {&c->l1, &c->l2, &c->rate, &c->momentum, &c->loss_number, &c->class_weight};
    return numbers[at];
}

double grid_number(const cusgd_configuration *c, int at)
{
    cusgd_configuration copy = *c;
    return *number_in(&copy, at);
}

const char *grid_text(const cusgd_configuration *c, int at, int digits, char text[GRID_TEXT])
{
    double value = grid_number(c, at);
    if (at == GRID_CLASS_WEIGHT && value < 0) return "balanced";
    snprintf(text, GRID_TEXT, "%.*g", digits, value);
    return isfinite(value) ? text : "";
}

static int complain_spec(const syntax *s, const char *text)
{
    return complain_usage(
        s,
        "--grid %s: give NAME=VALUE,VALUE,... or NAME=FIRST..LAST:log:COUNT (or :linear:), with NAME one of l1, "
        "l2, rate, momentum, quantile, delta or width where the loss has it, and class-weight, of numbers above 0, "
        "balanced and none, where it is of classes",
        text);
}

static int add_value(grid_axis *a, double value)
{
    double *more = grow_array(a->values, a->count, sizeof *more);
    if (!more) return CUSGD_ERROR_MEMORY;
    a->values = more;
    a->values[a->count++] = value;
    return CUSGD_OK;
}

/* Parses a number at *at, and moves *at behind it and the blanks around it. */
static int take_number(const char **at, double *value)
{
    char *end;
    *value = strtod(*at, &end);
    int good = end != *at;
    *at = end + leading_blanks(end);
    return good;
}

/* Parses a word at *at, and moves *at behind it and the blanks around it. */
static int take_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0) return 0;
    *at += length;
    *at += leading_blanks(*at);
    return 1;
}

/* FIRST..LAST:log:COUNT, which begins at `at`; 0: it is none, or wrong. */
static int parse_range(const char *at, double *first, double *last, int *logarithmic, long *count)
{
    if (!take_number(&at, first)) return 0;
    /* strtod takes the first point of ".." as the number's own, which changes nothing of its value. */
    if (!(at[-1] == '.' ? take_word(&at, ".") : take_word(&at, "..")) || !take_number(&at, last) || !take_word(&at, ":"))
        return 0;
    *logarithmic = take_word(&at, "log");
    if ((!*logarithmic && !take_word(&at, "linear")) || !take_word(&at, ":")) return 0;
    char *end;
    *count = strtol(at, &end, 10);
    return end != at && end[leading_blanks(end)] == '\0' && *count >= 2 && *count <= MAX_CONFIGURATIONS && *first < *last &&
           isfinite(*last);
}

static double between(double first, double last, int logarithmic, double share)
{
    if (share <= 0) return first;
    if (share >= 1) return last;
    /* This makes powers of ten between powers of ten exact. */
    return logarithmic ? pow(10, log10(first) + (log10(last) - log10(first)) * share) : first + (last - first) * share;
}

/* A number at *at, or of class weights a word; *at moves behind it and the blanks around it. Returns 0 where there is neither. */
static int take_value(const char **at, int is_class_weight, double *value)
{
    *at += leading_blanks(*at);
    *value = 1;
    if (is_class_weight && take_word(at, "none")) return 1;
    *value = CUSGD_CLASS_BALANCED;
    if (is_class_weight && take_word(at, "balanced")) return 1;
    return take_number(at, value) && isfinite(*value) && (!is_class_weight || *value > 0);
}

static int parse_one(const syntax *s, const char *text, grid *out)
{
    const char *equals = strchr(text, '=');
    grid_axis *a = NULL;
    for (int i = 0; equals && i < GRID_NUMBERS; i++) {
        const char *name = grid_name(out, i), *at = text + leading_blanks(text);
        if (name && take_word(&at, name) && at == equals) a = &out->axis[i];
    }
    if (!a) return complain_spec(s, text);
    if (a->count > 0) return complain_usage(s, "--grid %s: there is a grid of this number already", text);
    double first, last;
    long count;
    if (strstr(equals, "..")) {
        if (!parse_range(equals + 1, &first, &last, &a->logarithmic, &count)) return complain_spec(s, text);
        if (a->logarithmic && first <= 0)
            return complain_usage(s,
                                  "--grid %s: a logarithmic grid starts above 0: give a first value above 0, or :linear:", text);
        a->is_range = 1;
        for (long i = 0; i < count; i++) {
            int status = add_value(a, between(first, last, a->logarithmic, (double)i / (double)(count - 1)));
            if (status) return status;
        }
        return CUSGD_OK;
    }
    for (const char *at = equals + 1;; at++) {
        double value;
        int is_right = take_value(&at, a == &out->axis[GRID_CLASS_WEIGHT], &value);
        if (!is_right || (*at != ',' && *at != '\0')) return complain_spec(s, text);
        int status = add_value(a, value);
        if (status || *at == '\0') return status;
    }
}

int grid_parse(const syntax *s, const text_list *texts, grid *out)
{
    if (texts->count == 0) return complain_usage(s, "--grid is missing: what does the sweep vary?");
    for (size_t i = 0; i < texts->count; i++) {
        int status = parse_one(s, texts->at[i], out);
        if (status) return status;
    }
    return CUSGD_OK;
}

void grid_free(grid *g)
{
    for (int i = 0; i < GRID_NUMBERS; i++) free(g->axis[i].values);
}

/* SplitMix64 (Steele, Lea, Flood 2014): a number in [0, 1). */
static double draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double draw_value(const grid_axis *a, uint64_t *state)
{
    double share = draw(state);
    if (a->is_range) return between(a->values[0], a->values[a->count - 1], a->logarithmic, share);
    return a->values[(size_t)(share * (double)a->count)];
}

int grid_configurations(const grid *g, int64_t drawn, uint64_t seed, cusgd_configuration **out, size_t *count)
{
    size_t all = 1;
    for (int i = 0; i < GRID_NUMBERS && all <= MAX_CONFIGURATIONS; i++)
        if (g->axis[i].count > 0) all *= g->axis[i].count;
    *count = drawn > 0 ? (size_t)drawn : all;
    if (*count > MAX_CONFIGURATIONS)
        return complain(CUSGD_ERROR_USAGE, "more than %d configurations; draw some of them by --random N", MAX_CONFIGURATIONS);
    *out = calloc(*count, sizeof **out);
    if (!*out) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < *count; i++) {
        size_t rest = i;
        for (int n = GRID_NUMBERS - 1; n >= 0; n--) {
            const grid_axis *a = &g->axis[n];
            double value = (double)NAN;
            if (a->count > 0) value = drawn > 0 ? draw_value(a, &seed) : a->values[rest % a->count];
            if (a->count > 0) rest /= a->count;
            *number_in(&(*out)[i], n) = value;
        }
    }
    return CUSGD_OK;
}

/* An l1 or l2 of 0 is no edge: there is nothing below it. Quantiles are not chosen from: each has its own best numbers. */
void grid_put_notes(const grid *g, const cusgd_configuration *chosen)
{
    const int last = GRID_LOSS_NUMBER, of_quantiles = strcmp(g->loss, "quantile") == 0;
    char of[64] = "";
    if (of_quantiles && g->axis[last].count > 1) snprintf(of, sizeof of, " of quantile %g", grid_number(chosen, last));
    for (int i = 0; i < GRID_NUMBERS; i++) {
        const grid_axis *a = &g->axis[i];
        double value = grid_number(chosen, i), least = (double)INFINITY, most = -(double)INFINITY;
        for (size_t j = 0; j < a->count; j++) {
            if (i == GRID_CLASS_WEIGHT && a->values[j] < 0) continue; /* "balanced" is not a number */
            least = fmin(least, a->values[j]);
            most = fmax(most, a->values[j]);
        }
        if (least == most || value == 0 || (i == last && of_quantiles) || (value != least && value != most)) continue;
        fprintf(stderr, "note: the best %s%s, %g, is the %s of its grid: a better one may lie beyond\n", grid_name(g, i), of,
                value, value == least ? "least" : "largest");
    }
}
