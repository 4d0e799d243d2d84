/* The device interface's operations on the parameters' state: start, put, get, copy. See device interface.h. */
#include "interface.h"

typedef double real; /* above the device interface all is double */
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

static int keeps(const run_spec *p, int part)
{
    switch (part) {
    case STATE_AVERAGE: return p->average;
    case STATE_SLOT1: return optimizer_slots(p->optimizer) > 0;
    case STATE_SLOT2: return optimizer_slots(p->optimizer) > 1;
    case STATE_SLOT3: return optimizer_slots(p->optimizer) > 2;
    default: return 1;
    }
}

/* Values that tell where they belong and that float rounds. */
static double value_at(int snapshot, int part, int64_t u) { return 1.0 / 3 + snapshot + 10 * part + 0.01 * (double)u; }

/* What read() gives is what get() gives, in the backend's precision; a part that is not kept is nowhere. */
static void check_read(const backend *b, const run_spec *p, cusgd_precision precision, int snapshot, int part,
                       const double *values)
{
    int64_t size = (p->d + 1) * p->k;
    const void *at = p;
    double *room = interface_allocate(size, sizeof(double));
    interface_ok(b->ops->state.read(b->self, (enum snapshot)snapshot, (enum state_part)part, room, &at), "read");
    if ((at != NULL) != keeps(p, part)) interface_fail("read of part %d gives %s", part, at ? "values" : "none");
    for (int64_t u = 0; u < size && at; u++) {
        double value = precision == CUSGD_PRECISION_FLOAT ? (double)((const float *)at)[u] : ((const double *)at)[u];
        if (value != values[u])
            interface_fail("read: optimizer %d, d %d, k %d, snapshot %d, part %d, parameter %d: %.17g, not %.17g", p->optimizer,
                           (int)p->d, (int)p->k, snapshot, part, (int)u, value, values[u]);
    }
    free(room);
}

/* What `snapshot` must read as. `from`: the snapshot that its values were put in; -1: zeros. */
static void check_snapshot(const backend *b, const run_spec *p, cusgd_precision precision, int snapshot, int from,
                           const char *when)
{
    int64_t size = (p->d + 1) * p->k;
    double *values = interface_allocate(size, sizeof(double));
    for (int part = 0; part < STATE_PARTS; part++) {
        for (int64_t u = 0; u < size; u++) values[u] = -1;
        interface_ok(b->ops->state.get(b->self, (enum snapshot)snapshot, (enum state_part)part, values), "get");
        for (int64_t u = 0; u < size; u++) {
            double put = from >= 0 && keeps(p, part) ? value_at(from, part, u) : 0;
            double expected = interface_scalar_of(precision)->round(put);
            if (values[u] != expected)
                interface_fail("%s: optimizer %d, average %d, d %d, k %d, snapshot %d, part %d, parameter %d: %.17g, not %.17g",
                               when, p->optimizer, p->average, (int)p->d, (int)p->k, snapshot, part, (int)u, values[u], expected);
        }
        check_read(b, p, precision, snapshot, part, values);
    }
    free(values);
}

static void check_state(const backend *b, const run_spec *p, cusgd_precision precision)
{
    int64_t size = (p->d + 1) * p->k;
    double *values = interface_allocate(size, sizeof(double));
    interface_ok(b->ops->start(b->self, p), "start");
    for (int snapshot = 0; snapshot < SNAPSHOTS; snapshot++) check_snapshot(b, p, precision, snapshot, -1, "after start");
    for (int snapshot = 0; snapshot < SNAPSHOTS; snapshot++)
        for (int part = 0; part < STATE_PARTS; part++) {
            for (int64_t u = 0; u < size; u++) values[u] = value_at(snapshot, part, u);
            interface_ok(b->ops->state.put(b->self, (enum snapshot)snapshot, (enum state_part)part, values), "put");
            memset(values, 0, sizeof(double) * (size_t)size); /* the backend has its own copy by now */
        }
    for (int snapshot = 0; snapshot < SNAPSHOTS; snapshot++) check_snapshot(b, p, precision, snapshot, snapshot, "after put");
    interface_ok(b->ops->state.copy(b->self, SNAPSHOT_BEST, SNAPSHOT_CURRENT), "copy");
    check_snapshot(b, p, precision, SNAPSHOT_BEST, SNAPSHOT_CURRENT, "after copy, to");
    check_snapshot(b, p, precision, SNAPSHOT_CURRENT, SNAPSHOT_CURRENT, "after copy, from");
    check_snapshot(b, p, precision, SNAPSHOT_EPOCH, SNAPSHOT_EPOCH, "after copy, neither");
    interface_ok(b->ops->state.copy(b->self, SNAPSHOT_CURRENT, SNAPSHOT_EPOCH), "copy");
    check_snapshot(b, p, precision, SNAPSHOT_CURRENT, SNAPSHOT_EPOCH, "after the copy back");
    check_snapshot(b, p, precision, SNAPSHOT_BEST, SNAPSHOT_CURRENT, "after the copy back, neither");
    free(values);
}

/* One backend for all run specs, so that each start also meets what the last one left. */
Test(interface_state, every_part_of_every_area)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, 1, &b);
        for (int o = 0; o < OPTIMIZERS; o++)
            for (int average = 0; average < 2; average++)
                for (int s = 0; s < SHAPES; s++) {
                    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
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

Test(interface_state, a_backend_may_be_closed_unused)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, 0, &b);
        cr_assert(strlen(b.name) > 0);
        b.ops->close(b.self);
    }
}
