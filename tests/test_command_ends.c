/* `cusgd train` from outside: how it ends, whether it diverges, is interrupted or killed, or a solver ends it. */
#include "command.h"
#include "cusgd_tools.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>

TestSuite(command_ends, .init = command_setup, .fini = folder_teardown);

static outcome o;

Test(command_ends, divergence_in_the_first_epoch_writes_nothing)
{
    run(&o, "$CUSGD train data.csv --model m --optimizer sgd --rate 1e10 --no-standardize --epochs 100 --batch 1");
    assert_code(o, 4);
    assert_has(o.err, "cusgd: ");
    assert_has(o.err, "rate");
    assert_has(o.err, "no epoch was completed: m is not written");
    cr_assert(!file_exists("m"));
}

/* The rate rises to 20 in 100 epochs, of which the first ones are good. */
/* One column is far from the intercept's scale, too. */
Test(command_ends, divergence_names_a_single_column)
{
    run(&o,
        "printf 'age,spend\\n65,200\\n70,250\\n72,270\\n81,310\\n' >ages.csv; $CUSGD train ages.csv --model m --optimizer sgd "
        "--rate 0.001 --no-standardize --batch 2 --epochs 1000");
    assert_code(o, 4);
    assert_has(o.err, "Columns of largest scale: age (");
    assert_has(o.err, "leave out --no-standardize");
}

Test(command_ends, divergence_later_keeps_the_best_epoch)
{
    run(&o, "$CUSGD train data.csv --model m --optimizer sgd --schedule cosine --warm-up 100 --rate 20 --no-standardize --epochs "
            "1000 "
            "--batch 60; echo $?; $CUSGD info m && $CUSGD evaluate m data.csv");
    assert_code(o, 0);
    cr_assert(strncmp(o.out, "4\n", 2) == 0, "%s%s", o.out, o.err);
    assert_has(o.err, "the parameters of epoch ");
    assert_has(o.err, " are in m\n");
    assert_lacks(o.out, "nan");
}

/* A good model is not replaced by one that is worse than a constant, whether the loss ended finite or not. */
Test(command_ends, a_model_worse_than_a_constant_is_not_written)
{
    static const struct {
        const char *options;
        int code;
        const char *says;
    } runs[] = {
        {"--optimizer sgd --rate 20 --no-standardize --epochs 1000 --batch 60", 4, "diverged: "},
        {"--loss huber --rate 1e6", 7, "not converged: "},
        {"--loss huber --rate 1e6 --optimizer adam -q", 7, "not converged: "},
        {"--solver gd --rate 3", 4, "diverged: "},
    };
    run(&o, "$CUSGD train data.csv --model m -q && cp m good");
    assert_code(o, 0);
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        run(&o, "$CUSGD train data.csv --model m %s", runs[i].options);
        assert_code(o, runs[i].code);
        assert_has(o.err, runs[i].says);
        assert_has(o.err, "m is not written\n");
        assert_lacks(o.err, "--tolerance"); /* one hint is enough */
        assert_lacks(o.err, "Columns of largest scale: 1 ");
        run(&o, "cmp m good");
        assert_code(o, 0);
    }
}

Test(command_ends, exchanged_arguments)
{
    run(&o, "$CUSGD train data.csv --model m.safetensors -q && $CUSGD predict data.csv m.safetensors -o p.csv");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "data.csv is no model, and m.safetensors is one: MODEL comes before DATA");
    run(&o, "$CUSGD predict data.csv data.csv -o p.csv");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_lacks(o.err, "MODEL comes before DATA");
}

Test(command_ends, device_that_is_not_there)
{
    cusgd_device device = CUSGD_INIT(cusgd_device);
    int cuda = 0;
    for (size_t i = 0; cusgd_device_at(i, &device); i++) cuda |= device.usable && strncmp(device.id, "cuda", 4) == 0;
    run(&o, "$CUSGD train data.csv --model m --device cuda:%d", cuda ? 999 : 0);
    assert_code(o, 3);
    assert_has(o.err, "cuda");
    cr_assert(!file_exists("m"));
}

static void pause_briefly(void)
{
    struct timespec t = {0, 10000000};
    nanosleep(&t, NULL);
}

/* Starts an endless run whose standard error is `to` (-1: the file err), in a session of its own, and waits for its first epochs.
 */
static pid_t start_endless(int to, const char *model)
{
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        int err = to >= 0 ? to : open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        dup2(err, STDERR_FILENO);
        setsid();
        setenv("TERM", "xterm", 1);
        execl(getenv("CUSGD"), "cusgd", "train", "data.csv", "--model", model, "--epochs", "1000000000", "--history", "h",
              (char *)NULL);
        _exit(99);
    }
    char history[256] = "";
    for (int i = 0; i < 3000 && !strchr(history, '\n'); i++) {
        pause_briefly();
        if (file_exists("h")) text_read("h", history, sizeof history);
    }
    cr_assert(strchr(history, '\n'), "no epoch in 30 s");
    return child;
}

static int exit_code_of(pid_t child)
{
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void interrupt_with(int signal)
{
    pid_t child = start_endless(-1, "m");
    cr_assert_eq(kill(child, signal), 0);
    cr_assert_eq(exit_code_of(child), 128 + signal);
    run(&o, "tail -n 5 err; $CUSGD evaluate m data.csv; tail -n 1 h");
    assert_code(o, 0);
    assert_has(o.out, "interrupted after ");
    assert_has(o.out, "the model so far is in m\n");
    assert_has(o.out, "\"epoch\": ");
}

Test(command_ends, interrupt_writes_the_model_so_far) { interrupt_with(SIGINT); }

/* --foreground: otherwise timeout sends the signal to its process group, too, and a second one ends a command at once. */
Test(command_ends, an_interrupted_bench_says_so)
{
    run(&o, "timeout --foreground --preserve-status -s INT 1 $CUSGD bench --shapes 2000x4 --seconds 1000");
    assert_code(o, 128 + SIGINT);
    assert_has(o.err, "cusgd: interrupted");
}

Test(command_ends, termination_writes_the_model_so_far) { interrupt_with(SIGTERM); }

/* A run that is killed outright keeps its history and harms no older model. */
Test(command_ends, killed_run_keeps_its_history)
{
    run(&o, "$CUSGD train data.csv --model m -q && cp m before");
    pid_t child = start_endless(-1, "m");
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(exit_code_of(child), 1000 + SIGKILL);
    run(&o, "cmp m before && tail -n 1 err | sed 's/epoch //; s,/.*,,' && tail -n 1 h");
    assert_code(o, 0);
    long long shown;
    int used;
    cr_assert(sscanf(o.out, "%lld%n", &shown, &used) == 1);
    cJSON *last = cJSON_Parse(o.out + used);
    cr_assert(last, "%s", o.out);
    long long kept = (long long)cJSON_GetObjectItem(last, "epoch")->valuedouble;
    cr_assert(kept >= shown - 1, "epoch %lld was shown, %lld kept", shown, kept);
    cJSON_Delete(last);
}

/* What an endless run writes to a terminal of so many columns until it is interrupted. */
static void run_on_terminal(unsigned short columns, char *text, size_t size)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int far = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    struct winsize shape = {.ws_row = 24, .ws_col = columns};
    cr_assert(far >= 0 && ioctl(far, TIOCSWINSZ, &shape) == 0);
    pid_t child = start_endless(far, "m");
    size_t length = 0;
    for (int i = 0; i < 60; i++) { /* the terminal holds little: read on while it runs, and after */
        if (i == 40) cr_assert_eq(kill(child, SIGINT), 0);
        if (i == 50) cr_assert_eq(exit_code_of(child), 130);
        pause_briefly();
        ssize_t got = read(terminal, text + length, size - 1 - length);
        if (got > 0) length += (size_t)got;
    }
    text[length] = '\0';
    close(far);
    close(terminal);
}

/* On a terminal: one line, rewritten in place, with the time that is left, ended before anything else is printed. */
Test(command_ends, progress_line_on_a_terminal)
{
    static char text[1 << 16];
    run_on_terminal(120, text, sizeof text);
    assert_has(text, "\repoch ");
    assert_has(text, "\033[K");
    assert_has(text, " left");
    assert_has(text, "\033[K\r\ncusgd: interrupted after ");
}

/* A line as wide as the terminal would wrap, and could not be rewritten. */
Test(command_ends, progress_line_fits_a_narrow_terminal)
{
    static char text[1 << 16];
    run_on_terminal(30, text, sizeof text);
    int lines = 0;
    for (char *line = strstr(text, "\repoch "); line; line = strstr(line + 1, "\repoch "), lines++) {
        char *end = strstr(line, "\033[K");
        cr_assert(end && end - line - 1 == 29, "%s", line);
    }
    cr_assert(lines >= 2);
}

/* ---- Solvers ---- */

Test(command_ends, solver_that_does_not_converge_ends_in_7_with_a_model)
{
    run(&o, "\"$CUSGD\" train data.csv --solver gd --epochs 2 --model m.safetensors");
    assert_code(o, CUSGD_ERROR_NOT_CONVERGED);
    assert_has(o.err, "not converged: after 2 iterations of solver gd the gradient is");
    assert_has(o.err, "--solver auto");
    run(&o, "\"$CUSGD\" predict m.safetensors data.csv -o p.csv");
    assert_code(o, 0);
}

Test(command_ends, solver_tells_what_it_does)
{
    run(&o, "\"$CUSGD\" train data.csv --solver auto --batch 5 --history h.jsonl --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.err, "--batch changes nothing with --solver auto");
    assert_has(o.err, "chosen: solver exact");
    assert_has(o.err, "1 iteration of exact");
    run(&o, "\"$CUSGD\" info m.safetensors --coefficients");
    assert_code(o, 0);
    assert_has(o.out, "standard error");
    assert_has(o.out, "t of 56 degrees of freedom");
    run(&o, "\"$CUSGD\" info m.safetensors --coefficients --json");
    assert_code(o, 0);
    assert_has(o.out, "\"feature\": null, \"coefficient\": ");
    assert_has(o.out, "\"p_value\": ");
    cr_assert(!strstr(o.out, "\"upper\": null"), "%s", o.out);
    run(&o, "\"$CUSGD\" info m.safetensors --json");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "give --coefficients as well");
    run(&o, "\"$CUSGD\" train data.csv --l1 0.1 --solver bfgs --model m.safetensors");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "l1 needs solver coordinate, lbfgs, auto or sgd");
    run(&o, "\"$CUSGD\" train data.csv --loss epsilon-insensitive --solver auto --model m.safetensors");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "is not differentiable everywhere");
}

Test(command_ends, optimum_stands_next_to_a_run)
{
    run(&o, "\"$CUSGD\" train data.csv --epochs 1 --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.err, "% above the minimum; --solver exact takes");
    run(&o, "\"$CUSGD\" train data.csv --solver cg --precision double --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.err, "optimum: the objective is the minimum, to rounding");
    run(&o, "\"$CUSGD\" info m.safetensors --coefficients");
    assert_code(o, 0);
    assert_has(o.err, "no standard errors");
    run(&o, "\"$CUSGD\" info m.safetensors --coefficients --json");
    assert_has(o.out, "\"lower\": null, \"upper\": null}");
}

/* Under a launcher that has started two: the first says so, and none runs. */
Test(command_ends, commands_of_one_process_refuse_a_launcher)
{
    static const char *const words[] = {"path",  "predict", "evaluate", "generate", "convert", "info",
                                        "bench", "devices", "grad",     "minimize", "solve",   "check"};
    static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK", "PMI_SIZE=2 PMI_RANK"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int rank = 0; rank < 2; rank++) {
            run(&o, "%s=%d \"$CUSGD\" %s", launchers[i % 2], rank, words[i]);
            assert_code(o, CUSGD_ERROR_USAGE);
            cr_assert_eq(strstr(o.err, "runs in one process, and the launcher has started 2") != NULL, rank == 0, "%s", o.err);
            cr_assert(rank == 0 || o.err[0] == '\0', "%s", o.err);
        }
    run(&o, "PMI_SIZE=2 PMI_RANK=1 \"$CUSGD\" grad 'x^2' --at x=3 --world none");
    assert_code(o, 0);
    run(&o, "PMI_SIZE=2 PMI_RANK=1 \"$CUSGD\" predict --help");
    assert_code(o, 0);
    run(&o, "OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 \"$CUSGD\" grad --world=none 'x^2' --at x=3");
    assert_code(o, 0);
}
