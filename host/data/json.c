#include "json.h"

#include "failure.h"

#include <string.h>

/* ---- Whether a text begins with a JSON value (RFC 8259), without any memory ---- */

typedef struct reader {
    const char *at;
    int depth;
} reader;

static int skip_value(reader *r);

static void skip_blanks(reader *r) { r->at += strspn(r->at, " \t\r\n"); }

static int take(reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c) return 0;
    r->at++;
    return 1;
}

static int skip_digits(reader *r)
{
    size_t count = strspn(r->at, "0123456789");
    r->at += count;
    return count > 0;
}

/* cJSON reads at most 63 characters of a number. */
static int skip_number(reader *r)
{
    enum { LONGEST = 63 };
    const char *start = r->at;
    if (*r->at == '-') r->at++;
    int good = skip_digits(r);
    if (good && *r->at == '.') {
        r->at++;
        good = skip_digits(r);
    }
    if (good && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (*r->at == '+' || *r->at == '-') r->at++;
        good = skip_digits(r);
    }
    return good && r->at - start <= LONGEST;
}

/* The four digits of \uXXXX, with r->at behind the u; -1: there are none. */
static int take_code(reader *r)
{
    int code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *digit = *r->at ? strchr(digits, *r->at) : NULL;
        if (!digit) return -1;
        code = code * 16 + (int)((digit - digits) % 16);
    }
    return code;
}

/* After the backslash. A half of a pair of surrogates stands for nothing alone. */
static int skip_escape(reader *r)
{
    char c = *r->at;
    if (c == '\0' || !strchr("\"\\/bfnrtu", c)) return 0;
    r->at++;
    if (c != 'u') return 1;
    int code = take_code(r);
    if (code < 0xD800 || code > 0xDFFF) return code > 0;
    if (code > 0xDBFF || r->at[0] != '\\' || r->at[1] != 'u') return 0;
    r->at += 2;
    code = take_code(r);
    return code >= 0xDC00 && code <= 0xDFFF;
}

static int skip_string(reader *r)
{
    if (!take(r, '"')) return 0;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < ' ') return 0;
        if (*r->at++ == '\\' && !skip_escape(r)) return 0;
    }
    r->at++;
    return 1;
}

/* What stands between brackets; with keys in an object. */
static int skip_items(reader *r, char close, int keys)
{
    if (++r->depth > CJSON_NESTING_LIMIT) return 0;
    int good = take(r, close);
    for (int ended = good; !ended;) {
        good = (!keys || (skip_string(r) && take(r, ':'))) && skip_value(r);
        ended = !good || !take(r, ',');
        if (ended) good = good && take(r, close);
    }
    r->depth--;
    return good;
}

static int skip_word(reader *r, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(r->at, word, length) != 0) return 0;
    r->at += length;
    return 1;
}

static int skip_value(reader *r)
{
    skip_blanks(r);
    switch (*r->at) {
    case '{': r->at++; return skip_items(r, '}', 1);
    case '[': r->at++; return skip_items(r, ']', 0);
    case '"': return skip_string(r);
    case 't': return skip_word(r, "true");
    case 'f': return skip_word(r, "false");
    case 'n': return skip_word(r, "null");
    default: return skip_number(r);
    }
}

/* ---- */

cusgd_status json_parse(const char *text, const char **end, cJSON **out)
{
    *out = text ? cJSON_ParseWithOpts(text, end, 0) : NULL;
    if (*out || !text || !skip_value(&(reader){text, 0})) return CUSGD_OK;
    return fail_memory(strlen(text), "JSON");
}
