/* Data that the ranks of a world read together. */
#include "world.h"

#include "cusgd_world.h"
#include "data/ranks.h"
#include "failure.h"
#include "public.h"
#include "scalar/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status share(void *of, void *all, const size_t *bytes)
{
    world *w = of;
    w->ops->wait_long(w->of);
    return world_share(w, all, bytes);
}

/* Makes all ranks fail if some have failed; a rank that has not failed gets the message of the first one that has. Needs no
 * memory, because a rank that failed may have none. */
static cusgd_status agree(const data_ranks *r, cusgd_status status)
{
    int all[MAX_SHARDS] = {0}, first = 0;
    char text[1024] = "";
    size_t bytes[MAX_SHARDS] = {0};
    all[r->rank] = (int)status;
    cusgd_status shared = ranks_share_equal(r, all, sizeof *all);
    while (first < r->ranks && !all[first]) first++;
    if (shared || first == r->ranks) return status ? status : shared;
    bytes[first] = sizeof text;
    if (first == r->rank) snprintf(text, sizeof text, "%s", cusgd_last_error());
    shared = r->share(r->of, text, bytes);
    if (status || shared) return status ? status : shared;
    return fail(CUSGD_ERROR_DEVICE, "rank %d has failed: %s", first, text);
}

cusgd_status cusgd_data_open_shared(cusgd_world *w, const char *path, const cusgd_reader *reader, cusgd_data **out)
{
    *out = NULL;
    if (!path) return fail_null(__func__);
    if (!w || w->ranks == 1) return cusgd_data_open(path, reader, out);
    data_ranks r = {.rank = w->rank, .ranks = w->ranks, .of = w, .share = share};
    cusgd_status status = data_open_by(path, reader, &r, out);
    if (!w->failed) status = agree(&r, status);
    if (w->failed && status != CUSGD_ERROR_DEVICE) w->ops->notify(w->of, cusgd_last_error()); /* others do not know */
    w->ops->wait_long(w->of); /* the command does more work before the next exchange */
    if (!status) return CUSGD_OK;
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}
