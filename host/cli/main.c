#include "arguments.h"
#include "cli.h"
#include "ranks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

typedef struct entry {
    const char *word, *operands, *summary;
    subcommand *run;
} entry;

static const entry entries[] = {
    {"train", "DATA --model OUT", "trains a model", train_main},
    {"sweep", "DATA --grid NAME=VALUES --model OUT", "trains many models in one pass, and chooses", sweep_main},
    {"path", "DATA --coefficients FILE", "computes models for many penalties", path_main},
    {"predict", "MODEL DATA -o OUT", "writes a model's predictions", predict_main},
    {"evaluate", "MODEL DATA", "prints how good they are", evaluate_main},
    {"generate", "DIR --rows N --cols D", "makes synthetic data", generate_main},
    {"convert", "IN OUT", "writes data as a folder that is mapped", convert_main},
    {"info", "FILE", "describes a model or data", info_main},
    {"bench", "", "measures how fast steps are", bench_main},
    {"devices", "", "lists what can compute", devices_main},
    {"grad", "FORMULA --at NAME=VALUES", "differentiates a formula", grad_main},
    {"minimize", "FORMULA --start NAME=VALUE", "finds a minimum of a formula", minimize_main},
    {"solve", "FORMULAS --start NAME=VALUE", "finds a root of formulas", solve_main},
    {"check", "[DATA]", "compares a device with the CPU, step by step", check_main},
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static int put_help(FILE *to)
{
    fputs("cuSGD: stochastic gradient descent for linear models, on GPUs and CPUs.\n\n", to);
    for (int i = 0; i < ENTRIES; i++)
        fprintf(to, "  cusgd %-9s %-35s %s\n", entries[i].word, entries[i].operands, entries[i].summary);
    fputs("\n'cusgd COMMAND --help' lists a command's options. 'cusgd --version' prints the version.\n"
          "DATA is a folder with x.npy and y.npy (and w.npy, weights; offset.npy or exposure.npy), a folder that convert has\n"
          "written, a .npz or HDF5 file with such arrays, a table (.csv, .tsv, .txt; also .gz and .zst), - (a table on standard\n"
          "input), or sparse rows (LIBSVM text: .svm, .libsvm, .svmlight; a folder with SciPy's x.npz and y.npy).\n"
          "Exit codes: 0 done, 1 usage, 2 data or file, 3 device or another process, 4 diverged, 5 check failed, 6 memory,\n"
          "7 not converged, 130 and 143 interrupted.\n"
          "example: cusgd train houses.csv --model houses.safetensors\n",
          to);
    return CUSGD_OK;
}

static const entry *entry_find(const char *word)
{
    for (int i = 0; i < ENTRIES; i++) {
        if (strcmp(word, entries[i].word) == 0) return &entries[i];
    }
    return NULL;
}

static int complain_unknown(const char *word)
{
    for (int i = 0; i < ENTRIES; i++) {
        if (edit_distance(word, entries[i].word) <= 2)
            return complain(CUSGD_ERROR_USAGE, "there is no command %s; did you mean %s?", word, entries[i].word);
    }
    return complain(CUSGD_ERROR_USAGE, "there is no command %s; 'cusgd --help' lists them", word);
}

static int dispatch(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    int wants_help = strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
    if (argc < 2) {
        put_help(stderr);
        return CUSGD_ERROR_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("cusgd %s\n", cusgd_version());
        return CUSGD_OK;
    }
    if (wants_help && argc == 2) return put_help(stdout);
    const entry *e = entry_find(wants_help ? argv[2] : word);
    if (!e) return complain_unknown(wants_help ? argv[2] : word);
    int is_shared = e->run == train_main || e->run == sweep_main; /* several processes may run it together */
    char help[] = "--help", *ask[] = {argv[0], help, argc > 3 ? argv[3] : NULL, NULL};
    if (wants_help) return e->run(argc > 3 ? 3 : 2, ask);
    int left = argc - 1, status = is_shared ? CUSGD_OK : ranks_check_alone(&left, argv + 1);
    return status ? status : e->run(left, argv + 1);
}

/* What was printed may still fail to reach a full disk. */
int main(int argc, char **argv)
{
    cusgd_handle_faults();
    signal(SIGXFSZ, SIG_IGN); /* beyond `ulimit -f` a write then fails with EFBIG, and is cleaned up after as on a full disk */
    cusgd_set_option_dashes(1);
    int status = dispatch(argc, argv);
    int failed = ferror(stdout);
    errno = 0;
    if (failed) (void)putchar('\n'); /* the reason is that of the next write, as that of the earlier one is gone */
    if ((fflush(stdout) != 0 || failed) && !status)
        return complain(CUSGD_ERROR_DATA, "cannot write standard output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
    return status;
}
