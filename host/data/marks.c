#include "marks.h"

#include "data.h"

#include <stdio.h>
#include <string.h>

static int is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_beyond_ascii(char c) { return (unsigned char)c >= 0x80; }

/* Blanks, also those of typesetters, of which a no-break space is two bytes and a narrow one three. */
static size_t blank_length(const char *at, size_t left)
{
    if (left > 0 && (*at == ' ' || *at == '\t')) return 1;
    if (left > 1 && memcmp(at, "\xC2\xA0", 2) == 0) return 2;
    return left > 2 && (memcmp(at, "\xE2\x80\xAF", 3) == 0 || memcmp(at, "\xE2\x80\x89", 3) == 0) ? 3 : 0;
}

static void pass_blanks(const char **at, size_t *left)
{
    for (size_t bytes; (bytes = blank_length(*at, *left)) > 0;) *at += bytes, *left -= bytes;
}

/* How long the currency is that a text begins with; 0: it begins with none. */
static size_t currency_length(const char *at, size_t left)
{
    static const char *const currencies[] = {"US$",
                                             "USD",
                                             "EUR",
                                             "GBP",
                                             "CHF",
                                             "JPY",
                                             "CNY",
                                             "INR",
                                             "CAD",
                                             "AUD",
                                             "A$",
                                             "C$",
                                             "Rs.",
                                             "R$",
                                             "kr",
                                             "$",
                                             "\xC2\xA3" /* pound */,
                                             "\xC2\xA5" /* yen */,
                                             "\xE2\x82\xAC" /* euro */,
                                             "\xE2\x82\xB9" /* rupee */};
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++) {
        size_t length = strlen(currencies[i]);
        if (left > length && memcmp(at, currencies[i], length) == 0) return length;
    }
    return 0;
}

/* Whether this may be a unit behind a number: %, kg, EUR, a sign beyond ASCII. */
static int is_unit(const char *at, size_t length)
{
    enum { LETTERS_MOST = 4 };
    size_t letters = 0, others = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(at[i]) && !is_beyond_ascii(at[i]) && !strchr("%$/^23.", at[i])) return 0;
        letters += is_letter(at[i]) != 0;
        others += !is_letter(at[i]);
    }
    return letters <= LETTERS_MOST && others <= LETTERS_MOST && !is_digit(at[0]) && at[0] != '.' && at[0] != '/';
}

/* How many bytes of digits and of marks between and behind them a number has. */
static size_t number_length(const char *at, size_t left)
{
    size_t length = 0, last = 0;
    while (length < left) {
        size_t blank = blank_length(at + length, left - length);
        int apostrophe = left - length > 2 && memcmp(at + length, "\xE2\x80\x99", 3) == 0;
        if (is_digit(at[length]))
            last = ++length;
        else if (strchr(",.'", at[length]))
            length++;
        else if (blank || apostrophe)
            length += apostrophe ? 3 : blank;
        else
            break;
    }
    return last;
}

/* Takes note of the thousands or the decimal comma of a number without unit. Returns 0 where it is no number. */
static int read_number(const char *at, size_t length, marks *m)
{
    static const char separators[] = ",.' ";
    double ignored;
    int groups = 0;
    if (number_parse(at, length, &ignored)) return 1;
    for (const char *s = separators; *s; s++) {
        int comma = *s == '.';
        if (!number_parse_grouped(at, length, *s, comma, &ignored) &&
            !(!comma && *s != ',' && number_parse_grouped(at, length, *s, 1, &ignored)))
            continue;
        if (m->thousands && m->thousands != *s) return 0;
        m->thousands = *s;
        for (size_t i = 0; i < length; i++) groups += at[i] == *s;
        if (groups > 1 || (*s == ',' && memchr(at, '.', length)) || (*s == '.' && memchr(at, ',', length))) m->single = 0;
        return 1;
    }
    m->comma |= number_parse_comma(at, length, &ignored);
    return number_parse_comma(at, length, &ignored);
}

static int read_text(const char *at, marks *m)
{
    size_t left = strlen(at), unit, number;
    const char *before = NULL, *after;
    int in_brackets = left > 2 && *at == '(' && at[left - 1] == ')'; /* a loss, as accountants write it */
    if (in_brackets) at++, left -= 2;
    pass_blanks(&at, &left);
    if (left > 1 && (*at == '-' || *at == '+')) at++, left--;
    if ((unit = currency_length(at, left)) > 0) before = at, at += unit, left -= unit;
    pass_blanks(&at, &left);
    if (before && left > 1 && *at == '-') at++, left--;
    number = number_length(at, left);
    if (number == 0 || !read_number(at, number, m)) return 0;
    after = at + number;
    left -= number;
    pass_blanks(&after, &left);
    while (left > 0 && (after[left - 1] == ' ' || after[left - 1] == '\t')) left--;
    if (left > 0 && (before || !is_unit(after, left))) return 0;
    if (before || left > 0) {
        char shown[SHOWN_BYTES];
        text_show(before ? before : after, before ? unit : left, shown);
        if (*m->unit && strcmp(m->unit, shown) != 0 && (is_letter(*shown) || is_letter(*m->unit))) return 0;
        strcpy(m->unit, shown);
    } else if (in_brackets) {
        strcpy(m->unit, "()");
    }
    return before || left > 0 || in_brackets || m->thousands || m->comma;
}

int texts_are_marked(const text_set *t, marks *m)
{
    int units = 0;
    *m = (marks){.single = 1};
    for (int64_t i = 0; i < t->count; i++) {
        marks one = {.single = 1};
        if (!read_text(t->at[i], m) || !read_text(t->at[i], &one)) return 0;
        units += *one.unit != '\0';
    }
    if (m->comma && m->thousands == ',') m->thousands = '\0';
    /* A unit of letters belongs to all texts. */
    return t->count > 0 && (!is_letter(*m->unit) || units == t->count) && (units || m->thousands || m->comma);
}

/* What a unit is called. */
static const char *unit_word(const char *unit)
{
    if (strcmp(unit, "()") == 0) return "brackets";
    if (strchr(unit, '%')) return "percent signs";
    return is_letter(*unit) ? "unit" : "currency signs and units";
}

const char *marks_advice(const marks *m, int is_feature, char advice[MARKS_ADVICE_BYTES])
{
    const char *word = m->thousands == ','   ? "comma"
                       : m->thousands == '.' ? "point"
                       : m->thousands == ' ' ? "blank"
                                             : "apostrophe";
    int may_be_decimal = m->single && m->thousands == ',';
    if (*m->unit)
        snprintf(advice, MARKS_ADVICE_BYTES, "remove the %s%s%s", unit_word(m->unit),
                 m->thousands || m->comma ? " and what separates thousands" : "",
                 is_feature ? ", or, if each value is a category, name the column in --categorical" : "");
    else if (m->comma)
        snprintf(advice, MARKS_ADVICE_BYTES, "say that the decimal mark is a comma (--decimal comma)");
    else
        snprintf(advice, MARKS_ADVICE_BYTES, "say what separates their thousands (--thousands %s)%s", word,
                 may_be_decimal ? ", or, if it is the decimal mark, say so (--decimal comma)" : "");
    return advice;
}
