#include "fuzz.h"

#include "cusgd_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[512] = ".";

void fuzz_set_folder(const char *path) { snprintf(folder, sizeof folder, "%s", path); }

/* The bytes as a file of that name. */
static const char *file_of(const char *name, const uint8_t *bytes, size_t size)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    return path;
}

/* No input may be answered by another status. */
void fuzz_check_status(cusgd_status status)
{
    if (status == CUSGD_OK || status == CUSGD_ERROR_DATA || status == CUSGD_ERROR_USAGE) return;
    fprintf(stderr, "status %d: %s\n", (int)status, cusgd_last_error());
    abort();
}

/* Names and notes of what was opened; of LIBSVM text there may be a billion columns, which have none. */
void fuzz_walk(const cusgd_data *data)
{
    enum { MAX_NAMES = 1 << 16 };
    size_t letters = 0; /* so that all of them are read */
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    for (int64_t j = 0; j < cusgd_data_cols(data) && j < MAX_NAMES; j++) {
        const char *name = cusgd_data_feature(data, j);
        if (name) letters += strlen(name);
    }
    for (size_t i = 0; cusgd_data_note(data, i); i++) letters += strlen(cusgd_data_note(data, i));
    fuzz_check_status(cusgd_data_reader(data, &reader));
    if (letters == SIZE_MAX) abort();
}

/* Opens a file; what is opened takes a model's predictions, so that every value is read. */
static void open_file(const char *path, const cusgd_reader *reader)
{
    cusgd_data *data = NULL;
    cusgd_status status = cusgd_data_open(path, reader, &data);
    fuzz_check_status(status);
    if ((status == CUSGD_OK) != (data != NULL)) abort();
    if (data) fuzz_walk(data);
    cusgd_data_free(data);
}

static void feed_npy(const uint8_t *bytes, size_t size)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.x_only = 1;
    open_file(file_of("x.npy", bytes, size), &reader);
}

static void feed_npz(const uint8_t *bytes, size_t size)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    open_file(file_of("data.npz", bytes, size), &reader);
    reader.find_classes = 1;
    open_file(file_of("data.npz", bytes, size), &reader);
}

/* A byte of choices, then an HDF5 file, by the module where that was built. */
static void feed_hdf5(const uint8_t *bytes, size_t size)
{
    static const char *const datasets[] = {NULL, "x=/train/x,y=/train/y", "x=/x", "x=/x,y=/y,offset=/w"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    if (size < 1) return;
    reader.datasets = datasets[bytes[0] % 4];
    reader.roles.x_only = bytes[0] >> 2 & 1;
    reader.find_classes = bytes[0] >> 3 & 1;
    open_file(file_of("data.h5", bytes + 1, size - 1), &reader);
}

/* A byte of choices, then LIBSVM text. There are few columns, of all of which predictions have a coefficient. */
static void feed_svmlight(const uint8_t *bytes, size_t size)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    if (size < 1) return;
    reader.index_base = (cusgd_index_base)(bytes[0] % 3);
    reader.columns = 1 + bytes[0] / 3;
    reader.roles.x_only = bytes[0] & 1;
    open_file(file_of("data.svm", bytes + 1, size - 1), &reader);
}

/* A folder of four rows, 2 columns and offsets in one file each, whose index is `bytes` from the second on. Its files are written
 * once. */
static void feed_index(const uint8_t *bytes, size_t size)
{
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, y[] = {0, 1, 1, 0};
    char path[600], index[620];
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_matrix column = {y, CUSGD_TYPE_FLOAT32, 1, 1};
    cusgd_data *data;
    if (size < 1) return;
    snprintf(path, sizeof path, "%s/rows", folder);
    snprintf(index, sizeof index, "%s/cusgd.json", path);
    if (access(path, F_OK) != 0) {
        if (cusgd_data_wrap(4, 2, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT32, 2, 1}, column, column, &data) != CUSGD_OK ||
            cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, column) != CUSGD_OK || cusgd_data_save(data, path, NULL) != CUSGD_OK)
            abort();
        cusgd_data_free(data);
    }
    FILE *file = fopen(index, "wb");
    if (!file || fwrite(bytes + 1, 1, size - 1, file) != size - 1 || fclose(file) != 0) abort();
    reader.roles.x_only = bytes[0] & 1;
    reader.find_classes = bytes[0] >> 1 & 1;
    open_file(path, &reader);
    fuzz_check_status(cusgd_folder_check(path));
}

/* Two bytes of choices, then the table, which may be compressed. */
static void feed_csv(const uint8_t *bytes, size_t size)
{
    static const char separators[] = {0, 0, ',', ';', '\t', ' ', '|', 'x'}, decimals[] = {0, '.', ',', 0};
    static const char *const targets[] = {"y", "1", "-1"};
    if (size < 2) return;
    int a = bytes[0], b = bytes[1];
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.header = (cusgd_header)(a % 3);
    reader.encode.missing = (cusgd_missing)(a / 4 % 6);
    reader.encode.categorical_auto = a >> 5 & 1;
    reader.encode.all_levels = a >> 6 & 1;
    reader.find_classes = a >> 7 & 1;
    reader.dialect.separator = separators[b % 8];
    reader.dialect.decimal = decimals[b / 8 % 4];
    reader.roles.targets = &targets[b / 32 % 4 == 3 ? 0 : b / 32 % 4];
    reader.roles.target_count = b / 32 % 4 != 3;
    reader.roles.x_only = b >> 7;
    const char *path = file_of("table.csv", bytes + 2, size - 2);
    open_file(path, &reader);
    cusgd_table *table = NULL;
    fuzz_check_status(cusgd_table_open(path, &reader, &table));
    cusgd_table_free(table);
}

/* A model that is read is written as a file that is read, and is written as that again. */
static void feed_safetensors(const uint8_t *bytes, size_t size)
{
    cusgd_model *model, *again;
    size_t count = 0, count_again = 0;
    cusgd_status status = cusgd_model_load_memory(bytes, size, &model);
    fuzz_check_status(status);
    if (status) return;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    fuzz_check_status(cusgd_model_reader(model, &reader));
    if (cusgd_model_save_memory(model, NULL, 0, &count) != CUSGD_OK) abort();
    char *file = malloc(count), *file_again;
    if (!file || cusgd_model_save_memory(model, file, count, &count) != CUSGD_OK) abort();
    if (cusgd_model_load_memory(file, count, &again) != CUSGD_OK) {
        fprintf(stderr, "a model that was read cannot be read once written: %s\n", cusgd_last_error());
        abort();
    }
    if (cusgd_model_save_memory(again, NULL, 0, &count_again) != CUSGD_OK || count_again != count) abort();
    file_again = malloc(count);
    if (!file_again || cusgd_model_save_memory(again, file_again, count, &count) != CUSGD_OK) abort();
    if (memcmp(file, file_again, count) != 0) abort();
    free(file);
    free(file_again);
    cusgd_model_free(model);
    cusgd_model_free(again);
}

/* An option that was set gives a text that sets it to the same. */
static void check_option(cusgd_options *options, const char *name)
{
    char text[CUSGD_OPTION_TEXT], again[CUSGD_OPTION_TEXT];
    if (cusgd_options_get(options, name, text) != CUSGD_OK) return;
    cusgd_status status = cusgd_options_set(options, name, text);
    if (status || cusgd_options_get(options, name, again) != CUSGD_OK || strcmp(text, again) != 0) {
        fprintf(stderr, "option %s: \"%s\" does not give itself: %s\n", name, text, cusgd_last_error());
        abort();
    }
}

/* Lines NAME=VALUE. */
static void feed_options(const uint8_t *bytes, size_t size)
{
    cusgd_options *options, *copy;
    char *text = malloc(size + 1), *at = text, *line;
    if (!text || cusgd_options_new(&options) != CUSGD_OK) abort();
    if (size) memcpy(text, bytes, size);
    text[size] = '\0';
    while ((line = strsep(&at, "\n")) != NULL) {
        char *value = strchr(line, '=');
        if (value) *value++ = '\0';
        cusgd_status status = cusgd_options_set(options, line, value);
        fuzz_check_status(status);
        if (status == CUSGD_OK) check_option(options, line);
    }
    fuzz_check_status(cusgd_options_check(options));
    for (size_t i = 0; cusgd_option_at(i); i++) (void)cusgd_options_unused(options, cusgd_option_at(i)->name);
    if (cusgd_options_copy(options, &copy) != CUSGD_OK) abort();
    cusgd_options_free(copy);
    cusgd_options_free(options);
    free(text);
}

static const fuzz_reader readers[] = {
    {"npy", feed_npy, 0},
    {"npz", feed_npz, 0},
    {"hdf5", feed_hdf5, 1},
    {"csv", feed_csv, 0},
    {"svmlight", feed_svmlight, 0},
    {"index", feed_index, 0},
    {"safetensors", feed_safetensors, 0},
    {"options", feed_options, 0},
    {"arrow", feed_arrow, 0},
    {"expression", feed_expression, 0},
    {"command", feed_command, 0},
    {"checkpoint", feed_checkpoint, 0},
};

const fuzz_reader *fuzz_reader_at(size_t i) { return i < sizeof readers / sizeof *readers ? &readers[i] : NULL; }
