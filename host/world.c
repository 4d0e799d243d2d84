/* Opens and closes a world. MPI is used by a module, one for each implementation, as their binary interfaces differ; it is opened
 * only when it is needed. */
#include "world.h"

#include "cusgd_world.h"
#include "failure.h"
#include "module_file.h"
#include "scalar/shards.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const implementations[] = {"openmpi", "mpich"};
enum { IMPLEMENTATIONS = sizeof implementations / sizeof implementations[0] };

const char *cusgd_world_launcher(void)
{
    /* Newer Open MPI and srun --mpi=pmix set PMIX_RANK; Hydra and srun --mpi=pmi2 set PMI_RANK. */
    if (getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK")) return implementations[0];
    if (getenv("PMI_SIZE") || getenv("PMI_RANK")) return implementations[1];
    return NULL;
}

/* Returns the MPI implementation that the process has loaded, to which the communicator of the caller belongs; NULL if it is
 * unknown. */
static const char *implementation_loaded(void)
{
    enum { VERSION_ROOM = 8193 }; /* larger than MPI_MAX_LIBRARY_VERSION_STRING of all implementations */
    int (*version)(char *text, int *length);
    void *at = dlsym(RTLD_DEFAULT, "MPI_Get_library_version");
    char text[VERSION_ROOM] = "";
    int length = 0;
    if (!at) return NULL;
    memcpy(&version, &at, sizeof at);
    if (version(text, &length) != 0) return NULL;
    return strstr(text, "Open MPI")                         ? implementations[0]
           : strstr(text, "MPICH") || strstr(text, "Intel") ? implementations[1]
                                                            : NULL;
}

/* RTLD_GLOBAL, because the modules of MPI search for its functions among those of the program. The module is never closed,
 * because MPI cannot be. */
static cusgd_status load(const char *implementation, world_open **out)
{
    char name[64], path[MODULE_PATH];
    int named;
    snprintf(name, sizeof name, "libcusgd-%s.so", implementation);
    if (!module_find(name, path, &named))
        return fail(CUSGD_ERROR_DEVICE,
                    "cuSGD's module for this MPI, %s, is not installed: build cuSGD where the MPI's headers are", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL), *open = library ? dlsym(library, MODULE_WORLD) : NULL;
    const char *why = open ? NULL : dlerror();
    if (!open) return fail(CUSGD_ERROR_DEVICE, "%s does not open: %s", path, why ? why : "it is of another version of cuSGD");
    memcpy(out, &open, sizeof open);
    return CUSGD_OK;
}

static cusgd_status open_world(const char *implementation, const void *comm, double timeout, cusgd_world **out)
{
    static const world_services services = {fail};
    world_open *open = NULL;
    if (!(timeout > 0)) return fail(CUSGD_ERROR_USAGE, "a timeout of %g seconds: give a number above 0", timeout);
    cusgd_status status = load(implementation, &open);
    world *w = status ? NULL : allocate_zeroed(1, sizeof *w);
    if (!status && !w) status = fail_memory(sizeof *w, "a world");
    if (!status) status = open(WORLD_ABI, &services, comm, timeout, w);
    if (!status && w->ranks > MAX_SHARDS) {
        status = fail(CUSGD_ERROR_USAGE, "%d processes: at most %d can train together", w->ranks, MAX_SHARDS);
        w->ops->close(w->of, (int)status, 0);
    }
    if (!status)
        *out = w;
    else
        free(w);
    return status;
}

static int is_installed(const char *implementation)
{
    char name[64], path[MODULE_PATH];
    int named;
    snprintf(name, sizeof name, "libcusgd-%s.so", implementation);
    return module_find(name, path, &named);
}

cusgd_status cusgd_world_open(const char *which, double timeout, cusgd_world **out)
{
    *out = NULL;
    if (!which) return fail_null(__func__);
    const char *implementation = NULL;
    for (int i = 0; i < IMPLEMENTATIONS; i++)
        if (strcmp(which, implementations[i]) == 0) implementation = implementations[i];
    if (!implementation && strcmp(which, "mpi") != 0)
        return fail(CUSGD_ERROR_USAGE, "there is no world \"%s\": give mpi, openmpi or mpich", which);
    if (!implementation) implementation = cusgd_world_launcher();
    for (int i = 0; i < IMPLEMENTATIONS && !implementation; i++)
        if (is_installed(implementations[i])) implementation = implementations[i];
    return open_world(implementation ? implementation : implementations[0], NULL, timeout, out);
}

cusgd_status cusgd_world_mpi(const void *comm, double timeout, cusgd_world **out)
{
    *out = NULL;
    if (!comm) return fail_null(__func__);
    const char *implementation = implementation_loaded();
    if (!implementation)
        return fail(CUSGD_ERROR_USAGE, "this process has loaded neither Open MPI nor MPICH, so that this is no communicator");
    return open_world(implementation, comm, timeout, out);
}

int cusgd_world_rank(const cusgd_world *w) { return w ? w->rank : 0; }

int cusgd_world_ranks(const cusgd_world *w) { return w ? w->ranks : 1; }

int cusgd_world_stopped(const cusgd_world *w) { return w && w->stop; }

void cusgd_world_fail(cusgd_world *w, const char *text)
{
    if (w && !w->failed) w->ops->notify(w->of, text ? text : ""); /* otherwise the other ranks know already */
}

int cusgd_world_agree(cusgd_world *w, int status, int *rank)
{
    *rank = status ? 0 : -1;
    return w ? w->ops->agree(w->of, status, rank) : status;
}

void cusgd_world_close(cusgd_world *w, int status)
{
    if (!w) return;
    w->ops->close(w->of, status, w->failed);
    for (int i = 0; i < WORLD_ROOMS && !w->failed; i++)
        free(w->room[i]); /* after a failure, a message from there may still be under way */
    free(w);
}
