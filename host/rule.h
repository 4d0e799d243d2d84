/* A run spec's constants in `real`, as update.h wants them. Included after real.h. */
#ifndef CUSGD_HOST_RULE_H
#define CUSGD_HOST_RULE_H

#include "backend.h"
#include "scalar/update.h"

static inline struct update_rule rule_of(const run_spec *p)
{
    struct update_rule rule = {p->optimizer,     p->average,  (real)p->beta1, (real)p->beta2, (real)p->rho,
                               (real)p->epsilon, (real)p->l1, (real)p->l2,    (real)p->decay};
    return rule;
}

#endif
