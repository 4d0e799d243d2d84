/* What a field of a CSV file is: a number, a mark of a missing value, or text. */
#include "data.h"
#include "scan.h"

#include <string.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }
static int is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether the text, in lower or upper case, is one of the words. */
static int is_word(const char *text, size_t length, const char *const *words)
{
    for (; *words; words++) {
        size_t i = 0;
        while (i < length && (*words)[i] != '\0' && lower(text[i]) == (*words)[i]) i++;
        if (i == length && (*words)[i] == '\0') return 1;
    }
    return 0;
}

/* A text without the pair of brackets around it and what stands before it in SQL and Excel: <NA>, (null), \N, #N/A. */
static void strip(const char **text, size_t *length)
{
    static const char open[] = "<([{", close[] = ">)]}";
    const char *bracket = *length > 2 ? memchr(open, **text, 4) : NULL;
    if (bracket && (*text)[*length - 1] == close[bracket - open]) {
        (*text)++;
        *length -= 2;
    } else if (*length > 1 && (**text == '\\' || **text == '#')) {
        (*text)++;
        (*length)--;
    }
}

/* nan(ind), nan(0x8000), 1.#IND, 1.#QNAN0: numbers that C libraries print for what is none. */
static int is_no_finite_number(const char *text, size_t length)
{
    static const char *const words[] = {"nan", "inf", "infinity", "qnan", "snan", "\xE2\x88\x9E", NULL};
    if (length > 0 && (*text == '-' || *text == '+')) text++, length--;
    if (is_word(text, length, words)) return 1;
    if (length > 5 && lower(text[0]) == 'n' && lower(text[1]) == 'a' && lower(text[2]) == 'n' && text[3] == '(') return 1;
    size_t digits = 0;
    while (digits < length && is_digit(text[digits])) digits++;
    return digits > 0 && length > digits + 2 && text[digits] == '.' && text[digits + 1] == '#';
}

/* #DIV/0!, #VALUE!, #NV, ####, Err:502: what spreadsheets show where a formula failed. */
static int is_spreadsheet_error(const char *text, size_t length)
{
    if (length > 4 && lower(text[0]) == 'e' && lower(text[1]) == 'r' && lower(text[2]) == 'r' && text[3] == ':') {
        for (size_t i = 4; i < length; i++)
            if (!is_digit(text[i])) return 0;
        return 1;
    }
    if (length < 2 || text[0] != '#' || is_digit(text[1])) return 0;
    for (size_t i = 1; i < length; i++) {
        char c = text[i];
        if (!(c >= 'A' && c <= 'Z') && !is_digit(c) && !strchr("/!?_#", c)) return 0;
    }
    return 1;
}

/* . - -- ... * and the like, also dashes and dots of Unicode: no letter and no digit. */
static int is_punctuation(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (is_letter(text[i]) || is_digit(text[i])) return 0;
        if ((unsigned char)text[i] < 0x80) continue;
        if (length - i < 3 || (memcmp(text + i, "\xE2\x80", 2) != 0 && memcmp(text + i, "\xE2\x88\x92", 3) != 0)) return 0;
        i += 2;
    }
    return 1;
}

/* What stands for a missing class, which may have a name like none, unknown or +. */
static const char *const class_words[] = {"",  "na", "n/a", "nan",    "null",   "<na>", "#n/a", "#n/a n/a", "\\n",  "nat",
                                          "?", ".",  "inf", "<null>", "(null)", "-nan", "+nan", "-inf",     "+inf", NULL};

int field_has_no_class(field f)
{
    field_trim(&f);
    return is_word(f.text, f.length, class_words);
}

/* What stands for a missing number. */
static const char *const missing_words[] = {"na",
                                            "n/a",
                                            "n.a.",
                                            "n.a",
                                            "na.",
                                            "n/a.",
                                            "n/d",
                                            "n.d.",
                                            "nd",
                                            "#na",
                                            "nv",
                                            "null",
                                            "none",
                                            "nil",
                                            "nothing",
                                            "missing",
                                            "unknown",
                                            "undefined",
                                            "undef",
                                            "unavailable",
                                            "nat",
                                            "pd.na",
                                            "np.nan",
                                            "masked",
                                            "no data",
                                            "nodata",
                                            "no value",
                                            "not available",
                                            "not applicable",
                                            "not a number",
                                            "na()",
                                            "n/a n/a",
                                            "na_real_",
                                            "na_integer_",
                                            "na_character_",
                                            "na_logical_",
                                            "missing value",
                                            "none given",
                                            "blank",
                                            "empty",
                                            NULL};

int field_is_missing(field f)
{
    field_trim(&f);
    const char *text = f.text;
    size_t length = f.length;
    while (length > 0 && (*text == ' ' || *text == '\t')) text++, length--; /* in quotes */
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    if (is_punctuation(text, length) || is_spreadsheet_error(text, length) || is_no_finite_number(text, length)) return 1;
    if (length == 2 && *text == '.' && is_letter(text[1])) return 1; /* .a to .z: Stata's and SAS's */
    strip(&text, &length);
    if (length == 1 && lower(*text) == 'n' && text > f.text) return 1; /* \N */
    return is_word(text, length, missing_words) || is_no_finite_number(text, length) || is_punctuation(text, length);
}

enum field_kind field_kind(const field *f)
{
    double ignored;
    if (field_number(f, &ignored)) return FIELD_NUMBER;
    return field_is_missing(*f) ? FIELD_MISSING : FIELD_TEXT;
}

const char *text_advice(const char *text)
{
    static const char *const truths[] = {"true", "false", "yes", "no", "t", "f", "y", "n", NULL};
    size_t length = strlen(text), digits = 0, dividers = 0, letters = 0;
    if (is_word(text, length, truths)) return "as 1 and 0";
    for (size_t i = 0; i < length; i++) {
        if (is_digit(text[i])) digits++;
        if (is_letter(text[i])) letters++;
        if (i > 0 && is_digit(text[i - 1]) && (text[i] == '-' || text[i] == '/' || text[i] == ':')) dividers++;
    }
    if (digits >= 3 && dividers >= 1 && letters <= 5)
        return "as numbers; --date reads columns of dates, and --date-order says whether the day or the month comes first";
    if (digits > 0 && letters <= 3 && (is_digit(*text) || strchr("+-.,$(", *text) || (unsigned char)*text >= 0x80))
        return "as plain numbers, with a point and without thousands separators, units, currency or percent signs";
    return "as numbers";
}
