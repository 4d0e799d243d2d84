/* What runs when nothing is said, on tables in which columns depend on each other and a few rows lie far from all others: it ends
 * near the optimum, or the command says that it has not converged. CUSGD_TORTURE=1 runs the long grid. */
#include "problems.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Problems of one kind of far rows: all, those within 1e-3 of the optimum, those of which the command says that they are not. */
typedef struct tally {
    int tried, solved, reported;
    double worst, worst_unreported;
} tally;

static void try_one(const kind *c, tally *t)
{
    verdict v = try_kind(c);
    int within = v.relative_gap <= 1e-3;
    t->tried++;
    t->solved += within;
    t->reported += !within && v.reported;
    t->worst = fmax(t->worst, v.relative_gap);
    if (!v.reported) t->worst_unreported = fmax(t->worst_unreported, v.relative_gap);
    cr_expect(v.reported || v.relative_gap <= 1,
              "%s: n %lld, d %lld, correlation %g, seed %llu: %g above the optimum, and nothing says so", far_names[c->far],
              (long long)c->n, (long long)c->d, c->correlation, (unsigned long long)c->seed, v.relative_gap);
}

static void check(cusgd_loss loss, enum far far, const double signals[2])
{
    static const int64_t rows[] = {500, 5000, 20000}, cols[] = {3, 10, 30}, counts[] = {1, 2, 10};
    static const double correlations[] = {0.5, 0.99, 0.999};
    const char *word = getenv("CUSGD_TORTURE");
    int step = REDUCED ? 9 : word && strcmp(word, "1") == 0 ? 1 : 3, index = 0;
    tally t = {0};
    for (int size = 0; size < 3; size++)
        for (int r = 0; r < 3; r++)
            for (int f = 0; f < 3; f++)
                for (int s = 0; s < 2; s++, index++) {
                    if (index % step) continue;
                    kind c = {rows[size], cols[(size + r + f) % 3],
                              0,          correlations[r],
                              GAUSSIAN,   signals[s],
                              loss,       7919 * (uint64_t)index + 31 * (uint64_t)far + (uint64_t)loss,
                              far,        counts[f]};
                    try_one(&c, &t);
                }
    printf("%s, loss %d: %d of %d within 1e-3, %d more said to be not converged; worst %.1e, worst unreported %.1e\n",
           far_names[far], (int)loss, t.solved, t.tried, t.reported, t.worst, t.worst_unreported);
    cr_expect_geq(t.solved + t.reported, 0.97 * t.tried, "%s: %d solved, %d reported of %d", far_names[far], t.solved, t.reported,
                  t.tried);
}

static const double squared_signals[] = {0.95, 0.3}, logistic_signals[] = {3, 1};

Test(auto_far, squared)
{
    for (enum far far = LEVERAGE; far < FARS; far++) check(CUSGD_LOSS_SQUARED, far, squared_signals);
}

Test(auto_far, logistic)
{
    for (enum far far = LEVERAGE; far < FARS; far++) check(CUSGD_LOSS_LOGISTIC, far, logistic_signals);
}
