/* Converts the constants of a run spec to the update_rule of scalar/update.h in `real`. To be included after real.h. */
#ifndef CUSGD_HOST_RULE_H
#define CUSGD_HOST_RULE_H

#include "backend.h"
#include "scalar/update.h"

static inline struct update_rule rule_of(const run_spec *p)
{
    const update_constants *c = &p->constants;
    struct update_rule rule = {p->optimizer,     p->average,  (real)c->beta1, (real)c->beta2, (real)c->rho,
                               (real)c->epsilon, (real)c->l1, (real)c->l2,    (real)c->decay};
    return rule;
}

#endif
