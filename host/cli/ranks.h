/* The ranks of `mpirun -n P cusgd train ...` and sweep. Only rank 0 prints and writes files. */
#ifndef CUSGD_CLI_RANKS_H
#define CUSGD_CLI_RANKS_H

#include "arguments.h"
#include "cusgd_world.h"

typedef struct ranks {
    const char *which;  /* --world; NULL: by the environment */
    double timeout;     /* --timeout, seconds */
    cusgd_world *world; /* NULL: there is one process */
    int errors, output; /* the original standard error and output while a rank other than 0 is silent; -1: it is not silent */
    int caught;         /* descriptor of the file that receives the output of a silent rank */
} ranks;

/* For commands that run in one process: removes --world none from argv. Without that argument, fails if a launcher has started
 * several processes, which would all print and write the same. Returns a status. */
int ranks_check_alone(int *argc, char **argv);
/* To be called before the command line is parsed: silences this process unless its launcher made it rank 0. */
void ranks_begin(ranks *r);
/* To be called after the command line was parsed: opens the world, and sets the default number of shards in the options (may be
 * NULL) unless `argv` gives it. Returns a status. */
int ranks_open(ranks *r, cusgd_options *options, int argc, char **argv);
/* Fails for standard input if there are several processes. Returns a status. */
int ranks_check_input(const ranks *r, const syntax *s, const char *path);
/* Returns whether this process writes files. */
int ranks_writes(const ranks *r);
/* Closes the world. If ranks have failed, the lowest of them prints its message, and all end with its status. Returns the exit
 * code. */
int ranks_end(ranks *r, int status);
/* To be called instead of ranks_open() and ranks_end() if the command line is invalid, possibly only that of this rank. Returns
 * the exit code likewise. */
int ranks_refuse(ranks *r, int status);

#endif
