/* Numbers in LIBSVM text are those that strtod reads, however long they are and wherever they stand. */
#include "data.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(svmlight, .init = folder_setup, .fini = folder_teardown);

/* A number of up to 12 digits before the point and 12 behind it, perhaps with a sign or an exponent; at least one digit. */
static void draw_number(random_source *r, char text[48])
{
    static const char *const signs[] = {"", "", "-", "+"}, *const exponents[] = {"", "", "", "e-7", "E+12"};
    int whole = (int)random_under(r, random_under(r, 2) ? 2 : 13), fraction = (int)random_under(r, 13), at;
    if (whole + fraction == 0) whole = 1;
    at = sprintf(text, "%s", signs[random_under(r, 4)]);
    for (int i = 0; i < whole; i++) text[at++] = (char)('0' + random_under(r, 10));
    if (fraction > 0) text[at++] = '.';
    for (int i = 0; i < fraction; i++) text[at++] = (char)('0' + random_under(r, 10));
    sprintf(text + at, "%s", exponents[random_under(r, 5)]);
}

Test(svmlight, numbers_are_those_of_strtod)
{
    enum { ROWS = 3000, VALUES = 4 };
    static double expected[ROWS][VALUES + 1];
    static char all[ROWS * (VALUES + 1) * 64];
    static int32_t index[ROWS][VALUES];
    static const char *const ends[] = {"\n", " \n", "\r\n", " # 5:1\n", "\t\n\n"};
    random_source r = {7, 0};
    size_t at = 0;
    for (int i = 0; i < ROWS; i++) {
        char number[48];
        int64_t j = 0;
        draw_number(&r, number);
        expected[i][VALUES] = strtod(number, NULL);
        at += (size_t)sprintf(all + at, "%s", number);
        for (int v = 0; v < VALUES; v++) {
            draw_number(&r, number);
            j += 1 + (int64_t)random_under(&r, v % 2 ? 500000000 : 9);
            index[i][v] = (int32_t)j - 1;
            expected[i][v] = strtod(number, NULL);
            at += (size_t)sprintf(all + at, " %lld:%s", (long long)j, number);
        }
        at += (size_t)sprintf(all + at, "%s", i == ROWS - 1 ? "" : ends[random_under(&r, 5)]);
    }
    cusgd_data *data;
    cr_assert_eq(cusgd_data_open(file_text("x.svm", all), NULL, &data), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_data_rows(data), ROWS);
    cr_assert_eq(cusgd_data_stored(data), ROWS * VALUES);
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(matrix_at(&data->view.y, i, 0), expected[i][VALUES]);
        for (int v = 0; v < VALUES; v++) {
            int64_t place = data->view.s.start[i] + v;
            cr_assert(csr_column(&data->view.s, place) == index[i][v] && csr_value(&data->view.s, place) == expected[i][v],
                      "row %d: %lld:%.17g", i, (long long)csr_column(&data->view.s, place), csr_value(&data->view.s, place));
        }
    }
    cusgd_data_free(data);
}

Test(svmlight, what_is_no_number_is_refused)
{
    static const char *const lines[] = {"1 2:0.5x",  "1 2:.",          "1 2:-",      "1 2:0.1234567y", "1 2:1.2.3", "1 2:",
                                        "1 2:1e400", "1 2147483648:1", "1 12345678", "1 :1",           "0.5q 1:1",  "1 2:0.12:3"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cusgd_data *data;
        char text[128];
        for (int last = 0; last < 2; last++) { /* other lines behind it or none */
            snprintf(text, sizeof text, "1 1:2\n%s%s", lines[i], last ? "" : "\n1 1:2.5 2:7 3:1\n");
            assert_fails(cusgd_data_open(file_text("x.svm", text), NULL, &data), CUSGD_ERROR_DATA, "x.svm: line 2: '");
        }
    }
}
