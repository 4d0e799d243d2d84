/* The seam's operations on the parameters' state: start, put, get, copy. See seam.h. */
#include "seam.h"

typedef double real; /* above the seam all is double */
#include "scalar/update.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const int optimizers[] = {CUSGD_OPTIMIZER_SGD,     CUSGD_OPTIMIZER_MOMENTUM,   CUSGD_OPTIMIZER_NESTEROV,
                                 CUSGD_OPTIMIZER_ADAGRAD, CUSGD_OPTIMIZER_ADADELTA,   CUSGD_OPTIMIZER_RMSPROP,
                                 CUSGD_OPTIMIZER_ADAM,    OPTIMIZER_ADAGRAD_NESTEROV, CUSGD_OPTIMIZER_AMSGRAD};
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };
static const int64_t shapes[][2] = {{1, 1}, {2, 3}, {15, 1}, {16, 2}, {17, 17}, {33, 1}, {127, 5}, {5000, 1}}; /* d, k */
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int keeps(const plan *p, int part)
{
    switch (part) {
    case PART_AVERAGE: return p->average;
    case PART_SLOT1: return optimizer_slots(p->optimizer) > 0;
    case PART_SLOT2: return optimizer_slots(p->optimizer) > 1;
    case PART_SLOT3: return optimizer_slots(p->optimizer) > 2;
    default: return 1;
    }
}

/* Values that tell where they belong and that float rounds. */
static double value_at(int area, int part, int64_t u) { return 1.0 / 3 + area + 10 * part + 0.01 * (double)u; }

/* What `area` must read as. `from`: the area that its values were put in; -1: zeros. */
static void check_area(const backend *b, const plan *p, cusgd_precision precision, int area, int from, const char *when)
{
    int64_t size = (p->d + 1) * p->k;
    double *values = seam_allocate(size, sizeof(double));
    for (int part = 0; part < PARTS; part++) {
        for (int64_t u = 0; u < size; u++) values[u] = -1;
        seam_ok(b->ops->get(b->self, (enum area)area, (enum part)part, values), "get");
        for (int64_t u = 0; u < size; u++) {
            double put = from >= 0 && keeps(p, part) ? value_at(from, part, u) : 0;
            double expected = seam_scalar_of(precision)->round(put);
            if (values[u] != expected)
                seam_fail("%s: optimizer %d, average %d, d %d, k %d, area %d, part %d, parameter %d: %.17g, not %.17g", when,
                          p->optimizer, p->average, (int)p->d, (int)p->k, area, part, (int)u, values[u], expected);
        }
    }
    free(values);
}

static void check_state(const backend *b, const plan *p, cusgd_precision precision)
{
    int64_t size = (p->d + 1) * p->k;
    double *values = seam_allocate(size, sizeof(double));
    seam_ok(b->ops->start(b->self, p), "start");
    for (int area = 0; area < AREAS; area++) check_area(b, p, precision, area, -1, "after start");
    for (int area = 0; area < AREAS; area++)
        for (int part = 0; part < PARTS; part++) {
            for (int64_t u = 0; u < size; u++) values[u] = value_at(area, part, u);
            seam_ok(b->ops->put(b->self, (enum area)area, (enum part)part, values), "put");
            memset(values, 0, sizeof(double) * (size_t)size); /* the backend has its own copy by now */
        }
    for (int area = 0; area < AREAS; area++) check_area(b, p, precision, area, area, "after put");
    seam_ok(b->ops->copy(b->self, AREA_BEST, AREA_CURRENT), "copy");
    check_area(b, p, precision, AREA_BEST, AREA_CURRENT, "after copy, to");
    check_area(b, p, precision, AREA_CURRENT, AREA_CURRENT, "after copy, from");
    check_area(b, p, precision, AREA_EPOCH, AREA_EPOCH, "after copy, neither");
    seam_ok(b->ops->copy(b->self, AREA_CURRENT, AREA_EPOCH), "copy");
    check_area(b, p, precision, AREA_CURRENT, AREA_EPOCH, "after the copy back");
    check_area(b, p, precision, AREA_BEST, AREA_CURRENT, "after the copy back, neither");
    free(values);
}

/* One backend for all plans, so that each start also meets what the last one left. */
Test(seam_state, every_part_of_every_area)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        seam_backend_open((cusgd_precision)precision, 1, &b);
        for (int o = 0; o < OPTIMIZERS; o++)
            for (int average = 0; average < 2; average++)
                for (int s = 0; s < SHAPES; s++) {
                    plan p = {.loss.kind = CUSGD_LOSS_SQUARED,
                              .optimizer = optimizers[o],
                              .d = shapes[s][0],
                              .k = shapes[s][1],
                              .batch = 1 + s,
                              .intercept = s % 2,
                              .average = average};
                    check_state(&b, &p, (cusgd_precision)precision);
                }
        b.ops->close(b.self);
    }
}

Test(seam_state, a_backend_may_be_closed_unused)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        seam_backend_open((cusgd_precision)precision, 0, &b);
        cr_assert(strlen(b.name) > 0);
        b.ops->close(b.self);
    }
}
