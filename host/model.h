/* A trained model: its coefficients in the units of the data, and a description of how they were trained. */
#ifndef CUSGD_HOST_MODEL_H
#define CUSGD_HOST_MODEL_H

#include "cusgd_tools.h"
#include "scalar/loss_rule.h"

/* Quantiles of the only target that the outputs predict. */
typedef struct quantile_outputs {
    double *at;   /* k, ascending; NULL: the outputs are targets or classes */
    char **names; /* k, or NULL */
} quantile_outputs;

/* The metadata of a model file except for the names. */
typedef struct model_metadata {
    char **names, **values; /* NULL-terminated both */
    size_t count;
} model_metadata;

/* The kind of offsets that a model was trained with. */
typedef struct model_offset {
    cusgd_offset kind;
    char *name; /* the name of the column, or NULL */
} model_offset;

struct cusgd_model {
    int64_t d, m, k;          /* m: targets; k: outputs, equal to m, or one for each class or quantile of one target */
    double *weight;           /* k x d, row-major */
    double *bias;             /* k */
    double *errors;           /* k x (d + 1): standard errors, those of the intercepts last; NULL: unknown */
    int64_t residual_degrees; /* degrees of freedom of their t distribution; 0: it is normal */
    int threads;              /* for predictions; 0: the number that is fastest */
    loss_rule loss;
    struct loss_formula *formula; /* the formula of the loss if it is an expression; else NULL */
    quantile_outputs fan;
    char **features; /* d names, or NULL */
    char **targets;  /* m names, or NULL */
    char **classes;  /* names of classes, or NULL */
    int64_t class_count;
    model_offset offset;
    cusgd_layout *layout;     /* numbers of the columns in the table that it was trained on; NULL: unknown */
    cusgd_encoding *encoding; /* how the columns of that table became features; NULL: they are the features */
    int foreign;              /* 1: written by another program, so that the options of its training are unknown */
    model_metadata metadata;
};

/* Returns whether the outputs are the classes of one target. */
static inline int model_is_multiclass(const cusgd_model *m) { return m->class_count > 2 || m->loss.kind == CUSGD_LOSS_SOFTMAX; }

/* The classes of a model as a caller gives them: `count` names, or NULL. */
typedef struct class_names {
    char *const *at;
    int64_t count;
} class_names;

/* Creates a model whose coefficients are 0. Names and classes may be NULL; they are copied. `options` become metadata; NULL:
 * none. */
cusgd_status model_create(const cusgd_options *options, int64_t d, int64_t k, char *const *features, char *const *targets,
                          class_names classes, cusgd_model **out);
/* Sets one target and names of the classes for a model whose loss, which is set already, is softmax. Fails with DATA if the
 * number of classes is not that of the outputs. */
cusgd_status model_settle_classes(cusgd_model *model);
/* Sets the kind of offsets. name is copied; it may be NULL. */
cusgd_status model_set_offset(cusgd_model *model, cusgd_offset kind, const char *name);
/* Adds the reason why there are no standard errors to the metadata of a model that model_create() made with options. May be
 * called once. */
cusgd_status model_set_missing(cusgd_model *model, const char *reason);

/* Adds the index base of LIBSVM text to the metadata of such a model, unless it is AUTO. May be called once. */
cusgd_status model_set_base(cusgd_model *model, cusgd_index_base base);

/* Sets the layout, which is copied; it may be NULL. */
cusgd_status model_set_layout(cusgd_model *model, const cusgd_layout *layout);
/* Sets the encoding, which is copied; it may be NULL. */
cusgd_status model_set_encoding(cusgd_model *model, const cusgd_encoding *encoding);

/* model_fan.c. Joins models of one output each into one model. They must be alike except for their numbers, and their quantiles
 * must be ascending. */
cusgd_status model_join(cusgd_model *const *parts, int64_t count, cusgd_model **out);
/* Sets the names of the outputs of a model whose quantiles and targets are set. */
cusgd_status model_name_quantiles(cusgd_model *model);
/* Reads the quantiles of a model of k outputs from a text in which they are separated by commas, and gives the model one target.
 * Does nothing for a text of one number. Returns 0 if the text is wrong; *status becomes MEMORY if there is no memory. */
int model_take_quantiles(cusgd_model *model, const char *text, cusgd_status *status);

/* Functions that creating and loading a model share. */
/* Sets the loss according to options whose precision is double. Fails with USAGE for an invalid formula. */
cusgd_status model_set_loss(cusgd_model *m, cusgd_options *options);
/* The number of options that describe a formula. */
enum { FORMULA_OPTIONS = 3 };
extern const char *const model_formula_options[FORMULA_OPTIONS];
cusgd_status model_allocate(int64_t d, int64_t k, cusgd_model **out);
cusgd_status model_metadata_create(cusgd_model *m, size_t count); /* room for `count` entries */
cusgd_status model_metadata_put(cusgd_model *m, const char *name, const char *value);
extern const char *const model_offset_words[]; /* words in the metadata, in the order of cusgd_offset */

#endif
