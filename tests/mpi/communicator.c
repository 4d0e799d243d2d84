/* A program that has begun MPI itself: a trainer in a communicator of its own, of all ranks but the last, has the coefficients of
 * one process. Exit code 0: it does. */
#include "cusgd_world.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 101, D = 3 };

static int fails(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, cusgd_last_error());
    return 1;
}

/* world NULL: alone. */
static int train(cusgd_world *world, const cusgd_options *options, const cusgd_data *data, double parameters[D + 1])
{
    cusgd_trainer *trainer;
    cusgd_status status = world ? cusgd_trainer_create_shared(world, options, data, NULL, &trainer)
                                : cusgd_trainer_create(options, data, NULL, &trainer);
    if (status) return fails("create");
    if (cusgd_trainer_fit(trainer, NULL, NULL, NULL)) return fails("fit");
    if (cusgd_trainer_get_coefficients(trainer, parameters, parameters + D)) return fails("coefficients");
    cusgd_trainer_free(trainer);
    return 0;
}

static int compare(const MPI_Comm *some)
{
    static double x[N * D], y[N];
    double alone[D + 1], together[D + 1];
    const cusgd_matrix features = {x, CUSGD_TYPE_FLOAT64, D, 1}, target = {y, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    cusgd_options *options;
    cusgd_world *world;
    int rank;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) x[i * D + j] = (double)((i + 1) * (7 * j + 5) % 31) / 31;
        y[i] = x[i * D] - 2 * x[i * D + 1] + (double)(i % 5) / 10;
    }
    if (cusgd_data_wrap(N, D, 1, features, target, (cusgd_matrix){0}, &data)) return fails("data");
    if (cusgd_options_new(&options) || cusgd_options_set(options, "shards", "8")) return fails("options");
    if (cusgd_options_set(options, "device", "cpu") || cusgd_options_set(options, "threads", "1")) return fails("options");
    if (cusgd_world_mpi(some, 10, &world)) return fails("world");
    if (train(NULL, options, data, alone) || train(world, options, data, together)) return 1;
    int differs = memcmp(alone, together, sizeof alone) != 0;
    if (differs) fprintf(stderr, "rank %d of %d has other coefficients\n", cusgd_world_rank(world), cusgd_world_ranks(world));
    int status = cusgd_world_agree(world, differs, &rank);
    cusgd_world_close(world, status);
    cusgd_options_free(options);
    cusgd_data_free(data);
    return status;
}

int main(int argc, char **argv)
{
    int level, rank, ranks;
    MPI_Comm some;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int is_last = rank == ranks - 1;
    MPI_Comm_split(MPI_COMM_WORLD, is_last ? MPI_UNDEFINED : 0, rank, &some);
    int status = is_last ? 0 : compare(&some);
    if (!is_last) MPI_Comm_free(&some);
    MPI_Finalize();
    return status;
}
