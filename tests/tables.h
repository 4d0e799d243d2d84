/* What the tests of CSV files share: a text as data, and what it is refused for. */
#ifndef CUSGD_TESTS_TABLES_H
#define CUSGD_TESTS_TABLES_H

#include "data.h"
#include "support.h"

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

#endif
