/* Models in memory: creating, freeing and reading them. */
#include "model.h"

#include "data.h"
#include "data/encoding.h"
#include "data/layout.h"
#include "expr/formula.h"
#include "failure.h"
#include "options.h"
#include "public.h"
#include "sized.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const model_formula_options[] = {"loss-expr", "link", "constant"};
const char *const model_offset_words[] = {"none", "linear", "exposure"}; /* in the order of the enumeration */

/* ---- Making -------------------------------------------------------------------------------------------------------------- */

/* Allocates room for `count` entries of metadata. */
cusgd_status model_metadata_create(cusgd_model *m, size_t count)
{
    m->metadata.names = allocate_zeroed(count + 1, sizeof *m->metadata.names);
    m->metadata.values = allocate_zeroed(count + 1, sizeof *m->metadata.values);
    return m->metadata.names && m->metadata.values
               ? CUSGD_OK
               : fail_memory(2 * (count + 1) * sizeof *m->metadata.names, "a model's metadata");
}

cusgd_status model_metadata_put(cusgd_model *m, const char *name, const char *value)
{
    size_t i = m->metadata.count++;
    m->metadata.names[i] = strdup(name);
    m->metadata.values[i] = strdup(value);
    return m->metadata.names[i] && m->metadata.values[i] ? CUSGD_OK
                                                         : fail_memory(strlen(name) + strlen(value), "a model's metadata");
}

static cusgd_status describe_options(cusgd_model *m, const cusgd_options *options)
{
    const char *name;
    char value[CUSGD_OPTION_TEXT];
    size_t count = 0;
    while (options_describe(options, count, &name, value)) count++;
    cusgd_status status = model_metadata_create(m, count + 4); /* two more for model_set_missing and model_set_base */
    if (!status) status = model_metadata_put(m, "cusgd", cusgd_version());
    if (!status) status = model_metadata_put(m, "loss", loss_word(options->loss));
    for (size_t i = 0; i < count && !status; i++) {
        options_describe(options, i, &name, value);
        if (strcmp(name, "loss") != 0 && strcmp(name, "classes") != 0) status = model_metadata_put(m, name, value);
    }
    return status;
}

cusgd_status model_allocate(int64_t d, int64_t k, cusgd_model **out)
{
    cusgd_model *m = *out = allocate_zeroed(1, sizeof *m);
    if (!m) return fail_memory(sizeof *m, "a model");
    m->d = d;
    m->m = m->k = k;
    if ((uint64_t)d <= SIZE_MAX / (uint64_t)k) m->weight = allocate_zeroed((size_t)d * (size_t)k, sizeof *m->weight);
    m->bias = allocate_zeroed((size_t)k, sizeof *m->bias);
    if (m->weight && m->bias) return CUSGD_OK;
    return fail(CUSGD_ERROR_MEMORY, "out of memory for a model of %" PRId64 " x %" PRId64 " coefficients", k, d);
}

/* Copies the names; each argument may be NULL for none. */
static cusgd_status copy_names(cusgd_model *m, char *const *features, char *const *targets, class_names classes)
{
    cusgd_status status = features ? texts_copy((const char *const *)features, m->d, &m->features) : CUSGD_OK;
    if (!status && targets) status = texts_copy((const char *const *)targets, m->m, &m->targets);
    if (!status && classes.at) status = texts_copy((const char *const *)classes.at, classes.count, &m->classes);
    if (m->classes) m->class_count = classes.count;
    return status;
}

cusgd_status model_set_loss(cusgd_model *m, cusgd_options *options)
{
    cusgd_status status = loss_formula_open(options, &m->formula);
    if (m->formula) options->loss = m->formula->kind;
    options->formula = m->formula;
    if (!status) m->loss = loss_rule_of(options);
    return status;
}

cusgd_status model_create(const cusgd_options *options, int64_t d, int64_t k, char *const *features, char *const *targets,
                          class_names classes, cusgd_model **out)
{
    int multiclass = classes.count > 2 || (options && options->loss == CUSGD_LOSS_SOFTMAX);
    cusgd_status status = model_allocate(d, k, out);
    if (!status && multiclass) (*out)->m = 1;
    if (!status) status = copy_names(*out, features, targets, classes);
    if (!status && options) {
        cusgd_options wide = *options; /* the precision with which its file will be read */
        wide.precision = CUSGD_PRECISION_DOUBLE;
        (*out)->threads = options->threads;
        status = model_set_loss(*out, &wide);
        if (!status) status = describe_options(*out, options);
    }
    if (!status) status = model_settle_classes(*out);
    if (status) {
        cusgd_model_free(*out);
        *out = NULL;
    }
    return status;
}

/* Sets the loss of *arrays and its entries in the metadata. */
static cusgd_status set_loss(cusgd_model *m, const cusgd_model_arrays *arrays)
{
    cusgd_options o;
    char number[CUSGD_OPTION_TEXT];
    options_init(&o);
    o.precision = CUSGD_PRECISION_DOUBLE;
    if (arrays->loss && !loss_from_word(arrays->loss, &o.loss))
        return fail_option("loss", "there is no loss \"%.60s\"", arrays->loss);
    const char *const formula[FORMULA_OPTIONS] = {arrays->loss_expr, arrays->link, arrays->constants};
    if (arrays->loss_expr && arrays->loss && !loss_is_expression(o.loss))
        return fail_option("loss-expr", "a model has the loss %.60s or that of loss_expr: give one of them", arrays->loss);
    for (int i = 0; i < FORMULA_OPTIONS; i++) {
        cusgd_status wrong = formula[i] ? cusgd_options_set(&o, model_formula_options[i], formula[i]) : CUSGD_OK;
        if (wrong) return wrong;
    }
    if (loss_is_expression(o.loss) && !arrays->loss_expr)
        return fail_option("loss-expr", "a model of the loss expression needs its formula, loss_expr");
    const char *option = loss_info_of(o.loss)->option;
    int given = option && arrays->loss_number != 0 && !isnan(arrays->loss_number);
    cusgd_status status = given ? cusgd_options_set_number(&o, option, arrays->loss_number) : CUSGD_OK;
    if (status) return status;
    loss_numbers_choose(&o);
    status = model_set_loss(m, &o);
    if (!status) status = model_metadata_create(m, 3 + FORMULA_OPTIONS);
    if (!status) status = model_metadata_put(m, "cusgd", cusgd_version());
    if (!status) status = model_metadata_put(m, "loss", loss_word(o.loss));
    if (!status && option) status = cusgd_options_get(&o, option, number);
    if (!status && option) status = model_metadata_put(m, option, number);
    for (int i = 0; i < FORMULA_OPTIONS && !status; i++)
        if (formula[i]) status = model_metadata_put(m, model_formula_options[i], formula[i]);
    return status;
}

static cusgd_status check_arrays(const cusgd_model_arrays *a)
{
    if (a->cols < 1 || a->outputs < 1 || a->cols > INT64_MAX / 16 / a->outputs)
        return fail(CUSGD_ERROR_USAGE, "a model has cols >= 1 and outputs >= 1, not %" PRId64 " and %" PRId64, a->cols,
                    a->outputs);
    if (!a->weight)
        return fail(CUSGD_ERROR_USAGE, "weight is NULL: a model needs %" PRId64 " coefficients", a->cols * a->outputs);
    if (a->offset < CUSGD_OFFSET_NONE || a->offset > CUSGD_OFFSET_EXPOSURE)
        return fail(CUSGD_ERROR_USAGE, "offset kind %d: there is no such kind of offset", (int)a->offset);
    for (int64_t i = 0; i < a->cols * a->outputs; i++)
        if (!isfinite(a->weight[i]))
            return fail(CUSGD_ERROR_DATA, "coefficient %" PRId64 " is %g, which is not a finite number", i + 1, a->weight[i]);
    for (int64_t i = 0; a->bias && i < a->outputs; i++)
        if (!isfinite(a->bias[i]))
            return fail(CUSGD_ERROR_DATA, "intercept %" PRId64 " is %g, which is not a finite number", i + 1, a->bias[i]);
    int64_t classes = a->class_count ? a->class_count : 2;
    if (a->classes && classes > 2 && classes != a->outputs)
        return fail(CUSGD_ERROR_USAGE, "%" PRId64 " classes need as many outputs, not %" PRId64, classes, a->outputs);
    return classes_check(a->classes, classes);
}

cusgd_status cusgd_model_create(const cusgd_model_arrays *given, cusgd_model **out)
{
    cusgd_model_arrays a;
    *out = NULL;
    cusgd_status status = sized_check(given->size, "arrays");
    if (status) return status;
    sized_get(&a, given, sizeof a);
    status = check_arrays(&a);
    if (!status)
        status = model_create(NULL, a.cols, a.outputs, (char *const *)a.features, (char *const *)a.targets,
                              (class_names){(char *const *)a.classes, a.classes ? a.class_count ? a.class_count : 2 : 0}, out);
    if (status) return status;
    memcpy((*out)->weight, a.weight, sizeof(double) * (size_t)(a.cols * a.outputs));
    if (a.bias) memcpy((*out)->bias, a.bias, sizeof(double) * (size_t)a.outputs);
    (*out)->offset.kind = a.offset;
    status = set_loss(*out, &a);
    if (!status) status = model_settle_classes(*out);
    if (!status) return CUSGD_OK;
    cusgd_model_free(*out);
    *out = NULL;
    return status;
}

/* Softmax has a class for each output, also if the classes have no names. */
cusgd_status model_settle_classes(cusgd_model *m)
{
    if (m->loss.kind != CUSGD_LOSS_SOFTMAX) return CUSGD_OK;
    if (m->classes && m->class_count != m->k)
        return fail(CUSGD_ERROR_DATA, "a model of loss softmax has a class for each of its %" PRId64 " outputs, not %" PRId64,
                    m->k, m->class_count);
    if (m->targets && m->m != 1) return fail(CUSGD_ERROR_DATA, "a model of loss softmax has one target");
    m->m = 1;
    if (m->classes) return CUSGD_OK;
    if (!(m->classes = allocate_zeroed((size_t)m->k, sizeof *m->classes)))
        return fail_memory((size_t)m->k * sizeof *m->classes, "the names of the classes");
    m->class_count = m->k;
    for (int64_t c = 0; c < m->k; c++) {
        char number[NUMBER_TEXT];
        number_format((double)c, number);
        if (!(m->classes[c] = strdup(number))) return fail_memory(sizeof number, "a name");
    }
    return CUSGD_OK;
}

cusgd_status model_set_offset(cusgd_model *model, cusgd_offset kind, const char *name)
{
    model->offset.kind = kind;
    if (name && !(model->offset.name = strdup(name))) return fail_memory(strlen(name) + 1, "a name");
    return CUSGD_OK;
}

cusgd_status model_set_missing(cusgd_model *model, const char *reason)
{
    char text[256];
    snprintf(text, sizeof text, "%s", reason);
    options_undash(text);
    return model_metadata_put(model, "no_standard_errors", text);
}

cusgd_status model_set_layout(cusgd_model *model, const cusgd_layout *layout) { return layout_copy(layout, &model->layout); }

cusgd_status model_set_base(cusgd_model *model, cusgd_index_base base)
{
    if (base == CUSGD_INDEX_AUTO) return CUSGD_OK;
    return model_metadata_put(model, "index_base", base == CUSGD_INDEX_ZERO ? "0" : "1");
}

/* Returns the index base of the LIBSVM file that the model was trained on. */
static cusgd_index_base model_base(const cusgd_model *model)
{
    for (size_t i = 0; i < model->metadata.count; i++)
        if (strcmp(model->metadata.names[i], "index_base") == 0)
            return strcmp(model->metadata.values[i], "0") == 0 ? CUSGD_INDEX_ZERO : CUSGD_INDEX_ONE;
    return CUSGD_INDEX_AUTO;
}

cusgd_status model_set_encoding(cusgd_model *model, const cusgd_encoding *encoding)
{
    return encoding_copy(encoding, &model->encoding);
}

void cusgd_model_free(cusgd_model *model)
{
    if (!model) return;
    for (size_t i = 0; i < model->metadata.count; i++) {
        free(model->metadata.names[i]);
        free(model->metadata.values[i]);
    }
    free(model->metadata.names);
    free(model->metadata.values);
    strings_free(model->features, model->d);
    strings_free(model->fan.names, model->k);
    free(model->fan.at);
    strings_free(model->targets, model->m);
    strings_free(model->classes, model->class_count);
    free(model->offset.name);
    layout_free(model->layout);
    encoding_free(model->encoding);
    loss_formula_free(model->formula);
    free(model->errors);
    free(model->weight);
    free(model->bias);
    free(model);
}

/* ---- What it is ---------------------------------------------------------------------------------------------------------- */

int64_t cusgd_model_cols(const cusgd_model *model) { return model ? model->d : 0; }
int64_t cusgd_model_outputs(const cusgd_model *model) { return model ? model->k : 0; }
const double *cusgd_model_weight(const cusgd_model *model) { return model ? model->weight : NULL; }
const double *cusgd_model_bias(const cusgd_model *model) { return model ? model->bias : NULL; }

const cusgd_loss_info *cusgd_model_loss(const cusgd_model *model, double *number)
{
    if (!model) return NULL;
    const cusgd_loss_info *info = loss_info_of(model->loss.kind);
    if (number) *number = info->option && !model->fan.at ? model->loss.number : (double)NAN;
    return info;
}

const double *cusgd_model_quantiles(const cusgd_model *model) { return model ? model->fan.at : NULL; }

const char *cusgd_model_output(const cusgd_model *model, int64_t j)
{
    if (!model || j < 0 || j >= model->k) return NULL;
    if (model->fan.at) return model->fan.names ? model->fan.names[j] : NULL;
    return model_is_multiclass(model) ? cusgd_model_class(model, (int)j) : cusgd_model_target(model, j);
}

const double *cusgd_model_standard_errors(const cusgd_model *model, int64_t *degrees_of_freedom)
{
    if (!model) return NULL;
    if (degrees_of_freedom) *degrees_of_freedom = model->residual_degrees;
    return model->errors;
}

const char *cusgd_model_feature(const cusgd_model *model, int64_t j)
{
    if (!model) return NULL;
    return model->features && j >= 0 && j < model->d ? model->features[j] : NULL;
}

const char *cusgd_model_target(const cusgd_model *model, int64_t j)
{
    if (!model) return NULL;
    return model->targets && j >= 0 && j < model->m ? model->targets[j] : NULL;
}

const char *cusgd_model_class(const cusgd_model *model, int value)
{
    if (!model) return NULL;
    return model->classes && value >= 0 && value < model->class_count ? model->classes[value] : NULL;
}

int64_t cusgd_model_classes(const cusgd_model *model) { return model ? model->class_count : 0; }
int64_t cusgd_model_targets(const cusgd_model *model) { return model ? model->m : 0; }

int64_t cusgd_model_prediction_cols(const cusgd_model *model, cusgd_prediction as)
{
    if (!model) return 0;
    return as == CUSGD_PREDICT_CLASS ? model->m : model->k;
}

int64_t cusgd_model_feature_column(const cusgd_model *model, int64_t j)
{
    if (!model) return 0;
    if (!model->layout || j < 0 || j >= model->d) return 0;
    return model->layout->features[model->encoding ? encoding_source(model->encoding, j) : j];
}

int64_t cusgd_model_target_column(const cusgd_model *model, int64_t j)
{
    if (!model) return 0;
    return model->layout && j >= 0 && j < model->m ? model->layout->targets[j] : 0;
}

int64_t cusgd_model_offset_column(const cusgd_model *model) { return model && model->layout ? model->layout->offset : 0; }

cusgd_offset cusgd_model_offset(const cusgd_model *model, const char **name)
{
    if (name) *name = NULL;
    if (!model) return CUSGD_OFFSET_NONE;
    if (name) *name = model->offset.name;
    return model->offset.kind;
}

int cusgd_model_metadata(const cusgd_model *model, size_t index, const char **name, const char **value)
{
    if (!model) return 0;
    if (index >= model->metadata.count) return 0;
    *name = model->metadata.names[index];
    *value = model->metadata.values[index];
    return 1;
}

void model_reader(const cusgd_model *model, cusgd_reader *reader)
{
    reader->layout = model->layout;
    reader->encoding = model->encoding;
    if (!model->encoding) reader->encode.categorical_auto = 0; /* the model was trained on numbers */
    reader->columns = model->d;
    if (reader->index_base == CUSGD_INDEX_AUTO) reader->index_base = model_base(model);
    if (model->encoding && model->encoding->at[0].name) {
        reader->roles.features = model->encoding->names;
        reader->roles.feature_count = (size_t)model->encoding->count;
    } else if (model->features && !model->encoding) {
        reader->roles.features = (const char *const *)model->features;
        reader->roles.feature_count = (size_t)model->d;
    }
    if (model->targets && reader->roles.target_count == 0) {
        reader->roles.targets = (const char *const *)model->targets;
        reader->roles.target_count = (size_t)model->m;
    }
    if (!reader->roles.offset && !reader->roles.exposure) {
        if (model->offset.kind == CUSGD_OFFSET_LINEAR) reader->roles.offset = model->offset.name;
        if (model->offset.kind == CUSGD_OFFSET_EXPOSURE) reader->roles.exposure = model->offset.name;
    }
    if (model->classes) reader->classes = (const char *const *)model->classes;
    if (model->classes) reader->class_count = (size_t)model->class_count;
}
