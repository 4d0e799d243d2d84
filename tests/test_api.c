/* The public API as a program sees it: nothing but cusgd.h and cusgd_tools.h. */
#include "api_problem.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

Test(api, options_by_name_and_number)
{
    cusgd_options *o, *copy;
    char text[CUSGD_OPTION_TEXT];
    double number;
    assert_works(cusgd_options_new(&o));
    assert_works(cusgd_options_get(o, "batch", text));
    cr_assert_str_eq(text, CUSGD_AUTO);
    assert_works(cusgd_options_get_number(o, "batch", &number));
    cr_assert(isnan(number));
    assert_works(cusgd_options_set_number(o, "batch", 64));
    assert_works(cusgd_options_set_number(o, "l2", 0.1));
    assert_works(cusgd_options_set_number(o, "standardize", 0));
    assert_works(cusgd_options_set_number(o, "seed", 12345));
    assert_works(cusgd_options_copy(o, &copy));
    assert_works(cusgd_options_set_number(o, "batch", CUSGD_AUTO_NUMBER));
    cusgd_options_free(o);
    const struct {
        const char *name, *text;
        double number;
    } kept[] = {{"batch", "64", 64},           {"l2", "0.10000000000000001", 0.1}, {"standardize", "false", 0},
                {"no-standardize", "true", 1}, {"seed", "12345", 12345},           {"intercept", "true", 1}};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_works(cusgd_options_get(copy, kept[i].name, text));
        cr_assert_str_eq(text, kept[i].text, "%s is %s", kept[i].name, text);
        assert_works(cusgd_options_get_number(copy, kept[i].name, &number));
        cr_assert_eq(number, kept[i].number, "%s is %g", kept[i].name, number);
    }
    assert_works(cusgd_options_check(copy));
    cusgd_options_free(copy);
    cusgd_options_free(NULL);
}

Test(api, errors_name_the_option)
{
    cusgd_options *o;
    const double bad[] = {1, -1};
    double number;
    assert_works(cusgd_options_new(&o));
    const struct {
        const char *name, *value;
    } wrong[] = {{"rate", "-1"}, {"loss", "abs"},   {"batch", "0"},  {"lr", "0"},
                 {"seed", "-1"}, {"device", "gpu"}, {"average", "2"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(cusgd_options_set(o, wrong[i].name, wrong[i].value), CUSGD_ERROR_USAGE);
        api_assert_option(strcmp(wrong[i].name, "lr") == 0 ? "rate" : wrong[i].name);
    }
    cr_assert_eq(cusgd_options_set_number(o, "batch", 1.5), CUSGD_ERROR_USAGE);
    api_assert_option("batch");
    cr_assert_eq(cusgd_options_set_number(o, "l2", CUSGD_AUTO_NUMBER), CUSGD_ERROR_USAGE); /* it has no automatic choice */
    api_assert_option("l2");
    cr_assert_eq(cusgd_options_set_number(o, "loss", 1), CUSGD_ERROR_USAGE);
    api_assert_option("loss");
    cr_assert_eq(cusgd_options_get_number(o, "device", &number), CUSGD_ERROR_USAGE);
    api_assert_option("device");
    cr_assert_eq(cusgd_options_set(o, "learning-rate", "1"), CUSGD_ERROR_USAGE);
    api_assert_option("");
    cr_assert_eq(cusgd_options_set_array(o, "penalty-factors", bad, 2), CUSGD_ERROR_USAGE);
    api_assert_option("penalty-factors");
    cr_assert_eq(cusgd_options_set_array(o, "rate", bad, 1), CUSGD_ERROR_USAGE);
    assert_works(cusgd_options_set(o, "solver", "newton"));
    assert_works(cusgd_options_set(o, "l1", "1"));
    cr_assert_eq(cusgd_options_check(o), CUSGD_ERROR_USAGE);
    api_assert_option("solver");
    cusgd_options_free(o);
}

Test(api, errors_name_row_and_column)
{
    api_problem p;
    cusgd_trainer *t;
    cusgd_error error = CUSGD_INIT(cusgd_error);
    api_setup(&p);
    p.x[41][2] = (double)NAN;
    assert_fails(cusgd_trainer_create(p.options, p.data, NULL, &t), CUSGD_ERROR_DATA, "row 42, column 3");
    assert_works(cusgd_last_error_info(&error));
    cr_assert(error.status == CUSGD_ERROR_DATA && error.row == 42 && error.column == 3 && !*error.option);
    p.x[41][2] = 0, p.y[9] = (double)INFINITY;
    assert_fails(cusgd_trainer_create(p.options, p.data, NULL, &t), CUSGD_ERROR_DATA, "row 10");
    assert_works(cusgd_last_error_info(&error));
    cr_assert(error.row == 10 && error.column == 0);
    api_teardown(&p);
}

/* The factors are the options' own: the caller's array may go, and the trainer's options still have them. */
Test(api, penalty_factors_are_copied)
{
    api_problem p;
    cusgd_trainer *t;
    cusgd_options *again;
    double weight[2][API_COLS], bias[2], factors[API_COLS] = {1, 1e6, 1};
    api_setup(&p);
    assert_works(cusgd_options_set(p.options, "l2", "1e-4"));
    assert_works(cusgd_options_set_array(p.options, "penalty-factors", factors, API_COLS));
    factors[1] = 0;
    assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
    assert_works(cusgd_options_copy(cusgd_trainer_options(t), &again));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, weight[0], &bias[0]));
    cusgd_trainer_free(t);
    cr_assert(fabs(weight[0][0]) > 1 && fabs(weight[0][1]) < 0.1, "%g %g", weight[0][0], weight[0][1]);
    assert_works(cusgd_trainer_create(again, p.data, NULL, &t));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, weight[1], &bias[1]));
    cr_assert_arr_eq(weight[0], weight[1], sizeof weight[0]);
    cusgd_trainer_free(t);
    assert_works(cusgd_options_set_array(p.options, "penalty-factors", factors, 2));
    assert_fails(cusgd_trainer_create(p.options, p.data, NULL, &t), CUSGD_ERROR_USAGE, "2 penalty-factors and 3 columns");
    cusgd_options_free(again);
    api_teardown(&p);
}

/* ---- Structures that grow ------------------------------------------------------------------------------------------------ */

/* A caller of an older version has a shorter structure: nothing behind it is written; a newer one's further members are 0. */
Test(api, structures_of_other_versions)
{
    api_problem p;
    double weight[API_COLS], bias;
    struct {
        cusgd_metrics metrics;
        unsigned char behind[64];
    } newer, older;
    api_setup(&p);
    cusgd_model *model = api_fitted(&p, weight, &bias);
    cusgd_metrics whole = CUSGD_INIT(cusgd_metrics);
    assert_works(cusgd_model_evaluate(model, p.data, -1, &whole));
    memset(&newer, 0x5a, sizeof newer);
    newer.metrics.size = sizeof newer;
    assert_works(cusgd_model_evaluate(model, p.data, -1, &newer.metrics));
    cr_assert(newer.metrics.size == sizeof newer && newer.metrics.rows == API_ROWS && newer.metrics.loss == whole.loss);
    for (size_t i = 0; i < sizeof newer.behind; i++) cr_assert_eq(newer.behind[i], 0);
    memset(&older, 0x5a, sizeof older);
    older.metrics.size = offsetof(cusgd_metrics, mse);
    assert_works(cusgd_model_evaluate(model, p.data, -1, &older.metrics));
    cr_assert(older.metrics.size == offsetof(cusgd_metrics, mse) && older.metrics.loss == whole.loss);
    const unsigned char *bytes = (const unsigned char *)&older;
    for (size_t i = offsetof(cusgd_metrics, mse); i < sizeof older; i++) cr_assert_eq(bytes[i], 0x5a);
    older.metrics.size = 0;
    assert_fails(cusgd_model_evaluate(model, p.data, -1, &older.metrics), CUSGD_ERROR_USAGE, "CUSGD_INIT");
    cusgd_device device = {0};
    cr_assert_eq(cusgd_device_at(0, &device), 0);
    device.size = sizeof device;
    cr_assert(cusgd_device_at(0, &device) && strcmp(device.id, "cpu") == 0);
    cusgd_model_free(model);
    api_teardown(&p);
}

static int count_calls(const cusgd_progress *progress, void *user)
{
    cr_assert_eq(progress->size, sizeof *progress);
    ++*(int *)user;
    return 0;
}

Test(api, progress_and_result_have_their_size)
{
    api_problem p;
    cusgd_trainer *t;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    int calls = 0;
    api_setup(&p);
    assert_works(cusgd_options_set(p.options, "solver", "sgd"));
    assert_works(cusgd_options_set(p.options, "epochs", "3"));
    assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
    assert_works(cusgd_trainer_fit(t, count_calls, &calls, &result));
    cr_assert(calls == 3 && result.size == sizeof result && result.epochs == 3);
    result.size = 0;
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_USAGE, "result->size");
    cusgd_trainer_free(t);
    api_teardown(&p);
}

/* A rate far too large is reported at whatever loss the run ends, and a result says whether it is any good. */
Test(api, a_result_worse_than_a_constant)
{
    api_problem p;
    cusgd_trainer *t;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    api_setup(&p);
    assert_works(cusgd_options_set(p.options, "solver", "sgd"));
    assert_works(cusgd_options_set(p.options, "loss", "huber"));
    assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, &r));
    cr_assert(r.converged && !r.worse && r.loss < r.null_loss);
    cusgd_trainer_free(t);
    assert_works(cusgd_options_set(p.options, "rate", "1e6"));
    for (int listens = 0; listens < 2; listens++) { /* the status does not depend on whether a result is asked for */
        assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
        assert_fails(cusgd_trainer_fit(t, NULL, NULL, listens ? &r : NULL), CUSGD_ERROR_NOT_CONVERGED, "use a smaller ");
        cusgd_trainer_free(t);
    }
    cr_assert(r.worse && !r.converged && r.loss > r.null_loss && strstr(r.note, "worse than the intercept-only model"));
    api_teardown(&p);
}

/* Messages call options by their names, and as the command does where it asks for that. */
Test(api, options_in_messages)
{
    api_problem p;
    cusgd_trainer *t;
    api_setup(&p);
    assert_works(cusgd_options_set(p.options, "solver", "gd"));
    assert_works(cusgd_options_set(p.options, "rate", "1e30"));
    for (int dashes = 0; dashes < 2; dashes++) {
        cusgd_set_option_dashes(dashes);
        assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
        cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, NULL);
        cr_assert(status != CUSGD_OK && strstr(cusgd_last_error(), "rate"), "%s", cusgd_last_error());
        cr_assert_eq(strstr(cusgd_last_error(), "--") != NULL, dashes, "%s", cusgd_last_error());
        cusgd_trainer_free(t);
    }
    cusgd_set_option_dashes(0);
    assert_fails(cusgd_model_load("/nowhere/a--rate/--rate-x/--other", &(cusgd_model *){NULL}), CUSGD_ERROR_DATA,
                 "/nowhere/a--rate/--rate-x/--other"); /* no option's name stands there */
    api_teardown(&p);
}

/* ---- The rest ------------------------------------------------------------------------------------------------------------ */

Test(api, status_names_and_version)
{
    cr_assert_str_eq(cusgd_status_name(CUSGD_OK), "ok");
    cr_assert_str_eq(cusgd_status_name(CUSGD_ERROR_NOT_CONVERGED), "not-converged");
    cr_assert_str_eq(cusgd_status_name((cusgd_status)99), "unknown");
    cr_assert_eq(cusgd_version_number(), CUSGD_VERSION);
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", CUSGD_VERSION / 10000, CUSGD_VERSION / 100 % 100, CUSGD_VERSION % 100);
    cr_assert_str_eq(cusgd_version(), text);
}

/* That device auto found no GPU is no failure of the call. */
Test(api, a_call_that_succeeds_leaves_the_last_error)
{
    api_problem p;
    cusgd_trainer *t;
    cusgd_error error = CUSGD_INIT(cusgd_error);
    api_setup(&p);
    assert_works(cusgd_set_module_folder("/nowhere/at/all"));
    assert_works(cusgd_options_set(p.options, "device", "auto"));
    assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
    cr_assert_str_eq(cusgd_last_error(), "");
    assert_works(cusgd_last_error_info(&error));
    cr_assert_eq(error.status, CUSGD_OK);
    cusgd_trainer_free(t);
    api_teardown(&p);
}

Test(api, module_folder_before_the_first_device)
{
    cusgd_device device = CUSGD_INIT(cusgd_device);
    assert_fails(cusgd_set_module_folder(""), CUSGD_ERROR_USAGE, "folder");
    assert_works(cusgd_set_module_folder("/nowhere/at/all"));
    cr_assert_eq(cusgd_device_at(1, &device), 1);
    assert_fails(cusgd_set_module_folder("/elsewhere"), CUSGD_ERROR_USAGE, "already");
}

/* ---- NULL for a handle --------------------------------------------------------------------------------------------------- */

/* Each public function with NULL for each of its handles in turn. */
Test(api, null_handles_are_refused)
{
    api_problem p;
    double weight[API_COLS], bias[1], number, out[API_ROWS];
    char text[CUSGD_OPTION_TEXT];
    size_t bytes;
    cusgd_data *data;
    cusgd_options *options;
    cusgd_model *copy;
    cusgd_trainer *t;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    cusgd_ranking ranking = CUSGD_INIT(cusgd_ranking);
    cusgd_coefficient coefficient = CUSGD_INIT(cusgd_coefficient);
    cusgd_order_metrics order = CUSGD_INIT(cusgd_order_metrics);
    cusgd_reader read_by = CUSGD_INIT(cusgd_reader);
    cusgd_check_report report = CUSGD_INIT(cusgd_check_report);
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    cusgd_path_plan path_plan = CUSGD_INIT(cusgd_path_plan);
    api_setup(&p);
    cusgd_model *model = api_fitted(&p, weight, bias);
    assert_works(cusgd_trainer_create(p.options, p.data, NULL, &t));
    const struct {
        const char *call;
        cusgd_status status;
    } all[] = {
        {"options_copy", cusgd_options_copy(NULL, &options)},
        {"options_set", cusgd_options_set(NULL, "rate", "1")},
        {"options_set_number", cusgd_options_set_number(NULL, "rate", 1)},
        {"options_set_array", cusgd_options_set_array(NULL, "penalty-factors", weight, API_COLS)},
        {"options_get", cusgd_options_get(NULL, "rate", text)},
        {"options_get_number", cusgd_options_get_number(NULL, "rate", &number)},
        {"options_check", cusgd_options_check(NULL)},
        {"data_set_offset", cusgd_data_set_offset(NULL, CUSGD_OFFSET_LINEAR, (cusgd_matrix){0})},
        {"data_set_names", cusgd_data_set_names(NULL, NULL, NULL, NULL, "name")},
        {"data_find_classes", cusgd_data_find_classes(NULL, model)},
        {"data_set_classes", cusgd_data_set_classes(NULL, NULL, 2)},
        {"data_split_targets", cusgd_data_split_targets(NULL, 0)},
        {"data_weigh_classes", cusgd_data_weigh_classes(NULL, NULL, NULL, 0)},
        {"data_add_file", cusgd_data_add_file(NULL, "x", text, 1, 0)},
        {"data_select", cusgd_data_select(NULL, &(int64_t){0}, 1, &data)},
        {"data_reader", cusgd_data_reader(NULL, &read_by)},
        {"model_save", cusgd_model_save(NULL, path_of("m"))},
        {"model_save_memory", cusgd_model_save_memory(NULL, NULL, 0, &bytes)},
        {"model_reader", cusgd_model_reader(NULL, &read_by)},
        {"model_predict", cusgd_model_predict(NULL, p.data, CUSGD_PREDICT_MEAN, out)},
        {"model_predict, data", cusgd_model_predict(model, NULL, CUSGD_PREDICT_MEAN, out)},
        {"model_evaluate", cusgd_model_evaluate(NULL, p.data, -1, &metrics)},
        {"model_evaluate, data", cusgd_model_evaluate(model, NULL, -1, &metrics)},
        {"model_rank", cusgd_model_rank(NULL, p.data, -1, &ranking)},
        {"model_rank, data", cusgd_model_rank(model, NULL, -1, &ranking)},
        {"model_confusion", cusgd_model_confusion(NULL, p.data, out)},
        {"model_confusion, data", cusgd_model_confusion(model, NULL, out)},
        {"model_coefficient", cusgd_model_coefficient(NULL, 0, 0, 0.95, &coefficient)},
        {"model_order_metrics", cusgd_model_order_metrics(NULL, p.data, -1, &order)},
        {"model_order_metrics, data", cusgd_model_order_metrics(model, NULL, -1, &order)},
        {"predictions_save", cusgd_predictions_save(NULL, CUSGD_PREDICT_MEAN, API_ROWS, out, path_of("p.csv"))},
        {"sweep_create, options", cusgd_sweep_create(NULL, p.data, NULL, &plan, &(cusgd_sweep *){NULL})},
        {"sweep_create, data", cusgd_sweep_create(p.options, NULL, NULL, &plan, &(cusgd_sweep *){NULL})},
        {"sweep_create_model", cusgd_sweep_create_model(NULL, &copy)},
        {"path_create, options", cusgd_path_create(NULL, p.data, &path_plan, &(cusgd_path *){NULL})},
        {"path_create, data", cusgd_path_create(p.options, NULL, &path_plan, &(cusgd_path *){NULL})},
        {"path_create, plan", cusgd_path_create(p.options, p.data, NULL, &(cusgd_path *){NULL})},
        {"path_create_model", cusgd_path_create_model(NULL, 0, &copy)},
        {"trainer_create, options", cusgd_trainer_create(NULL, p.data, NULL, &(cusgd_trainer *){NULL})},
        {"trainer_create, data", cusgd_trainer_create(p.options, NULL, NULL, &(cusgd_trainer *){NULL})},
        {"trainer_fit", cusgd_trainer_fit(NULL, NULL, NULL, NULL)},
        {"trainer_optimum", cusgd_trainer_optimum(NULL, &number, &number)},
        {"trainer_save_state", cusgd_trainer_save_state(NULL, path_of("state"))},
        {"trainer_save_state, path", cusgd_trainer_save_state(t, NULL)},
        {"trainer_save_state_memory", cusgd_trainer_save_state_memory(NULL, NULL, 0, &bytes)},
        {"trainer_load_state", cusgd_trainer_load_state(NULL, path_of("state"), NULL)},
        {"trainer_load_state, path", cusgd_trainer_load_state(t, NULL, NULL)},
        {"trainer_load_state_memory", cusgd_trainer_load_state_memory(NULL, text, sizeof text, NULL)},
        {"trainer_load_state_memory, bytes", cusgd_trainer_load_state_memory(t, NULL, 0, NULL)},
        {"trainer_step", cusgd_trainer_step(NULL, 1)},
        {"trainer_rebind", cusgd_trainer_rebind(NULL, p.data)},
        {"trainer_rebind, data", cusgd_trainer_rebind(t, NULL)},
        {"trainer_partial_fit", cusgd_trainer_partial_fit(NULL, p.data, NULL)},
        {"trainer_partial_fit, data", cusgd_trainer_partial_fit(t, NULL, NULL)},
        {"trainer_reset", cusgd_trainer_reset(NULL, p.options)},
        {"trainer_reset, options", cusgd_trainer_reset(t, NULL)},
        {"trainer_get_coefficients", cusgd_trainer_get_coefficients(NULL, weight, bias)},
        {"trainer_get_standardization", cusgd_trainer_get_standardization(NULL, weight, weight)},
        {"trainer_set_coefficients", cusgd_trainer_set_coefficients(NULL, weight, bias)},
        {"trainer_predict", cusgd_trainer_predict(NULL, p.data, CUSGD_PREDICT_MEAN, out)},
        {"trainer_predict, data", cusgd_trainer_predict(t, NULL, CUSGD_PREDICT_MEAN, out)},
        {"trainer_evaluate", cusgd_trainer_evaluate(NULL, p.data, -1, &metrics)},
        {"trainer_evaluate, data", cusgd_trainer_evaluate(t, NULL, -1, &metrics)},
        {"trainer_evaluate_valid", cusgd_trainer_evaluate_valid(NULL, -1, &metrics)},
        {"trainer_create_model", cusgd_trainer_create_model(NULL, &copy)},
        {"check", cusgd_check(NULL, p.data, 1, &report)},
        {"generate", cusgd_generate(NULL, path_of("g"), 0)},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cr_expect_eq(all[i].status, CUSGD_ERROR_USAGE, "%s", all[i].call);
    cr_expect_null(copy);
    cr_expect_null(options);
    cr_expect(strstr(cusgd_last_error(), "cusgd_generate was called with NULL"));
    cr_expect(cusgd_data_rows(NULL) == 0 && cusgd_data_cols(NULL) == 0 && cusgd_data_outputs(NULL) == 0);
    cr_expect(!cusgd_data_feature(NULL, 0) && !cusgd_data_target(NULL, 0) && !cusgd_data_class(NULL, 0));
    cr_expect(cusgd_data_classes(NULL) == 0 && cusgd_data_first_line(NULL) == 0);
    cr_expect(cusgd_model_classes(NULL) == 0 && cusgd_model_targets(NULL) == 0);
    cr_expect(cusgd_model_prediction_cols(NULL, CUSGD_PREDICT_MEAN) == 0);
    cr_expect(cusgd_trainer_outputs(NULL) == 0 && !cusgd_trainer_data(NULL));
    cr_expect(!cusgd_data_note(NULL, 0) && cusgd_data_offset(NULL, NULL) == CUSGD_OFFSET_NONE);
    cr_expect(cusgd_data_feature_column(NULL, 0) == 0 && cusgd_data_target_column(NULL, 0) == 0);
    cr_expect(cusgd_model_cols(NULL) == 0 && cusgd_model_outputs(NULL) == 0);
    cr_expect(!cusgd_model_weight(NULL) && !cusgd_model_bias(NULL) && !cusgd_model_standard_errors(NULL, NULL));
    cr_expect(!cusgd_model_feature(NULL, 0) && !cusgd_model_target(NULL, 0) && !cusgd_model_class(NULL, 0));
    cr_expect(!cusgd_model_loss(NULL, NULL) && cusgd_model_offset(NULL, NULL) == CUSGD_OFFSET_NONE);
    cr_expect(!cusgd_trainer_note(NULL, 0) && !cusgd_trainer_options(NULL) && !cusgd_trainer_device_name(NULL));
    cr_expect(!cusgd_trainer_solver_reason(NULL));
    cr_expect(!cusgd_options_unused(NULL, "rate") && cusgd_table_rows(NULL) == 0 && cusgd_table_cols(NULL) == 0);
    cr_expect(!cusgd_sweep_losses(NULL, 0) && cusgd_sweep_chosen(NULL) == 0);
    cr_expect(!cusgd_sweep_outcome(NULL, 0, &(cusgd_outcome){.size = sizeof(cusgd_outcome)}));
    cr_expect(!cusgd_path_losses(NULL, 0) && !cusgd_path_coefficients(NULL, 0) && cusgd_path_chosen(NULL) == 0);
    cr_expect(!cusgd_path_at(NULL, 0, &(cusgd_path_point){.size = sizeof(cusgd_path_point)}));
    cusgd_trainer_cancel(NULL);
    cusgd_trainer_set_checkpoint_callback(NULL, NULL, NULL);
    cusgd_trainer_free(t);
    cusgd_model_free(model);
    api_teardown(&p);
}
