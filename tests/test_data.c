/* Numbers, CSV, .npy, files replaced, and data checked: what is read must be what was meant, and nothing may crash. */
#include "data.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(number);
TestSuite(csv, .init = folder_setup, .fini = folder_teardown);
TestSuite(npy, .init = folder_setup, .fini = folder_teardown);
TestSuite(folder, .init = folder_setup, .fini = folder_teardown);
TestSuite(replace, .init = folder_setup, .fini = folder_teardown);
TestSuite(check);

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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.header = CUSGD_HEADER_YES;
    cusgd_data *data = open_text("1,2,3\n4,5,6\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 1);
    cr_assert_str_eq(cusgd_data_feature(data, 1), "2");
    cusgd_data_free(data);

    reader.header = CUSGD_HEADER_NO;
    assert_fails(cusgd_data_open(file_text("data.csv", "a,b\n1,2\n"), &reader, &data), CUSGD_ERROR_DATA,
                 "data.csv:1:1: column 1 holds text ('a', '1')");
    cr_assert_null(data);

    /* A text target says nothing about the first line, nor does an ignored column, nor a missing value. */
    data = open_text("1,2,no\n3,4,yes\n", NULL);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_AUTO;
    reader.ignore = (const char *const[]){"1"};
    reader.ignore_count = 1;
    data = open_text("id1,2,3\nid2,4,5\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);
    assert_fails(cusgd_data_open(file_text("data.csv", "1,,3\n4,5,6\n"), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:1:2: column 2 has no value");
    /* But a name that is asked for does. */
    reader.ignore = (const char *const[]){"2020"};
    data = open_text("2020,2021,2022\n1,2,3\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 1);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "2021");
    cusgd_data_free(data);
}

Test(csv, columns_by_name_and_number)
{
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.targets = (const char *const[]){"d", "1"};
    reader.target_count = 2;
    reader.weights = "-1";
    reader.ignore = (const char *const[]){"c", "3"};
    reader.ignore_count = 2;
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
    cusgd_reader_init(&reader);
    reader.header = CUSGD_HEADER_YES;
    reader.targets = (const char *const[]){"1"};
    reader.target_count = 1;
    reader.features = (const char *const[]){"3", "2"};
    reader.feature_count = 2;
    data = open_text("3,2,1\n10,20,30\n", &reader);
    cr_assert_eq(y_at(data, 0, 0), 30);
    cr_assert_eq(x_at(data, 0, 0), 10);
    cr_assert_eq(x_at(data, 0, 1), 20);
    cusgd_data_free(data);

    /* Prediction: features alone, whatever else there is, and no targets even where some are named. */
    reader.x_only = 1;
    reader.header = CUSGD_HEADER_AUTO;
    reader.features = (const char *const[]){"b", "a"};
    data = open_text("a,t,b\n1,text,2\n", &reader);
    cr_assert_eq(cusgd_data_outputs(data), 0);
    cr_assert_null(data->view.y.at);
    cr_assert_eq(x_at(data, 0, 0), 2);
    cr_assert_eq(x_at(data, 0, 1), 1);
    cusgd_data_free(data);

    /* The last column that is neither ignored nor the weights is the target. */
    cusgd_reader_init(&reader);
    reader.ignore = (const char *const[]){"-1"};
    reader.ignore_count = 1;
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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
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
        {"a,b,c\n1,2,3\n4,x\x01y,6\n", "data.csv:3:2: 'x?y' in column 'b' is not a number"},
        {"1,2,3\n4,0x5,6\n", "data.csv:2:2: '0x5' in column 2 is not a number"},
        {"a,b,c\n\"1\n\",2,3\n", "data.csv:2:1: column 'a' holds text ('1?')"},
        {"a,\"b\nb\",c\n1,2,3\n4,5,z\n", "data.csv:4:3: 'z' in column 'c' is not a number"},
        {"a,b,c\n1,Paris,3\n2,Rome,3\n3,\"Oslo, N\",3\n4,Bonn,3\n", "column 'b' holds text ('Paris', 'Rome', 'Oslo, N'): leave"},
        {"a,b,c\nx,y,3\n", "column 'a' holds text ('x'), and so do 1 more: leave"},
        {"a,b\n1,x\n2,y\n3,z\n",
         "data.csv:4:2: column 'b', the target, holds 'x', 'y' and 'z', but text targets have two classes"},
        {"a,b\n1,x\n2,x\n", "the target is 'x' in every row"},
        {"a,b\n1,x\n2,\n", "data.csv:3:2: column 'b' has no value"},
        {"a,b\n1,2\n2,x\n", "data.csv:3:2: 'x' in column 'b' is not a number"},
        {"1,2,target\n3,4,5\n",
         "5 in column 3 is a number, yet the first row has the text 'target' there: if the first line is a"},
        {"a,b\n1,2\n\n3,4\n", "data.csv:3:1: an empty line before the data's end"},
        {"\na,b\n1,2\n", "data.csv:1:1: an empty line"},
        {"a,b,a\n1,2,3\n", "two columns are named 'a' (the header has 'a', 'b', 'a')"},
        {"a,\xFF\n1,2\n", "data.csv:1:2: '\xFF' is not UTF-8 text"},
        {"a,b\n1,2\r3,4\n", "data.csv:2:2: a carriage return inside a field"},
        {"a,b\n1,\"2\n3,4\n", "data.csv:2:2: the quote that opens this field is never closed"},
        {"a,b\n1,\"2\"3\n", "data.csv:2:2: text after the field's closing quote"},
        {"a,b\n1,2\"3\"\n", "data.csv:2:2: a quote inside an unquoted field"},
        {"\xFF\xFE\x61\0,\0", "UTF-16"},
        {"a;b;c\n1;2;3\n", "not separated by commas"},
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
                 "data.csv:1:1: 'a?b' is not UTF-8 text");
    assert_fails(cusgd_data_open(file_bytes("data.csv", "a,b\n1,2\0\n", 10), NULL, &data), CUSGD_ERROR_DATA,
                 "data.csv:2:2: '2?' is not UTF-8 text");
}

Test(csv, refused_columns)
{
    static const char *const a[] = {"a"}, *const none[] = {"price"}, *const ab[] = {"a", "b"}, *const twice[] = {"a", "1"},
                             *const far[] = {"4"}, *const zero[] = {"0"};
    static const struct {
        cusgd_reader reader;
        const char *message;
    } cases[] = {
        {{.targets = none, .target_count = 1}, "there is no column 'price'; there are 3: 'a', 'b', 'c'"},
        {{.header = CUSGD_HEADER_NO, .ignore = none, .ignore_count = 1}, "there is no column price: there are columns 1 to 3"},
        {{.ignore = far, .ignore_count = 1}, "there is no column '4'"},
        {{.ignore = zero, .ignore_count = 1}, "there is no column '0'"},
        {{.weights = "-4"}, "there is no column '-4'"},
        {{.targets = twice, .target_count = 2}, "column 'a' is asked for twice as a target"},
        {{.targets = a, .target_count = 1, .features = ab, .feature_count = 2},
         "column 'a' is asked for both as a target and as a feature"},
        {{.targets = a, .target_count = 1, .ignore = ab, .ignore_count = 2}, "both as a column to ignore and as a target"},
        {{.weights = "a", .targets = a, .target_count = 1}, "both as the weights and as a target"},
        {{.weights = "b", .ignore = a, .ignore_count = 1}, "no column is left for the features"},
        {{.weights = "c"}, "data.csv:3:3: the weight -6 in column 'c' is negative"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data;
        const char *path = file_text("data.csv", "a,b,c\n1,2,3\n4,5,-6\n");
        assert_fails(cusgd_data_open(path, &cases[i].reader, &data), CUSGD_ERROR_DATA, cases[i].message);
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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.ignore = (const char *const[]){"text"};
    reader.ignore_count = 1;
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
        cusgd_reader_init(&readers[i]);
        readers[i].header = (cusgd_header)i;
    }
    readers[0].x_only = 1;
    readers[1].weights = "1";
    for (int i = 0; i < 10000; i++) {
        char bytes[40];
        size_t count = random_under(&r, sizeof bytes);
        for (size_t l = 0; l < count; l++) bytes[l] = letters[random_under(&r, sizeof letters - 1)];
        try_csv(bytes, count, &readers[i % 3]);
    }
}

/* ---- .npy ---------------------------------------------------------------------------------------------------------------- */

/* A .npy file with this dictionary and this many bytes of elements 0, 1, 2, ... of float32. */
static const char *npy_file(const char *name, int version, const char *dictionary, size_t elements)
{
    static unsigned char bytes[1 << 16];
    size_t preamble = version == 1 ? 10 : 12, length = strlen(dictionary);
    size_t whole = (preamble + length + 1 + 63) / 64 * 64;
    memset(bytes, ' ', whole);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[7] = 0;
    for (size_t i = 8; i < preamble; i++) bytes[i] = (unsigned char)((whole - preamble) >> (8 * (i - 8)));
    memcpy(bytes + preamble, dictionary, length);
    bytes[whole - 1] = '\n';
    for (size_t i = 0; i < elements / 4; i++) {
        float value = (float)i;
        memcpy(bytes + whole + 4 * i, &value, 4);
    }
    memset(bytes + whole + elements / 4 * 4, 0, elements % 4);
    return file_bytes(name, bytes, whole + elements);
}

typedef struct array {
    cusgd_matrix m;
    int64_t rows, cols;
    void *mapping;
    size_t mapped;
} array;

static cusgd_status array_open(const char *path, array *a)
{
    return npy_open(path, &a->m, &a->rows, &a->cols, &a->mapping, &a->mapped);
}

Test(npy, shapes_and_orders)
{
    array a;
    for (int version = 1; version <= 3; version++) {
        assert_works(
            array_open(npy_file("a.npy", version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &a));
        cr_assert_eq(a.rows, 2);
        cr_assert_eq(a.cols, 3);
        cr_assert_eq(matrix_at(&a.m, 1, 0), 3);
        cr_assert_eq(matrix_at(&a.m, 0, 2), 2);
        munmap(a.mapping, a.mapped);
    }
    assert_works(array_open(npy_file("a.npy", 1, "{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":True}", 24), &a));
    cr_assert_eq(matrix_at(&a.m, 1, 0), 1);
    cr_assert_eq(matrix_at(&a.m, 0, 2), 4);
    munmap(a.mapping, a.mapped);
    assert_works(array_open(npy_file("a.npy", 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", 24), &a));
    cr_assert_eq(a.rows, 6);
    cr_assert_eq(a.cols, 0);
    cr_assert_eq(matrix_at(&a.m, 4, 0), 4);
    munmap(a.mapping, a.mapped);
}

Test(npy, refusals)
{
    static const struct {
        const char *dictionary;
        size_t elements;
        const char *message;
    } cases[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "big-endian type '>f4'"},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", 24, "save a.astype('<f4')"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (12,), }", 24, "type '<f2'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 24, "type '|O'"},
        {"{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (3,), }", 24, "holds records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "has 0 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 24, "has 3 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0, "is an empty array"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", 0, "is an empty array"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0, "cut short"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952, 8), }", 24, "cut short"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, "header is malformed"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}", 24, "header is malformed"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)", 24, "header is malformed"},
        {"{'descr': '<f4", 24, "header is malformed"},
        {"", 24, "header is malformed"},
    };
    array a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(array_open(npy_file("a.npy", 1 + (int)i % 3, cases[i].dictionary, cases[i].elements), &a), CUSGD_ERROR_DATA,
                     cases[i].message);
        cr_assert_null(a.mapping);
    }
    assert_fails(array_open(file_text("a.npy", ""), &a), CUSGD_ERROR_DATA, "is empty");
    assert_fails(array_open(path_of("none.npy"), &a), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(array_open(path_of(""), &a), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(array_open(npy_file("a.npy", 4, "{}", 0), &a), CUSGD_ERROR_DATA, "not a .npy file");
    cr_assert_eq(mkfifo(path_of("pipe.npy"), 0600), 0);
    assert_fails(array_open(path_of("pipe.npy"), &a), CUSGD_ERROR_DATA, "not a regular file"); /* and does not wait for it */
}

Test(npy, damaged)
{
    size_t count;
    array a;
    char *bytes = file_read(npy_file("whole.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &count);
    for (size_t kept = 0; kept < count; kept++) {
        cr_assert_eq(array_open(file_bytes("a.npy", bytes, kept), &a), CUSGD_ERROR_DATA, "cut to %zu of %zu bytes", kept, count);
    }
    random_source r = {.key = 4};
    for (int i = 0; i < 5000; i++) {
        size_t at = random_under(&r, count - 24);
        char before = bytes[at];
        bytes[at] ^= (char)(1 << random_under(&r, 8));
        if (array_open(file_bytes("a.npy", bytes, count), &a) == CUSGD_OK) {
            cr_assert(a.rows >= 1 && a.rows * (a.cols ? a.cols : 1) <= 6);
            volatile double last = matrix_at(&a.m, a.rows - 1, a.cols ? a.cols - 1 : 0);
            (void)last;
            munmap(a.mapping, a.mapped);
        }
        bytes[at] = before;
    }
    free(bytes);
}

Test(npy, writer)
{
    const double values[] = {1, 2, 3, 4, 5, 6};
    npy_writer *writer;
    array a;
    const char *path = path_of("a.npy");
    assert_works(npy_create(path, CUSGD_TYPE_FLOAT64, 3, 2, &writer));
    assert_works(npy_append(writer, values, 4));
    assert_works(npy_append(writer, values + 4, 2));
    cr_assert_not(file_exists(path));
    assert_works(npy_close(writer));
    assert_works(array_open(path, &a));
    cr_assert_eq(a.rows, 3);
    cr_assert_eq(a.cols, 2);
    cr_assert_eq((uintptr_t)a.m.at % 64, 0);
    cr_assert_arr_eq(a.m.at, values, sizeof values);
    munmap(a.mapping, a.mapped);

    assert_works(npy_create(path_of("b.npy"), CUSGD_TYPE_FLOAT64, 3, 0, &writer));
    assert_fails(npy_append(writer, values, 4), CUSGD_ERROR_USAGE, "more elements");
    assert_fails(npy_close(writer), CUSGD_ERROR_USAGE, "fewer elements");
    assert_works(npy_create(path_of("b.npy"), CUSGD_TYPE_FLOAT64, 3, 0, &writer));
    npy_abandon(writer);
    npy_abandon(NULL);
    cr_assert_eq(folder_count(path_of("")), 1);
}

/* ---- Folders ------------------------------------------------------------------------------------------------------------- */

static const char *const two_by_three = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
static const char *const two = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
static const char *const two_by_one = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
static const char *const three = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";

Test(folder, opens)
{
    cusgd_data *data;
    npy_file("x.npy", 1, two_by_three, 24);
    npy_file("y.npy", 1, two, 8);
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    cr_assert_eq(cusgd_data_rows(data), 2);
    cr_assert_eq(cusgd_data_cols(data), 3);
    cr_assert_eq(cusgd_data_outputs(data), 1);
    cr_assert_eq(x_at(data, 1, 2), 5);
    cr_assert_eq(y_at(data, 1, 0), 1);
    cr_assert_null(data->view.w.at);
    cr_assert_null(cusgd_data_feature(data, 0));
    cusgd_data_free(data);

    npy_file("w.npy", 1, two_by_one, 8);
    npy_file("y.npy", 1, two_by_three, 24);
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    cr_assert_eq(cusgd_data_outputs(data), 3);
    cr_assert_eq(matrix_at(&data->view.w, 1, 0), 1);
    cusgd_data_free(data);

    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.x_only = 1;
    cr_assert_eq(unlink(path_of("y.npy")), 0);
    assert_works(cusgd_data_open(path_of(""), &reader, &data));
    cr_assert_eq(cusgd_data_outputs(data), 0);
    cusgd_data_free(data);
    assert_works(cusgd_data_open(path_of("x.npy"), &reader, &data));
    cr_assert_eq(cusgd_data_cols(data), 3);
    cusgd_data_free(data);
    assert_fails(cusgd_data_open(path_of("w.npy"), NULL, &data), CUSGD_ERROR_DATA, "put it into a folder as x.npy");
    cusgd_data_free(NULL);
}

Test(folder, refusals)
{
    cusgd_data *data;
    const char *path = path_of("");
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "x.npy: cannot be opened");
    npy_file("x.npy", 1, two, 8);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "x.npy: has one dimension");
    npy_file("x.npy", 1, two_by_three, 24);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "y.npy: cannot be opened");
    npy_file("y.npy", 1, three, 12);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "y.npy: has 3 rows, but x.npy has 2");
    npy_file("y.npy", 1, two, 8);
    npy_file("w.npy", 1, two_by_three, 24);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: has 3 columns: one weight a row");
    npy_file("w.npy", 1, three, 12);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: has 3 rows");
    file_text("w.npy", "");
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: is empty");
    assert_fails(cusgd_data_open(path_of("nothing"), NULL, &data), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(cusgd_data_open(file_text("data.h5", "x"), NULL, &data), CUSGD_ERROR_DATA, "of what kind is it?");
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.weights = "w";
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_USAGE, "weights are w.npy");
}

Test(folder, wrapped_arrays)
{
    const float x[] = {1, 2, 3, 4};
    const double y[] = {5, 6};
    cusgd_matrix mx = {x, CUSGD_TYPE_FLOAT32, 1, 2}, my = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_data *data;
    assert_works(cusgd_data_wrap(2, 2, 1, mx, my, none, &data));
    cr_assert_eq(x_at(data, 1, 0), 2);
    cr_assert_eq(cusgd_data_outputs(data), 1);
    cusgd_data_free(data);
    assert_works(cusgd_data_wrap(2, 2, 0, mx, none, my, &data));
    cusgd_data_free(data);
    assert_fails(cusgd_data_wrap(0, 2, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "n >= 1");
    assert_fails(cusgd_data_wrap(2, 0, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "d >= 1");
    assert_fails(cusgd_data_wrap(2, 2, 1, none, my, none, &data), CUSGD_ERROR_USAGE, "x is NULL");
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, none, none, &data), CUSGD_ERROR_USAGE, "y is NULL");
    assert_fails(cusgd_data_wrap(2, 2, 0, mx, my, none, &data), CUSGD_ERROR_USAGE, "y is NULL");
    mx.type = (cusgd_type)7;
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "type");
    cr_assert_null(data);
}

/* ---- Replacement --------------------------------------------------------------------------------------------------------- */

static cusgd_status put(const char *path, const char *text)
{
    replacement *r;
    cusgd_status status = replacement_open(path, &r);
    if (status) return status;
    status = replacement_write(r, text, strlen(text));
    if (!status) return replacement_commit(r);
    replacement_abandon(r);
    return status;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

Test(replace, makes_and_replaces)
{
    const char *path = path_of("file");
    umask(027);
    assert_works(put(path, "one"));
    cr_assert(file_is(path, "one"));
    cr_assert_eq(mode_of(path), 0640);
    cr_assert_eq(chmod(path, 0604), 0);
    assert_works(put(path, "two"));
    cr_assert(file_is(path, "two"));
    cr_assert_eq(mode_of(path), 0604);
    cr_assert_eq(folder_count(path_of("")), 1);
    cr_assert_eq(chdir(path_of("")), 0); /* a name without a folder */
    assert_works(put("file", "three"));
    cr_assert(file_is(path, "three"));
}

Test(replace, abandoned)
{
    replacement *r;
    assert_works(put(path_of("file"), "old"));
    assert_works(replacement_open(path_of("file"), &r));
    assert_works(replacement_write(r, "new", 3));
    replacement_abandon(r);
    replacement_abandon(NULL);
    cr_assert(file_is(path_of("file"), "old"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

Test(replace, two_at_once)
{
    replacement *a, *b;
    assert_works(replacement_open(path_of("file"), &a));
    assert_works(replacement_open(path_of("file"), &b));
    assert_works(replacement_write(a, "a", 1));
    assert_works(replacement_write(b, "b", 1));
    assert_works(replacement_commit(b));
    assert_works(replacement_commit(a));
    cr_assert(file_is(path_of("file"), "a"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

Test(replace, links)
{
    cr_assert_eq(mkdir(path_of("sub"), 0700), 0);
    assert_works(put(path_of("sub/file"), "old"));
    cr_assert_eq(symlink("sub/link", path_of("link")), 0);
    cr_assert_eq(symlink("file", path_of("sub/link")), 0);
    assert_works(put(path_of("link"), "new"));
    cr_assert(file_is(path_of("sub/file"), "new"));
    char target[16];
    cr_assert_eq(readlink(path_of("link"), target, sizeof target), 8);
    cr_assert_eq(symlink(path_of("sub/made"), path_of("dangling")), 0);
    assert_works(put(path_of("dangling"), "made"));
    cr_assert(file_is(path_of("sub/made"), "made"));
    cr_assert_eq(symlink("loop", path_of("loop")), 0);
    assert_fails(put(path_of("loop"), "x"), CUSGD_ERROR_DATA, "leads nowhere");
    cr_assert_eq(folder_count(path_of("sub")), 3);
}

Test(replace, refused_places)
{
    assert_fails(put("", "x"), CUSGD_ERROR_DATA, "name is empty");
    assert_fails(put(path_of(""), "x"), CUSGD_ERROR_DATA, "is a folder");
    assert_fails(put(path_of("none/"), "x"), CUSGD_ERROR_DATA, "names a folder");
    assert_fails(put(path_of("none/file"), "x"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert_eq(mkfifo(path_of("pipe"), 0600), 0);
    assert_fails(put(path_of("pipe"), "x"), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(put("/dev/null", "x"), CUSGD_ERROR_DATA, "not a regular file");
    assert_works(put(path_of("file"), "old"));
    assert_fails(put(path_of("file/below"), "x"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert_eq(folder_count(path_of("")), 2);
}

Test(replace, without_permission)
{
    cr_assert_eq(mkdir(path_of("locked"), 0755), 0);
    assert_works(put(path_of("locked/file"), "old"));
    cr_assert_eq(chmod(path_of("locked/file"), 0666), 0);
    cr_assert_eq(chmod(path_of("locked"), 0555), 0);
    cr_assert_eq(mkdir(path_of("open"), 0777), 0);
    cr_assert_eq(chmod(path_of("open"), 0777), 0);
    assert_works(put(path_of("open/kept"), "old"));
    cr_assert_eq(chmod(path_of("open/kept"), 0444), 0);
    become_visitor();
    assert_fails(put(path_of("locked/file"), "new"), CUSGD_ERROR_DATA, "cannot be written into its folder");
    assert_fails(put(path_of("locked/other"), "new"), CUSGD_ERROR_DATA, "cannot be written into its folder");
    assert_fails(put(path_of("open/kept"), "new"), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert(file_is(path_of("locked/file"), "old"));
    cr_assert(file_is(path_of("open/kept"), "old"));
    cr_assert_eq(folder_count(path_of("locked")), 1);
    cr_assert_eq(folder_count(path_of("open")), 1);
}

Test(replace, full_disk)
{
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    assert_works(put(path_of("file"), "old"));
    limit_file_size(4096);
    assert_fails(put(path_of("file"), text), CUSGD_ERROR_DATA, "cannot be written");
    cr_assert(file_is(path_of("file"), "old"));
    cr_assert_eq(folder_count(path_of("")), 1);
}

/* ---- Checks -------------------------------------------------------------------------------------------------------------- */

enum { N = 5000, D = 37, K = 2 };

/* Examples in one of many layouts, whose values can be set. */
typedef struct layout {
    examples e;
    double *x, *y, *w;
    float *narrow;
    int64_t *rows;
} layout;

static layout layout_make(int fortran, int narrow, int listed)
{
    layout l = {.e = {.n = N, .d = D, .k = K}};
    l.x = calloc((size_t)N * (D + 1), sizeof *l.x);
    l.narrow = calloc((size_t)N * (D + 1), sizeof *l.narrow);
    l.y = calloc((size_t)N * K, sizeof *l.y);
    l.w = calloc((size_t)N, sizeof *l.w);
    l.rows = calloc((size_t)N, sizeof *l.rows);
    for (int64_t i = 0; i < N; i++) {
        l.rows[i] = N - 1 - i;
        l.w[i] = 1;
    }
    cusgd_type type = narrow ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    int64_t row_stride = fortran == 1 ? 1 : fortran == 2 ? D + 1 : D, col_stride = fortran == 1 ? N : 1;
    l.e.x = (cusgd_matrix){narrow ? (void *)l.narrow : (void *)l.x, type, row_stride, col_stride};
    l.e.y = (cusgd_matrix){l.y, CUSGD_TYPE_FLOAT64, K, 1};
    l.e.w = (cusgd_matrix){l.w, CUSGD_TYPE_FLOAT64, 1, 1};
    if (listed) l.e.rows = l.rows;
    return l;
}

static void layout_free(layout *l)
{
    free(l->x);
    free(l->narrow);
    free(l->y);
    free(l->w);
    free(l->rows);
}

static void set_x(layout *l, int64_t i, int64_t j, double value)
{
    int64_t at = i * l->e.x.row_stride + j * l->e.x.col_stride;
    l->x[at] = value;
    l->narrow[at] = (float)value;
}

Test(check, finds_the_first_bad_value)
{
    for (int kind = 0; kind < 12; kind++) {
        int listed = kind >= 6;
        layout l = layout_make(kind % 3, kind / 3 % 2, listed);
        for (int threads = 0; threads <= 5; threads++) {
            assert_works(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads));
            set_x(&l, 4321, 36, (double)NAN);
            assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads), CUSGD_ERROR_DATA,
                         "data: row 4322, column 37: nan");
            set_x(&l, 17, 3, -HUGE_VAL);
            assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", threads), CUSGD_ERROR_DATA,
                         listed ? "row 4322, column 37: nan" : "row 18, column 4: -inf");
            set_x(&l, 4321, 36, 1);
            assert_fails(examples_check(&l.e, -1, "data", threads), CUSGD_ERROR_DATA, "row 18, column 4: -inf");
            set_x(&l, 17, 3, (double)3.4e38f); /* finite in both */
        }
        layout_free(&l);
    }
}

Test(check, targets_and_weights)
{
    layout l = layout_make(0, 0, 0);
    l.y[2 * 16 + 1] = 2;
    assert_works(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", 0));
    assert_works(examples_check(&l.e, -1, "data", 0));
    assert_fails(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "d.csv", 0), CUSGD_ERROR_DATA,
                 "d.csv: row 17: target 2, 2 does not fit logistic loss, which takes 0 and 1");
    l.y[2 * 16 + 1] = (double)NAN;
    assert_works(examples_check(&l.e, -1, "data", 0));
    assert_fails(examples_check(&l.e, CUSGD_LOSS_SQUARED, "data", 0), CUSGD_ERROR_DATA, "row 17: target 2, nan is not a finite");
    l.y[2 * 16 + 1] = 1;
    assert_works(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "data", 0));

    const double bad[] = {-1, (double)NAN, HUGE_VAL};
    for (int i = 0; i < 3; i++) {
        l.w[4999] = bad[i];
        assert_fails(examples_check(&l.e, -1, "data", 0), CUSGD_ERROR_DATA, "row 5000: the weight");
    }
    l.w[4999] = 0;
    assert_works(examples_check(&l.e, -1, "data", 0));
    memset(l.w, 0, N * sizeof *l.w);
    assert_fails(examples_check(&l.e, -1, "data", 0), CUSGD_ERROR_DATA, "every weight is 0");
    l.w[2500] = 1e-300;
    assert_works(examples_check(&l.e, -1, "data", 0));
    l.e.w.at = l.e.y.at = NULL;
    l.e.k = 0;
    assert_works(examples_check(&l.e, CUSGD_LOSS_LOGISTIC, "data", 0));
    layout_free(&l);
}
