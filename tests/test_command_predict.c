/* The command's predict and evaluate: files and columns, kinds of output, metrics, and outputs that cannot be written. */
#include "command.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command_predict, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* Without noise from the run, a model of data.csv. */
static void train(const char *model, const char *more)
{
    run(&o, "$CUSGD train data.csv --model %s --quiet %s", model, more);
    assert_code(o, 0);
}

/* ---- predict ------------------------------------------------------------------------------------------------------------- */

Test(command_predict, predict_csv)
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
Test(command_predict, predict_npy)
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
Test(command_predict, predict_picks_columns_by_name)
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

Test(command_predict, predict_as)
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

Test(command_predict, predict_refuses_outputs_that_cannot_be)
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

/* Files of more than some 2000 bytes cannot be written, as on a full disk: the older ones stand, and nothing is left next to
 * them.
 */
Test(command_predict, predictions_on_a_full_disk)
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
Test(command_predict, standard_output_that_fails)
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
                                        "train --help",
                                        "path data.csv --coefficients c.csv --count 3 --folds 3", /* writes before it ends */
                                        "bench --shapes 1000x4 --batch 32 --seconds 0.01 --fits"};
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

Test(command_predict, evaluate_regression)
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
Test(command_predict, evaluate_one_row)
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

Test(command_predict, evaluate_classification)
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
Test(command_predict, evaluate_several_targets)
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
Test(command_predict, evaluate_weights)
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
