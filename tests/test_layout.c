/* Columns of a CSV file by their numbers: what models remember of them, and how files without a header are read by them. */
#include "options.h"
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(layout, .init = folder_setup, .fini = folder_teardown);

/* A model of this data, kept in a file and read back; the caller frees it. */
static cusgd_model *model_of(const cusgd_data *data)
{
    cusgd_options options;
    cusgd_trainer *trainer;
    cusgd_model *model;
    options_init(&options);
    options.solver = CUSGD_SOLVER_EXACT;
    assert_works(cusgd_trainer_create(&options, data, NULL, &trainer));
    assert_works(cusgd_trainer_fit(trainer, NULL, NULL, NULL));
    assert_works(cusgd_trainer_create_model(trainer, &model));
    cusgd_trainer_free(trainer);
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    cusgd_model_free(model);
    assert_works(cusgd_model_load(path_of("m.safetensors"), &model));
    return model;
}

/* The columns of a file without names, by letter: values that tell which column they are from. */
static const char *columns_text(const char *letters, int header)
{
    static char text[4096];
    size_t length = 0;
    for (int i = -header; i < 12; i++)
        for (size_t j = 0; letters[j]; j++) {
            double a = (i * 7 % 12) / 4.0, b = (i * 5 % 11) / 3.0 + 10, c = i * i % 13 + 20.0, value = 0;
            switch (letters[j]) {
            case 'a': value = a; break;
            case 'b': value = b; break;
            case 'c': value = c; break;
            case 'y': value = 2 * a - b + c / 2; break;
            case 'o': value = 100 + i; break;
            case 'w': value = 1 + i % 2; break;
            default: value = 1000 - i; break;
            }
            const char *end = letters[j + 1] ? "," : "\n";
            length += i < 0 ? (size_t)sprintf(text + length, "%c%s", letters[j], end)
                            : (size_t)sprintf(text + length, "%.10f%s", value, end);
        }
    return text;
}

static void split(const char *words, const char **list, size_t *count, char *copy)
{
    strcpy(copy, words);
    *count = 0;
    for (char *word = strtok(copy, ","); word; word = strtok(NULL, ",")) list[(*count)++] = word;
}

typedef struct wish {
    const char *features, *targets, *ignore, *weights, *offset; /* "" or NULL: none */
} wish;

/* A reader of wishes; good until the next call. */
static cusgd_reader reader_of(const wish *w, int x_only)
{
    static const char *lists[3][8];
    static char copies[3][32];
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    if (w->features) split(w->features, lists[0], &reader.roles.feature_count, copies[0]);
    if (w->targets) split(w->targets, lists[1], &reader.roles.target_count, copies[1]);
    if (w->ignore) split(w->ignore, lists[2], &reader.roles.ignore_count, copies[2]);
    reader.roles.features = reader.roles.feature_count ? lists[0] : NULL;
    reader.roles.targets = reader.roles.target_count ? lists[1] : NULL;
    reader.roles.ignore = reader.roles.ignore_count ? lists[2] : NULL;
    reader.roles.weights = w->weights;
    reader.roles.offset = w->offset;
    reader.roles.x_only = x_only;
    return reader;
}

/* Trained on one file, used on another: found (whichever way, the features are then a, b, c of the first row and the target y),
 * or refused. */
Test(layout, models_remember_numbers)
{
    static const struct {
        const char *trained;
        wish as;
        const char *used;
        wish with;
        int x_only, found;
    } cases[] = {
        {"abcy", {0}, "abcy", {0}, 0, 1},
        {"abcy", {0}, "abcy", {0}, 1, 1},              /* the training file itself */
        {"abcy", {0}, "abc", {0}, 1, 1},               /* without the target */
        {"yabc", {.targets = "1"}, "yabc", {0}, 0, 1}, /* the target first */
        {"yabc", {.targets = "1"}, "yabc", {0}, 1, 1},
        {"yabc", {.targets = "1"}, "abc", {0}, 1, 1},
        {"yabc", {.targets = "-4"}, "yabc", {0}, 0, 1},
        {"yabc", {.targets = "1"}, "yabc", {.features = "2,3,4"}, 0, 1}, /* the target is the model's */
        {"yabc", {.targets = "1"}, "abcy", {.targets = "4"}, 0, 1},      /* another order, and said so */
        {"yabc", {.targets = "1"}, "zyabc", {.ignore = "1"}, 1, 0},      /* four columns are left, three wanted */
        {"yabc", {.targets = "1"}, "zyabc", {.ignore = "1"}, 0, 1},
        {"yabc", {.targets = "1"}, "yabcw", {.weights = "5"}, 0, 1},
        {"yabc", {.targets = "1"}, "yabcz", {0}, 0, 0},
        {"yabc", {.targets = "1"}, "abc", {0}, 0, 0},
        {"cbay", {.features = "3,2,1"}, "cbay", {0}, 0, 1}, /* the model's order is not the file's */
        {"cbay", {.features = "3,2,1"}, "cba", {0}, 1, 1},
        {"cbay", {.features = "3,2,1"}, "zcbay", {.ignore = "1"}, 0, 1},
        {"cbay", {.features = "3,2,1"}, "cbay", {.ignore = "4"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "zabcy", {0}, 0, 1},
        {"zabcy", {.ignore = "1"}, "zabcy", {0}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abc", {0}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {0}, 1, 0}, /* which one is missing? */
        {"zabcy", {.ignore = "1"}, "zabc", {0}, 1, 0},
        {"zabcy", {.ignore = "1"}, "abcy", {0}, 0, 0},
        {"zabcy", {.ignore = "1"}, "zabc", {.ignore = "1"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {.ignore = "4"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {.targets = "4"}, 0, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "yabco", {0}, 0, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "yabco", {0}, 1, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "abco", {0}, 1, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "abc", {0}, 1, 0},
        {"yabcw", {.targets = "1", .weights = "5"}, "yabcw", {0}, 0, 1},
        {"yabcw", {.targets = "1", .weights = "5"}, "yabcw", {0}, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int header = 0; header < 2; header++) { /* of the file that is used; a name is never a number there */
            cusgd_reader reader = reader_of(&cases[i].as, 0);
            cusgd_data *trained = open_text(columns_text(cases[i].trained, 0), &reader), *used;
            cusgd_model *model = model_of(trained);
            reader = reader_of(&cases[i].with, cases[i].x_only);
            cusgd_model_reader(model, &reader);
            cusgd_status status = cusgd_data_open(file_text("used.csv", columns_text(cases[i].used, header)), &reader, &used);
            cr_assert_eq(status == CUSGD_OK, cases[i].found, "case %zu: %s as %s: %s", i, cases[i].trained, cases[i].used,
                         status ? cusgd_last_error() : "accepted");
            if (status) {
                cr_assert(strstr(cusgd_last_error(), "--ignore") && strstr(cusgd_last_error(), "--features"), "case %zu: %s", i,
                          cusgd_last_error());
            } else {
                cr_assert_eq(cusgd_data_cols(used), 3);
                for (int64_t r = 0; r < 12; r++)
                    for (int64_t j = 0; j < 3; j++) cr_assert_eq(x_at(used, r, j), x_at(trained, r, j), "case %zu", i);
                for (int64_t r = 0; r < 12 && !cases[i].x_only; r++)
                    cr_assert_eq(y_at(used, r, 0), y_at(trained, r, 0), "case %zu", i);
                if (cases[i].as.offset) cr_assert_eq(offset_at(&used->view, 3), 103, "case %zu", i);
            }
            cusgd_data_free(used);
            cusgd_data_free(trained);
            cusgd_model_free(model);
        }
}

/* Names that look like numbers in the new file are not taken for the model's numbers. */
Test(layout, numbers_are_not_names)
{
    cusgd_reader reader = reader_of(&(wish){.targets = "1"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 0), &reader), *used;
    cusgd_model *model = model_of(trained);
    cr_assert_eq(cusgd_model_feature_column(model, 0), 2);
    cr_assert_eq(cusgd_model_feature_column(model, 2), 4);
    cr_assert_eq(cusgd_model_feature_column(model, 3), 0);
    cr_assert_eq(cusgd_model_target_column(model, 0), 1);
    cr_assert_eq(cusgd_model_offset_column(model), 0);
    cr_assert_eq(cusgd_data_feature_column(trained, 1), 3);
    cr_assert_eq(cusgd_data_target_column(trained, 0), 1);
    reader = CUSGD_INIT(cusgd_reader);
    cusgd_model_reader(model, &reader);
    reader.header = CUSGD_HEADER_YES;
    used = open_text("4,3,2,1\n40,30,20,10\n", &reader);
    cr_assert(x_at(used, 0, 0) == 30 && x_at(used, 0, 1) == 20 && x_at(used, 0, 2) == 10 && y_at(used, 0, 0) == 40);
    cusgd_data_free(used);
    cusgd_data_free(trained);
    cusgd_model_free(model);
}

/* A model of a file with names, used on one that is said to have none. */
Test(layout, named_models_without_a_header)
{
    cusgd_reader reader = reader_of(&(wish){.targets = "y"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 1), &reader), *used;
    cusgd_model *model = model_of(trained);
    reader = CUSGD_INIT(cusgd_reader);
    cusgd_model_reader(model, &reader);
    cusgd_data *wrong;
    assert_fails(cusgd_data_open(file_text("used.csv", columns_text("yabc", 0)), &reader, &wrong), CUSGD_ERROR_DATA,
                 "say --header no if it is data");
    reader.header = CUSGD_HEADER_NO;
    reader.roles.features = reader.roles.targets = NULL;
    reader.roles.feature_count = reader.roles.target_count = 0;
    used = open_text(columns_text("yabc", 0), &reader);
    cr_assert(y_at(used, 3, 0) == y_at(trained, 3, 0) && x_at(used, 3, 0) == x_at(trained, 3, 0));
    cusgd_data_free(used);
    cusgd_data_free(trained);
    cusgd_model_free(model);
}

/* A damaged list of numbers is refused, not believed. */
Test(layout, damaged_numbers)
{
    static const char *const damages[][2] = {{"[2,3,4]", "[2,3,5]"}, {"[2,3,4]", "[2,3,3]"},
                                             {"[2,3,4]", "[0,3,4]"}, {"[2,3,4]", "[2,3]  "},
                                             {"[2,3,4]", "[1,3,4]"}, {"[2,3,4]", "[x,3,4]"},
                                             {"[2,3,4]", "{2,3,4}"}, {"\"[1]\"", "\"[9]\""},
                                             {"\"[1]\"", "\"[2]\""}, {"columns\":\"4\"", "columns\":\"3\""}};
    cusgd_reader reader = reader_of(&(wish){.targets = "1"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 0), &reader);
    cusgd_model_free(model_of(trained));
    cusgd_data_free(trained);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        size_t count;
        char *bytes = file_read(path_of("m.safetensors"), &count);
        char *at = memmem(bytes, count, damages[i][0], strlen(damages[i][0]));
        cr_assert(at, "%s is not there", damages[i][0]);
        memcpy(at, damages[i][1], strlen(damages[i][1]));
        cusgd_model *model;
        assert_fails(cusgd_model_load(file_bytes("damaged.safetensors", bytes, count), &model), CUSGD_ERROR_DATA,
                     "its metadata's feature_columns and target_columns are not 3 and 1 different numbers");
        free(bytes);
    }
}
