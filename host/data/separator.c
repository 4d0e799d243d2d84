/* How a table's columns are separated, and text that is no table: its first lines show what it is. The latter is asked only where
 * reading it as a table has failed, so that a guess cannot refuse a file that could be read. */
#include "data.h"
#include "failure.h"
#include "kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The first whole lines of a file, without their ends; empty ones, and rules like ---+---, are left out. */
enum { LINES = 64 };
typedef struct lines {
    const char *at[LINES];
    size_t length[LINES];
    int count;
    char thousands; /* what separates the thousands of numbers, or 0 */
} lines;

static int is_rule(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr("-+|:= ", text[i])) return 0;
    return 1;
}

/* comments: 0: lines that begin with # are left out, too. */
static lines split_lines(const char *sample, size_t count, int comments)
{
    lines all = {.count = 0};
    for (size_t start = 0; start < count && all.count < LINES;) {
        const char *end = memchr(sample + start, '\n', count - start);
        size_t length = end ? (size_t)(end - sample) - start : count - start, next = start + length + 1;
        if (!end && count == SAMPLE_BYTES && all.count > 0) break; /* cut */
        while (length > 0 && (sample[start + length - 1] == '\r' || sample[start + length - 1] == ' ')) length--;
        if (!is_rule(sample + start, length) && (comments || sample[start] != '#')) {
            all.at[all.count] = sample + start;
            all.length[all.count++] = length;
        }
        start = next;
    }
    return all;
}

static size_t count_of(const lines *all, int line, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < all->length[line]; i++) count += all->at[line][i] == c;
    return count;
}

static int begins(const lines *all, int line, const char *word)
{
    size_t length = strlen(word);
    return all->length[line] >= length && strncasecmp(all->at[line], word, length) == 0;
}

/* ---- Pieces of a line ---------------------------------------------------------------------------------------------------- */

/* The next piece of [*at, end) up to a separator (' ': up to blanks and tabs); 0: there is none left. */
static int next_piece(const char **at, const char *end, char separator, const char **piece, size_t *length)
{
    if (separator == ' ')
        while (*at < end && (**at == ' ' || **at == '\t')) (*at)++;
    if (!*at || *at >= end) return 0;
    *piece = *at;
    if (**at == '"') { /* separators in quotes are none */
        const char *close = *at + 1;
        while (close < end && (*close != '"' || (close + 1 < end && close[1] == '"'))) close += 1 + (*close == '"');
        if (close < end) *at = close;
    }
    while (*at < end && **at != separator && !(separator == ' ' && **at == '\t')) (*at)++;
    *length = (size_t)(*at - *piece);
    if (*at < end)
        (*at)++;
    else
        *at = end;
    return 1;
}

/* A number, also one whose decimal point is a comma; *comma: whether it does. */
static int is_number(const char *text, size_t length, char thousands, int *comma)
{
    char copy[64];
    double ignored;
    *comma = 0;
    if (length > 1 && *text == '"' && text[length - 1] == '"') text++, length -= 2;
    if (number_parse(text, length, &ignored)) return 1;
    if (thousands && number_parse_grouped(text, length, thousands, 0, &ignored)) return 1;
    *comma = thousands && number_parse_grouped(text, length, thousands, 1, &ignored);
    if (*comma) return 1;
    if (length >= sizeof copy) return 0;
    memcpy(copy, text, length);
    char *point = memchr(copy, ',', length);
    if (!point) return 0;
    *point = '.';
    *comma = 1;
    return number_parse(copy, length, &ignored);
}

/* Counts the pieces of a line, its numbers, those with decimal commas and with points, and those that hold a comma outside of
 * quotes and are no number. */
typedef struct pieces {
    int all, numbers, commas, points, others;
} pieces;

static pieces count_pieces(const lines *all, int line, char separator)
{
    pieces p = {0, 0, 0, 0, 0};
    const char *at = all->at[line], *end = at + all->length[line], *piece;
    size_t length;
    while (next_piece(&at, end, separator, &piece, &length)) {
        int comma, number = is_number(piece, length, all->thousands, &comma);
        p.all++;
        p.numbers += number;
        p.commas += number && comma;
        p.points += number && !comma && memchr(piece, '.', length) != NULL;
        p.others += !number && *piece != '"' && memchr(piece, ',', length) != NULL;
    }
    return p;
}

/* ---- Kinds --------------------------------------------------------------------------------------------------------------- */

/* Sums over the lines, at one separator. */
typedef struct cut {
    int even;   /* all lines fall into equally many pieces, two or more */
    int filled; /* numbers are half or more of some line */
    int numbers, commas, points, others;
} cut;

static cut cut_lines(const lines *all, char separator)
{
    pieces first = count_pieces(all, 0, separator);
    cut sum = {.even = first.all >= 2};
    for (int i = 0; i < all->count; i++) {
        pieces p = count_pieces(all, i, separator);
        /* an empty piece at the line's end */
        int lacks_last = separator != ' ' && p.all >= 2 && p.all + 1 == first.all;
        if (p.all != first.all && !lacks_last) sum.even = 0;
        sum.filled |= 2 * p.numbers >= p.all;
        sum.numbers += p.numbers;
        sum.commas += p.commas;
        sum.points += p.points;
        sum.others += p.others;
    }
    return sum;
}

static int has_decimal_commas(const cut *c) { return c->commas > 0 && c->points == 0; }

/* Whether this separator, not a comma, is the table's. Texts with commas speak against it, but not where commas divide the lines
 * unevenly and either the separator is a tab, which hardly stands in texts, or the first line has no comma. */
static int is_separated_by(const lines *all, char separator, const cut *commas, cut *c)
{
    *c = cut_lines(all, separator);
    int in_texts = !commas->even && (separator == '\t' || (separator != ' ' && count_pieces(all, 0, ',').all == 1));
    return c->even && (c->others == 0 || in_texts) && (separator != ' ' || c->filled);
}

/* Label, then index:value pairs. */
static int is_libsvm(const lines *all)
{
    const char *at = all->at[0], *end = at + all->length[0], *piece;
    size_t length, digits;
    int count = 0, comma;
    while (next_piece(&at, end, ' ', &piece, &length)) {
        const char *colon = memchr(piece, ':', length);
        if (count++ == 0) {
            if (colon || !is_number(piece, length, all->thousands, &comma)) return 0;
            continue;
        }
        if (*piece == '#') break; /* a comment */
        if (!colon) return 0;
        for (digits = 0; piece + digits < colon && piece[digits] >= '0' && piece[digits] <= '9'; digits++) continue;
        if (piece + digits != colon && strncmp(piece, "qid:", 4) != 0) return 0;
    }
    return count > 1;
}

/* Label (a number, or nothing), then |namespace and features. */
static int is_vowpal_wabbit(const lines *all)
{
    const char *bar = memchr(all->at[0], '|', all->length[0]), *end = all->at[0] + all->length[0], *at = all->at[0], *piece;
    size_t length;
    int comma;
    if (!bar) return 0;
    int tagged = 0;
    while (next_piece(&at, bar, ' ', &piece, &length)) { /* the label, an importance, a tag */
        if (*piece != '\'' && !is_number(piece, length, all->thousands, &comma)) return 0;
        tagged |= *piece == '\'';
    }
    int blanks = bar == all->at[0] || bar[-1] == ' ' || tagged;
    return blanks && memchr(bar, ' ', (size_t)(end - bar)) && (bar[1] != ' ' || memchr(bar, ':', (size_t)(end - bar)));
}

/* A first line, marked as a comment, that does not hold the columns' names. */
static int is_comment(const lines *all)
{
    int marked = begins(all, 0, "%") || begins(all, 0, "//") || begins(all, 0, "@");
    int next = 1;
    while (next < all->count && all->at[next][0] == all->at[0][0]) next++;
    return marked && next < all->count && count_of(all, 0, ',') != count_of(all, next, ',');
}

static int is_html(const lines *all)
{
    static const char *const tags[] = {"<!doctype", "<html", "<head", "<body", "<table", "<div", "<script", "<meta", "<!--"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (begins(all, 0, tags[i])) return 1;
    return 0;
}

static int is_json(const lines *all)
{
    const char *at = all->at[0], *end = at + all->length[0];
    if (*at != '{' && *at != '[') return 0;
    do {
        at++;
    } while (at < end && (*at == ' ' || *at == '\t'));
    return at == end || strchr("\"{[]}", *at) != NULL || *all->at[0] == '[';
}

static int is_arff(const lines *all)
{
    for (int i = 0; i < all->count; i++) {
        if (begins(all, i, "@relation") || begins(all, i, "@attribute")) return 1;
        if (!begins(all, i, "%")) return 0;
    }
    return 0;
}

/* ---- What to do ---------------------------------------------------------------------------------------------------------- */

/* Kinds whose columns are no question of separators. */
static const char *other_kind(const lines *all, const char **what_to_do)
{
    *what_to_do = "convert it to CSV, for example with pandas: read_json or read_xml, then to_csv";
    if (is_html(all)) {
        *what_to_do = "was an error page saved instead of the data? Download the file itself, or convert the page's table to CSV";
        return "an HTML page";
    }
    if (begins(all, 0, "<?xml") || begins(all, 0, "<svg")) return "XML";
    if (is_json(all)) return "JSON";
    if (is_arff(all)) {
        *what_to_do = "keep the lines after @data, with a line of the columns' names, separated by commas, before them";
        return "an ARFF file";
    }
    if (begins(all, 0, "%%MatrixMarket")) {
        *what_to_do = "convert it, for example with SciPy: scipy.io.mmread, then numpy.save of x.npy and y.npy in a folder";
        return "a Matrix Market file";
    }
    if (is_vowpal_wabbit(all)) {
        *what_to_do = "write one column a feature, separated by commas";
        return "in Vowpal Wabbit's format (label | features)";
    }
    if (is_libsvm(all)) {
        *what_to_do = "such rows are read from a file, whose name does not end as a table's does: call it NAME.svm";
        return "in LIBSVM's format (label index:value ...)";
    }
    return NULL;
}

/* Whether blanks and tabs together separate numbers into more pieces than tabs alone. */
static int has_more_blanks(const lines *all, const cut *commas)
{
    cut ignored;
    return count_pieces(all, 0, ' ').all > count_pieces(all, 0, '\t').all && is_separated_by(all, ' ', commas, &ignored);
}

static char find_separator(const lines *all)
{
    static const char separators[] = ";\t| ";
    const char *ignored;
    cut commas = cut_lines(all, ','), c;
    if (other_kind(all, &ignored)) return ',';
    for (const char *s = separators; *s; s++) {
        if (!is_separated_by(all, *s, &commas, &c) || (*s == '\t' && has_more_blanks(all, &commas))) continue;
        if (!commas.even || (has_decimal_commas(&c) && 2 * c.numbers > commas.numbers)) return *s;
    }
    return ',';
}

int dialect_find(const char *sample, size_t count, dialect *d)
{
    lines all = split_lines(sample, count, 0);
    all.thousands = d->thousands;
    if (!d->separator) d->separator = all.count ? find_separator(&all) : ',';
    if (d->decimal) return 1;
    cut c = {0};
    if (d->separator != ',' && all.count) c = cut_lines(&all, d->separator);
    d->decimal = has_decimal_commas(&c) ? ',' : '.';
    return d->separator == ',' || all.count > 1;
}

int kind_is_other(const char *source, const char *sample, size_t count)
{
    lines all = split_lines(sample, count, 1);
    const char *what_to_do;
    if (all.count == 0) return 0;
    const char *what = other_kind(&all, &what_to_do);
    if (what) {
        fail(CUSGD_ERROR_DATA, "%s: is %s, where comma-separated values are expected: %s", source, what, what_to_do);
        return 1;
    }
    if (!is_comment(&all)) return 0;
    int marked = 1;
    while (marked < all.count && all.at[marked][0] == all.at[0][0]) marked++;
    fail(CUSGD_ERROR_DATA,
         "%s:1: the first line is a comment, where the columns' names or values are expected: remove such lines, or pass over "
         "them "
         "(--skip %d)",
         source, marked);
    return 1;
}

cusgd_status kind_explain(cusgd_status status, const char *source, const char *sample, size_t count)
{
    if (status == CUSGD_ERROR_DATA) kind_is_other(source, sample, count);
    return status;
}
