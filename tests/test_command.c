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
    run(&o, "$CUSGD --version; $CUSGD -V");
    assert_code(o, 0);
    char both[64];
    snprintf(both, sizeof both, "cusgd %s\ncusgd %s\n", cusgd_version(), cusgd_version());
    cr_assert_str_eq(o.out, both);
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
        {"train data.csv --eta0 1", "did you mean --rate?"},
        {"train data.csv --max_iter 1", "did you mean --epochs?"},
        {"train data.csv --alpha 1", "did you mean --l2?"},
        {"train data.csv --random_state 1", "did you mean --seed?"},
        {"train data.csv --n_jobs 1", "did you mean --threads?"},
        {"train data.csv --n_iter_no_change 1", "did you mean --patience?"},
        {"train data.csv --early_stopping 1", "did you mean --valid-fraction?"},
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

/* ---- predict ------------------------------------------------------------------------------------------------------------- */

Test(command, predict_csv)
{
    train("m.safetensors", "--precision double");
    run(&o, "$CUSGD predict m.safetensors data.csv -o p.csv");
    assert_code(o, 0);
    cr_assert(o.out[0] == '\0' && o.err[0] == '\0');
    run(&o, "$CUSGD predict m.safetensors data.csv -o - | cmp - p.csv && wc -l <p.csv && head -1 p.csv");
    assert_code(o, 0);
    int lines;
    char name[16];
    cr_assert(sscanf(o.out, "%d %15s", &lines, name) == 2);
    cr_assert_eq(lines, 61);
    cr_assert_str_eq(name, "y");
    double p, y; /* the first row's: y = 2 a - b + 0.5, up to the noise of 0.1 */
    run(&o, "sed -n 2p p.csv; sed -n 2p data.csv | cut -d, -f4");
    cr_assert(sscanf(o.out, "%lf %lf", &p, &y) == 2);
    cr_assert(fabs(p - y) < 0.2, "%g for %g", p, y);
}

/* A .npy of float64, one dimension for one output, is the CSV's numbers. */
Test(command, predict_npy)
{
    train("m.safetensors", "");
    run(&o, "$CUSGD predict m.safetensors data.csv -o p.npy && $CUSGD predict m.safetensors data.csv --output=p.csv && tail -n "
            "+2 p.csv");
    assert_code(o, 0);
    char bytes[4096];
    FILE *file = fopen("p.npy", "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    bytes[127] = '\0';
    assert_has(bytes + 10, "'descr': '<f8'");
    assert_has(bytes + 10, "'shape': (60,)");
    cr_assert_eq(size % 64, 60 * 8 % 64);
    const char *text = o.out;
    for (int i = 0; i < 60; i++) {
        double binary, decimal;
        int used;
        memcpy(&binary, bytes + size - 60 * 8 + i * 8, 8);
        cr_assert(sscanf(text, "%lf%n", &decimal, &used) == 1);
        cr_assert_eq(binary, decimal, "row %d: %.17g, %.17g", i, binary, decimal);
        text += used;
    }
}

/* The columns are found by name, in whatever order and company they come. */
Test(command, predict_picks_columns_by_name)
{
    train("m.safetensors", "");
    run(&o, "awk -F, '{print $3\",z,\"$2\",\"$4\",\"$1}' data.csv | sed '2,$s/z/0/' >mixed.csv && $CUSGD predict m.safetensors "
            "data.csv -o a.csv && "
            "$CUSGD predict m.safetensors mixed.csv -o b.csv && $CUSGD predict m.safetensors - -o c.csv <mixed.csv && cmp a.csv "
            "b.csv && cmp a.csv c.csv");
    assert_code(o, 0);
    run(&o, "cut -d, -f1,3,4 data.csv >less.csv; $CUSGD predict m.safetensors less.csv -o d.csv");
    assert_code(o, 2);
    assert_has(o.err, "'b'");
    run(&o, "$CUSGD predict m.safetensors data.csv --features a,b -o d.csv");
    assert_code(o, 2);
    run(&o, "$CUSGD predict m.safetensors data.csv --features c,b --features a -o d.csv && cmp a.csv d.csv");
    assert_code(o, 1); /* the order is the user's */
    run(&o, "tail -n +2 data.csv >bare.csv; $CUSGD predict m.safetensors bare.csv --header no --ignore 4 -o d.csv && cmp a.csv "
            "d.csv");
    assert_code(o, 0);
}

Test(command, predict_as)
{
    run(&o, "$CUSGD train text.csv --loss logistic --model m.safetensors --quiet --l2 0.01");
    assert_code(o, 0);
    run(&o, "for as in mean link class probability; do $CUSGD predict m.safetensors text.csv --as $as -o $as.csv || exit 9; "
            "done; cmp mean.csv "
            "probability.csv && paste -d' ' mean.csv link.csv class.csv | tail -n +2");
    assert_code(o, 0);
    const char *line = o.out;
    for (int i = 0; i < 60; i++) {
        double mean, link;
        char word[8];
        int used;
        cr_assert(sscanf(line, "%lf %lf %7s\n%n", &mean, &link, word, &used) == 3);
        cr_assert(fabs(mean - 1 / (1 + exp(-link))) < 1e-12);
        cr_assert_str_eq(word, link > 0 ? "yes" : "no");
        line += used;
    }
    train("r.safetensors", "");
    run(&o, "$CUSGD predict r.safetensors data.csv --as class -o c.csv");
    assert_code(o, 1);
    run(&o, "$CUSGD predict r.safetensors data.csv --as median -o c.csv");
    assert_code(o, 1);
    assert_has(o.err, "mean, link, class or probability");
    cr_assert(!file_exists("c.csv"));
}

Test(command, predict_refuses_outputs_that_cannot_be)
{
    train("m.safetensors", "");
    run(&o, "cp data.csv data.bak; cp m.safetensors m.csv");
    static const struct {
        const char *output;
        int code;
    } cases[] = {{"", 1},
                 {"-o p.txt", 1},
                 {"-o p", 1},
                 {"-o data.csv", 1},
                 {"-o ./data.csv", 1},
                 {"-o missing/p.csv", 2},
                 {"-o /proc/p.csv", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&o, "$CUSGD predict m.safetensors data.csv %s", cases[i].output);
        assert_code(o, cases[i].code);
        cr_assert_str_neq(o.err, "");
    }
    run(&o, "$CUSGD predict m.csv data.csv -o m.csv");
    assert_code(o, 1);
    run(&o, "cmp data.csv data.bak && cmp m.csv m.safetensors");
    assert_code(o, 0);
}

/* Files of more than some 2000 bytes cannot be written, as on a full disk: the older ones stand, and nothing is left beside them.
 */
Test(command, predictions_on_a_full_disk)
{
    run(&o, "$CUSGD generate made --rows 2000 --cols 2 && $CUSGD train made --model m -q && $CUSGD predict m made -o p.csv && "
            "$CUSGD predict "
            "m made -o p.npy && cp p.csv csv && cp p.npy npy");
    assert_code(o, 0);
    static const char *const kinds[] = {"csv", "npy"};
    for (int i = 0; i < 2; i++) {
        run(&o, "(trap '' XFSZ; ulimit -f 4; exec $CUSGD predict m made -o p.%s)", kinds[i]);
        assert_code(o, 2);
        assert_has(o.err, "cusgd: p.");
    }
    run(&o, "cmp p.csv csv && cmp p.npy npy && ls -A");
    assert_code(o, 0);
    assert_lacks(o.out, ".tmp");
}

/* A reader that has seen enough ends the command in silence; a full disk does not. */
Test(command, standard_output_that_fails)
{
    train("m.safetensors", "");
    run(&o, "$CUSGD generate big --rows 200000 --cols 3 && $CUSGD train big --model b.safetensors --quiet --epochs 1");
    run(&o, "$CUSGD predict b.safetensors big -o - | head -1");
    assert_code(o, 0);
    cr_assert_str_eq(o.err, "");
    static const char *const lines[] = {"predict m.safetensors data.csv -o -",
                                        "evaluate m.safetensors data.csv",
                                        "evaluate m.safetensors data.csv --json",
                                        "info m.safetensors",
                                        "info data.csv",
                                        "devices",
                                        "--version",
                                        "--help",
                                        "train --help"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        run(&o, "$CUSGD %s >/dev/full", lines[i]);
        assert_code(o, 2);
        assert_has(o.err, "cannot write standard output");
        assert_has(o.err, "No space left on device");
    }
}

/* ---- evaluate ------------------------------------------------------------------------------------------------------------ */

static double number_in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

Test(command, evaluate_regression)
{
    train("m.safetensors", "");
    run(&o, "$CUSGD evaluate m.safetensors data.csv");
    assert_code(o, 0);
    cr_assert_str_eq(o.err, "");
    double mse, rmse, mae, r2;
    cr_assert(sscanf(strchr(o.out, '\n'), " y %lf %lf %lf %lf", &mse, &rmse, &mae, &r2) == 4);
    cr_assert(r2 > 0.98 && r2 < 1 && mse < 0.01 && fabs(rmse * rmse / mse - 1) < 1e-4 && mae < rmse);
    run(&o, "$CUSGD evaluate m.safetensors data.csv --json");
    assert_code(o, 0);
    cJSON *all = cJSON_Parse(o.out);
    cr_assert(all);
    cr_assert_eq(number_in(all, "rows"), 60);
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(all, "outputs"), *first = cJSON_GetArrayItem(outputs, 0);
    cr_assert_eq(cJSON_GetArraySize(outputs), 1);
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(first, "target")->valuestring, "y");
    cr_assert(fabs(number_in(first, "r2") - r2) < 1e-5 && fabs(number_in(first, "mse") / mse - 1) < 1e-4);
    cr_assert_eq(number_in(cJSON_GetObjectItemCaseSensitive(all, "mean"), "r2"), number_in(first, "r2"));
    cJSON_Delete(all);
}

/* One row shows nothing of how targets vary: as scikit-learn, which warns, R2 and D2 are not defined. */
Test(command, evaluate_one_row)
{
    train("m.safetensors", "");
    run(&o, "head -n 2 data.csv >one.csv && $CUSGD evaluate m.safetensors one.csv --json");
    assert_code(o, 0);
    assert_has(o.out, "\"r2\": null, \"explained_variance\": 1, ");
    assert_has(o.out, "\"d2_absolute_error\": null");
    run(&o, "$CUSGD evaluate m.safetensors one.csv");
    assert_code(o, 0);
    assert_has(o.out, "nan\n");
}

Test(command, evaluate_classification)
{
    run(&o,
        "$CUSGD train text.csv --loss logistic --model m.safetensors --quiet && $CUSGD evaluate m.safetensors text.csv --json");
    assert_code(o, 0);
    cJSON *all = cJSON_Parse(o.out);
    const cJSON *mean = cJSON_GetObjectItemCaseSensitive(all, "mean");
    cr_assert(number_in(mean, "accuracy") > 0.9 && number_in(mean, "log_loss") < 0.3);
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(mean, "r2"));
    cJSON_Delete(all);
    run(&o, "sed 's/yes/maybe/' text.csv >other.csv; $CUSGD evaluate m.safetensors other.csv");
    assert_code(o, 2);
    assert_has(o.err, "maybe");
}

/* Names that JSON must escape, several targets, targets by name and by number. */
Test(command, evaluate_several_targets)
{
    run(&o, "sed '1s/.*/a,b,\"c \"\"1\"\"\\\\\",y/' data.csv >odd.csv && head -1 odd.csv && $CUSGD train odd.csv --target y "
            "--target 3 --model m.safetensors "
            "--quiet && $CUSGD evaluate m.safetensors odd.csv --json");
    assert_code(o, 0);
    cJSON *all = cJSON_Parse(strchr(o.out, '\n'));
    cr_assert(all, "%s", o.out);
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(all, "outputs");
    cr_assert_eq(cJSON_GetArraySize(outputs), 2);
    cr_assert_str_eq(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(outputs, 1), "target")->valuestring, "c \"1\"\\");
    cJSON_Delete(all);
    run(&o, "$CUSGD evaluate m.safetensors odd.csv --target 3 --target -1 >swapped; $CUSGD evaluate m.safetensors odd.csv "
            "--target -1 --target 3 "
            ">given; $CUSGD evaluate m.safetensors odd.csv >usual; cmp given usual && ! cmp -s swapped usual");
    assert_code(o, 0);
    run(&o, "$CUSGD evaluate m.safetensors odd.csv --target y");
    assert_code(o, 2);
    run(&o, "$CUSGD evaluate m.safetensors odd.csv --target nothing --target y");
    assert_code(o, 2);
    assert_has(o.err, "nothing");
}

/* A weight of 2 is the row twice, a weight of 0 the row absent. */
Test(command, evaluate_weights)
{
    train("m.safetensors", "--features a,b");
    run(&o, "$CUSGD evaluate m.safetensors data.csv --weights c");
    assert_code(o, 2);
    assert_has(o.err, "negative");
    run(&o, "awk -F, 'NR==1 {print $0 \",w\"} NR>1 {print $0 \",\" NR%%3}' data.csv >w.csv && "
            "awk -F, 'NR==1 || NR%%3>0 {print} NR>1 && NR%%3==2 {print}' data.csv >repeated.csv && "
            "$CUSGD evaluate m.safetensors w.csv --weights w >weighted && $CUSGD evaluate m.safetensors repeated.csv >by_hand && "
            "$CUSGD evaluate m.safetensors data.csv >plain && cmp weighted by_hand && ! cmp -s weighted plain");
    assert_code(o, 0);
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
