/* The processes of `mpirun -n P cusgd train ...` and sweep: rank 0 alone prints and writes. */
#ifndef CUSGD_CLI_RANKS_H
#define CUSGD_CLI_RANKS_H

#include "arguments.h"
#include "cusgd_world.h"

typedef struct ranks {
    const char *which;  /* --world; NULL: by the environment */
    double timeout;     /* --timeout, seconds */
    cusgd_world *world; /* NULL: this process is alone */
    int errors, output; /* what standard error and output were, while others than rank 0 are silent; -1: they are not */
    int caught;         /* the file that has what was to be printed */
} ranks;

/* For the commands that run in one process: takes --world none out of argv; without it, refuses to run where a launcher has
 * started several, which would all print and write the same. Returns a status, complained about. */
int ranks_check_alone(int *argc, char **argv);
/* Before the command line is parsed: a process that its launcher has not made rank 0 is silent from here on. */
void ranks_begin(ranks *r);
/* Behind it: opens the world, and gives the options (NULL: they need none) the usual number of shards where `argv` does not.
 * Returns a status, complained about. */
int ranks_open(ranks *r, cusgd_options *options, int argc, char **argv);
/* Refuses standard input where there are several processes. Returns a status, complained about. */
int ranks_check_input(const ranks *r, const syntax *s, const char *path);
/* Whether this process writes files. */
int ranks_writes(const ranks *r);
/* Ends the world. If ranks have failed, the lowest of them prints its message, and the others end with it. Returns the exit code.
 */
int ranks_end(ranks *r, int status);
/* Instead of ranks_open() and ranks_end(), where a command line is refused, as may be that of one rank alone: likewise. */
int ranks_refuse(ranks *r, int status);

#endif
