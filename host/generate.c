/* Synthetic data whose true coefficients are known. */
#include "backend.h"
#include "failure.h"
#include "model.h"
#include "options.h"
#include "public.h"
#include "scalar/random.h"
#include "scalar/rounding.h"
#include "scalar/sampling.h"
#include "sized.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Limits of the block of rows that is generated in memory at a time and then written. */
enum { PIECE_ROWS = 1 << 16, PIECE_BYTES = 1 << 26 };

enum { X, Y, TRUTH, OUTPUTS };
static const char *const output_names[OUTPUTS] = {"x.npy", "y.npy", "true.safetensors"};

cusgd_status cusgd_generator_init(cusgd_generator *generator)
{
    if (!generator) return fail_null(__func__);
    const cusgd_generator usual = {.outputs = 1, .noise = 1, .condition = 1};
    cusgd_status status = sized_check(generator->size, "generator");
    if (!status) sized_put(generator, &usual, sizeof usual);
    return status;
}

static cusgd_precision precision_of(const cusgd_generator *g)
{
    return g->type == CUSGD_TYPE_FLOAT32 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
}

static int64_t element_bytes(const cusgd_generator *g) { return (int64_t)type_bytes(g->type); }

static cusgd_status check_generator(const cusgd_generator *g)
{
    const int64_t maximum = INT64_C(1000000000000);
    int64_t element = element_bytes(g);
    if (g->rows < 1 || g->rows > maximum) return fail(CUSGD_ERROR_USAGE, "rows must be from 1 to 10^12, not %" PRId64, g->rows);
    if (g->cols < 1 || g->cols > maximum) return fail(CUSGD_ERROR_USAGE, "cols must be from 1 to 10^12, not %" PRId64, g->cols);
    if (g->outputs < 1 || g->outputs > maximum / g->cols)
        return fail(CUSGD_ERROR_USAGE, "outputs must be from 1 to 10^12 / cols, not %" PRId64, g->outputs);
    if (g->rows > INT64_MAX / element / (g->cols + g->outputs))
        return fail(CUSGD_ERROR_USAGE, "rows x cols is too large for a file");
    if (g->informative < 0 || g->informative > g->cols)
        return fail(CUSGD_ERROR_USAGE, "informative columns must be from 1 to cols, or 0 for all, not %" PRId64, g->informative);
    if (!(g->noise >= 0 && g->noise <= 1e30)) return fail(CUSGD_ERROR_USAGE, "noise must be from 0 to 1e30, not %g", g->noise);
    if (!(g->correlation > -1 && g->correlation < 1))
        return fail(CUSGD_ERROR_USAGE, "correlation must lie between -1 and 1, not %g", g->correlation);
    if (!(g->condition >= 1 && g->condition <= 1e300))
        return fail(CUSGD_ERROR_USAGE, "condition must be 1 or greater, not %g", g->condition);
    if (g->condition > 1 && g->correlation != 0)
        return fail(CUSGD_ERROR_USAGE, "condition and correlation each shape the columns: choose one");
    if (g->targets < CUSGD_SYNTHETIC_LINEAR || g->targets > CUSGD_SYNTHETIC_POSITIVE)
        return fail(CUSGD_ERROR_USAGE, "targets are neither linear nor logistic nor positive");
    if (g->type != CUSGD_TYPE_FLOAT32 && g->type != CUSGD_TYPE_FLOAT64)
        return fail(CUSGD_ERROR_USAGE, "the type is neither CUSGD_TYPE_FLOAT32 nor CUSGD_TYPE_FLOAT64");
    if (!g->device) return CUSGD_OK;
    cusgd_options o;
    options_init(&o);
    return cusgd_options_set(&o, "device", g->device);
}

static cusgd_status open_device(const cusgd_generator *g, backend *out)
{
    return backend_open(g->device ? g->device : "cpu", precision_of(g), 0, out);
}

/* ---- The truth ----------------------------------------------------------------------------------------------------------- */

/* Returns number i of the true coefficients, rounded to the type of the data. */
static double truth_at(const cusgd_generator *g, uint64_t i)
{
    double z = normal_from(random_block(stream_key(g->seed, STREAM_TRUTH), i / 4).at[i % 4]);
    return rounded_for(g->type == CUSGD_TYPE_FLOAT32, z);
}

/* Draws the true coefficients, (cols + 1) x outputs: normal for the informative columns, which are the same for all outputs, and
 * for the intercepts; 0 for the other columns. The caller frees the array; NULL: out of memory. */
static double *draw_truth(const cusgd_generator *g)
{
    uint64_t d = (uint64_t)g->cols, k = (uint64_t)g->outputs, informative = g->informative ? (uint64_t)g->informative : d;
    double *truth = allocate_zeroed((d + 1) * k, sizeof *truth);
    if (!truth) return NULL;
    /* The permutation of the last possible epoch, because random_block() never uses the words of its key. */
    permutation columns = permutation_make(d, stream_key(g->seed, STREAM_TRUTH), UINT64_MAX);
    for (uint64_t i = 0; i <= informative; i++) {
        uint64_t j = i < informative ? permutation_at(&columns, i) : d;
        for (uint64_t c = 0; c < k; c++) truth[j * k + c] = truth_at(g, j * k + c);
    }
    return truth;
}

static cusgd_status save_truth(const cusgd_generator *g, const double *truth, const char *path)
{
    int64_t d = g->cols, k = g->outputs;
    cusgd_model *model;
    cusgd_status status = model_create(NULL, d, k, NULL, NULL, (class_names){NULL, 0}, &model);
    if (status) return status;
    model->loss.kind = g->targets == CUSGD_SYNTHETIC_LOGISTIC ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
    for (int64_t j = 0; j < d; j++) {
        for (int64_t c = 0; c < k; c++) model->weight[c * d + j] = truth[j * k + c];
    }
    for (int64_t c = 0; c < k; c++) model->bias[c] = truth[d * k + c];
    status = cusgd_model_save(model, path);
    cusgd_model_free(model);
    return status;
}

/* ---- The rows ------------------------------------------------------------------------------------------------------------ */

static cusgd_status append_rows(const cusgd_generator *g, const double *truth, npy_writer *x, npy_writer *y)
{
    int64_t element = element_bytes(g), row = (g->cols + g->outputs) * element;
    int64_t piece = PIECE_BYTES / row < 1 ? 1 : PIECE_BYTES / row < PIECE_ROWS ? PIECE_BYTES / row : PIECE_ROWS;
    if (piece > g->rows) piece = g->rows;
    backend device;
    cusgd_status status = open_device(g, &device);
    if (status) return status;
    void *x_rows = allocate((size_t)(piece * g->cols), (size_t)element);
    void *y_rows = allocate((size_t)(piece * g->outputs), (size_t)element);
    if (!x_rows || !y_rows) status = fail_memory((size_t)(piece * row), "synthetic rows");
    for (int64_t first = 0; first < g->rows && !status; first += piece) {
        int64_t count = g->rows - first < piece ? g->rows - first : piece;
        status = device.ops->tools.generate(device.self, g, truth, first, count, x_rows, y_rows);
        if (!status) status = npy_append(x, x_rows, count * g->cols);
        if (!status) status = npy_append(y, y_rows, count * g->outputs);
    }
    free(x_rows);
    free(y_rows);
    device.ops->close(device.self);
    return status;
}

/* Renames the files after everything else that can fail, so that failures leave the old files. If renaming fails, the new files
 * that were renamed are removed: the files of two data sets must not be mixed. */
static cusgd_status put_in_place(const cusgd_generator *g, const double *truth, npy_writer *x, npy_writer *y,
                                 char *const paths[OUTPUTS])
{
    static const int order[OUTPUTS] = {TRUTH, X, Y};
    int done = 0;
    cusgd_status status = npy_complete(x);
    if (!status) status = npy_complete(y);
    if (!status) status = save_truth(g, truth, paths[TRUTH]);
    if (status) {
        npy_abandon(x);
        npy_abandon(y);
        return status;
    }
    done++;
    status = npy_close(x);
    done += !status;
    if (status)
        npy_abandon(y);
    else
        status = npy_close(y);
    for (int i = 0; i < done && status; i++) unlink(paths[order[i]]);
    return status;
}

static cusgd_status write_problem(const cusgd_generator *g, char *const paths[OUTPUTS])
{
    cusgd_type type = g->type;
    npy_writer *x = NULL, *y = NULL;
    double *truth = draw_truth(g);
    if (!truth) return fail_memory((size_t)(g->cols + 1) * (size_t)g->outputs * sizeof *truth, "the true coefficients");
    cusgd_status status = npy_create(paths[X], type, g->rows, g->cols, &x);
    if (!status) status = npy_create(paths[Y], type, g->rows, g->outputs == 1 ? 0 : g->outputs, &y);
    if (!status) status = append_rows(g, truth, x, y);
    if (status) {
        npy_abandon(x);
        npy_abandon(y);
    } else {
        status = put_in_place(g, truth, x, y, paths);
    }
    free(truth);
    return status;
}

/* ---- The folder ---------------------------------------------------------------------------------------------------------- */

/* Returns "FOLDER/NAME"; the caller frees it. */
static char *path_in(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = allocate(size, 1);
    if (path) snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static int is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Fails if one of the files exists, unless `force` is 1, so that no file is lost or taken for one of the new data set. */
static cusgd_status check_folder(const char *folder, char *const paths[OUTPUTS], int force)
{
    for (int i = 0; i < OUTPUTS; i++) {
        if (is_there(paths[i]) && !force)
            return fail(CUSGD_ERROR_DATA, "%s: is there already: name another folder, or say --force to replace it", paths[i]);
    }
    static const char *const others[][2] = {{"w.npy", "weights"}, {"offset.npy", "offsets"}, {"exposure.npy", "exposures"}};
    cusgd_status status = CUSGD_OK;
    for (size_t i = 0; i < sizeof others / sizeof others[0] && !status; i++) {
        char *path = path_in(folder, others[i][0]);
        if (!path) return fail_memory(strlen(folder), "a path");
        if (is_there(path))
            status = fail(CUSGD_ERROR_DATA, "%s: would be taken for the new rows' %s: remove it first", path, others[i][1]);
        free(path);
    }
    return status;
}

/* *Creates the folder. Sets *made to 1 if it did not exist. */
static cusgd_status make_folder(const char *folder, int *made)
{
    struct stat info;
    *made = mkdir(folder, 0777) == 0;
    if (*made) return CUSGD_OK;
    if (errno != EEXIST) return fail(CUSGD_ERROR_DATA, "%s: cannot be made: %s", folder, strerror(errno));
    if (stat(folder, &info) != 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", folder, strerror(errno));
    if (S_ISDIR(info.st_mode)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: is there and is no folder", folder);
}

cusgd_status generate_folder(const cusgd_generator *generator, const char *folder, int force)
{
    char *paths[OUTPUTS] = {NULL};
    int made = 0;
    cusgd_status status = check_generator(generator);
    for (int i = 0; i < OUTPUTS && !status; i++) {
        paths[i] = path_in(folder, output_names[i]);
        if (!paths[i]) status = fail_memory(strlen(folder), "a path");
    }
    if (!status) status = make_folder(folder, &made);
    if (!status) status = check_folder(folder, paths, force);
    if (!status) status = write_problem(generator, paths);
    if (status && made) rmdir(folder);
    for (int i = 0; i < OUTPUTS; i++) free(paths[i]);
    return status;
}

/* ---- In memory ----------------------------------------------------------------------------------------------------------- */

static cusgd_status make_rows(const cusgd_generator *g, void *x, void *y)
{
    backend device;
    double *truth = draw_truth(g);
    if (!truth) return fail_memory((size_t)(g->cols + 1) * (size_t)g->outputs * sizeof *truth, "the true coefficients");
    cusgd_status status = open_device(g, &device);
    if (!status) {
        status = device.ops->tools.generate(device.self, g, truth, 0, g->rows, x, y);
        device.ops->close(device.self);
    }
    free(truth);
    return status;
}

cusgd_status data_generate(const cusgd_generator *g, cusgd_data **out)
{
    *out = NULL;
    cusgd_status status = check_generator(g);
    if (status) return status;
    cusgd_type type = g->type;
    void *x = allocate_aligned((size_t)(g->rows * g->cols), (size_t)element_bytes(g));
    void *y = allocate_aligned((size_t)(g->rows * g->outputs), (size_t)element_bytes(g));
    cusgd_matrix x_rows = {x, type, g->cols, 1}, y_rows = {y, type, g->outputs, 1}, none = {.at = NULL};
    if (!x || !y) status = fail_memory((size_t)(g->rows * (g->cols + g->outputs) * element_bytes(g)), "synthetic rows");
    if (!status) status = make_rows(g, x, y);
    if (!status) status = cusgd_data_wrap(g->rows, g->cols, g->outputs, x_rows, y_rows, none, out);
    if (status) {
        free(x);
        free(y);
        return status;
    }
    (*out)->memory[X] = x;
    (*out)->memory[Y] = y;
    return CUSGD_OK;
}
