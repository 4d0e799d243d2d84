/* What the tests of CSV files share: a text as data, and what it is refused for. */
#ifndef CUSGD_TESTS_TABLES_H
#define CUSGD_TESTS_TABLES_H

#include "data.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static inline cusgd_data *open_text(const char *text, const cusgd_reader *reader)
{
    cusgd_data *data;
    cr_assert_eq(cusgd_data_open(file_text("data.csv", text), reader, &data), CUSGD_OK, "%s\nof\n%s", cusgd_last_error(), text);
    return data;
}

static inline void assert_refused(const char *text, const cusgd_reader *reader, const char *part)
{
    cusgd_data *data;
    assert_fails(cusgd_data_open(file_text("data.csv", text), reader, &data), CUSGD_ERROR_DATA, part);
    cr_assert_null(data);
}

static inline double x_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.x, i, j); }
static inline double y_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.y, i, j); }

/* x, row by row, and the names of its columns. */
static inline void assert_x(const cusgd_data *data, const char *names, const char *rows)
{
    char got[1024] = "", text[96];
    for (int64_t j = 0; j < cusgd_data_cols(data); j++) {
        snprintf(text, sizeof text, "%s%s", j ? " " : "", cusgd_data_feature(data, j));
        strcat(got, text);
    }
    cr_assert_str_eq(got, names);
    *got = '\0';
    for (int64_t i = 0; i < cusgd_data_rows(data); i++)
        for (int64_t j = 0; j < cusgd_data_cols(data); j++) {
            snprintf(text, sizeof text, "%s%g", j ? " " : i ? "; " : "", x_at(data, i, j));
            strcat(got, text);
        }
    cr_assert_str_eq(got, rows);
}

#endif
