#include "inside.h"

#include "data.h"
#include "solvers/solvers.h"
#include "trainer/trainer.h"

void rows_of(const cusgd_trainer *trainer, examples *train, examples *valid)
{
    *train = trainer->problem.train.rows;
    *valid = trainer->problem.valid.rows;
}

int64_t steps_of(const cusgd_trainer *trainer) { return trainer->run.at.step; }

void set_slice(cusgd_trainer *trainer, int64_t steps) { trainer->sgd.slice = steps; }

cusgd_solver best_for(const cusgd_options *options, int64_t n, int64_t d, int64_t k, char *reason, size_t room)
{
    const cusgd_data data = {.view = {.n = n, .d = d, .k = k}};
    cusgd_options o = *options;
    o.solver = CUSGD_SOLVER_BEST;
    solver_best(&o, &data, reason, room);
    return o.solver;
}
