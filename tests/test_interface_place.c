/* Rows that stay where the caller has them give the bits of a bound copy. See interface.h. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t rows[] = {1, 4, 6, 64, 67, 133};
enum { ROWS = sizeof rows / sizeof *rows, MOST_D = 49 };

/* The loss, and the gradient behind it. */
static void pass(const backend *b, const interface_spec *spec, dataset *at, const double *theta, double *out)
{
    memset(out, 0, sizeof(double) * (size_t)((spec->d + 1) * spec->k + 1));
    interface_ok(
        b->ops->pieces.objective(b->self, at, (piece_of){0, spec->n}, interface_loss(CUSGD_LOSS_SQUARED), theta, out, out + 1),
        "objective");
}

static void compare(const backend *b, const interface_spec *spec)
{
    int64_t size = (spec->d + 1) * spec->k;
    double *theta = interface_allocate(size, sizeof(double)), *bound = interface_allocate(size + 1, sizeof(double));
    double *placed = interface_allocate(size + 1, sizeof(double)), *row = interface_allocate(2 * spec->d, sizeof(double));
    double weight[2];
    uint64_t state = spec->seed;
    int64_t last = spec->n - 1;
    interface_examples e;
    interface_theta(spec, &state, 1 / sqrt((double)spec->d), theta);
    interface_examples_make(spec, &e);
    dataset *copy = interface_bind(b, &e), *place = NULL;
    interface_ok(b->ops->pieces.bind_in_place(b->self, &e.source, &e.transform, &place), "bind_in_place");
    pass(b, spec, copy, theta, bound);
    pass(b, spec, place, theta, placed);
    cr_assert(memcmp(bound, placed, sizeof(double) * (size_t)(size + 1)) == 0, "%s: loss %.17g and %.17g",
              interface_describe(spec), bound[0], placed[0]);
    interface_ok(b->ops->rows(b->self, copy, &last, 1, row, weight), "rows");
    interface_ok(b->ops->rows(b->self, place, &last, 1, row + spec->d, weight + 1), "rows");
    cr_assert(memcmp(row, row + spec->d, sizeof(double) * (size_t)spec->d) == 0, "%s: the last row", interface_describe(spec));
    b->ops->unbind(b->self, copy);
    b->ops->unbind(b->self, place);
    interface_examples_free(&e);
    free(theta);
    free(bound);
    free(placed);
    free(row);
}

/* Each width has ends of its own behind whole vectors and whole groups of lanes. */
Test(interface_place, the_bits_of_a_copy)
{
    interface_session s;
    interface_session_open(&s);
    for (int64_t d = 1; d <= MOST_D; d++)
        for (int which = 0; which < 6 * INTERFACE_KINDS; which++) {
            int kind = which / 6;
            interface_spec spec = {.n = rows[(d + which) % ROWS],
                                   .d = d,
                                   .k = (d + which / 2) % 4 == 0 ? 3 : 1,
                                   .precision = interface_precision(kind),
                                   .storage = interface_storage(kind),
                                   .type = (cusgd_type)(which % 2),
                                   .listed = (d + which / 3) % 2 == 0,
                                   .weighted = (d + which) % 3 == 0,
                                   .standardized = which / 2 % 3,
                                   .shifted = which % 3 == 0,
                                   .offset = (d + which) % 5 == 0,
                                   .seed = 500 + ++s.cases};
            const backend *b = &s.of[spec.precision];
            if (b->ops->pieces.bind_in_place) compare(b, &spec);
        }
    interface_session_close(&s);
}
