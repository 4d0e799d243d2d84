/* What no device does with sparse rows. */
#ifndef CUSGD_HOST_SPARSE_H
#define CUSGD_HOST_SPARSE_H

#include "backend.h"
#include "failure.h"

/* USAGE where the run spec is one of sparse rows that no device takes. */
static inline cusgd_status sparse_refuses(const run_spec *p)
{
    if (!p->sparse) return CUSGD_OK;
    if (p->shards > 1)
        return fail(CUSGD_ERROR_USAGE, "sparse data is trained in one shard, not in %d; leave out --shards", p->shards);
    if (p->storage != CUSGD_STORAGE_FULL)
        return fail(CUSGD_ERROR_USAGE, "sparse data is not stored as bf16; leave out --storage");
    if (p->models)
        return fail(CUSGD_ERROR_USAGE,
                    "sparse data is trained one model at a time; run train for each of them instead of a sweep");
    return CUSGD_OK;
}

#endif
