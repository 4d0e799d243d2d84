#include "ranks.h"

#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char USUAL_SHARDS[] = "8";

/* Returns a number that the launcher sets in the environment under one of several names; -1: it is not set. */
static int launched(const char *const names[3])
{
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value >= '0' && *value <= '9') return (int)strtol(value, NULL, 10);
    }
    return -1;
}

static int launched_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    return launched(names);
}

static int launched_ranks(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    return launched(names);
}

/* ---- Silence ---- */

static void be_silent(ranks *r)
{
    FILE *file = tmpfile();
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (file && nothing >= 0) {
        fflush(NULL);
        r->errors = dup(STDERR_FILENO);
        r->output = dup(STDOUT_FILENO);
        r->caught = dup(fileno(file));
        dup2(r->caught, STDERR_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    if (file) fclose(file);
    if (nothing >= 0) close(nothing);
}

static void put_back(int *kept, int at)
{
    if (*kept < 0) return;
    dup2(*kept, at);
    close(*kept);
    *kept = -1;
}

/* says: what was to be printed meanwhile is printed now, as that of `rank`, unless that is -1. */
static void speak(ranks *r, int says, int rank)
{
    char text[4096];
    if (r->errors < 0) return;
    fflush(NULL);
    put_back(&r->errors, STDERR_FILENO);
    put_back(&r->output, STDOUT_FILENO);
    ssize_t length = says ? pread(r->caught, text, sizeof text, 0) : 0;
    if (length > 0 && rank >= 0) fprintf(stderr, "rank %d: ", rank);
    if (length > 0) fwrite(text, 1, (size_t)length, stderr);
    close(r->caught);
    r->caught = -1;
}

void ranks_begin(ranks *r)
{
    const double usual = 60;
    *r = (ranks){.timeout = usual, .errors = -1, .output = -1, .caught = -1};
    if (cusgd_world_launcher() && launched_rank() > 0) be_silent(r);
}

/* ---- The world ---- */

static int is_given(const char *option, int argc, char **argv)
{
    size_t length = strlen(option);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], option, length) == 0 && (argv[i][length] == 0 || argv[i][length] == '=')) return 1;
    return 0;
}

/* Opens the world. A process that was started alone, according to the environment, needs none. */
static int open_world(ranks *r)
{
    int is_asked = r->which && strcmp(r->which, "auto") != 0;
    const char *which = is_asked ? r->which : cusgd_world_launcher();
    if (!is_asked && launched_ranks() == 1) return CUSGD_OK;
    cusgd_status status = cusgd_world_open(which, r->timeout, &r->world);
    if (!status) return CUSGD_OK;
    complain_last(status);
    if (!is_asked) fprintf(stderr, "cusgd: --world none trains in each of the processes that were started, by itself\n");
    return (int)status;
}

int ranks_open(ranks *r, cusgd_options *options, int argc, char **argv)
{
    int is_none = r->which && strcmp(r->which, "none") == 0, is_asked = r->which && strcmp(r->which, "auto") != 0;
    if (is_none || (!is_asked && !cusgd_world_launcher())) {
        speak(r, 1, -1);
        return CUSGD_OK;
    }
    int status = open_world(r);
    if (status) return status;
    if (r->world && cusgd_world_rank(r->world) == 0)
        speak(r, 1, 0);
    else if (r->world && r->errors < 0)
        be_silent(r);
    if (!options || is_given("--shards", argc, argv)) return CUSGD_OK;
    cusgd_status set = cusgd_options_set(options, "shards", USUAL_SHARDS);
    return set ? complain_last(set) : CUSGD_OK;
}

int ranks_check_input(const ranks *r, const syntax *s, const char *path)
{
    if (cusgd_world_ranks(r->world) < 2 || strcmp(path, "-") != 0) return CUSGD_OK;
    return complain_usage(s, "standard input comes to one process alone: give several a file");
}

int ranks_writes(const ranks *r) { return cusgd_world_rank(r->world) == 0; }

/* Gets the message of this rank for the others after a failure: the first line of an error that it has printed. */
static void find_complaint(const ranks *r, char *text, size_t room)
{
    static const char PREFIX[] = "cusgd: ";
    char said[4096] = "";
    ssize_t length = -1;
    fflush(NULL);
    if (r->caught >= 0) length = pread(r->caught, said, sizeof said - 1, 0);
    said[length > 0 ? length : 0] = 0;
    const char *at = strstr(said, PREFIX);
    at = at ? at + sizeof PREFIX - 1 : "it has printed why";
    snprintf(text, room, "%.*s", (int)strcspn(at, "\n"), at);
}

/* The others find by themselves that a run has ended early, which is the same on all ranks, and the library informs them of a
 * device that fails; any other failure may be this rank's alone, and the others would wait for it. */
static void tell_failure(const ranks *r, int status)
{
    char text[600];
    if (status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_NOT_CONVERGED ||
        status == CUSGD_ERROR_INTERRUPTED || status == CUSGD_ERROR_DEVICE || status > 128)
        return;
    find_complaint(r, text, sizeof text);
    cusgd_world_fail(r->world, text);
}

/* A process that has found no world has nobody to inform, and the others wait for it in MPI: it says why by itself, and its exit
 * makes the launcher end all. Where rank 0 fails likewise it does so first, and the launcher ends the others as they pause: one
 * message is enough. */
static void end_alone(ranks *r)
{
    const struct timespec while_first = {2, 0};
    if (r->errors < 0) return;
    nanosleep(&while_first, NULL);
    speak(r, 1, launched_rank());
}

int ranks_end(ranks *r, int status)
{
    int rank = 0;
    if (!r->world && status) end_alone(r);
    if (r->world) tell_failure(r, status);
    if (r->world) cusgd_world_agree(r->world, status, &rank);
    if (r->world && rank == cusgd_world_rank(r->world)) speak(r, 1, rank);
    if (r->world) cusgd_world_close(r->world, status);
    r->world = NULL;
    return status;
}

int ranks_refuse(ranks *r, int status)
{
    const char *which = cusgd_world_launcher();
    if (which && launched_ranks() > 1 && cusgd_world_open(which, r->timeout, &r->world) != CUSGD_OK) r->world = NULL;
    return ranks_end(r, status);
}

/* ---- Commands of one process ---- */

/* Removes `--world none` and `--world=none`. Returns 1 if it was there. */
static int take_world_none(int *argc, char **argv)
{
    int kept = 1, found = 0;
    for (int i = 1; i < *argc; i++) {
        int words = strcmp(argv[i], "--world=none") == 0                                                   ? 1
                    : strcmp(argv[i], "--world") == 0 && i + 1 < *argc && strcmp(argv[i + 1], "none") == 0 ? 2
                                                                                                           : 0;
        if (words == 0) argv[kept++] = argv[i];
        if (words == 0) continue;
        found = 1;
        i += words - 1;
    }
    *argc = kept;
    argv[kept] = NULL;
    return found;
}

int ranks_check_alone(int *argc, char **argv)
{
    int asks = is_given("--help", *argc, argv) || is_given("-h", *argc, argv);
    if (take_world_none(argc, argv) || asks || !cusgd_world_launcher() || launched_ranks() < 2) return CUSGD_OK;
    if (launched_rank() > 0) return CUSGD_ERROR_USAGE;
    return complain(CUSGD_ERROR_USAGE,
                    "%s runs in one process, and the launcher has started %d: leave the launcher out, or give --world none, with "
                    "which each of them runs by itself and needs files of its own",
                    argv[0], launched_ranks());
}
