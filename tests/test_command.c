/* The command from outside: usage, help and its manual, and every subcommand but train, bench and generate, which
 * test_command_train.c, test_command_bench.c and test_command_generate.c have. */
#include "command.h"
#include "cusgd_tools.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command, .init = command_setup, .fini = folder_teardown);

static const char *const subcommands[] = {"train", "sweep", "path",    "predict", "evaluate", "generate", "convert",
                                          "info",  "bench", "devices", "check",   "grad",     "minimize", "solve"};
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
    run(&o, "$CUSGD --version; $CUSGD -V; $CUSGD train --version; $CUSGD info data.csv --version");
    assert_code(o, 0);
    char all[128];
    const char *v = cusgd_version();
    snprintf(all, sizeof all, "cusgd %s\ncusgd %s\ncusgd %s\ncusgd %s\n", v, v, v, v);
    cr_assert_str_eq(o.out, all);
}

/* Lines of at most 100 columns; returns how many. */
static int count_lines(const char *text)
{
    int lines = 0;
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++)
        cr_assert(end - line <= 100, "%.*s", (int)(end - line), line);
    return lines;
}

/* At most 50 lines, an example, and no words that are not taken. */
Test(command, help_of_each_subcommand_fits_a_screen)
{
    for (int i = 0; i < SUBCOMMANDS; i++) {
        outcome other;
        run(&o, "$CUSGD %s --help", subcommands[i]);
        assert_code(o, 0);
        cr_assert_str_eq(o.err, "");
        assert_has(o.out, "example: cusgd ");
        int lines = count_lines(o.out);
        cr_assert(lines <= 50, "%s: %d lines", subcommands[i], lines);
        run(&other, "$CUSGD help %s; $CUSGD %s -h >/dev/null", subcommands[i], subcommands[i]);
        assert_code(other, 0);
        cr_assert_str_eq(other.out, o.out);
    }
    run(&o, "$CUSGD help nonsense");
    assert_code(o, 1);
}

/* `--help all` is the groups that the short help names, one after another, and has every option and its default once. */
Test(command, help_of_train_has_every_option_in_one_group)
{
    outcome all;
    run(&o, "$CUSGD train --help");
    run(&all, "$CUSGD train --help all");
    assert_code(all, 0);
    char groups[1 << 16] = "";
    const char *list = strstr(o.out, "everything\n");
    cr_assert_not_null(list);
    for (const char *line = strchr(list, '\n') + 1; strncmp(line, "  ", 2) == 0; line = strchr(line, '\n') + 1) {
        char word[32];
        outcome group;
        cr_assert(sscanf(line, " %31s", word) == 1);
        run(&group, "$CUSGD help train %s", word);
        assert_code(group, 0);
        int lines = count_lines(group.out);
        cr_assert(lines <= 50, "%s: %d lines", word, lines);
        strcat(groups, group.out);
    }
    cr_assert_str_eq(all.out, groups);
    const cusgd_option_info *info;
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++) {
        char end[256];
        snprintf(end, sizeof end, "%s [%s]\n", info->help, info->default_text);
        const char *found = strstr(all.out, end);
        cr_assert(found && !strstr(found + 1, end), "--%s", info->name);
    }
    run(&o, "$CUSGD path --help all"); /* which ignores most of them */
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++) {
        char value[64], alias[64];
        snprintf(value, sizeof value, "\n  --%s ", info->name);
        snprintf(alias, sizeof alias, "\n  --%s, ", info->name);
        int is_listed = strstr(o.out, value) || strstr(o.out, alias);
        cr_assert_eq(is_listed, cusgd_path_reads(info->name) || strcmp(info->name, "power") == 0, "path: --%s", info->name);
    }
    cr_assert(!strstr(o.out, "Minibatches and epochs"));
    run(&o, "$CUSGD train --help nonsense");
    run(&all, "$CUSGD train --help");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, all.out);
}

/* The numbers that the help of generate states are those of the library. */
Test(command, help_of_generate_states_the_defaults)
{
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    cr_assert(g.outputs == 1 && g.informative == 0 && g.noise == 1 && g.targets == CUSGD_SYNTHETIC_LINEAR && g.correlation == 0 &&
              g.condition == 1 && g.seed == 0 && g.type == CUSGD_TYPE_FLOAT32);
    run(&o, "$CUSGD generate --help");
    static const char *const lines[] = {"--outputs K",     "[1]", "--informative P", "[all]",  "--noise S",
                                        "--correlation R", "[0]", "[linear]",        "[float]"};
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
        {"train data.csv --standardiz", "did you mean --standardize?"},
        {"train data.csv --tol 3", "did you mean --tolerance?"},
        {"train data.csv --xyzzy 3", "there is no option --xyzzy"},
        {"train data.csv -x", "there is no option -x; an argument that starts with - comes last, after --"},
        {"grad -x^2 --at x=1", "there is no option -x^2; an argument that starts with - comes last, after --"},
        {"train data.csv --learning_rate 1", "did you mean --rate?"},
        {"train data.csv --l1_ratio 1", "did you mean --l1?"},
        {"train '' --model m.safetensors", "an argument is empty: DATA"},
        {"train data.csv --eta0 1", "did you mean --rate?"},
        {"train data.csv --max_iter 1", "did you mean --epochs?"},
        {"train data.csv --alpha 1", "did you mean --l2?"},
        {"train data.csv --random_state 1", "did you mean --seed?"},
        {"train data.csv --n_jobs 1", "did you mean --threads?"},
        {"train data.csv --n_iter_no_change 1", "did you mean --patience?"},
        {"train data.csv --early_stopping 1", "did you mean --valid-fraction?"},
        {"train data.csv --passes 3", "did you mean --epochs?"},
        {"train data.csv --lambda 1", "did you mean --l2?"},
        {"train data.csv --penalty l2", "did you mean --l2?"},
        {"train data.csv --family poisson", "did you mean --loss?"},
        {"train data.csv --response y", "did you mean --target?"},
        {"train data.csv --sample_weight w", "did you mean --weights?"},
        {"train data.csv --delimiter ,", "did you mean --separator?"},
        {"train data.csv --noconstant", "did you mean --no-intercept?"},
        {"train data.csv --jobs 2", "did you mean --threads?"},
        {"train data.csv --test_size .2", "did you mean --valid-fraction?"},
        {"sweep data.csv --cv 3", "did you mean --folds?"},
        {"train data.csv --predictions p.csv", "there is no option --predictions\n"},
        {"predict m d --ouptut x", "did you mean --output?"},
        {"predict m d --target y", "there is no option --target"},
        {"evaluate m d --jsno", "did you mean --json?"},
        {"generate d --row 3", "did you mean --rows?"},
        {"info f --rate 1", "there is no option --rate"},
        {"bench --shape 3x3", "did you mean --shapes?"},
        {"bench extra", "one argument too many: \"extra\""},
        {"devices --all", "there is no option --all"},
        {"devices extra", "one argument too many: \"extra\""},
        {"train a b --model m", "one argument too many: \"b\""},
        {"train --model m", "an argument is missing: DATA\n"},
        {"predict m -o x.npy", "an argument is missing: DATA\n"},
        {"evaluate", "an argument is missing: MODEL\n"},
        {"generate --rows 1 --cols 1", "an argument is missing: DIR\n"},
        {"info", "an argument is missing: FILE\n"},
        {"train data.csv --model m --learning-rate 1", "there is no option --learning-rate; did you mean --rate?"},
        {"evaluate m d --learning-rate 1", "there is no option --learning-rate\n"},
        {"train data.csv --model", "--model needs a value: OUT"},
        {"train data.csv --model --quiet", "--model needs a value: OUT"},
        {"train data.csv --quiet=yes --model m", "--quiet takes no value"},
        {"train data.csv --average=1 --model m", "--average takes no value"},
        {"train data.csv -q1 --model m", "-q takes no value"},
        {"train data.csv --header maybe --model m", "header must be auto, yes or no"},
        {"train data.csv --sparse maybe --model m", "sparse must be auto, yes or no"},
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
    run(&o,
        "$CUSGD train --quiet data.csv --epochs=2 -mone.safetensors && $CUSGD train data.csv -q -m two.safetensors --epochs 2 && "
        "$CUSGD train --epochs 7 --epochs 2 -q --model=three.safetensors -- data.csv && cmp one.safetensors two.safetensors && "
        "cmp "
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
    text_read(TEST_GOLDEN "/../../man/cusgd.1", roff, sizeof roff);
    plain_from_roff(roff, plain);
    char all[1 << 16] = "";
    for (int i = 0; i < SUBCOMMANDS; i++) {
        run(&o, "$CUSGD %s --help all", subcommands[i]);
        strcat(all, o.out);
        for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n")) {
            if (strncmp(line, "  -", 3) != 0) continue;
            char words[256];
            plain_from_roff(line + 2, words);
            assert_has(plain, words);
        }
    }
    for (const char *tag = roff; (tag = strstr(tag, "\n.TP\n.B \\-")) != NULL; tag++) {
        char line[128], name[128], word[64];
        cr_assert(sscanf(tag, "\n.TP\n%127[^\n]", line) == 1);
        plain_from_roff(line, name);
        cr_assert(sscanf(name, " %63[^ ,]", word) == 1);
        assert_has(all, word);
    }
    assert_has(plain, cusgd_version());
}

/* ---- info and devices ---------------------------------------------------------------------------------------------------- */

Test(command, info_of_models_and_data)
{
    train("m.safetensors", "--l2 0.25");
    run(&o, "$CUSGD info m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "features  3: a, b, c\n");
    assert_has(o.out, "outputs   1: y\n");
    assert_has(o.out, "l2 = 0.25\n");
    assert_has(o.out, "intercept");
    cr_assert(strstr(o.out, "  a  ") && strstr(o.out, "  b  ") && strstr(o.out, "  a  ") < strstr(o.out, "  b  "), "%s", o.out);
    run(&o, "$CUSGD train text.csv --loss logistic --model t.safetensors --quiet && $CUSGD info t.safetensors");
    assert_has(o.out, "0 is no, 1 is yes");
    run(&o, "$CUSGD info data.csv && $CUSGD info - --target 1 --ignore c <data.csv");
    assert_code(o, 0);
    assert_has(
        o.out,
        "rows      60\nformat    separated by commas, decimal points, a header\nfeatures  3: a, b, c\noutputs   1: y\n\nCOLUMN");
    assert_has(
        o.out,
        "rows      60\nformat    separated by commas, decimal points, a header\nfeatures  2: b, y\noutputs   1: a\n\nCOLUMN");
    run(&o, "$CUSGD generate made --rows 30 --cols 40 && $CUSGD info made && $CUSGD info made/x.npy");
    cr_assert_str_eq(o.out, "rows      30\nfeatures  40\noutputs   1\n\ntrain it:  cusgd train made --model "
                            "NAME.safetensors\nrows      30\ncolumns   40\n");
    run(&o, "$CUSGD info made/true.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "the largest");
}

Test(command, info_of_what_it_cannot_read)
{
    static const char *const wrong[] = {"missing.safetensors", "missing.csv", "nonsense", "nonsense.csv",
                                        "empty.csv",           "folder",      "/dev/null"};
    file_text("nonsense", "this is no model");
    file_text("nonsense.csv", "\"a,b\n");
    file_text("empty.csv", "");
    run(&o, "mkdir folder");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o, "$CUSGD info %s", wrong[i]);
        assert_code(o, 2);
        assert_has(o.err, wrong[i]);
    }
    run(&o, "$CUSGD info folder --target y");
    assert_code(o, 1);
    assert_has(o.err, "is not a CSV");
    file_text("table.csv", "a,y\n1,2\n2,3\n");
    run(&o, "$CUSGD info table.csv --columns 3");
    assert_code(o, 1);
    assert_has(o.err, "table.csv is read as a table");
    run(&o, "$CUSGD info no.csv --index-base 0");
    assert_code(o, 2);
    assert_has(o.err, "no.csv: cannot be opened");
}

Test(command, devices)
{
    run(&o, "$CUSGD devices");
    assert_code(o, 0);
    assert_has(o.out, "cpu");
    assert_has(o.out, "cuda");
    cusgd_device device = CUSGD_INIT(cusgd_device);
    cr_assert(cusgd_device_at(0, &device));
    assert_has(o.out, device.name);
    /* Why there is no GPU depends on where the module was sought, which is not the same for this program. */
    cr_assert(cusgd_device_at(1, &device));
    assert_has(o.out, device.usable ? device.name : "cannot be used (");
}

/* ---- Files that are not what they should be ------------------------------------------------------------------------------ */

Test(command, models_that_are_wrong)
{
    train("m.safetensors", "");
    run(&o, "head -c 40 m.safetensors >short.safetensors; printf '\\377\\377\\377\\377\\377\\377\\377\\177{}' >huge.safetensors; "
            ": >empty.safetensors");
    static const char *const wrong[] = {
        "missing.safetensors", "short.safetensors", "huge.safetensors", "empty.safetensors", "data.csv", ".", "/dev/null"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o,
            "$CUSGD predict %s data.csv -o p.csv; echo $?; $CUSGD evaluate %s data.csv; echo $?; $CUSGD train data.csv --init %s "
            "--model n; echo $?",
            wrong[i], wrong[i], wrong[i]);
        cr_assert_str_eq(o.out, "2\n2\n2\n", "%s", o.out);
        assert_has(o.err, wrong[i]);
    }
    cr_assert(!file_exists("p.csv") && !file_exists("n"));
}
