/* Data that the processes of a world read together. */
#include "world.h"

#include "cusgd_world.h"
#include "data/ranks.h"
#include "failure.h"
#include "public.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status share(void *of, void *all, const size_t *bytes)
{
    world *w = of;
    w->ops->wait_long(w->of);
    return world_share(w, all, bytes);
}

/* How a rank has fared. */
typedef struct ending {
    int status;
    char text[1020];
} ending;

/* Where some ranks have failed, all do: one that has not, with the message of the first that has. */
static cusgd_status agree(data_ranks *r, cusgd_status status)
{
    ending *all = allocate_zeroed((size_t)r->ranks, sizeof *all), none = {0};
    if (!all) return fail_memory((size_t)r->ranks * sizeof none, "what processes exchange");
    all[r->rank].status = (int)status;
    if (status) snprintf(all[r->rank].text, sizeof all->text, "%s", cusgd_last_error());
    cusgd_status shared = ranks_share_equal(r, all, sizeof *all);
    for (int rank = 0; rank < r->ranks && !shared && !status; rank++)
        if (all[rank].status) status = fail(CUSGD_ERROR_DEVICE, "rank %d has failed: %s", rank, all[rank].text);
    free(all);
    return status ? status : shared;
}

cusgd_status cusgd_data_open_shared(cusgd_world *w, const char *path, const cusgd_reader *reader, cusgd_data **out)
{
    *out = NULL;
    if (!path) return fail_null(__func__);
    if (!w || w->ranks == 1) return cusgd_data_open(path, reader, out);
    data_ranks r = {.rank = w->rank, .ranks = w->ranks, .of = w, .share = share};
    cusgd_status status = data_open_by(path, reader, &r, out);
    if (!w->failed) status = agree(&r, status);
    w->ops->wait_long(w->of); /* the command prepares more before the ranks meet again */
    if (!status) return CUSGD_OK;
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}
