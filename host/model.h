/* A trained model: coefficients in the data's units, and where they come from. */
#ifndef CUSGD_HOST_MODEL_H
#define CUSGD_HOST_MODEL_H

#include "cusgd_tools.h"
#include "scalar/loss_rule.h"

/* Outputs that are quantiles of the one target. */
typedef struct quantile_outputs {
    double *at;   /* k, ascending; NULL: outputs are targets or classes */
    char **names; /* k, or NULL */
} quantile_outputs;

/* What a model's file says of it besides its names. */
typedef struct model_metadata {
    char **names, **values; /* NULL-terminated both */
    size_t count;
} model_metadata;

/* The offsets that a model was trained with. */
typedef struct model_offset {
    cusgd_offset kind;
    char *name; /* the column's, or NULL */
} model_offset;

struct cusgd_model {
    int64_t d, m, k;          /* m: targets, k: outputs, as many, or one for each class or quantile of the target */
    double *weight;           /* k x d, row-major */
    double *bias;             /* k */
    double *errors;           /* k x (d + 1): standard errors, the intercepts' last; NULL: not known */
    int64_t residual_degrees; /* degrees of their t distribution; 0: a normal one */
    int threads;              /* for predictions; 0: as many as help */
    loss_rule loss;
    struct loss_formula *formula; /* of that, where it is an expression; else NULL */
    quantile_outputs fan;
    char **features; /* d names, or NULL */
    char **targets;  /* m names, or NULL */
    char **classes;  /* names of classes, or NULL */
    int64_t class_count;
    model_offset offset;
    cusgd_layout *layout;     /* the columns' numbers in the CSV it was trained on; NULL: not known */
    cusgd_encoding *encoding; /* of that CSV's columns as features; NULL: they are the features */
    int foreign;              /* 1: another program's: who knows what it was trained with */
    model_metadata metadata;
};

/* Whether the outputs are the classes of one target. */
static inline int model_is_multiclass(const cusgd_model *m) { return m->class_count > 2 || m->loss.kind == CUSGD_LOSS_SOFTMAX; }

/* A model's classes as given: `count` names, or NULL. */
typedef struct class_names {
    char *const *at;
    int64_t count;
} class_names;

/* A model of zeros. Names and classes may be NULL; they are copied. `options` become metadata; NULL: none. */
cusgd_status model_create(const cusgd_options *options, int64_t d, int64_t k, char *const *features, char *const *targets,
                          class_names classes, cusgd_model **out);
/* Gives a model of softmax, whose loss is set, one target, and names to its classes. DATA: they are not as many as its outputs.
 */
cusgd_status model_settle_classes(cusgd_model *model);
/* name: copied, or NULL. */
cusgd_status model_set_offset(cusgd_model *model, cusgd_offset kind, const char *name);
/* Puts the reason why there are no standard errors into the metadata of a model that model_create made with options; once. */
cusgd_status model_set_missing(cusgd_model *model, const char *reason);

/* Puts the index base of LIBSVM text into such a model's metadata; AUTO: nothing. Once. */
cusgd_status model_set_base(cusgd_model *model, cusgd_index_base base);

/* layout: copied, or NULL. */
cusgd_status model_set_layout(cusgd_model *model, const cusgd_layout *layout);
/* encoding: copied, or NULL. */
cusgd_status model_set_encoding(cusgd_model *model, const cusgd_encoding *encoding);

/* model_fan.c: one model of the single outputs of others, which are alike but for their numbers and have ascending quantiles. */
cusgd_status model_join(cusgd_model *const *parts, int64_t count, cusgd_model **out);
/* Names the outputs of a model whose quantiles and targets are set. */
cusgd_status model_name_quantiles(cusgd_model *model);
/* Sets the quantiles of a model of k outputs from a text in which they are separated by commas, and that they have one target; a
 * text of one number: nothing. Returns 0 where the text is wrong; *status: of memory. */
int model_take_quantiles(cusgd_model *model, const char *text, cusgd_status *status);

/* What making and loading a model share. */
/* Its loss, of options of precision double. USAGE: a formula that makes no sense. */
cusgd_status model_set_loss(cusgd_model *m, cusgd_options *options);
/* The options that make up a formula. */
enum { FORMULA_OPTIONS = 3 };
extern const char *const model_formula_options[FORMULA_OPTIONS];
cusgd_status model_allocate(int64_t d, int64_t k, cusgd_model **out);
cusgd_status model_metadata_create(cusgd_model *m, size_t count); /* room for `count` entries */
cusgd_status model_metadata_put(cusgd_model *m, const char *name, const char *value);
extern const char *const model_offset_words[]; /* of the metadata, in the order of cusgd_offset */

#endif
