/* What the tests of the device interface (host/backend.h) share: the backend under test, examples in every form that a source may
 * have, and plain oracles. The device is the environment's CUSGD_SEAM_DEVICE, as --device takes it ("cpu" if it is not set);
 * CUSGD_TORTURE=1 asks for products of levels, thousands, where otherwise every pair of levels occurs, CUSGD_SEAM_SHORT=1 for a
 * few cases, under a tool that slows the device down. */
#ifndef CUSGD_TESTS_SEAM_H
#define CUSGD_TESTS_SEAM_H

#include "backend.h"
#include "check/check.h" /* a parameter's own numbers */
#include "reduced.h"
#include "scalar/losses.h"

/* Opens it, or ends the test. */
void interface_backend_open(cusgd_precision precision, int threads, backend *out);

/* Ends the test unless the call succeeded; `what` names it. */
void interface_ok(cusgd_status status, const char *what);
/* Ends the test with a message. */
__attribute__((format(printf, 1, 2), noreturn)) void interface_fail(const char *format, ...);
int interface_torture(void);
int interface_short(void);
/* malloc and calloc that end the test rather than return NULL. */
void *interface_allocate(int64_t count, size_t size);

/* The engine asked for; CUBLAS with a clip-norm; AUTO where the backend says that it does not take the run spec: with one target
 * and rows of up to 1000 columns, all must. */
enum { INTERFACE_ENGINES = CUSGD_ENGINE_PERSISTENT + 1 };
cusgd_engine interface_engine(const backend *b, const run_spec *p, int asked);

/* ---- Choices, the same in every run ---- */

uint64_t interface_bits(uint64_t *state);
double interface_uniform(uint64_t *state); /* in (-1, 1) */

/* A factor of an experiment has levels 0 .. levels - 1; `crossed` ones are crossed under torture, the others drawn. */
typedef struct interface_factor {
    const char *name;
    int levels, crossed;
} interface_factor;
enum { INTERFACE_FACTORS = 21 };

/* Calls visit(levels, context), with one level for each factor, until every pair of levels of two factors has occurred; under
 * torture, for the product of the crossed factors, or some of it where it is too large. Ends with a factor of 0 levels. Returns
 * the number of calls. */
int64_t interface_cover(const interface_factor *factors, uint64_t seed, void (*visit)(const int *level, void *context),
                        void *context);

/* ---- Examples ---- */

enum interface_layout {
    INTERFACE_ROWS,
    INTERFACE_COLUMNS,
    INTERFACE_STRIDED,
    INTERFACE_BACKWARD,
    INTERFACE_LAYOUTS
}; /* C order, Fortran order, gaps, < 0 */

typedef struct interface_spec {
    int64_t n, d, k;
    cusgd_precision precision; /* of the backend */
    cusgd_storage storage;     /* of x, once bound */
    cusgd_type type;           /* of the source */
    enum interface_layout layout;
    int listed;       /* 1: through a list of rows of a longer source */
    int weighted;     /* 1: weights, about one in eight of them 0 */
    int standardized; /* 1: x' = (x - mean) (1 / scale); 2: likewise, where possible in float */
    int shifted;      /* 1: y' = y - shift */
    int binary;       /* 1: y in {0, 1} */
    int positive;     /* 1: y > 0 */
    int offset;       /* 1: offsets in (-1, 1) */
    uint64_t seed;
} interface_spec;

/* Examples as a source, and what they must be once bound: in the backend's precision, held in double. */
typedef struct interface_examples {
    interface_spec spec;
    examples source;
    transform transform;
    double *x, *y, *w, *o;                  /* n x d, n x k, n, n (0 where there are no offsets): bound */
    double *source_x, *source_y, *source_w; /* likewise, before the transform; source_w is all 1 where there are no weights */
    void *memory[4];                        /* the source's matrices */
    int64_t *rows;
    double *mean, *scale, *shift;
} interface_examples;

void interface_examples_make(const interface_spec *spec, interface_examples *e);
void interface_examples_free(interface_examples *e);
dataset *interface_bind(const backend *b, const interface_examples *e);
/* Synthetic rows first .. first + count - 1, in double. */
void interface_generated(const backend *b, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, double *x,
                         double *y);

/* What a loss can be tried on: targets of its kind, shifted where x is standardized; in_place: of the backend's own type. */
void interface_spec_for(interface_spec *spec, cusgd_loss loss, int in_place);
/* What a case says of itself when it fails; good until the next call. */
const char *interface_describe(const interface_spec *spec);

/* A backend of two threads in each precision, and how many cases they have had. */
typedef struct interface_session {
    backend of[2]; /* by precision */
    uint64_t cases;
} interface_session;
void interface_session_open(interface_session *s);
void interface_session_close(interface_session *s);

/* ---- Oracles ---- */

/* The bfloat16 that bind() makes of a number. */
double interface_bf16(double value);

/* What a backend is of and its examples are kept in: float, double, and likewise rounded to bf16. */
enum { INTERFACE_KINDS = 4 };
static inline cusgd_precision interface_precision(int kind) { return (cusgd_precision)(kind % 2); }
static inline cusgd_storage interface_storage(int kind) { return (cusgd_storage)(kind / 2); }

/* include/scalar/ in the backend's precision, behind functions that speak double. */
typedef struct interface_scalar {
    double unit, tiny; /* unit roundoff; the least normal number */
    double (*round)(double value);
    /* Where the gradient is taken, of a parameter and its first slot. */
    double (*point)(const run_spec *p, const step_numbers *s, double theta, double slot1);
    /* One parameter's step; state by enum part. */
    void (*update)(const run_spec *p, const step_numbers *s, const double *own, int penalized, double point, double g,
                   double *state);
} interface_scalar;
extern const interface_scalar interface_float, interface_double;
static inline const interface_scalar *interface_scalar_of(cusgd_precision p)
{
    return p == CUSGD_PRECISION_FLOAT ? &interface_float : &interface_double;
}

/* Every loss, with numbers that float holds exactly. */
enum { INTERFACE_LOSSES = LOSS_COUNT };
loss_rule interface_loss(int kind);

/* A mean gradient over some rows, the sum of their losses, and how far a sum of rounded products may lie from each. */
typedef struct interface_sums {
    double *gradient, *bound; /* (d+1) x k */
    double loss, loss_bound;
} interface_sums;

/* In long double, over rows[0 .. count-1]; sums' arrays are the caller's. */
void interface_gradient(const interface_examples *e, loss_rule loss, const double *theta, const int64_t *rows, int64_t count,
                        interface_sums *sums);

/* End the test unless the backend's objective, with its gradient and without, and its predictions are as close as that. */
void interface_check_objective(const backend *b, const interface_examples *e, const dataset *at, loss_rule loss,
                               const double *theta);
void interface_check_predictions(const backend *b, const interface_examples *e, const dataset *at, const double *theta);

/* Puts (d+1) x k values that the precision holds exactly, of about this size. */
void interface_theta(const interface_spec *spec, uint64_t *state, double size, double *theta);

#endif
