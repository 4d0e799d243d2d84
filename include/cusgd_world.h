/* cusgd_world.h: training one model in several processes, on one machine or many. */
#ifndef CUSGD_WORLD_H
#define CUSGD_WORLD_H

#include "cusgd_tools.h"
#include "cusgd_train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Several processes --------------------------------------------------------------------------------------------------- */

/* The processes (ranks 0, 1, ...) that train together, by MPI. The functions below that say "collective" must be called by all
 * ranks, in the same order and with equal arguments. They must be called from the thread that initialized MPI, or, if MPI was
 * initialized with MPI_THREAD_SERIALIZED or more, by one thread at a time. */
typedef struct cusgd_world cusgd_world;

/* Returns the MPI implementation whose launcher started this process, according to the environment: "openmpi" or "mpich"; NULL if
 * there is none. Static. */
CUSGD_API const char *cusgd_world_launcher(void);

/* Opens the world of all processes that were started together. `which`: "openmpi" or "mpich"; "mpi": the launcher's, or one that
 * is installed. Initializes MPI unless the program has done so; cusgd_world_close() then finalizes it. timeout: the seconds, > 0,
 * that other ranks may take to answer. The module libcusgd-openmpi.so or libcusgd-mpich.so is searched for as the one for CUDA is
 * (cusgd_set_module_folder). Collective. Fails with USAGE, or DEVICE where there is no such module or MPI fails. On failure *out
 * is NULL. */
CUSGD_API cusgd_status cusgd_world_open(const char *which, double timeout, cusgd_world **out);

/* Opens the world of the processes of a communicator. comm: the address of an MPI_Comm, in a program that has initialized MPI
 * with at least MPI_THREAD_FUNNELED. The communicator is duplicated; the caller still owns it. Collective. Errors as above. */
CUSGD_API cusgd_status cusgd_world_mpi(const void *comm, double timeout, cusgd_world **out);

/* The number of this process, from 0, and the number of processes. world NULL: 0 and 1. */
CUSGD_API int cusgd_world_rank(const cusgd_world *world);
CUSGD_API int cusgd_world_ranks(const cusgd_world *world);

/* Returns 1 if the interrupt function or a cancellation of some rank has ended the last call of a trainer, on all ranks; else 0.
 */
CUSGD_API int cusgd_world_stopped(const cusgd_world *world);

/* Opens data as cusgd_data_open does, on all ranks, each of which then has all of it. If the data is text in a regular file that
 * is not compressed, each rank reads a part of at least 256 KiB and receives the rows of the others, which need little memory if
 * reader->spill stores them in a file. Otherwise, or if the text has a comment, an empty line or a fault, each rank reads all of
 * it. The data and the errors do not depend on the number of ranks. A rank waits for the others as long as they read. world NULL:
 * cusgd_data_open. Collective. Errors: as cusgd_data_open; DEVICE, with the message of the first rank that failed, if other ranks
 * fail and this one does not. */
CUSGD_API cusgd_status cusgd_data_open_shared(cusgd_world *world, const char *path, const cusgd_reader *reader, cusgd_data **out);

/* Creates a trainer as cusgd_trainer_create does, whose rows are divided between the ranks: each has some of the shards, whose
 * number (option `shards`) must be at least that of the ranks. The result depends on the number of shards and not on that of the
 * ranks. All ranks must pass the same options and data, which is checked. Device "cuda" means the GPU with the number of the rank
 * on its machine, or the only one that the process sees; "auto" means a GPU if each process has its own, otherwise the CPU.
 * threads 0 means this rank's share of the cores of the machine. Collective, as is every function of this trainer that computes
 * (fit, step, optimum, create_model, reset, rebind, partial_fit, set_coefficients); a callback that ends a fit on one rank ends
 * it on all. If one rank fails with USAGE, DATA, MEMORY or DEVICE, the others fail with DEVICE and its message, and the world can
 * only be closed. The world must outlive the trainer. Errors: as cusgd_trainer_create; DEVICE if a rank does not answer in
 * time. */
CUSGD_API cusgd_status cusgd_trainer_create_shared(cusgd_world *world, const cusgd_options *options, const cusgd_data *train,
                                                   const cusgd_data *valid, cusgd_trainer **out);

/* Trains a sweep as cusgd_sweep_create does, whose configurations are divided between the ranks: each trains some of them on all
 * rows, and at the end all ranks have the whole sweep, which does not depend on their number. All ranks must pass the same
 * options, plan and data, which is checked. Each computes on its own GPU or its share of the cores of the CPU, as with
 * cusgd_trainer_create_shared; NCCL is not needed. plan->begins receives the number of models of all ranks and the number of
 * passes of this one. With halving, all configurations are compared each time, and are trained up to the comparison from the
 * start. An interrupt on one rank ends the sweep on all. world NULL: cusgd_sweep_create. Collective; the sweep's other functions
 * are not. Errors: as cusgd_sweep_create; where one rank fails alone, the others fail with DEVICE and its message, and the world
 * can only be closed; DEVICE where an epoch of one rank takes longer than that of another by the world's timeout. */
CUSGD_API cusgd_status cusgd_sweep_create_shared(cusgd_world *world, const cusgd_options *options, const cusgd_data *train,
                                                 const cusgd_data *valid, const cusgd_sweep_plan *plan, cusgd_sweep **out);

/* Informs the other ranks that this one has failed and ends, for a failure that they cannot find themselves, such as a file that
 * is missing on this machine: the collective functions in which they wait fail with DEVICE, and a message that names this rank
 * and has `text`, cut to 600 bytes. Afterwards only cusgd_world_agree() and cusgd_world_close() may be called. Does not wait.
 * Accepts a world that is NULL. */
CUSGD_API void cusgd_world_fail(cusgd_world *world, const char *text);

/* Exchanges the statuses of the ranks; it works after failures, too, and waits for some seconds at most. Returns the status of
 * the lowest rank whose status is not 0, and sets *rank to its number; returns 0 and sets *rank to -1 if there is none.
 * Collective. */
CUSGD_API int cusgd_world_agree(cusgd_world *world, int status, int *rank);

/* Frees the world, and finalizes MPI if cusgd_world_open() initialized it. If a failure left an exchange unfinished, MPI cannot
 * be finalized: this then ends the process, with `status` as exit code, and its launcher ends the others. Accepts NULL.
 * Collective. */
CUSGD_API void cusgd_world_close(cusgd_world *world, int status);

#ifdef __cplusplus
}
#endif
#endif
