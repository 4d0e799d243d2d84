/* Every call of the operating system and of the allocator made to fail in turn, in the command from outside
 * (tests/interpose/calls.c): each time the exit code is a documented one, standard error says what failed, an earlier output file
 * stays or the new one is complete, and no file, descriptor or mapping is left behind. Under AddressSanitizer, no memory either.
 */
#include "command.h"
#include "reduced.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>

/* A command, as words divided by blanks, and what it reads and writes. */
typedef struct job {
    const char *line;
    const char *input;     /* on standard input; NULL: nothing */
    const char *output[4]; /* files that it writes; ends by NULL */
} job;

/* What is done to a call. */
typedef struct strike {
    const char *calls, *action;
    int number;       /* of the error */
    int is_transient; /* 1: it may pass unseen, or another call may be the one that fails: the message then is of that */
    int stride;       /* after the first calls, only each of so many, where the tests do not run their long form */
    const char *cut;  /* the file that is cut, or NULL */
    long size;        /* bytes that are left of it */
} strike;

#ifdef __SANITIZE_ADDRESS__
enum { FIRST_CALLS = 1, SCALE = 13 }; /* a process takes long to start */
#else
enum { FIRST_CALLS = TESTS_REDUCED ? 2 : 3, SCALE = TESTS_REDUCED ? 5 : 1 };
#endif
enum { DESCRIPTION = 256 };
static char description[DESCRIPTION]; /* of the run in progress, for messages */

/* ---- One run ---- */

/* Whether a job's n-th call is struck: each one in the long form. The calls of one job are others than those of the next. */
static int is_chosen(const strike *s, long n, int number)
{
    int stride = s->stride * SCALE;
    return getenv("CUSGD_TORTURE") || n <= FIRST_CALLS || (n + number) % stride == 0;
}

static void set_number(const char *name, long value)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", value);
    setenv(name, text, 1);
}

/* Runs a job with its n-th call struck (n = 0: none is). Returns the exit code, or 128 + the signal that ended it. */
static int run_struck(const job *j, const strike *s, long n)
{
    char words[1024], *argv[32], *at = words;
    int count = 0, status;
    posix_spawn_file_actions_t files;
    pid_t child;
    snprintf(words, sizeof words, "cusgd %s", j->line);
    while ((argv[count] = strsep(&at, " ")) != NULL) count++;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, j->input ? j->input : "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, ".out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, ".err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    unlink(".report");
    setenv("FAIL_CALL", s->calls, 1);
    setenv("FAIL_ACTION", s->action, 1);
    set_number("FAIL_ERRNO", s->number);
    set_number("FAIL_NTH", n);
    set_number("FAIL_SIZE", s->size);
    setenv("FAIL_FILE", s->cut ? s->cut : "", 1);
    setenv("LD_PRELOAD", getenv("CALLS_LIBRARY"), 1);
    cr_assert_eq(posix_spawn(&child, getenv("CUSGD"), &files, NULL, argv, environ), 0);
    unsetenv("LD_PRELOAD");
    posix_spawn_file_actions_destroy(&files);
    cr_assert_eq(waitpid(child, &status, 0), child);
    snprintf(description, sizeof description, "%.120s: %s of %.40s, call %ld, errno %d", j->line, s->action, s->calls, n,
             s->number);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the run's calls reported; the file is removed. */
enum { REPORT = 1024 };
static char report[REPORT];
static void report_take(void)
{
    *report = '\0';
    if (!file_exists(".report")) return;
    text_read(".report", report, sizeof report);
    unlink(".report");
}

/* ---- What a job writes ---- */

typedef struct bytes {
    char *at;
    size_t count;
} bytes;

static bytes bytes_of(const char *name)
{
    bytes b = {NULL, 0};
    if (file_exists(name)) b.at = file_read(name, &b.count);
    return b;
}

static int is_same(const bytes *a, const bytes *b)
{
    return !a->at == !b->at && a->count == b->count && (!a->at || memcmp(a->at, b->at, a->count) == 0);
}

enum { OUTPUTS = 4 };
typedef struct written {
    bytes file[OUTPUTS], out;
    int names; /* in the folder */
} written;

static void written_read(const job *j, written *w)
{
    *w = (written){.out = bytes_of(".out"), .names = folder_count(".")};
    for (int i = 0; i < OUTPUTS && j->output[i]; i++) w->file[i] = bytes_of(j->output[i]);
}

static void written_free(written *w)
{
    for (int i = 0; i < OUTPUTS; i++) free(w->file[i].at);
    free(w->out.at);
}

static const char earlier[] = "what was there\n";

/* Each output file before a run: there already, with something else in it. */
static void lay_earlier(const job *j)
{
    for (int i = 0; i < OUTPUTS && j->output[i]; i++) {
        FILE *file = fopen(j->output[i], "w");
        cr_assert(file && fputs(earlier, file) >= 0 && fclose(file) == 0);
    }
}

/* A model with the same coefficients whose standard errors could not be computed, and that says why. */
static int lacks_errors(const bytes *b)
{
    static const char *const says[] = {"there is not enough memory for them", "the data was no longer complete"};
    return b->at && (memmem(b->at, b->count, says[0], strlen(says[0])) || memmem(b->at, b->count, says[1], strlen(says[1])));
}

/* A run that lost its data writes the model of its best epoch, and says so. */
static int is_best_epoch(const char *name, const char *err)
{
    cusgd_model *model = NULL;
    int is = strstr(err, "cusgd: the parameters of epoch ") && cusgd_model_load(name, &model) == CUSGD_OK;
    cusgd_model_free(model);
    return is;
}

/* Of several files that belong together, where not all can be renamed. */
static int may_be_gone(const job *j, const strike *s) { return j->output[1] && strstr(s->calls, "rename"); }

static int is_earlier(const bytes *b) { return b->at && strcmp(b->at, earlier) == 0; }

/* ---- What must be true after a run ---- */

/* LAPACK's Fortran runtime, which is opened when it is first used, ends the process itself where it lacks memory: by exit code 1,
 * or, of some allocations, by a free() of its own in its destructor that is not sound. */
static int ended_by_fortran(int code)
{
    char err[4096];
    text_read(".err", err, sizeof err);
    return (code == 1 || code == 128 + SIGABRT) && strstr(err, "Operating system error: Cannot allocate memory");
}

/* The message names the error: by the operating system's words, or as want of memory. */
static void check_message(const strike *s, int code)
{
    char err[4096];
    text_read(".err", err, sizeof err);
    cr_expect(strstr(err, "cusgd: "), "%s: exit code %d without a message: %s", description, code, err);
    if (s->is_transient) return;
    if (code == CUSGD_ERROR_MEMORY) cr_expect(strstr(err, "memory"), "%s: %s", description, err);
    if (code != CUSGD_ERROR_MEMORY)
        cr_expect(strstr(err, strerror(s->number)), "%s: exit code %d, and the message lacks \"%s\": %s", description, code,
                  strerror(s->number), err);
}

/* A run that succeeds has written and printed all that it does without a failure; another has left what was there. */
static void check_files(const job *j, const strike *s, int code, const written *whole)
{
    char err[4096];
    written now;
    int is_unknown = strstr(s->calls, "fstat") && (file_exists("c.new") || file_exists("c.lock")); /* whose, fstat() would tell */
    int leaves = strcmp(s->action, "kill") == 0 || strcmp(s->calls, "unlink") == 0 || is_unknown;
    written_read(j, &now);
    text_read(".err", err, sizeof err);
    for (int i = 0; i < OUTPUTS && j->output[i]; i++) {
        int is_whole = is_same(&now.file[i], &whole->file[i]) || lacks_errors(&now.file[i]);
        if (code == 0)
            cr_expect(is_whole, "%s: exit code 0, and %s is another: %s", description, j->output[i], err);
        else
            cr_expect(is_whole || is_earlier(&now.file[i]) || is_best_epoch(j->output[i], err) ||
                          (!now.file[i].at && may_be_gone(j, s)),
                      "%s: exit code %d, and %s is neither the old nor the new one: %s", description, code, j->output[i], err);
    }
    int says_so = strstr(err, "became shorter while it was read") || strstr(err, "train refuses this file"); /* info's notes */
    if (code == 0)
        cr_expect(says_so || is_same(&now.out, &whole->out), "%s: printed another text: %s\n%s", description, now.out.at, err);
    if (!leaves) {
        cr_expect_eq(now.names, whole->names, "%s: exit code %d, and a file is left or lost: %s", description, code, err);
        cr_expect(!strstr(report, "descriptor left"), "%s: exit code %d, and a descriptor is open: %s", description, code, err);
        cr_expect(!strstr(report, "mapping left"), "%s: exit code %d, and a file is mapped: %s", description, code, err);
    }
    cr_expect(!strstr(err, "Sanitizer") && !strstr(err, "runtime error:"), "%s: %s", description, err);
    written_free(&now);
}

static int is_documented(int code) { return code >= 0 && code <= CUSGD_ERROR_NOT_CONVERGED; }

static void check_run(const job *j, const strike *s, int code, const written *whole)
{
    int is_killed = strcmp(s->action, "kill") == 0,
        is_harmless = strcmp(s->action, "short") == 0 || strcmp(s->action, "again") == 0;
    if (is_killed)
        cr_expect(code == 128 + SIGKILL, "%s: exit code %d", description, code);
    else
        cr_expect(is_documented(code) || ended_by_fortran(code), "%s: exit code %d", description, code);
    if (is_harmless) cr_expect_eq(code, 0, "%s: exit code %d", description, code);
    if (code != 0 && !is_killed && !ended_by_fortran(code)) check_message(s, code);
    check_files(j, s, code, whole);
}

/* How many calls of these functions the last run made that was not killed. */
static long calls_made(const char *functions)
{
    char list[256], *at = list, *name;
    long all = 0;
    snprintf(list, sizeof list, "%s", functions);
    while ((name = strsep(&at, ",")) != NULL) {
        size_t length = strlen(name);
        for (const char *line = report; line && *line; line = strchr(line, '\n'), line += line != NULL)
            if (strncmp(line, name, length) == 0 && line[length] == ' ') all += strtol(line + length, NULL, 10);
    }
    return all;
}

/* What the job does where no call fails; report then has how many it makes. */
static void run_whole(const job *j, written *whole)
{
    static const strike none = {.calls = "open", .action = "error"};
    lay_earlier(j);
    cr_assert_eq(run_struck(j, &none, 0), 0, "%s", description);
    report_take();
    written_read(j, whole);
}

/* The n-th call struck. */
static int run_one(const job *j, const strike *s, long n)
{
    lay_earlier(j);
    int code = run_struck(j, s, n);
    report_take();
    return code;
}

/* ---- The jobs ---- */

static const job jobs[] = {
    {"train folder --model m --threads 1 --epochs 3 -q", NULL, {"m"}},
    {"train data.csv --model m --threads 1 --epochs 3 --valid data.csv --init first --penalty-factors factors", NULL, {"m"}},
    {"train data.csv.gz --model m --threads 1 --epochs 3 --average -q", NULL, {"m"}},
    {"train stored.npz --model m --threads 1 --epochs 3 -q", NULL, {"m"}},
    {"train compressed.npz --model m --threads 1 --epochs 3 -q", NULL, {"m"}},
    {"train text.csv --model m --threads 1 --solver newton --loss logistic -q", NULL, {"m"}},
    {"train folder --model m --threads 1 --solver exact -q", NULL, {"m"}},
    {"train data.csv --model m --threads 1 --epochs 3 --history h -q", NULL, {"m"}},
    {"train data.csv --model m --threads 1 --epochs 3 --checkpoint c --every 1epochs -q", NULL, {"m"}},
    {"train data.csv --model m --threads 1 --epochs 3 --checkpoint c --resume -q", NULL, {"m"}},
    {"train - --model m --threads 1 --online -q", "long.csv", {"m"}},
    {"predict first data.csv -o p.csv", NULL, {"p.csv"}},
    {"predict first - -o -", "data.csv", {NULL}},
    {"predict folder.m folder -o p.npy", NULL, {"p.npy"}},
    {"evaluate first data.csv --json", NULL, {NULL}},
    {"evaluate folder.m folder", NULL, {NULL}},
    {"info first", NULL, {NULL}},
    {"info first --coefficients", NULL, {NULL}},
    {"info data.csv", NULL, {NULL}},
    {"info folder", NULL, {NULL}},
    {"generate made --rows 30 --cols 3 --force", NULL, {"made/x.npy", "made/y.npy", "made/true.safetensors"}},
};
enum { JOBS = sizeof jobs / sizeof *jobs };

static void write_lines(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void setup(void)
{
    static outcome o;
    command_setup();
    setenv("CALLS_LIBRARY", TEST_CALLS, 1);
    setenv("FAIL_REPORT", ".report", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("CUSGD_MODULE_DIR", "/nonexistent", 1);
    run(&o, "cp $GOLDEN/tables/stored.npz $GOLDEN/tables/compressed.npz . && gzip -k data.csv && mkdir made &&"
            "$CUSGD generate folder --rows 50 --cols 3 && $CUSGD train folder --model folder.m -q && "
            "$CUSGD train data.csv --model first -q && cat data.csv >long.csv && "
            "for i in $(seq 80); do tail -n +2 data.csv; done >>long.csv");
    assert_code(o, 0);
    write_lines("factors", "1\n0.5\n2\n");
}

TestSuite(command_calls, .init = setup, .fini = folder_teardown, .timeout = 600);

/* The job with its calls struck in turn. */
static void strike_job(const job *j, int number, const strike *s, size_t count)
{
    written whole;
    char made[REPORT];
    run_whole(j, &whole);
    memcpy(made, report, sizeof made);
    for (size_t i = 0; i < count; i++) {
        memcpy(report, made, sizeof made);
        long calls = calls_made(s[i].calls), struck = 0;
        for (long n = 1; n <= calls; n++) {
            if (!is_chosen(&s[i], n, number)) continue;
            int code = run_one(j, &s[i], n);
            struck++;
            check_run(j, &s[i], code, &whole);
        }
        if (getenv("CALLS_VERBOSE"))
            fprintf(stderr, "%6ld of %ld: %s of %s: %s\n", struck, calls, s[i].action, s[i].calls, j->line);
    }
    written_free(&whole);
}

static void strike_all(const strike *s, size_t count)
{
    for (int i = 0; i < JOBS; i++) strike_job(&jobs[i], i, s, count);
}

#ifndef __SANITIZE_ADDRESS__
Test(command_calls, memory)
{
    static const strike strikes[] = {
        {"malloc,calloc,realloc,aligned_alloc,posix_memalign", "error", ENOMEM, .stride = 61},
        {"malloc,calloc,realloc,aligned_alloc,posix_memalign", "errors", ENOMEM, .stride = 307},
    };
    strike_all(strikes, sizeof strikes / sizeof *strikes);
}
#endif

Test(command_calls, files)
{
    static const strike strikes[] = {
        {"open,opendir,fopen,fdopen,memfd_create,dup,dup2", "error", EMFILE, .stride = 5},
        {"read,pread", "error", EIO, .stride = 5},
        {"read,pread", "errors", EIO, .stride = 5},
        {"write,pwrite", "error", ENOSPC, .stride = 4},
        {"write,pwrite", "errors", EDQUOT, .stride = 5},
        {"fsync,fdatasync,close,fclose,fflush", "error", EIO, .stride = 4},
        {"rename,link,mkdir,fchmod,ftruncate,lseek", "error", EROFS, .stride = 1},
        {"stat,fstat,poll", "error", EIO, .is_transient = 1, .stride = 37},
        {"stat,fstat", "errors", EIO, .is_transient = 1, .stride = 41},
        {"mmap", "error", ENOMEM, .stride = 1},
    };
    strike_all(strikes, sizeof strikes / sizeof *strikes);
}

/* Transfers in pieces, and signals that interrupt them, change nothing. */
Test(command_calls, pieces)
{
    static const strike strikes[] = {
        {"read,write,pread,pwrite", "short", 0, .stride = 1000000},
        {"read,write,pread,pwrite,poll", "again", EINTR, .stride = 7},
    };
    strike_all(strikes, sizeof strikes / sizeof *strikes);
}

/* Files that several threads read: what fails while one of them waits for the others' text is said as by one thread. */
Test(command_calls, readers_on_several_threads)
{
    static const job readers[] = {{"train big.csv --model m --threads 3 --epochs 1 -q", NULL, {"m"}},
                                  {"train big.csv.gz --model m --threads 3 --epochs 1 -q", NULL, {"m"}},
                                  {"train rows.svm --model m --threads 2 --epochs 1 -q", NULL, {"m"}}};
    static const strike strikes[] = {{"read,pread", "error", EIO, .stride = 1},
                                     {"read,pread", "errors", EIO, .stride = 2},
                                     {"read,pread,poll", "again", EINTR, .stride = 3},
                                     {"malloc,realloc,aligned_alloc", "error", ENOMEM, .stride = 97}};
    static outcome o;
    run(&o, "$CUSGD generate long --rows 12000 --cols 3; tail -n +2 long.csv >rows; "
            "{ head -n 1 long.csv; for i in 1 2 3 4 5 6; do cat rows; done; } >big.csv && gzip -k big.csv && "
            "awk -F, '{print $4, \"1:\" $1, \"2:\" $2}' rows >rows.svm");
    assert_code(o, 0);
    for (int i = 0; i < 3; i++) strike_job(&readers[i], i, strikes, 4);
}

/* Where no thread can be started, fewer do the same work: a model's bits do not depend on how many there are. */
Test(command_calls, threads)
{
    static const job j = {"train wide --model m --threads 6 --epochs 2 -q", NULL, {"m"}};
    static const strike strikes[] = {{"pthread_create", "error", EAGAIN, .stride = 1},
                                     {"pthread_create", "errors", EAGAIN, .stride = 1}};
    static outcome o;
    written whole;
    run(&o, "$CUSGD generate wide --rows 20000 --cols 8");
    assert_code(o, 0);
    unsetenv("OMP_NUM_THREADS");
    run_whole(&j, &whole);
    long calls = calls_made("pthread_create");
    cr_assert_geq(calls, 5, "%ld threads were started", calls);
    for (long n = 1; n <= calls; n++)
        for (int i = 0; i < 2; i++) {
            int code = run_one(&j, &strikes[i], n);
            cr_expect_eq(code, 0, "%s", description);
            check_run(&j, &strikes[i], code, &whole);
        }
    written_free(&whole);
}

/* Rows that are read when they are needed, here through a mapping: a page that cannot be had ends the run with the reason that a
 * read gives; where the read works, or the system knows nothing of pages, the run goes on, and so it does where no thread can be
 * started. */
Test(command_calls, streams)
{
    static const job j = {"train large --model m --epochs 1 --batch 1000 --memory 24M --sampling pages -q", NULL, {"m"}};
    static const strike strikes[] = {{"madvise,pread", "errors", EIO, .stride = 31},
                                     {"madvise", "errors", EFAULT, .stride = 97},
                                     {"madvise", "errors", EINVAL, .stride = 97},
                                     {"mincore", "errors", EAGAIN, .stride = 8009},
                                     {"pthread_create", "errors", EAGAIN, .stride = 11}};
    static outcome o;
    written whole;
    run(&o, "$CUSGD generate large --rows 90000 --cols 64");
    assert_code(o, 0);
    run_whole(&j, &whole);
    char made[REPORT];
    memcpy(made, report, sizeof made);
    for (size_t i = 0; i < sizeof strikes / sizeof *strikes; i++) {
        memcpy(report, made, sizeof made);
        long calls = calls_made(strikes[i].calls);
        cr_assert_geq(calls, i < 4 ? 20 : 3, "%ld calls of %s", calls, strikes[i].calls);
        for (long n = 1; n <= calls; n++) {
            if (!is_chosen(&strikes[i], n, 0)) continue;
            int code = run_one(&j, &strikes[i], n);
            if (strikes[i].number == EIO && n < calls - 40)
                cr_expect_eq(code, CUSGD_ERROR_DATA, "%s: exit code %d", description, code);
            if (strikes[i].number != EIO) cr_expect_eq(code, 0, "%s: exit code %d", description, code);
            check_run(&j, &strikes[i], code, &whole);
        }
    }
    written_free(&whole);
}

/* ---- A process that is killed in a call ---- */

static void remove_temporary(void) { cr_assert_eq(system("rm -f .cusgd-*.tmp made/.cusgd-*.tmp"), 0); }

/* Every output is the old one or the whole new one, and the next run works; the temporary file stays, under its own name. */
static void kill_each(int number)
{
    static const strike s = {"open,write,fsync,fchmod,close,rename,unlink", "kill", 0, .stride = 4};
    const job *j = &jobs[number];
    written whole, now;
    run_whole(j, &whole);
    long calls = calls_made(s.calls);
    for (long n = 1; n <= calls; n++) {
        if (!is_chosen(&s, n, number)) continue;
        check_run(j, &s, run_one(j, &s, n), &whole);
        run_whole(j, &now);
        for (int i = 0; i < OUTPUTS && j->output[i]; i++)
            cr_expect(is_same(&now.file[i], &whole.file[i]), "%s: %s is another in the next run", description, j->output[i]);
        written_free(&now);
        remove_temporary();
    }
    written_free(&whole);
}

Test(command_calls, killed)
{
    for (int i = 0; i < JOBS; i++)
        if (jobs[i].output[0]) kill_each(i);
}

/* ---- A file that becomes shorter, at each moment between two calls ---- */

typedef struct shrinking {
    job job;
    const char *file; /* that becomes shorter; .whole has its bytes */
    long sizes[3];
} shrinking;

/* The run has had all that it needed of the file, or says that it is not whole. */
static void check_shrunk(const shrinking *s, const strike *how, int code, const written *whole)
{
    char err[4096];
    text_read(".err", err, sizeof err);
    cr_expect(code == 0 || code == CUSGD_ERROR_DATA, "%s, %ld bytes left: exit code %d: %s", description, how->size, code, err);
    check_files(&s->job, how, code, whole);
    if (code == 0) return;
    const char *name = strrchr(s->file, '/') ? strrchr(s->file, '/') + 1 : s->file;
    cr_expect(strstr(err, name) && strstr(err, "cusgd: "), "%s, %ld bytes left: %s", description, how->size, err);
}

static int notes_shrinking(void)
{
    char err[4096];
    text_read(".err", err, sizeof err);
    return strstr(err, "became shorter") != NULL;
}

/* A size that cuts a table inside a row, so that it is damaged also where it was short before it was opened. */
static long size_inside_row(const char *name, long after)
{
    size_t count;
    char *text = file_read(name, &count), *line = strchr(text + after, '\n');
    cr_assert(line && strchr(line, ','));
    long size = strchr(line, ',') + 1 - text;
    free(text);
    return size;
}

/* Returns how many runs met the shorter file. */
static int strike_shrinking(const shrinking *s, long size)
{
    const strike strikes[] = {{"open,mmap,fstat,read", "truncate", 0, .stride = 2, .cut = s->file, .size = size},
                              {"malloc,aligned_alloc,write", "truncate", 0, .stride = 97, .cut = s->file, .size = size}};
    static outcome o;
    char made[REPORT];
    written whole;
    int refused = 0;
    run(&o, "cp %s .whole", s->file);
    run_whole(&s->job, &whole);
    memcpy(made, report, sizeof made);
    for (int i = 0; i < 2; i++) {
        memcpy(report, made, sizeof made);
        long calls = calls_made(strikes[i].calls);
        for (long n = 1; n <= calls; n++) {
            if (!is_chosen(&strikes[i], n, 0)) continue;
            int code = run_one(&s->job, &strikes[i], n);
            check_shrunk(s, &strikes[i], code, &whole);
            refused += code != 0 || notes_shrinking();
            run(&o, "cp .whole %s", s->file);
        }
    }
    written_free(&whole);
    run(&o, "rm .whole");
    return refused;
}

Test(command_calls, shrinking_files)
{
    shrinking all[] = {
        {{"train long --model m --threads 1 --epochs 3 --no-standardize -q", NULL, {"m"}}, "long/x.npy", {0, 4096}},
        {{"train long --model m --threads 1 --epochs 3 -q", NULL, {"m"}}, "long/y.npy", {100, 4096}},
        {{"train stored.npz --model m --threads 1 --epochs 3 -q", NULL, {"m"}}, "stored.npz", {100, 1000}},
        {{"train compressed.npz --model m --threads 1 --epochs 3 -q", NULL, {"m"}}, "compressed.npz", {100}},
        {{"train big.csv --model m --threads 1 --epochs 2 -q", NULL, {"m"}}, "big.csv", {0, 0}},
        {{"train data.csv.gz --model m --threads 1 --epochs 2 -q", NULL, {"m"}}, "data.csv.gz", {100}},
        {{"predict folder.m long -o p.npy", NULL, {"p.npy"}}, "long/x.npy", {0, 4096}},
        {{"predict folder.m long -o p.npy", NULL, {"p.npy"}}, "folder.m", {0, 100}},
        {{"evaluate folder.m long", NULL, {NULL}}, "long/y.npy", {100, 4096}},
        {{"evaluate first data.csv", NULL, {NULL}}, "first", {0, 100}},
        {{"info long", NULL, {NULL}}, "long/x.npy", {0, 4096}},
        {{"info first", NULL, {NULL}}, "first", {0, 100}},
        {{"info big.csv", NULL, {NULL}}, "big.csv", {0}},
    };
    static outcome o;
    run(&o,
        "$CUSGD generate long --rows 2000 --cols 3; cat long.csv >big.csv; for i in 1 2; do tail -n +2 long.csv; done >>big.csv");
    assert_code(o, 0);
    long inside = size_inside_row("big.csv", 300000);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int refused = 0;
        if (strcmp(all[i].file, "big.csv") == 0) all[i].sizes[1] = inside;
        for (int k = 0; k < 3 && (k == 0 || all[i].sizes[k] > 0); k++) refused += strike_shrinking(&all[i], all[i].sizes[k]);
        cr_expect_gt(refused, 0, "%s: no run met the shorter file", all[i].job.line);
    }
}

/* Files that are read by lines, whose reading the C library does inside itself. */
Test(command_calls, a_folder_in_the_place_of_a_file)
{
    static const char *const lines[] = {"train data.csv --model m --penalty-factors folder",
                                        "train data.csv --model m --init folder", "predict folder data.csv -o p.csv"};
    static outcome o;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        run(&o, "$CUSGD %s", lines[i]);
        assert_code(o, CUSGD_ERROR_DATA);
        cr_expect(strstr(o.err, "Is a directory") || strstr(o.err, "is not a regular file"), "%s", o.err);
        cr_expect(!file_exists("m") && !file_exists("p.csv"));
    }
}
