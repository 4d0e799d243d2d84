/* Models in files. */
#include "data.h"
#include "model.h"
#include "options.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(model, .init = folder_setup, .fini = folder_teardown);

static char *const features[] = {"age", "say \"x\", \\", "\xC3\xA9\n"}, *const targets[] = {"low", "high"},
                   *const classes[] = {"no", "yes"};

/* 2 outputs of 3 features. */
static cusgd_model *make_model(cusgd_precision precision)
{
    cusgd_options options;
    cusgd_model *model;
    options_init(&options);
    options.precision = precision;
    options.loss = CUSGD_LOSS_LOGISTIC;
    options.l2 = 0.1;
    assert_works(model_create(&options, 3, 2, features, targets, (class_names){classes, 2}, &model));
    for (int i = 0; i < 6; i++) model->weight[i] = (i + 1) / 10.0;
    model->bias[0] = -0.0;
    model->bias[1] = 1e-30;
    return model;
}

static const char *metadata_value(const cusgd_model *model, const char *wanted)
{
    const char *name, *value;
    for (size_t i = 0; cusgd_model_metadata(model, i, &name, &value); i++) {
        if (strcmp(name, wanted) == 0) return value;
    }
    return NULL;
}

Test(model, survives_a_file)
{
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
        cusgd_model *model = make_model((cusgd_precision)precision), *back;
        const char *first = path_of("first"), *second = path_of("second");
        assert_works(cusgd_model_save(model, first));
        assert_works(cusgd_model_load(first, &back));
        cr_assert_eq(cusgd_model_cols(back), 3);
        cr_assert_eq(cusgd_model_outputs(back), 2);
        cr_assert_str_eq(cusgd_model_loss(back, NULL)->name, "logistic");
        for (int i = 0; i < 6; i++) cr_assert_eq(cusgd_model_weight(back)[i], model->weight[i]); /* F64, whatever the run's */
        cr_assert_eq(cusgd_model_bias(back)[1], model->bias[1]);
        cr_assert_str_eq(metadata_value(back, "precision"), precision == CUSGD_PRECISION_FLOAT ? "float" : "double");
        cr_assert(signbit(cusgd_model_bias(back)[0]));
        for (int j = 0; j < 3; j++) cr_assert_str_eq(cusgd_model_feature(back, j), features[j]);
        for (int j = 0; j < 2; j++) cr_assert_str_eq(cusgd_model_target(back, j), targets[j]);
        for (int j = 0; j < 2; j++) cr_assert_str_eq(cusgd_model_class(back, j), classes[j]);
        cr_assert_null(cusgd_model_feature(back, 3));
        cr_assert_null(cusgd_model_class(back, -1));
        cr_assert_str_eq(metadata_value(back, "cusgd"), cusgd_version());
        cr_assert_str_eq(metadata_value(back, "loss"), "logistic");
        cr_assert_str_eq(metadata_value(back, "l2"), "0.10000000000000001");
        cr_assert_str_eq(metadata_value(back, "optimizer"), "auto");
        cr_assert_null(metadata_value(back, "threads"));
        cr_assert_null(metadata_value(back, "features"));

        assert_works(cusgd_model_save(back, second));
        size_t count, again;
        char *a = file_read(first, &count), *b = file_read(second, &again);
        cr_assert_eq(count, again);
        cr_assert_arr_eq(a, b, count);
        free(a);
        free(b);
        cusgd_model_free(model);
        cusgd_model_free(back);
    }
    cusgd_model_free(NULL);
}

/* The bytes as the format has them: length, JSON padded to 8 bytes, tensors. */
Test(model, file_layout)
{
    cusgd_model *model = make_model(CUSGD_PRECISION_FLOAT);
    size_t count;
    assert_works(cusgd_model_save(model, path_of("m")));
    char *bytes = file_read(path_of("m"), &count);
    uint64_t length;
    memcpy(&length, bytes, 8);
    cr_assert_eq(length % 8, 0);
    cr_assert_eq(count, 8 + length + 8 * sizeof(double));
    cJSON *header = cJSON_ParseWithLength(bytes + 8, length);
    const cJSON *weight = cJSON_GetObjectItemCaseSensitive(header, "weight");
    char *text = cJSON_PrintUnformatted(weight);
    cr_assert_str_eq(text, "{\"dtype\":\"F64\",\"shape\":[2,3],\"data_offsets\":[0,48]}");
    cJSON_free(text);
    text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(header, "bias"));
    cr_assert_str_eq(text, "{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[48,64]}");
    cJSON_free(text);
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(header, "__metadata__"), *item;
    cJSON_ArrayForEach(item, metadata) cr_assert(cJSON_IsString(item), "%s", item->string);
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(metadata, "targets")->valuestring, "[\"low\",\"high\"]");
    double w;
    memcpy(&w, bytes + 8 + length + 8 * 5, sizeof w);
    cr_assert_eq(w, 0.6);
    cJSON_Delete(header);
    free(bytes);
    cusgd_model_free(model);
}

Test(model, reader)
{
    cusgd_model *model = make_model(CUSGD_PRECISION_FLOAT), *plain;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_model_reader(model, &reader);
    cr_assert_eq(reader.roles.feature_count, 3);
    cr_assert_str_eq(reader.roles.features[0], "age");
    cr_assert_eq(reader.roles.target_count, 2);
    cr_assert_str_eq(reader.roles.targets[1], "high");
    cr_assert_str_eq(reader.classes[1], "yes");

    reader = CUSGD_INIT(cusgd_reader);
    reader.roles.targets = (const char *const[]){"mine"};
    reader.roles.target_count = 1;
    cusgd_model_reader(model, &reader);
    cr_assert_str_eq(reader.roles.targets[0], "mine");

    reader = CUSGD_INIT(cusgd_reader);
    assert_works(model_create(NULL, 3, 2, NULL, NULL, (class_names){NULL, 0}, &plain));
    cusgd_model_reader(plain, &reader);
    cr_assert_null(reader.roles.features);
    cr_assert_null(reader.roles.targets);
    cr_assert_null(reader.classes);
    const char *name, *value;
    cr_assert_not(cusgd_model_metadata(plain, 0, &name, &value));
    cusgd_model_free(plain);
    cusgd_model_free(model);
}

/* A file of this header and elements 1, 2, 3, ... of float32. */
static const char *tensors_file(const char *header, size_t bytes)
{
    static unsigned char whole[1 << 16];
    uint64_t length = strlen(header);
    memcpy(whole, &length, 8);
    memcpy(whole + 8, header, length);
    float value = 0;
    for (size_t i = 0; i < bytes; i += 4) {
        value += 1;
        memcpy(whole + 8 + length + i, &value, bytes - i < 4 ? bytes - i : 4);
    }
    return file_bytes("m.safetensors", whole, 8 + length + bytes);
}

/* What torch.save-like programs write, with no metadata of ours. */
Test(model, of_other_programs)
{
    static const struct {
        const char *header;
        size_t bytes;
        int64_t d, k;
        double bias; /* the first */
    } cases[] = {
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
         "\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
         32, 3, 2, 7},
        {"{\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
         "\"weight\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}   ",
         16, 3, 1, 4},
        {"{\"__metadata__\":{\"format\":\"pt\",\"loss\":\"hinge\",\"features\":\"three\"},"
         "\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[4,16]},"
         "\"bias\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
         16, 3, 1, 1},
        {"{\"weight\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[2,18]},"
         "\"scale\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]},"
         "\"none\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[2,2]}}",
         18, 2, 1, 0},
        /* PyTorch's names: torch.nn.Sequential, a module's attribute, one within another; without bias */
        {"{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
         "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
         32, 3, 2, 7},
        {"{\"linear.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
         "\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,12]}}",
         16, 3, 1, 4},
        {"{\"__metadata__\":{\"format\":\"pt\"},\"model.head.fc.weight\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]"
         "}}",
         16, 4, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_model *model;
        assert_works(cusgd_model_load(tensors_file(cases[i].header, cases[i].bytes), &model));
        cr_assert_eq(cusgd_model_cols(model), cases[i].d);
        cr_assert_eq(cusgd_model_outputs(model), cases[i].k);
        cr_assert_eq(cusgd_model_bias(model)[0], cases[i].bias);
        cr_assert_str_eq(cusgd_model_loss(model, NULL)->name, "squared");
        cr_assert_null(cusgd_model_feature(model, 0));
        if (i == 2) {
            cr_assert_eq(cusgd_model_weight(model)[0], 2);
            cr_assert_str_eq(metadata_value(model, "format"), "pt");
            assert_works(cusgd_model_save(model, path_of("ours"))); /* it stays theirs: its metadata is kept, and not believed */
            cusgd_model_free(model);
            assert_works(cusgd_model_load(path_of("ours"), &model));
            cr_assert_str_eq(metadata_value(model, "format"), "pt");
            cr_assert_str_eq(metadata_value(model, "loss"), "hinge");
            cr_assert_str_eq(metadata_value(model, "features"), "three");
            cr_assert_str_eq(cusgd_model_loss(model, NULL)->name, "squared");
            cr_assert_null(cusgd_model_feature(model, 0));
        }
        cusgd_model_free(model);
    }
}

#define WEIGHT             "\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,12]}"
#define NAMED_BY(metadata) "{\"__metadata__\":{\"cusgd\":\"0.1.0\",\"loss\":\"squared\"," metadata "}," WEIGHT "}"

Test(model, refusals)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *message;
    } cases[] = {
        {"", 12, "no JSON"},
        {"[]", 12, "no JSON"},
        {" {" WEIGHT "}", 12, "no JSON"},
        {"{" WEIGHT "", 12, "no JSON"},
        {"{" WEIGHT "} x", 12, "text follows its header"},
        {"{" WEIGHT "}{}", 12, "text follows its header"},
        {"{" WEIGHT "}\n", 12, "text follows its header"},
        {"{\"\xFF\":1," WEIGHT "}", 12, "UTF-8"},
        {"{}", 0, "no tensor weight"},
        {"{" WEIGHT "," WEIGHT "}", 12, "'weight' stands in its header twice"},
        {"{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}," WEIGHT "}", 12, "'a' stands in its header twice"},
        {"{\"__metadata__\":{}," WEIGHT ",\"__metadata__\":{}}", 12, "'__metadata__' stands in its header twice"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"shape\":[1,3],\"data_offsets\":[0,12]}}", 12, "three keys"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"shape\":[0,12]}}", 12, "data_offsets"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,12],\"more\":1}}", 12, "three keys"},
        {"{\"weight\":[1,2,3]}", 12, "three keys"},
        {"{\"weight\":null}", 12, "three keys"},
        {"{\"__metadata__\":{\"a\":1}," WEIGHT "}", 12, "other things than strings"},
        {"{\"__metadata__\":[\"a\"]," WEIGHT "}", 12, "no object"},
        {"{\"weight\":{\"dtype\":\"F99\",\"shape\":[1,3],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":4,\"shape\":[1,3],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[-1,-3],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1.5,2],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":\"3\",\"data_offsets\":[0,12]}}", 12, "makes no sense"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0]}}", 12, "no two whole numbers"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,\"12\"]}}", 12, "no two whole numbers"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[12,0]}}", 12, "do not fit its type and shape"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,16]}}", 16, "do not fit its type and shape"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[4,16]}}", 16, "overlap, or there is a hole"},
        {"{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "overlap"},
        {"{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}", 20, "hole"},
        {"{" WEIGHT "}", 11, "cut short"},
        {"{" WEIGHT "}", 13, "cut short"},
        {"{" WEIGHT "}", 0, "cut short"},
        {"{\"weight\":{\"dtype\":\"F16\",\"shape\":[1,6],\"data_offsets\":[0,12]}}", 12, "weight is F16, not F32 or F64"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[1,1,3],\"data_offsets\":[0,12]}}", 12, "more than two dimensions"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no tensor weight of shape"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]}}", 0, "is empty"},
        {"{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}", 20, "bias does not fit"},
        {"{" WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[12,16]}}", 16, "bias does not fit"},
        {"{\"__metadata__\":{\"cusgd\":\"9\"}," WEIGHT "}", 12, "names no loss"},
        {"{\"__metadata__\":{\"cusgd\":\"9\",\"loss\":\"tweedie?\"}," WEIGHT "}", 12, "names no loss"},
        {NAMED_BY("\"features\":\"[\\\"a\\\",\\\"b\\\"]\""), 12, "features are no list of 3 names"},
        {NAMED_BY("\"features\":\"[\\\"a\\\",\\\"b\\\",\\\"c\\\",\\\"d\\\"]\""), 12, "features are no list of 3 names"},
        {NAMED_BY("\"features\":\"[\\\"a\\\",\\\"b\\\",3]\""), 12, "features are no list of 3 names"},
        {NAMED_BY("\"features\":\"{\\\"a\\\":\\\"a\\\",\\\"b\\\":\\\"b\\\",\\\"c\\\":\\\"c\\\"}\""), 12, "features are no list"},
        {NAMED_BY("\"features\":\"\""), 12, "features are no list of 3 names"},
        {NAMED_BY("\"targets\":\"[]\""), 12, "targets are no list of 1 names"},
        {NAMED_BY("\"classes\":\"[\\\"a\\\"]\""), 12, "classes are no list of 2 names"},
    };
    cusgd_model *model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(cusgd_model_load(tensors_file(cases[i].header, cases[i].bytes), &model), CUSGD_ERROR_DATA, cases[i].message);
        cr_assert_null(model);
    }
    assert_fails(cusgd_model_load(path_of("none"), &model), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(cusgd_model_load(path_of(""), &model), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(cusgd_model_load(file_text("m", ""), &model), CUSGD_ERROR_DATA, "is empty");
    assert_fails(cusgd_model_load(file_text("m", "{\"weight\":1}"), &model), CUSGD_ERROR_DATA, "beyond the file's end");
    assert_fails(cusgd_model_load(file_bytes("m", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10), &model), CUSGD_ERROR_DATA,
                 "beyond the file's end");
}

#define TENSOR(name, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

/* What is not one linear layer is refused with what the file has. */
Test(model, lists_the_tensors_it_cannot_use)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *message;
    } cases[] = {
        {"{" TENSOR("0.weight", "2,1", 0, 8) "," TENSOR("0.bias", "2", 8, 16) "," TENSOR("2.weight", "1,2", 16, 24) "}", 24,
         "Its tensors: 0.weight (F32 2 x 1), 0.bias (F32 2), 2.weight (F32 1 x 2)"},
        {"{" TENSOR("coef", "3", 0, 12) "}", 12, "Its tensors: coef (F32 3)"},
        {"{" TENSOR("fc.weight", "3", 0, 12) "," TENSOR("gc.bias", "1", 12, 16) "}", 16, "fc.weight (F32 3), gc.bias (F32 1)"},
        {"{" TENSOR(".weight", "3", 0, 12) "}", 12, "Its tensors: .weight (F32 3)"},
        {"{" TENSOR("scale.weight", "", 0, 4) "}", 4, "Its tensors: scale.weight (F32)"},
        {"{}", 0, "Its tensors: none"},
        {"{" TENSOR("fc.weight", "1,3", 0, 12) "," TENSOR("fc.bias", "2", 12, 20) "}", 20,
         "its fc.bias does not fit its fc.weight"},
        {"{" TENSOR("fc.weight", "1,1,3", 0, 12) "}", 12, "fc.weight has more than two dimensions"},
    };
    cusgd_model *model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(cusgd_model_load(tensors_file(cases[i].header, cases[i].bytes), &model), CUSGD_ERROR_DATA, cases[i].message);

    char many[8192] = "{";
    for (int i = 0; i < 100; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many),
                 "%s\"layer%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? "," : "", i, 4 * i, 4 * i + 4);
    strcat(many, "}");
    assert_fails(cusgd_model_load(tensors_file(many, 400), &model), CUSGD_ERROR_DATA, "layer0 (F32 1), layer1 (F32 1)");
    cr_assert(strstr(cusgd_last_error(), ", ..."), "%s", cusgd_last_error());
}

/* A loss that is not known is refused by whatever uses the model; it is never taken for another. */
Test(model, unknown_losses)
{
    static const char *const losses[] = {",\"loss\":\"hinge2\"", ",\"loss\":\"Logistic\"",
                                         ",\"loss\":\"\"",       "",
                                         ",\"loss\":\"0\"",      ",\"loss\":\"quantile\",\"quantile\":\"2\""};
    cusgd_model *model;
    char header[512];
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        snprintf(header, sizeof header, "{\"__metadata__\":{\"cusgd\":\"0.1.0\"%s}," WEIGHT "}", losses[i]);
        assert_fails(cusgd_model_load(tensors_file(header, 12), &model), CUSGD_ERROR_DATA, "names no loss that this version");
        cr_assert_null(model);
    }
}

Test(model, deep_nesting)
{
    enum { DEPTH = 50000 };
    char *text = malloc(DEPTH + 32);
    cr_assert(text);
    uint64_t length = DEPTH + 5;
    memcpy(text, &length, 8);
    memcpy(text + 8, "{\"a\":", 5);
    memset(text + 13, '[', DEPTH);
    cusgd_model *model;
    assert_fails(cusgd_model_load(file_bytes("m", text, 13 + DEPTH), &model), CUSGD_ERROR_DATA, "no JSON");
    free(text);
}

Test(model, refuses_what_is_not_finite)
{
    cusgd_model *model = make_model(CUSGD_PRECISION_FLOAT), *back;
    model->weight[4] = 1e39; /* beyond float32, which the file no longer is */
    assert_works(cusgd_model_save(model, path_of("m")));
    size_t count;
    char *bytes = file_read(path_of("m"), &count);
    double infinite = HUGE_VAL;
    memcpy(bytes + count - 8, &infinite, 8);
    assert_fails(cusgd_model_load(file_bytes("n", bytes, count), &back), CUSGD_ERROR_DATA, "element 1 of its tensor bias is inf");
    free(bytes);
    model->bias[0] = (double)NAN;
    assert_fails(cusgd_model_save(model, path_of("o")), CUSGD_ERROR_DATA, "intercept 1 is nan");
    cr_assert_eq(folder_count(path_of("")), 2);
    cusgd_model_free(model);
}

Test(model, damaged)
{
    cusgd_model *model = make_model(CUSGD_PRECISION_FLOAT), *back;
    size_t count;
    assert_works(cusgd_model_save(model, path_of("whole")));
    cusgd_model_free(model);
    char *bytes = file_read(path_of("whole"), &count);
    for (size_t kept = 0; kept < count; kept++) {
        cr_assert_eq(cusgd_model_load(file_bytes("m", bytes, kept), &back), CUSGD_ERROR_DATA, "cut to %zu of %zu bytes", kept,
                     count);
        cr_assert_null(back);
    }
    random_source r = {.key = 5};
    for (int i = 0; i < 5000; i++) {
        size_t at = random_under(&r, count);
        char before = bytes[at];
        bytes[at] ^= (char)(1 << random_under(&r, 8));
        if (cusgd_model_load(file_bytes("m", bytes, count), &back) == CUSGD_OK) {
            cr_assert_eq(cusgd_model_cols(back) * cusgd_model_outputs(back), 6);
            cusgd_model_free(back);
        } else {
            cr_assert_null(back);
        }
        bytes[at] = before;
    }
    free(bytes);
}

Test(model, a_full_disk_keeps_the_old_file)
{
    cusgd_model *model = make_model(CUSGD_PRECISION_FLOAT);
    assert_works(cusgd_model_save(model, path_of("m")));
    size_t count, again;
    char *bytes = file_read(path_of("m"), &count), *after;
    for (size_t room = 0; room < count; room += 50) {
        limit_file_size(room);
        assert_fails(cusgd_model_save(model, path_of("m")), CUSGD_ERROR_DATA, "cannot be written");
    }
    after = file_read(path_of("m"), &again);
    cr_assert_eq(count, again);
    cr_assert_arr_eq(bytes, after, count);
    cr_assert_eq(folder_count(path_of("")), 1);
    free(bytes);
    free(after);
    cusgd_model_free(model);
}
