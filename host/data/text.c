/* Text in UTF-8 (RFC 3629), and how it is shown to people. */
#include "data.h"
#include "failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- UTF-8 --------------------------------------------------------------------------------------------------------------- */

/* The length of the UTF-8 sequence that this byte starts, and the least code point that needs it; 0 if it starts none. */
static size_t utf8_length(unsigned char first, uint32_t *minimum)
{
    *minimum = first < 0xE0 ? 0x80 : first < 0xF0 ? 0x800 : 0x10000;
    if (first < 0x80) return 1;
    if (first < 0xC0 || first > 0xF4) return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The bytes of the character at `at`, whose code point is *code; 0 if there is none of UTF-8. length >= 1. */
static size_t utf8_next(const unsigned char *at, size_t length, uint32_t *code)
{
    uint32_t minimum;
    size_t bytes = utf8_length(*at, &minimum);
    if (bytes == 0 || bytes > length) return 0;
    *code = bytes == 1 ? *at : *at & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
        *code = *code << 6 | (at[i] & 0x3F);
    }
    int is_wrong = bytes > 1 && (*code < minimum || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF));
    return is_wrong ? 0 : bytes;
}

int text_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        uint32_t code;
        size_t bytes = *at ? utf8_next(at, (size_t)(end - at), &code) : 0;
        if (bytes == 0) return 0;
        at += bytes;
    }
    return 1;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

static cusgd_status check_name(const char *name)
{
    if (text_is_utf8(name, strlen(name))) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "the name '%.60s' is not UTF-8 text", name);
}

void strings_free(char **texts, int64_t count)
{
    for (int64_t i = 0; texts && i < count; i++) free(texts[i]);
    free(texts);
}

cusgd_status texts_copy(const char *const *texts, int64_t count, char ***out)
{
    char **copy = *out = allocate_zeroed((size_t)count, sizeof *copy);
    cusgd_status status = copy ? CUSGD_OK : fail_memory((size_t)count * sizeof *copy, "names");
    for (int64_t i = 0; i < count && !status; i++) {
        if (!texts[i]) {
            status = fail(CUSGD_ERROR_USAGE, "name %" PRId64 " of %" PRId64 " is NULL: name all or none", i + 1, count);
            continue;
        }
        status = check_name(texts[i]);
        if (!status && !(copy[i] = strdup(texts[i]))) status = fail_memory(strlen(texts[i]) + 1, "a name");
    }
    if (!status) return CUSGD_OK;
    strings_free(copy, count);
    *out = NULL;
    return status;
}

cusgd_status texts_check_same(const char *what, char *const *known, char *const *names, int64_t count, const char *source)
{
    for (int64_t j = 0; known && names && j < count; j++) {
        char here[64], there[64];
        if (!known[j] || !names[j] || strcmp(known[j], names[j]) == 0) continue;
        cusgd_text_escape(names[j], here, sizeof here);
        cusgd_text_escape(known[j], there, sizeof there);
        return fail(CUSGD_ERROR_DATA, "%s: %s %lld is '%s', and that of the rows before '%s'", source, what, (long long)j + 1,
                    here, there);
    }
    return CUSGD_OK;
}

cusgd_status classes_check(const char *const *classes, int64_t count)
{
    cusgd_status status = CUSGD_OK;
    if (!classes) return CUSGD_OK;
    if (count < 2 || count > MAX_CLASSES)
        return fail(CUSGD_ERROR_USAGE, "a target has 2 to %d classes, not %" PRId64, MAX_CLASSES, count);
    for (int64_t c = 0; c < count && !status; c++) {
        if (!classes[c] && count == 2)
            return fail(CUSGD_ERROR_USAGE, "a target has two classes, and a name is missing: name both or none");
        if (!classes[c]) return fail(CUSGD_ERROR_USAGE, "the name of class %" PRId64 " is missing: name all or none", c);
        status = check_name(classes[c]);
    }
    return status;
}

/* ---- On a terminal ------------------------------------------------------------------------------------------------------- */

/* C0 and C1 controls and DEL, marks that change the direction of what follows, and separators of lines and paragraphs. */
static int is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t text_escape_next(const char *text, size_t length, char escaped[ESCAPED_BYTES])
{
    uint32_t code = 0;
    size_t bytes = utf8_next((const unsigned char *)text, length, &code);
    if (bytes == 0 || (is_control(code) && code < 0x80))
        snprintf(escaped, ESCAPED_BYTES, "\\x%02x", (unsigned)(unsigned char)*text);
    else if (is_control(code))
        snprintf(escaped, ESCAPED_BYTES, "\\u%04x", (unsigned)code);
    else
        snprintf(escaped, ESCAPED_BYTES, "%.*s", (int)bytes, text);
    return bytes ? bytes : 1;
}

size_t cusgd_text_escape(const char *text, char *escaped, size_t size)
{
    size_t length = strlen(text), needed = 0;
    int whole = 1; /* so far all of it had room */
    if (size > 0) escaped[0] = '\0';
    for (size_t at = 0; at < length;) {
        char one[ESCAPED_BYTES];
        at += text_escape_next(text + at, length - at, one);
        size_t more = strlen(one);
        whole = whole && needed + more < size;
        if (whole) memcpy(escaped + needed, one, more + 1);
        needed += more;
    }
    return needed;
}

/* ---- In commands --------------------------------------------------------------------------------------------------------- */

static int can_be_quoted(const char *source)
{
    char escaped[MAX_QUOTED + 1];
    if (strcmp(source, "standard input") == 0 || strlen(source) > MAX_QUOTED) return 0;
    if (strstr(source, "\\x") || strstr(source, "\\u")) return 0; /* perhaps escaped already */
    return cusgd_text_escape(source, escaped, sizeof escaped) <= MAX_QUOTED && strcmp(source, escaped) == 0;
}

const char *file_for_shell(const char *source, char quoted[QUOTED_BYTES])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,=@";
    if (!can_be_quoted(source)) return strcpy(quoted, "FILE");
    int quotes = source[strspn(source, plain)] != '\0';
    char *to = quoted;
    if (quotes) *to++ = '\'';
    if (*source == '-') to = stpcpy(to, "./"); /* it would be read as an option */
    for (; *source; source++) {
        if (*source == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *source;
    }
    if (quotes) *to++ = '\'';
    *to = '\0';
    return quoted;
}

const char *file_for_python(const char *source, char quoted[QUOTED_BYTES])
{
    char *to = quoted;
    if (!can_be_quoted(source)) return strcpy(quoted, "\"FILE\"");
    *to++ = '"';
    for (; *source; source++) {
        if (*source == '"' || *source == '\\') *to++ = '\\';
        *to++ = *source;
    }
    strcpy(to, "\"");
    return quoted;
}
