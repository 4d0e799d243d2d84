#include "inside.h"

#include "data.h"
#include "problem/stream.h"
#include "solvers/solvers.h"
#include "trainer/trainer.h"

#include <stdlib.h>

void rows_of(const cusgd_trainer *trainer, examples *train, examples *valid)
{
    *train = trainer->problem.train.rows;
    *valid = trainer->problem.valid.rows;
}

int64_t steps_of(const cusgd_trainer *trainer) { return trainer->run.at.step; }

void set_slice(cusgd_trainer *trainer, int64_t steps) { trainer->sgd.slice = steps; }

void traffic_of(const cusgd_trainer *trainer, double *sent, double *found)
{
    stream_traffic t = stream_sent(trainer->problem.train.stream);
    *sent = t.sent;
    *found = t.found;
}

cusgd_status read_between(const cusgd_trainer *trainer)
{
    const problem *p = &trainer->problem;
    int64_t row = 7;
    double w, *x = malloc(sizeof(double) * (size_t)p->d);
    cusgd_status status = x ? stream_rows(p, p->train.stream, &row, 1, x, &w) : CUSGD_ERROR_MEMORY;
    free(x);
    return status;
}

cusgd_solver best_for(const cusgd_options *options, int64_t n, int64_t d, int64_t k, char *reason, size_t room)
{
    const cusgd_data data = {.view = {.n = n, .d = d, .k = k}};
    cusgd_options o = *options;
    o.solver = CUSGD_SOLVER_BEST;
    solver_best(&o, &data, reason, room);
    return o.solver;
}
