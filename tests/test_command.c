/* The command from outside: usage, help and its manual, and every subcommand but train, which test_train.c has. */
#include "command.h"
#include "cusgd.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command, .init = folder_enter_with_data, .fini = folder_leave);

static const char *const subcommands[] = {"train", "predict", "evaluate", "generate", "info", "devices"};
enum { SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static outcome o;

/* Without noise from the run, a model of data.csv. */
static void train(const char *model, const char *more)
{
    run(&o, "$CUSGD train data.csv --model %s --quiet %s", model, more);
    assert_code(o, 0);
}

/* ---- Usage and help ------------------------------------------------------------------------------------------------------ */

Test(command, without_arguments_is_an_error_that_helps)
{
    run(&o, "$CUSGD");
    assert_code(o, 1);
    cr_assert_str_eq(o.out, "");
    assert_has(o.err, "train");
}

Test(command, help_and_version)
{
    run(&o, "$CUSGD --help");
    assert_code(o, 0);
    cr_assert_str_eq(o.err, "");
    for (int i = 0; i < SUBCOMMANDS; i++) assert_has(o.out, subcommands[i]);
    run(&o, "$CUSGD help; $CUSGD -h");
    assert_code(o, 0);
    run(&o, "$CUSGD --version; $CUSGD -V");
    assert_code(o, 0);
    char both[64];
    snprintf(both, sizeof both, "cusgd %s\ncusgd %s\n", cusgd_version(), cusgd_version());
    cr_assert_str_eq(o.out, both);
}

/* A screen: 45 lines of 100 columns, an example, and no words that are not taken. */
Test(command, help_of_each_subcommand_fits_a_screen)
{
    for (int i = 0; i < SUBCOMMANDS; i++) {
        outcome other;
        run(&o, "$CUSGD %s --help", subcommands[i]);
        assert_code(o, 0);
        cr_assert_str_eq(o.err, "");
        assert_has(o.out, "example: cusgd ");
        int lines = 0;
        for (const char *line = o.out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            cr_assert(end - line <= 100, "%.*s", (int)(end - line), line);
            lines++;
        }
        cr_assert(lines <= 45, "%s: %d lines", subcommands[i], lines);
        run(&other, "$CUSGD help %s; $CUSGD %s -h >/dev/null", subcommands[i], subcommands[i]);
        assert_code(other, 0);
        cr_assert_str_eq(other.out, o.out);
    }
    run(&o, "$CUSGD help nonsense");
    assert_code(o, 1);
}

Test(command, help_of_train_shows_every_default)
{
    run(&o, "$CUSGD train --help");
    const cusgd_option_info *info;
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++) {
        char end[256];
        snprintf(end, sizeof end, "%s [%s]\n", info->help, info->fallback);
        assert_has(o.out, end);
    }
}

/* The numbers that the help of generate states are those of the library. */
Test(command, help_of_generate_states_the_defaults)
{
    cusgd_generator g;
    cusgd_generator_init(&g);
    cr_assert(g.outputs == 1 && g.informative == 0 && g.noise == 1 && !g.logistic && g.correlation == 0 && g.condition == 1 &&
              g.seed == 0 && g.precision == CUSGD_PRECISION_FLOAT);
    run(&o, "$CUSGD generate --help");
    static const char *const lines[] = {"--outputs K", "[1]", "--informative P", "[all]", "--noise S", "--correlation R", "[0]", "[linear]", "[float]"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) assert_has(o.out, lines[i]);
}

Test(command, words_that_do_not_exist)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"trian", "did you mean train?"},
        {"nonsense", "'cusgd --help'"},
        {"train data.csv --bacth 3", "did you mean --batch?"},
        {"train data.csv --epoch 3", "did you mean --epochs?"},
        {"train data.csv --standardise", "did you mean --standardize?"},
        {"train data.csv --tol 3", "did you mean --tolerance?"},
        {"train data.csv --xyzzy 3", "there is no option --xyzzy"},
        {"train data.csv -x", "there is no option -x"},
        {"predict m d --ouptut x", "did you mean --output?"},
        {"predict m d --target y", "there is no option --target"},
        {"evaluate m d --jsno", "did you mean --json?"},
        {"generate d --row 3", "did you mean --rows?"},
        {"info f --rate 1", "there is no option --rate"},
        {"devices --all", "there is no option --all"},
        {"devices extra", "one argument too many: \"extra\""},
        {"train a b --model m", "one argument too many: \"b\""},
        {"train --model m", "an argument is missing"},
        {"predict m -o x.npy", "an argument is missing"},
        {"evaluate", "an argument is missing"},
        {"generate --rows 1 --cols 1", "an argument is missing"},
        {"info", "an argument is missing"},
        {"train data.csv --model", "--model needs a value: OUT"},
        {"train data.csv --model --quiet", "--model needs a value: OUT"},
        {"train data.csv --quiet=yes --model m", "--quiet takes no value"},
        {"train data.csv --average=1 --model m", "--average takes no value"},
        {"train data.csv -q1 --model m", "-q takes no value"},
        {"train data.csv --header maybe --model m", "header must be auto, yes or no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&o, "$CUSGD %s", cases[i].line);
        assert_code(o, 1);
        cr_assert_str_eq(o.out, "");
        assert_has(o.err, cases[i].says);
    }
    cr_assert(!file_exists("m"));
}

Test(command, ways_to_give_a_value)
{
    run(&o, "$CUSGD train --quiet data.csv --epochs=2 -mone.safetensors && $CUSGD train data.csv -q -m two.safetensors --epochs 2 && "
            "$CUSGD train --epochs 7 --epochs 2 -q --model=three.safetensors -- data.csv && cmp one.safetensors two.safetensors && cmp "
            "one.safetensors three.safetensors");
    assert_code(o, 0);
    cr_assert_str_eq(o.err, "");
}

/* ---- The manual ---------------------------------------------------------------------------------------------------------- */

/* Roff becomes words: requests and font changes go, \- is -, spaces are single. */
static void plain_from_roff(const char *roff, char *plain)
{
    char *to = plain;
    for (const char *from = roff; *from; from++) {
        int line_starts = from == roff || from[-1] == '\n';
        if (line_starts && *from == '.') {
            while (*from && *from != ' ' && *from != '\n') from++;
            if (!*from) break;
        }
        if (from[0] == '\\' && from[1] == 'f' && from[2]) {
            from += 2;
            continue;
        }
        if (from[0] == '\\' && from[1] == '&') {
            from++;
            continue;
        }
        if (*from == '\\') continue;
        int blank = *from == ' ' || *from == '\n';
        if (blank && (to == plain || to[-1] == ' ')) continue;
        *to++ = blank ? ' ' : *from;
    }
    *to = '\0';
}

/* The manual says of every option what the help says, and names none that there is not. */
Test(command, manual_agrees_with_help)
{
    static char roff[1 << 16], plain[1 << 16];
    file_read(TEST_GOLDEN "/../../man/cusgd.1", roff, sizeof roff);
    plain_from_roff(roff, plain);
    char all[1 << 16] = "";
    for (int i = 0; i < SUBCOMMANDS; i++) {
        run(&o, "$CUSGD %s --help", subcommands[i]);
        strcat(all, o.out);
        for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n")) {
            if (strncmp(line, "  -", 3) != 0) continue;
            char words[256];
            plain_from_roff(line + 2, words);
            assert_has(plain, words);
        }
    }
    for (const char *tag = roff; (tag = strstr(tag, "\n.TP\n.B \\-")) != NULL; tag++) {
        char name[64], word[64];
        plain_from_roff(strchr(tag + 1, '\n') + 1 + strlen(".B "), name); /* to the file's end, of which the first word counts */
        cr_assert(sscanf(name, "%63[^ ,]", word) == 1);
        assert_has(all, word);
    }
    assert_has(plain, cusgd_version());
}
