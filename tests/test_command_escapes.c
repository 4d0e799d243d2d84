/* Control characters of names, of classes, of metadata and of files' names never reach a terminal; files and machines get the
 * true bytes. */
#include "command.h"

TestSuite(escapes, .init = command_setup, .fini = folder_teardown);

/* No line of what is printed for people may hold a control character, UTF-8's C1 ones and marks of direction among them. */
static void check_printed(const char *text, const char *what)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        int control = (*c < 0x20 && *c != '\n') || *c == 0x7F;
        int wide =
            (c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) || (c[0] == 0xE2 && c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAE);
        cr_assert(!control && !wide, "%s prints the byte %d:\n%s", what, *c, text);
        cr_assert(*c != 0x9B || (c > (const unsigned char *)text && c[-1] >= 0x80), "%s prints a lone CSI", what);
    }
}

#define ESC    "\\033"
#define FILE_E "$(printf 'd" ESC "[2J.csv')"

/* Names with ESC, BEL, DEL, C1's CSI, a line break and an override of direction; two classes likewise. */
static void make_files(void)
{
    outcome o;
    run(&o, "printf 'a" ESC "[31m,\"b\\nz\",\\302\\233c\\177,\\342\\200\\256e,y\\007\\n' > " FILE_E "\n"
            "for i in 1 2 3 4 5 6; do printf '%%d,%%d,%%d,%%d,no" ESC
            "[1m\\n%%d,%%d,%%d,%%d,yes\\007\\n' $i 1 2 $((i*i)) $((i+7)) 3 4 $i; "
            "done >> " FILE_E);
    assert_code(o, 0);
}

Test(escapes, what_is_printed)
{
    static const struct {
        const char *line;
        int code;
        const char *shown;
    } cases[] = {
        {"train " FILE_E " --loss logistic --model \"$(printf 'm" ESC "[5m')\"", 0, "model: m\\x1b[5m"},
        {"train " FILE_E " --loss logistic --model m --valid " FILE_E, 0, "d\\x1b[2J.csv: 12 rows"},
        {"info m", 0, "a\\x1b[31m, b\\x0az, \\u009bc\\x7f, \\u202ee"},
        {"info m", 0, "0 is no\\x1b[1m, 1 is yes\\x07"},
        {"info m --coefficients", 0, "\\u009bc\\x7f"},
        {"info " FILE_E, 0, "a\\x1b[31m"},
        {"evaluate m " FILE_E, 0, "y\\x07"},
        {"train " FILE_E " --model m --ignore \"$(printf 'q" ESC "[1m')\"", 2, "'q\\x1b[1m'"},
        {"train " FILE_E " --model m --target 1 --categorical none", 2, "y\\x07"},
        {"train " FILE_E " --model m --loss \"$(printf '" ESC "]0;x\\007')\"", 1, "\\x1b]0;x\\x07"},
        {"train \"$(printf '" ESC "c.csv')\" --model m", 2, "\\x1bc.csv: cannot be opened"},
        {"train . --model m", 2, NULL},
        {"info \"$(printf '" ESC "c')\"", 2, "\\x1bc"},
        {"predict m " FILE_E " -o \"$(printf 'no/" ESC "c.csv')\"", 2, "\\x1bc"},
        {"generate \"$(printf 'g" ESC "c')\" --rows 3 --cols 2", 0, "g\\x1bc"},
        {"\"$(printf 'tr" ESC "')\"", 1, "tr\\x1b"},
        {"train --\"$(printf 'r" ESC "')\" 1 x.csv", 1, "r\\x1b"},
        {"evaluate m data.csv", 2, NULL},
        {"train " FILE_E " --loss logistic --model m --optimizer sgd --rate 1e30 --no-standardize --l2 1", 4, "\\u202ee"},
    };
    outcome o;
    make_files();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&o, "$CUSGD %s", cases[i].line);
        assert_code(o, cases[i].code);
        check_printed(o.out, cases[i].line);
        check_printed(o.err, cases[i].line);
        cr_assert(!cases[i].shown || strstr(o.out, cases[i].shown) || strstr(o.err, cases[i].shown), "%s: %s is not in\n%s%s",
                  cases[i].line, cases[i].shown, o.out, o.err);
    }
}

/* Another program's metadata. */
Test(escapes, metadata)
{
    outcome o;
    const char *header = "{\"__metadata__\":{\"k\\u001b[1m\":\"v\\u009b\\u202e\"},"
                         "\"weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    uint64_t length = strlen(header);
    FILE *file = fopen("m", "w");
    cr_assert(file && fwrite(&length, 8, 1, file) == 1 && fputs(header, file) >= 0 && fwrite("\0\0\0\0", 4, 1, file) == 1);
    cr_assert_eq(fclose(file), 0);
    run(&o, "$CUSGD info m");
    assert_code(o, 0);
    check_printed(o.out, "info");
    assert_has(o.out, "k\\x1b[1m = v\\u009b\\u202e");
}

Test(escapes, files_keep_the_true_bytes)
{
    outcome o;
    make_files();
    run(&o, "$CUSGD train " FILE_E " --loss logistic --model m -q && $CUSGD predict m " FILE_E " --as class -o - | head -2");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "y\a\nno\033[1m\n");
    run(&o, "$CUSGD evaluate m " FILE_E " --json");
    assert_has(o.out, "\"target\": \"y\\u0007\"");
}

Test(escapes, of_the_library)
{
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"", ""},
        {"plain, \\ 'x' \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "plain, \\ 'x' \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"\x1B[2J\x01\t\n\x7F", "\\x1b[2J\\x01\\x09\\x0a\\x7f"},
        {"\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0", "\\u0080\\u009b\\u009f\xC2\xA0"},
        {"\x9B"
         "1m\xFF\xC3",
         "\\x9b1m\\xff\\xc3"},
        {"\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\xA8\xD8\x9C\xE2\x80\x8D", "\\u202e\\u2066\\u2028\\u061c\xE2\x80\x8D"},
        {"\xC0\x9B\xED\xA0\x80", "\\xc0\\x9b\\xed\\xa0\\x80"}, /* overlong; a surrogate */
    };
    char escaped[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].escaped);
        cr_assert_eq(cusgd_text_escape(cases[i].text, escaped, sizeof escaped), length);
        cr_assert_str_eq(escaped, cases[i].escaped);
        cr_assert_eq(cusgd_text_escape(cases[i].text, NULL, 0), length);
    }
    cr_assert_eq(cusgd_text_escape("ab\x1B", escaped, 5), 6); /* no half of an escape */
    cr_assert_str_eq(escaped, "ab");
    cr_assert_eq(cusgd_text_escape("ab\x1B", escaped, 7), 6);
    cr_assert_str_eq(escaped, "ab\\x1b");
}
