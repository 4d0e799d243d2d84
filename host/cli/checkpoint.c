#include "checkpoint.h"

#include "cli.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Parses "100steps", "1epochs" or "5minutes". Returns 0 if it is none of them. */
static int parse_every(checkpoints *c)
{
    char *unit;
    errno = 0;
    long long count = strtoll(c->every, &unit, 10);
    if (errno || unit == c->every || count < 1 || count > 1000000000000) return 0;
    if (strcmp(unit, "steps") == 0)
        c->steps = count;
    else if (strcmp(unit, "epochs") == 0)
        c->epochs = count;
    else if (strcmp(unit, "minutes") == 0)
        c->seconds = 60 * (double)count;
    else
        return 0;
    return 1;
}

const char *checkpoint_arguments(checkpoints *c)
{
    c->lock = -1;
    if (!c->path && (c->every || c->resume)) return "--every and --resume need --checkpoint FILE";
    if (!c->path) return NULL;
    if (!c->every) c->every = "5minutes";
    signals_handle_request(); /* before this call, the signal would end the process */
    return parse_every(c) ? NULL : "--every takes a whole number and a unit: 100steps, 1epochs or 5minutes";
}

/* ---- One run on one file ---- */

static int fail_lock(const char *name)
{
    return complain(CUSGD_ERROR_DATA, "--checkpoint %s: cannot be locked: %s", shown(name), strerror(errno));
}

static void close_lock(checkpoints *c)
{
    if (c->lock >= 0) close(c->lock);
    c->lock = -1;
}

/* Returns whether the open file still has its name, because a removed file is no valid lock; -1: unknown. */
static int has_name(int file, const char *name)
{
    struct stat open_file, named;
    if (fstat(file, &open_file) != 0) return -1;
    if (stat(name, &named) != 0) return errno == ENOENT ? 0 : -1;
    return open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/* The system releases the lock when the process ends in any way. */
int checkpoint_lock(checkpoints *c)
{
    char name[4096];
    if (!c->path || !ranks_writes(c->of)) return CUSGD_OK;
    if (snprintf(name, sizeof name, "%s.lock", c->path) >= (int)sizeof name)
        return complain(CUSGD_ERROR_USAGE, "--checkpoint: the path is too long");
    for (int is_ours = 0; is_ours == 0;) {
        close_lock(c);
        c->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (c->lock < 0) return fail_lock(name);
        if (flock(c->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) { /* not every file system has locks */
            close_lock(c);
            return complain(CUSGD_ERROR_USAGE, "--checkpoint %s: another run writes its checkpoints there", shown(c->path));
        }
        is_ours = has_name(c->lock, name);
        if (is_ours < 0) {
            int status = fail_lock(name);
            close_lock(c);
            return status;
        }
    }
    return CUSGD_OK;
}

void checkpoint_unlock(checkpoints *c)
{
    char name[4096];
    if (!c->path || c->lock < 0) return;
    snprintf(name, sizeof name, "%s.lock", c->path);
    unlink(name);
    close_lock(c);
}

/* ---- Writing ---- */

/* Saves a checkpoint. If that fails, the run continues. */
static void save(checkpoints *c, cusgd_trainer *trainer, const cusgd_progress *now)
{
    signals_defer(1);
    cusgd_status status = cusgd_trainer_save_state(trainer, c->path);
    signals_defer(0);
    if (status) {
        complain_last(status);
        fprintf(stderr,
                "cusgd: warning: this checkpoint is not written; the one before, if there is one, stays, and the run goes "
                "on\n");
    }
    c->last_step = now->step;
    c->last_epoch = now->epoch;
    c->last_time = clock_seconds(CLOCK_MONOTONIC);
}

static void on_checkpoint(cusgd_trainer *trainer, const cusgd_progress *now, void *user)
{
    checkpoints *c = user;
    int ends = (signals_caught() || cusgd_world_stopped(c->of->world)) && !c->signal_met, is_last = now->epoch == now->epochs;
    if (ends) c->signal_met = 1;
    int due = (c->steps > 0 && now->step - c->last_step >= c->steps) ||
              (c->epochs > 0 && now->epoch - c->last_epoch >= c->epochs) ||
              (c->seconds > 0 && clock_seconds(CLOCK_MONOTONIC) - c->last_time >= c->seconds);
    if (!ranks_writes(c->of)) return;
    if (signals_take_request() || ends || due || is_last) save(c, trainer, now);
}

/* ---- Going on ---- */

static int has_previous(const char *path)
{
    char previous[4096];
    int length = snprintf(previous, sizeof previous, "%s.previous", path);
    return length > 0 && (size_t)length < sizeof previous && access(previous, F_OK) == 0;
}

static int resume(checkpoints *c, cusgd_trainer *trainer, cusgd_progress *now)
{
    cusgd_status status = cusgd_trainer_load_state(trainer, c->path, now);
    if (status) {
        complain_last(status);
        if (status == CUSGD_ERROR_DATA && has_previous(c->path))
            fprintf(stderr, "cusgd: if the file is damaged, %s.previous is the checkpoint before it\n", shown(c->path));
        return (int)status;
    }
    if (!c->quiet)
        fprintf(stderr, "resumed from %s: %lld epoch%s, %lld steps\n", shown(c->path), (long long)now->epoch, plural(now->epoch),
                (long long)now->step);
    return CUSGD_OK;
}

int checkpoint_begin(checkpoints *c, cusgd_trainer *trainer, int64_t *epochs)
{
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    *epochs = -1;
    if (!c->path) return CUSGD_OK;
    int is_there = access(c->path, F_OK) == 0 || errno != ENOENT;
    if (c->resume && is_there) {
        int wrong = resume(c, trainer, &now);
        if (wrong) return wrong;
        *epochs = now.epoch;
    } else if (c->resume && !c->quiet) {
        fprintf(stderr, "%s does not exist: a new run begins\n", shown(c->path));
    }
    if (option_is(cusgd_trainer_options(trainer), "solver", "exact") && !c->quiet)
        fprintf(stderr, "note: solver exact finds the solution in one step: there is no state to save, and no checkpoint is "
                        "written\n");
    c->last_step = now.step;
    c->last_epoch = now.epoch;
    c->last_time = clock_seconds(CLOCK_MONOTONIC);
    cusgd_trainer_set_checkpoint_callback(trainer, on_checkpoint, c);
    return CUSGD_OK;
}
