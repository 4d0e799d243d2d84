/* What may be done in several threads at once (docs/reliability.md), done so: trainers of their own, one model that predicts in
 * all, reading and writing files, and failures, whose messages are each thread's. Each result is compared, bit for bit, with that
 * of one thread alone. A program of its own, as ThreadSanitizer wants it (scripts/test.sh --full threads). usage: threads FOLDER
 */
#include "cusgd_tools.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6000, COLS = 8, MOST = 4 };
static const char *folder;
static cusgd_data *data;
static const cusgd_model *shared;

static void need(int good, const char *what)
{
    if (good) return;
    fprintf(stderr, "%s: %s\n", what, cusgd_last_error());
    exit(1);
}

#define NEED(call) need((call) == CUSGD_OK, #call)

static const char *path_in(char path[512], const char *name, int thread)
{
    snprintf(path, 512, "%s/%s%d", folder, name, thread);
    return path;
}

/* One piece of work; `thread` names its files. The result is `count` doubles. */
typedef void work(int thread, double *result);
enum { RESULT = 2 * ROWS };

static cusgd_model *train(const char *solver, const char *sampling)
{
    cusgd_options *options;
    cusgd_trainer *trainer;
    cusgd_model *model;
    NEED(cusgd_options_new(&options));
    NEED(cusgd_options_set(options, "solver", solver));
    if (sampling) NEED(cusgd_options_set(options, "sampling", sampling));
    if (sampling) NEED(cusgd_options_set(options, "epochs", "3"));
    NEED(cusgd_options_set(options, "threads", "3"));
    NEED(cusgd_options_set(options, "device", "cpu"));
    NEED(cusgd_trainer_create(options, data, NULL, &trainer));
    cusgd_status status = cusgd_trainer_fit(trainer, NULL, NULL, NULL);
    need(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED, "cusgd_trainer_fit");
    NEED(cusgd_trainer_create_model(trainer, &model));
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
    return model;
}

static void work_train(int thread, double *result)
{
    (void)thread;
    cusgd_model *sgd = train("sgd", "permute"), *newton = train("newton", NULL);
    memcpy(result, cusgd_model_weight(sgd), COLS * sizeof *result);
    memcpy(result + COLS, cusgd_model_weight(newton), COLS * sizeof *result);
    cusgd_model_free(sgd);
    cusgd_model_free(newton);
}

static void work_predict(int thread, double *result)
{
    (void)thread;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    NEED(cusgd_model_predict(shared, data, CUSGD_PREDICT_MEAN, result));
    NEED(cusgd_model_evaluate(shared, data, -1, &metrics));
    result[ROWS] = metrics.loss;
}

static void work_files(int thread, double *result)
{
    char path[512], predictions[520];
    cusgd_model *model;
    cusgd_data *table;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    NEED(cusgd_model_save(shared, path_in(path, "model", thread)));
    NEED(cusgd_model_load(path, &model));
    memcpy(result, cusgd_model_weight(model), COLS * sizeof *result);
    double *values = malloc(ROWS * sizeof *values);
    need(values != NULL, "malloc");
    NEED(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, values));
    snprintf(predictions, sizeof predictions, "%s.csv", path);
    NEED(cusgd_predictions_save(model, CUSGD_PREDICT_MEAN, ROWS, values, predictions));
    reader.roles.x_only = 1;
    NEED(cusgd_data_open(predictions, &reader, &table));
    result[COLS] = (double)cusgd_data_rows(table);
    free(values);
    cusgd_data_free(table);
    cusgd_model_free(model);
}

/* The last failure is this thread's. */
static void work_fail(int thread, double *result)
{
    char path[512], own[16];
    cusgd_data *none;
    snprintf(own, sizeof own, "missing%d", thread);
    for (int i = 0; i < 50; i++) {
        need(cusgd_data_open(path_in(path, "missing", thread), NULL, &none) == CUSGD_ERROR_DATA, "a file that is not there");
        need(strstr(cusgd_last_error(), own) != NULL, "another thread's message");
    }
    *result = 1;
}

/* ---- In several threads ---- */

typedef struct part {
    work *does;
    int thread;
    double result[RESULT];
} part;
static part alone, together[MOST];

static void *run_part(void *of)
{
    part *p = of;
    p->does(p->thread, p->result);
    return NULL;
}

static void run_together(const char *name, work *does)
{
    pthread_t threads[MOST];
    memset(alone.result, 0, sizeof alone.result);
    does(MOST, alone.result);
    for (int i = 0; i < MOST; i++) {
        memset(together[i].result, 0, sizeof together[i].result);
        together[i].does = does;
        together[i].thread = i;
        need(pthread_create(&threads[i], NULL, run_part, &together[i]) == 0, "pthread_create");
    }
    for (int i = 0; i < MOST; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < MOST; i++) need(memcmp(alone.result, together[i].result, sizeof alone.result) == 0, name);
}

int main(int argc, char **argv)
{
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    if (argc != 2) return 2;
    folder = argv[1];
    cusgd_generator_init(&g);
    g.rows = ROWS;
    g.cols = COLS;
    NEED(cusgd_data_generate(&g, &data));
    cusgd_model *model = train("exact", NULL);
    shared = model;
    run_together("trainers", work_train);
    run_together("predictions", work_predict);
    run_together("files", work_files);
    run_together("failures", work_fail);
    cusgd_model_free(model);
    cusgd_data_free(data);
    puts("threads: trainers, predictions, files and failures are as in one thread");
    return 0;
}
