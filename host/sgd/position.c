/* Collects the state of a fit for a checkpoint, and restores it from one. */
#include "sgd.h"

static fit_position position_of(const fit *f)
{
    return (fit_position){.epochs = f->m.epochs,
                          .rows = f->m.rows,
                          .now = f->m.now,
                          .sgd = {.safe_epoch = f->safe_epoch,
                                  .evaluated_step = f->evaluated_step,
                                  .rollbacks = f->rollbacks,
                                  .first_step = f->first_step,
                                  .epoch_rows = f->epoch.rows,
                                  .epoch_done = f->epoch.done,
                                  .epoch_loss = f->epoch.loss,
                                  .epoch_failed = f->epoch.failed,
                                  .under_way = f->under_way}};
}

void fit_offer(sgd *s, const fit *f)
{
    run *r = s->run;
    if (!r->fit.callback) return;
    int64_t ahead = s->counted ? s->given - r->at.batch : 0;
    r->fit.at = position_of(f);
    run_offer(r, f->m.epochs, r->at.step + ahead);
}

cusgd_status fit_settle(sgd *s)
{
    steps_report *total = s->counted;
    sgd_position *at = &s->run->fit.at.sgd;
    if (!total || !s->problem->backend->ops->wait) return CUSGD_OK;
    s->counted = NULL;
    s->counting = sgd_count_steps(s, total);
    at->epoch_rows = total->rows;
    at->epoch_done = total->done;
    at->epoch_loss = total->loss;
    at->epoch_failed = total->failed;
    return s->counting;
}

void fit_resume(sgd *s, fit *f, int64_t stale)
{
    const fit_position *at = &s->run->fit.at;
    const sgd_position *of = &at->sgd;
    s->run->at.stale = stale;
    f->m.epochs = at->epochs;
    f->m.rows = at->rows;
    f->m.now = at->now;
    f->safe_epoch = of->safe_epoch;
    f->evaluated_step = of->evaluated_step;
    f->rollbacks = of->rollbacks;
    f->first_step = of->first_step;
    f->under_way = of->under_way;
    f->epoch = (steps_report){.loss = of->epoch_loss, .rows = of->epoch_rows, .done = of->epoch_done, .failed = of->epoch_failed};
    run_forget_fit(s->run);
}
