/* Checkpoints of small runs. One that is accepted is gone on with: whatever its numbers are, the fit ends and gives a status. */
#include "fuzz.h"

#include "cusgd.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 12, D = 2, WAYS = 3 };

static const char *const ways[WAYS][10] = {
    {"optimizer", "adam", "rate", "0.01", "epochs", "5", "average", "true", NULL},
    {"solver", "lbfgs", "loss", "huber", "epochs", "5", NULL},
    {"optimizer", "auto", "epochs", "5", "precision", "double", "valid-fraction", "0.25", NULL},
};

static void must(cusgd_status status)
{
    if (status == CUSGD_OK) return;
    fprintf(stderr, "status %d: %s\n", (int)status, cusgd_last_error());
    abort();
}

static void open_run(int way, cusgd_data **data, cusgd_trainer **trainer)
{
    static double x[N * D], y[N];
    cusgd_options *options;
    for (int i = 0; i < N * D; i++) x[i] = i * 7 % 11 - 5;
    for (int i = 0; i < N; i++) y[i] = x[i * D] - x[i * D + 1] + i % 3;
    must(cusgd_data_wrap(N, D, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, D, 1}, (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1},
                         (cusgd_matrix){0}, data));
    must(cusgd_options_new(&options));
    for (const char *const *at = ways[way]; *at; at += 2) must(cusgd_options_set(options, at[0], at[1]));
    must(cusgd_options_set(options, "threads", "1"));
    must(cusgd_options_set(options, "batch", "4"));
    must(cusgd_trainer_create(options, *data, NULL, trainer));
    cusgd_options_free(options);
}

void feed_checkpoint(const uint8_t *bytes, size_t size)
{
    cusgd_data *data;
    cusgd_trainer *trainer;
    size_t count;
    if (size < 1) return;
    open_run(bytes[0] % WAYS, &data, &trainer);
    cusgd_status status = cusgd_trainer_load_state_memory(trainer, bytes + 1, size - 1, NULL);
    if (status == CUSGD_OK) {
        must(cusgd_trainer_save_state_memory(trainer, NULL, 0, &count));
        status = cusgd_trainer_fit(trainer, NULL, NULL, NULL);
        if (status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_NOT_CONVERGED) status = CUSGD_OK;
    }
    if (status != CUSGD_OK && status != CUSGD_ERROR_DATA && status != CUSGD_ERROR_USAGE) must(status);
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
}
