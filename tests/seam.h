/* What the tests of the seam (host/backend.h) share: the backend under test, examples in every form that a source may have, and
 * plain oracles. The device is the environment's CUSGD_SEAM_DEVICE, as --device takes it ("cpu" if it is not set);
 * CUSGD_TORTURE=1 asks for products of levels, thousands, where otherwise every pair of levels occurs, CUSGD_SEAM_SHORT=1 for a
 * few cases, under a tool that slows the device down. */
#ifndef CUSGD_TESTS_SEAM_H
#define CUSGD_TESTS_SEAM_H

#include "backend.h"
#include "check/check.h" /* a parameter's own numbers */
#include "reduced.h"
#include "scalar/losses.h"

/* Opens it, or ends the test. */
void seam_backend_open(cusgd_precision precision, int threads, backend *out);

/* Ends the test unless the call succeeded; `what` names it. */
void seam_ok(cusgd_status status, const char *what);
/* Ends the test with a message. */
__attribute__((format(printf, 1, 2), noreturn)) void seam_fail(const char *format, ...);
int seam_torture(void);
int seam_short(void);
/* malloc and calloc that end the test rather than return NULL. */
void *seam_allocate(int64_t count, size_t size);

/* The engine asked for; CUBLAS with a clip-norm; AUTO where the backend says that it does not take the plan: with one target and
 * rows of up to 1000 columns, all must. */
enum { SEAM_ENGINES = CUSGD_ENGINE_PERSISTENT + 1 };
cusgd_engine seam_engine(const backend *b, const plan *p, int asked);

/* ---- Choices, the same in every run ---- */

uint64_t seam_bits(uint64_t *state);
double seam_uniform(uint64_t *state); /* in (-1, 1) */

/* A factor of an experiment has levels 0 .. levels - 1; `crossed` ones are crossed under torture, the others drawn. */
typedef struct seam_factor {
    const char *name;
    int levels, crossed;
} seam_factor;
enum { SEAM_FACTORS = 21 };

/* Calls visit(levels, context), with one level for each factor, until every pair of levels of two factors has occurred; under
 * torture, for the product of the crossed factors, or some of it where it is too large. Ends with a factor of 0 levels. Returns
 * the number of calls. */
int64_t seam_cover(const seam_factor *factors, uint64_t seed, void (*visit)(const int *level, void *context), void *context);

/* ---- Examples ---- */

enum seam_layout { SEAM_ROWS, SEAM_COLUMNS, SEAM_STRIDED, SEAM_BACKWARD, SEAM_LAYOUTS }; /* C order, Fortran order, gaps, < 0 */

typedef struct seam_spec {
    int64_t n, d, k;
    cusgd_precision precision; /* of the backend */
    cusgd_storage storage;     /* of x, once bound */
    cusgd_type type;           /* of the source */
    enum seam_layout layout;
    int listed;       /* 1: through a list of rows of a longer source */
    int weighted;     /* 1: weights, about one in eight of them 0 */
    int standardized; /* 1: x' = (x - mean) (1 / scale) */
    int shifted;      /* 1: y' = y - shift */
    int binary;       /* 1: y in {0, 1} */
    int positive;     /* 1: y > 0 */
    int offset;       /* 1: offsets in (-1, 1) */
    uint64_t seed;
} seam_spec;

/* Examples as a source, and what they must be once bound: in the backend's precision, held in double. */
typedef struct seam_examples {
    seam_spec spec;
    examples source;
    transform transform;
    double *x, *y, *w, *o;                  /* n x d, n x k, n, n (0 where there are no offsets): bound */
    double *source_x, *source_y, *source_w; /* likewise, before the transform; source_w is all 1 where there are no weights */
    void *memory[4];                        /* the source's matrices */
    int64_t *rows;
    double *mean, *scale, *shift;
} seam_examples;

void seam_examples_make(const seam_spec *spec, seam_examples *e);
void seam_examples_free(seam_examples *e);
bound *seam_bind(const backend *b, const seam_examples *e);

/* What a loss can be tried on: targets of its kind, shifted where x is standardized; in_place: of the backend's own type. */
void seam_spec_for(seam_spec *spec, cusgd_loss loss, int in_place);
/* What a case says of itself when it fails; good until the next call. */
const char *seam_describe(const seam_spec *spec);

/* A backend of two threads in each precision, and how many cases they have had. */
typedef struct seam_session {
    backend of[2]; /* by precision */
    uint64_t cases;
} seam_session;
void seam_session_open(seam_session *s);
void seam_session_close(seam_session *s);

/* ---- Oracles ---- */

/* The bfloat16 that bind() makes of a number. */
double seam_bf16(double value);

/* What a backend is of and its examples are kept in: float, double, and likewise rounded to bf16. */
enum { SEAM_KINDS = 4 };
static inline cusgd_precision seam_precision(int kind) { return (cusgd_precision)(kind % 2); }
static inline cusgd_storage seam_storage(int kind) { return (cusgd_storage)(kind / 2); }

/* include/scalar/ in the backend's precision, behind functions that speak double. */
typedef struct seam_scalar {
    double unit, tiny; /* unit roundoff; the least normal number */
    double (*round)(double value);
    /* Where the gradient is taken, of a parameter and its first slot. */
    double (*point)(const plan *p, const step_numbers *s, double theta, double slot1);
    /* One parameter's step; state by enum part. */
    void (*update)(const plan *p, const step_numbers *s, const double *own, int penalised, double point, double g, double *state);
} seam_scalar;
extern const seam_scalar seam_float, seam_double;
static inline const seam_scalar *seam_scalar_of(cusgd_precision p)
{
    return p == CUSGD_PRECISION_FLOAT ? &seam_float : &seam_double;
}

/* Every loss, with numbers that float holds exactly. */
enum { SEAM_LOSSES = LOSS_COUNT };
loss_rule seam_loss(int kind);

/* A mean gradient over some rows, the sum of their losses, and how far a sum of rounded products may lie from each. */
typedef struct seam_sums {
    double *gradient, *bound; /* (d+1) x k */
    double loss, loss_bound;
} seam_sums;

/* In long double, over rows[0 .. count-1]; sums' arrays are the caller's. */
void seam_gradient(const seam_examples *e, loss_rule loss, const double *theta, const int64_t *rows, int64_t count,
                   seam_sums *sums);

/* Puts (d+1) x k values that the precision holds exactly, of about this size. */
void seam_theta(const seam_spec *spec, uint64_t *state, double size, double *theta);

#endif
