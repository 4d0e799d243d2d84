#include "api_problem.h"

void api_setup(api_problem *p)
{
    random_source r = {7, 0};
    for (int i = 0; i < API_ROWS; i++) {
        for (int j = 0; j < API_COLS; j++) p->x[i][j] = (double)random_under(&r, 2000) / 1000 - 1;
        p->y[i] = 3 * p->x[i][0] - 2 * p->x[i][1] + 1 + 1e-3 * (double)random_under(&r, 100);
        p->w[i] = 1 + (double)random_under(&r, 3);
    }
    cusgd_matrix x = {p->x, CUSGD_TYPE_FLOAT64, API_COLS, 1}, y = {p->y, CUSGD_TYPE_FLOAT64, 1, 1},
                 w = {p->w, CUSGD_TYPE_FLOAT64, 1, 1};
    assert_works(cusgd_data_wrap(API_ROWS, API_COLS, 1, x, y, w, &p->data));
    assert_works(cusgd_options_new(&p->options));
    assert_works(cusgd_options_set(p->options, "precision", "double"));
    assert_works(cusgd_options_set(p->options, "solver", "exact"));
    assert_works(cusgd_options_set(p->options, "device", "cpu"));
}

void api_teardown(api_problem *p)
{
    cusgd_options_free(p->options);
    cusgd_data_free(p->data);
}

cusgd_model *api_fitted(const api_problem *p, double weight[API_COLS], double *bias)
{
    cusgd_trainer *t;
    cusgd_model *model;
    assert_works(cusgd_trainer_create(p->options, p->data, NULL, &t));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, weight, bias));
    assert_works(cusgd_trainer_create_model(t, &model));
    cusgd_trainer_free(t);
    return model;
}

void api_assert_option(const char *option)
{
    cusgd_error error = CUSGD_INIT(cusgd_error);
    assert_works(cusgd_last_error_info(&error));
    cr_assert_eq(error.status, CUSGD_ERROR_USAGE);
    cr_assert_str_eq(error.option, option, "%s: %s", error.option, cusgd_last_error());
    cr_assert(error.row == 0 && error.column == 0);
}
