#include "inside.h"

#include "trainer/trainer.h"

void rows_of(const cusgd_trainer *trainer, examples *train, examples *valid)
{
    *train = trainer->problem.train.rows;
    *valid = trainer->problem.valid.rows;
}

int64_t steps_of(const cusgd_trainer *trainer) { return trainer->run.at.step; }

void set_slice(cusgd_trainer *trainer, int64_t steps) { trainer->sgd.slice = steps; }
