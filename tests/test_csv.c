/* Numbers as text, and CSV files: how they may be written, and what is refused where. */
#include "data.h"
#include "options.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(number);
TestSuite(csv, .init = folder_setup, .fini = folder_teardown);

/* ---- Numbers ------------------------------------------------------------------------------------------------------------- */

static double number(const char *text)
{
    double value;
    cr_assert(number_parse(text, strlen(text), &value), "%s was not taken for a number", text);
    return value;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static int same_bits(double a, double b) { return bits_of(a) == bits_of(b); }

Test(number, spellings)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"-0", -0.0},
        {"+7", 7},
        {"007", 7},
        {"1.", 1},
        {".5", .5},
        {"-.5e-3", -.5e-3},
        {"1e5", 1e5},
        {"1E+05", 1e5},
        {"  2.5\t", 2.5},
        {"123456789012345678", 123456789012345678.0},
        {"9007199254740993", 9007199254740992.0}, /* halfway: to even */
        {"9007199254740993.0000000000000000000000000001", 9007199254740994.0},
        {"18446744073709551615", 0x1p64}, /* 20 digits overflow 64 bits */
        {"18446744073709551617", 0x1p64},
        {"99999999999999999999", 1e20},
        {"12345678901234567890", 12345678901234567890.0},
        {"1844674407370955161.7", 1844674407370955161.7},
        {"9999999999999999999e27", 9999999999999999999e27},
        {"9999999999999999999e-27", 9999999999999999999e-27},
        {"9007199254740993e1", 9007199254740993e1},
        {"9007199254740993e-1", 9007199254740993e-1},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"8.5e22", 8.5e22},
        {"0.1", .1},
        {"0.000000000000000000000000000000000000001", 1e-39},
        {"100000000000000000000000000000000000000000e-41", 1},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"1.7976931348623159e308", HUGE_VAL},
        {"-1e999", -HUGE_VAL},
        {"1e99999999999999999999", HUGE_VAL},
        {"0e99999999999999999999", 0},
        {"1e-99999999999999999999", 0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"2.2250738585072014e-308", 2.2250738585072014e-308},
        {"4.9406564584124654e-324", 4.9406564584124654e-324},
        {"2.4703282292062327e-324", 0},
        {"2.4703282292062328e-324", 4.9406564584124654e-324},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect(same_bits(number(cases[i].text), cases[i].value), "%s was read as %.17g", cases[i].text, number(cases[i].text));
}

Test(number, refusals)
{
    static const char *const texts[] = {"",     " ",        "+",     "-",    ".",   "-.",  "e5",  "1e",           "1e+",
                                        "0x10", "infinity", "inf",   "nan",  "NAN", "1_0", "1,5", "1 2",          "--1",
                                        "+-1",  "1.2.3",    "1e5.0", "1e5e", "1d5", "5%",  "1f",  "\xC2\xA0\x31", "1\n",
                                        "1-",   "0b1",      "(5)",   "$5",   "1e ", "- 1"};
    double value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_not(number_parse(texts[i], strlen(texts[i]), &value), "\"%s\" was taken for a number", texts[i]);
    cr_expect_not(number_parse("1\0", 2, &value));
}

/* Halfway between 1 and the next double, and what follows after more digits than anybody keeps decides. */
Test(number, many_digits)
{
    char text[2000] = "1.00000000000000011102230246251565404236316680908203125";
    cr_expect(same_bits(number(text), 1));
    size_t length = strlen(text);
    memset(text + length, '0', 1500);
    cr_expect(same_bits(number(text), 1));
    text[length + 1400] = '1';
    cr_expect(same_bits(number(text), 1 + 0x1p-52));
    memset(text, '0', 1500); /* 1500 zeros and then some */
    strcpy(text + 1500, "12.5");
    cr_expect(same_bits(number(text), 12.5));
    memset(text, '9', 1500);
    strcpy(text + 1500, "e-1500");
    cr_expect(same_bits(number(text), 1));
}

/* The C library's strtod rounds correctly. */
Test(number, agrees_with_strtod)
{
    random_source r = {.key = 1};
    char text[64];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = random_next(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        snprintf(text, sizeof text, "%.17g", value);
        cr_assert(same_bits(number(text), value), "%s", text);
        snprintf(text, sizeof text, "%.*e", (int)random_under(&r, 30), value);
        cr_assert(same_bits(number(text), strtod(text, NULL)), "%s", text);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)(bits >> random_under(&r, 12)),
                 (int)random_under(&r, 60) - 30);
        cr_assert(same_bits(number(text), strtod(text, NULL)), "%s", text);
        snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)(random_next(&r) >> random_under(&r, 64)),
                 (unsigned long long)(random_next(&r) >> random_under(&r, 64)), (int)random_under(&r, 80) - 40);
        cr_assert(same_bits(number(text), strtod(text, NULL)), "%s", text);
    }
}

Test(number, utf8)
{
    static const struct {
        const char *text;
        size_t length;
        int good;
    } cases[] = {
        {"", 0, 1},
        {"plain", 5, 1},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, 1},
        {"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 19, 1}, /* the ends of each length */
        {"a\0b", 3, 0},
        {"\x80", 1, 0},
        {"\xC3", 1, 0},
        {"\xC3(", 2, 0},
        {"\xE2\x82", 2, 0},
        {"\xC1\xBF", 2, 0}, /* longer than it need be */
        {"\xE0\x9F\xBF", 3, 0},
        {"\xF0\x8F\xBF\xBF", 4, 0},
        {"\xED\xA0\x80", 3, 0},     /* a surrogate */
        {"\xF4\x90\x80\x80", 4, 0}, /* beyond 10FFFF */
        {"\xF8\x88\x80\x80\x80", 5, 0},
        {"\xFF", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(text_is_utf8(cases[i].text, cases[i].length), cases[i].good, "case %zu", i);
}

/* ---- CSV ----------------------------------------------------------------------------------------------------------------- */

static cusgd_data *open_text(const char *text, const cusgd_reader *reader)
{
    cusgd_data *data;
    cr_assert_eq(cusgd_data_open(file_text("data.csv", text), reader, &data), CUSGD_OK, "%s\nof\n%s", cusgd_last_error(), text);
    return data;
}

static double x_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.x, i, j); }
static double y_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.y, i, j); }

/* The CSV holds this: x = 1 2; 3 4, y = 5; 6, with or without names. */
static void assert_plain(const char *text, int named)
{
    cusgd_data *data = open_text(text, NULL);
    cr_assert_eq(cusgd_data_rows(data), 2, "%s", text);
    cr_assert_eq(cusgd_data_cols(data), 2);
    cr_assert_eq(cusgd_data_outputs(data), 1);
    double x[] = {x_at(data, 0, 0), x_at(data, 0, 1), x_at(data, 1, 0), x_at(data, 1, 1), y_at(data, 0, 0), y_at(data, 1, 0)};
    double wanted[] = {1, 2, 3, 4, 5, 6};
    cr_assert_arr_eq(x, wanted, sizeof x, "%s", text);
    if (named) {
        cr_assert_str_eq(cusgd_data_feature(data, 0), "a");
        cr_assert_str_eq(cusgd_data_feature(data, 1), "b");
        cr_assert_str_eq(cusgd_data_target(data, 0), "c");
    } else {
        cr_assert_null(cusgd_data_feature(data, 0));
        cr_assert_null(cusgd_data_target(data, 0));
    }
    cr_assert_null(cusgd_data_feature(data, 2));
    cr_assert_null(cusgd_data_feature(data, -1));
    cr_assert_null(data->view.w.at);
    cusgd_data_free(data);
}

Test(csv, spellings_of_one_table)
{
    static const char *const named[] = {
        "a,b,c\n1,2,5\n3,4,6\n",
        "a,b,c\n1,2,5\n3,4,6",
        "a,b,c\r\n1,2,5\r\n3,4,6\r\n",
        "a,b,c\r\n1,2,5\r\n3,4,6\r",
        "\xEF\xBB\xBF\x61,b,c\n1,2,5\n3,4,6\n",
        "\xEF\xBB\xBF\"a\",b,c\n1,2,5\n3,4,6\n",
        "\"a\",\"b\",\"c\"\n\"1\",\"2\",\"5\"\n\"3\",\"4\",\"6\"",
        " a, b ,\tc\n 1, 2,5 \n3 ,4, 6\n",
        "a, \"b\" ,\"c\" \n1, \"2\" ,5\n3,4,\"6\"\t\r\n",
        "a,b,c\n1,2,5\n3,4,6\n\n\r\n\n",
        "a,b,c\n1e0,2.,5\n3,.4e1,+6\n",
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) assert_plain(named[i], 1);
    assert_plain("1,2,5\n3,4,6\n", 0);
    assert_plain("\xEF\xBB\xBF\x31,2,5\n3,4,6", 0);
}

Test(csv, names_with_everything_in_them)
{
    cusgd_data *data = open_text("\"a,b\",\"say \"\"x\"\"\",\"two\r\nlines\",\"\",\xC3\xA9,y\n1,2,3,4,5,6\n", NULL);
    static const char *const names[] = {"a,b", "say \"x\"", "two\r\nlines", "", "\xC3\xA9"};
    for (int j = 0; j < 5; j++) cr_assert_str_eq(cusgd_data_feature(data, j), names[j]);
    cr_assert_eq(cusgd_data_cols(data), 5);
    cusgd_data_free(data);
}

Test(csv, header)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.header = CUSGD_HEADER_YES;
    cusgd_data *data = open_text("1,2,3\n4,5,6\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 1);
    cr_assert_str_eq(cusgd_data_feature(data, 1), "2");
    cusgd_data_free(data);

    reader.header = CUSGD_HEADER_NO;
    assert_fails(cusgd_data_open(file_text("data.csv", "a,b\n1,2\n"), &reader, &data), CUSGD_ERROR_DATA,
                 "data.csv:1:1: 'a' in column 1 is not a number");
    cr_assert_null(data);

    /* A text target says nothing about the first line, nor does an ignored column, nor a missing value. */
    data = open_text("1,2,no\n3,4,yes\n", NULL);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_AUTO;
    reader.roles.ignore = (const char *const[]){"1"};
    reader.roles.ignore_count = 1;
    data = open_text("id1,2,3\nid2,4,5\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);
    assert_fails(cusgd_data_open(file_text("data.csv", "1,,3\n4,5,6\n"), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:1:2: column 2 has no value");
    /* But a name that is asked for does. */
    reader.roles.ignore = (const char *const[]){"2020"};
    data = open_text("2020,2021,2022\n1,2,3\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 1);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "2021");
    cusgd_data_free(data);
}

Test(csv, columns_by_name_and_number)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.targets = (const char *const[]){"d", "1"};
    reader.roles.target_count = 2;
    reader.roles.weights = "-1";
    reader.roles.ignore = (const char *const[]){"c", "3"};
    reader.roles.ignore_count = 2;
    cusgd_data *data = open_text("a,b,c,d,e\n1,2,x,4,5\n6,7,y,9,0\n", &reader);
    cr_assert_eq(cusgd_data_outputs(data), 2);
    cr_assert_eq(cusgd_data_cols(data), 1);
    cr_assert_str_eq(cusgd_data_target(data, 0), "d");
    cr_assert_str_eq(cusgd_data_target(data, 1), "a");
    cr_assert_str_eq(cusgd_data_feature(data, 0), "b");
    cr_assert_eq(y_at(data, 1, 0), 9);
    cr_assert_eq(y_at(data, 1, 1), 6);
    cr_assert_eq(x_at(data, 1, 0), 7);
    cr_assert_eq(matrix_at(&data->view.w, 0, 0), 5);
    cr_assert_eq(matrix_at(&data->view.w, 1, 0), 0);
    cusgd_data_free(data);

    /* A header's own numbers come first; features stand in the order in which they are asked for. */
    reader = CUSGD_INIT(cusgd_reader);
    reader.header = CUSGD_HEADER_YES;
    reader.roles.targets = (const char *const[]){"1"};
    reader.roles.target_count = 1;
    reader.roles.features = (const char *const[]){"3", "2"};
    reader.roles.feature_count = 2;
    data = open_text("3,2,1\n10,20,30\n", &reader);
    cr_assert_eq(y_at(data, 0, 0), 30);
    cr_assert_eq(x_at(data, 0, 0), 10);
    cr_assert_eq(x_at(data, 0, 1), 20);
    cusgd_data_free(data);

    /* Prediction: features alone, whatever else there is, and no targets even where some are named. */
    reader.roles.x_only = 1;
    reader.header = CUSGD_HEADER_AUTO;
    reader.roles.features = (const char *const[]){"b", "a"};
    data = open_text("a,t,b\n1,text,2\n", &reader);
    cr_assert_eq(cusgd_data_outputs(data), 0);
    cr_assert_null(data->view.y.at);
    cr_assert_eq(x_at(data, 0, 0), 2);
    cr_assert_eq(x_at(data, 0, 1), 1);
    cusgd_data_free(data);

    /* The last column that is neither ignored nor the weights is the target. */
    reader = CUSGD_INIT(cusgd_reader);
    reader.roles.ignore = (const char *const[]){"-1"};
    reader.roles.ignore_count = 1;
    data = open_text("a,b,c\n1,2,x\n", &reader);
    cr_assert_str_eq(cusgd_data_target(data, 0), "b");
    cusgd_data_free(data);
}

Test(csv, classes)
{
    cusgd_data *data = open_text("a,b\n1,yes\n2,\"no\"\n3, yes\n", NULL);
    cr_assert_str_eq(cusgd_data_class(data, 0), "no");
    cr_assert_str_eq(cusgd_data_class(data, 1), "yes");
    cr_assert_null(cusgd_data_class(data, 2));
    cr_assert_eq(y_at(data, 0, 0), 1);
    cr_assert_eq(y_at(data, 1, 0), 0);
    cr_assert_eq(y_at(data, 2, 0), 1);
    cusgd_data_free(data);

    data = open_text("a,b\n1,no\n2,yes\n", NULL);
    cr_assert_str_eq(cusgd_data_class(data, 1), "yes");
    cr_assert_eq(y_at(data, 1, 0), 1);
    cusgd_data_free(data);

    /* A model's own mapping, also where one class alone comes; numbers stay numbers. */
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.classes = (const char *const[]){"yes", "no"};
    data = open_text("a,b\n1,no\n2,no\n", &reader);
    cr_assert_eq(y_at(data, 0, 0), 1);
    cr_assert_str_eq(cusgd_data_class(data, 0), "yes");
    cusgd_data_free(data);
    data = open_text("a,b\n1,0\n2,1\n", &reader);
    cr_assert_eq(y_at(data, 1, 0), 1);
    cr_assert_null(cusgd_data_class(data, 0));
    cusgd_data_free(data);
    assert_fails(cusgd_data_open(file_text("data.csv", "a,b\n1,no\n2,maybe\n"), &reader, &data), CUSGD_ERROR_DATA,
                 "data.csv:3:2: 'maybe' in column 'b' is not one of the model's classes, 'yes' and 'no'");
}

Test(csv, refusals)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "data.csv: is empty"},
        {"\n\n", "data.csv: is empty"},
        {"\xEF\xBB\xBF", "data.csv: is empty"},
        {"a,b\n", "has a header and no rows"},
        {"a,b,c\n1,2,3\n4,5\n", "data.csv:3:2: the row has only 2 fields, where the first line has 3"},
        {"a,b,c\n1,2,3\n4,5,6,7\n", "data.csv:3:3: the row has more than 3 fields"},
        {"a,b,c\n1,2,3\n4,,6\n", "data.csv:3:2: column 'b' has no value"},
        {"a,b,c\n1,2,3\n4,5,\"\"\n", "data.csv:3:3: column 'c' has no value"},
        {"a,b,c\n1,2,3\n4,NA,6\n", "data.csv:3:2: 'NA' in column 'b' is not a finite number"},
        {"a,b,c\n1,nan,3\n", "data.csv:2:2: 'nan' in column 'b' is not a finite number"},
        {"a,b,c\n1,2,-Inf\n", "data.csv:2:3: '-Inf' in column 'c' is not a finite number"},
        {"a,b,c\n1,2,3\n1e400,2,3\n", "data.csv:3:1: 1e400 in column 'a' is too large for a double"},
        {"a,b,c\n1,2,3\n4,x\x01y,6\n", "data.csv:3:2: 'x\\x01y' in column 'b' is not a number"},
        {"1,2,3\n4,0x5,6\n", "data.csv:2:2: '0x5' in column 2 is not a number"},
        {"a,b,c\n\"1\n\",2,3\n", "data.csv:2:1: column 'a' holds text ('1\\x0a')"},
        {"a,\"b\nb\",c\n1,2,3\n4,5,z\n", "data.csv:4:3: 'z' in column 'c' is not a number"},
        {"a,b,c\n1,Paris,3\n2,Rome,3\n3,\"Oslo, N\",3\n4,Bonn,3\n", "column 'b' holds text ('Paris', 'Rome', 'Oslo, N'): leave"},
        {"a,b,c\nx,z,3\n", "2 columns hold text: 'a' ('x'), 'b' ('z'): leave them out (--ignore a,b)"},
        {"a,b\n1,x\n2,x\n", "the target is 'x' in every row"},
        {"a,b\n1,x\n2,\n", "data.csv:3:2: column 'b' has no value"},
        {"a,b\n1,2\n2,x\n", "data.csv:3:2: 'x' in column 'b' is not a number"},
        {"1,2,target\n3,4,5\n",
         "5 in column 3 is a number, yet the first row has the text 'target' there: if the first line is a"},
        {"a,b\n1,2\n\n3,4\n", "data.csv:3:1: an empty line before the data's end"},
        {"\na,b\n1,2\n", "data.csv:1:1: an empty line"},
        {"a,b,a\n1,2,3\n", "two columns are named 'a' (the header has 'a', 'b', 'a'), 1 and 3"},
        {"a,\xFF\n1,2\n", "data.csv:1:2: '\\xff' is not UTF-8 text"},
        {"a,b\n1,2\r3,4\n", "data.csv:2:2: a carriage return inside a field"},
        {"a,b\n1,\"2\n3,4\n", "data.csv:2:2: the quote that opens this field is never closed"},
        {"a,b\n1,\"2\"3\n", "data.csv:2:2: text after the field's closing quote"},
        {"a,b\n1,2\"3\"\n", "data.csv:2:2: a quote inside an unquoted field"},
        {"\xFF\xFE\x61\0,\0", "UTF-16"},
        {"1\n2\n", "no column is left for the features"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data;
        assert_fails(cusgd_data_open(file_text("data.csv", cases[i].text), NULL, &data), CUSGD_ERROR_DATA, cases[i].message);
        cr_assert_null(data);
    }
}

Test(csv, a_null_character)
{
    cusgd_data *data;
    assert_fails(cusgd_data_open(file_bytes("data.csv", "a\0b,c\n1,2\n", 10), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:1:1: 'a\\x00b' is not UTF-8 text");
    assert_fails(cusgd_data_open(file_bytes("data.csv", "a,b\n1,2\0\n", 10), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:2:2: '2\\x00' is not UTF-8 text");
}

Test(csv, refused_columns)
{
    static const char *const a[] = {"a"}, *const none[] = {"price"}, *const ab[] = {"a", "b"}, *const twice[] = {"a", "1"},
                             *const far[] = {"4"}, *const zero[] = {"0"}, *const empty[] = {""};
    static const struct {
        cusgd_reader reader;
        const char *message;
    } cases[] = {
        {{.roles.targets = none, .roles.target_count = 1}, "there is no column 'price'; there are 3: 'a', 'b', 'c'"},
        {{.header = CUSGD_HEADER_NO, .roles.ignore = none, .roles.ignore_count = 1},
         "there is no column price: there are columns 1 to 3"},
        {{.roles.ignore = far, .roles.ignore_count = 1}, "there is no column 4"},
        {{.roles.targets = empty, .roles.target_count = 1}, "there is no column ''; there are 3: "},
        {{.roles.ignore = zero, .roles.ignore_count = 1}, "there is no column 0"},
        {{.roles.weights = "-4"}, "there is no column '-4'"},
        {{.roles.targets = twice, .roles.target_count = 2}, "column 'a' is asked for twice as a target"},
        {{.roles.targets = a, .roles.target_count = 1, .roles.features = ab, .roles.feature_count = 2},
         "column 'a' is asked for both as a target and as a feature"},
        {{.roles.targets = a, .roles.target_count = 1, .roles.ignore = ab, .roles.ignore_count = 2},
         "both as a column to ignore and as a target"},
        {{.roles.weights = "a", .roles.targets = a, .roles.target_count = 1}, "both as the weights and as a target"},
        {{.roles.weights = "b", .roles.ignore = a, .roles.ignore_count = 1}, "no column is left for the features"},
        {{.roles.weights = "c"}, "data.csv:3:3: the weight -6 in column 'c' is negative"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data;
        cusgd_reader reader = cases[i].reader;
        reader.size = sizeof reader;
        const char *path = file_text("data.csv", "a,b,c\n1,2,3\n4,5,-6\n");
        assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_DATA, cases[i].message);
    }
}

/* Fields of every length and kind across the ends of the buffer that the file is read into, some larger than it. */
Test(csv, large_file)
{
    enum { ROWS = 60000, LONG = 3 << 20 };
    FILE *file = fopen(path_of("data.csv"), "wb");
    cr_assert(file);
    fprintf(file, "a,text,\"y\"\r\n");
    for (int i = 0; i < ROWS; i++) {
        fprintf(file, "%d.25,\"", i);
        if (i == ROWS / 2)
            for (int l = 0; l < LONG; l++) fputs(l % 7 ? "," : "\"\"", file);
        for (int l = 0; l < i % 61; l++) fputs(l % 5 ? "x" : l % 2 ? "\"\"" : "\r\n", file);
        fprintf(file, "\",%d%s", -i, i % 2 ? "\n" : "\r\n");
    }
    cr_assert_eq(fclose(file), 0);
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.ignore = (const char *const[]){"text"};
    reader.roles.ignore_count = 1;
    cusgd_data *data;
    assert_works(cusgd_data_open(path_of("data.csv"), &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), ROWS);
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(x_at(data, i, 0), i + .25);
        cr_assert_eq(y_at(data, i, 0), -i);
    }
    cusgd_data_free(data);
}

Test(csv, unclosed_quote_in_a_large_file)
{
    enum { SIZE = 20 << 20 };
    char *text = malloc(SIZE);
    cr_assert(text);
    memset(text, 'x', SIZE);
    memcpy(text, "a,b\n1,\"", 7);
    cusgd_data *data;
    assert_fails(cusgd_data_open(file_bytes("data.csv", text, SIZE), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:2:2: a field of more than 16 MB starts here");
    free(text);
}

/* Standard input a byte a read: a pipe that keeps packets apart. */
Test(csv, standard_input)
{
    const char *text = "\xEF\xBB\xBF\x61,\"b\"\"\r\n\",y\r\n1,\"2\",3\r\n4,5,6\r\n";
    int ends[2];
    cr_assert_eq(pipe2(ends, O_DIRECT), 0);
    cr_assert_geq(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 64 * 4096);
    for (const char *c = text; *c; c++) cr_assert_eq(write(ends[1], c, 1), 1);
    close(ends[1]);
    cr_assert_geq(dup2(ends[0], STDIN_FILENO), 0);
    close(ends[0]);
    cusgd_data *data;
    assert_works(cusgd_data_open("-", NULL, &data));
    cr_assert_str_eq(cusgd_data_feature(data, 1), "b\"\r\n");
    cr_assert_eq(cusgd_data_rows(data), 2);
    cr_assert_eq(x_at(data, 1, 1), 5);
    cusgd_data_free(data);
    assert_fails(cusgd_data_open("-", NULL, &data), CUSGD_ERROR_DATA, "standard input: is empty");
}

/* Whatever the bytes, the reader ends with data that makes sense or with a sentence. */
static void try_csv(const char *bytes, size_t count, const cusgd_reader *reader)
{
    cusgd_data *data;
    if (cusgd_data_open(file_bytes("data.csv", bytes, count), reader, &data) == CUSGD_OK) {
        cr_assert_geq(cusgd_data_rows(data), 1);
        cr_assert_geq(cusgd_data_cols(data), 1);
        assert_works(examples_check(&data->view, CUSGD_LOSS_SQUARED, "", 1));
        cusgd_data_free(data);
    } else {
        cr_assert_null(data);
        cr_assert_neq(*cusgd_last_error(), '\0');
    }
}

Test(csv, damaged)
{
    static const char text[] = "\xEF\xBB\xBF\x61,\"b\"\"\r\n\",y\r\n1,\"2\",no\r\n-4.5e-3,5,\"yes\"\n";
    for (size_t count = 0; count < sizeof text; count++) try_csv(text, count, NULL);
    random_source r = {.key = 2};
    for (int i = 0; i < 3000; i++) {
        char bytes[sizeof text];
        memcpy(bytes, text, sizeof text);
        for (uint64_t flips = 1 + random_under(&r, 3); flips > 0; flips--)
            bytes[random_under(&r, sizeof text - 1)] ^= (char)(1 << random_under(&r, 8));
        try_csv(bytes, sizeof text - 1, NULL);
    }
}

Test(csv, anything)
{
    static const char letters[] = ",,,\"\"\n\n\r019.-ea ";
    random_source r = {.key = 3};
    cusgd_reader readers[3];
    for (int i = 0; i < 3; i++) {
        readers[i] = CUSGD_INIT(cusgd_reader);
        readers[i].header = (cusgd_header)i;
    }
    readers[0].roles.x_only = 1;
    readers[1].roles.weights = "1";
    for (int i = 0; i < 10000; i++) {
        char bytes[40];
        size_t count = random_under(&r, sizeof bytes);
        for (size_t l = 0; l < count; l++) bytes[l] = letters[random_under(&r, sizeof letters - 1)];
        try_csv(bytes, count, &readers[i % 3]);
    }
}
