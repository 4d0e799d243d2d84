/* The command on CSV files as they come: notes, messages that can be acted on, models that remember columns by number. */
#include "command.h"

TestSuite(command_tables, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* bare.csv: data.csv without its header; first.csv: likewise with y, the target, first. */
static void make_bare(void)
{
    run(&o, "tail -n +2 data.csv >bare.csv && awk -F, -v OFS=, '{print $4, $1, $2, $3}' bare.csv >first.csv");
    assert_code(o, 0);
}

/* The R2 that evaluate prints last. */
static double evaluated(const char *line)
{
    run(&o, "$CUSGD evaluate %s", line);
    assert_code(o, 0);
    const char *last = strrchr(o.out, ' ');
    cr_assert(last);
    return atof(last);
}

Test(command_tables, evaluates_by_number)
{
    make_bare();
    run(&o,
        "$CUSGD train first.csv --target 1 --model m -q && $CUSGD train bare.csv --features 3,1,2 --model s -q && $CUSGD train "
        "first.csv --target 1 --ignore 2 --model i -q");
    assert_code(o, 0);
    cr_assert_gt(evaluated("m first.csv"), 0.99);
    cr_assert_gt(evaluated("m first.csv --target 1"), 0.99);
    cr_assert_gt(evaluated("m first.csv --features 2,3,4"), 0.99);
    cr_assert_gt(evaluated("m bare.csv --target 4"), 0.99);
    cr_assert_gt(evaluated("s bare.csv"), 0.99);
    cr_assert_gt(evaluated("s - <bare.csv"), 0.99);
    run(&o, "$CUSGD info m && $CUSGD info i && $CUSGD info m --coefficients && $CUSGD info first.csv --target 1");
    assert_code(o, 0);
    assert_has(o.out, "features  3: columns 2, 3, 4\noutputs   1: column 1\n");
    assert_has(o.out, "features  2: columns 3, 4\noutputs   1: column 1\n");
    assert_has(o.out, "  column 4  ");
    assert_lacks(o.out, "column 1  ");

    /* predict: on the file itself, without its target; refused where it cannot be told. */
    run(&o,
        "cut -d, -f2- first.csv >x.csv && $CUSGD predict m first.csv -o a.csv && $CUSGD predict m x.csv -o b.csv && cmp a.csv "
        "b.csv && $CUSGD predict m first.csv --ignore 1 -o b.csv && cmp a.csv b.csv");
    assert_code(o, 0);
    run(&o, "paste -d, first.csv first.csv >wide.csv; $CUSGD predict m wide.csv -o c.csv");
    assert_code(o, 2);
    assert_has(o.err,
               "wide.csv:1: the file has 8 columns, and the model was trained on a file of 4 (features: 2, 3, 4; target: 1)");
    assert_has(o.err, "--ignore");
    assert_has(o.err, "--features");
    run(&o, "$CUSGD evaluate m x.csv");
    assert_code(o, 2);
    assert_has(o.err, "--target");
}

Test(command_tables, validates_and_starts_by_number)
{
    make_bare();
    run(&o, "$CUSGD train first.csv --target 1 --valid first.csv --solver exact --model m");
    assert_code(o, 0);
    const char *valid = strstr(o.err, "validation: ");
    cr_assert(valid && strstr(valid, "R2 0.99"), "%s", o.err);
    run(&o,
        "$CUSGD train bare.csv --features 3,1,2 --model s -q --solver exact --valid bare.csv && $CUSGD train bare.csv --init s "
        "--epochs 1 --rate 1e-9 --optimizer sgd --model t -q && $CUSGD info t");
    assert_code(o, 0);
    assert_has(o.out, "features  3: columns 3, 1, 2\n");
    cr_assert_gt(evaluated("t bare.csv"), 0.99);
    run(&o, "cut -d, -f2- first.csv >x.csv; $CUSGD train first.csv --target 1 --valid x.csv --model n -q");
    assert_code(o, 2);
    assert_has(o.err, "x.csv:1: the file has 3 columns");
}

/* What is said of a column gives its number in the file. */
Test(command_tables, divergence_names_the_files_columns)
{
    make_bare();
    run(&o, "awk -F, -v OFS=, '{$3 *= 1e6} {print}' first.csv >far.csv; $CUSGD train far.csv --target 1 --model m --optimizer "
            "sgd --rate "
            "1e10 --no-standardize --batch 1");
    assert_code(o, 4);
    assert_has(o.err, "Columns of largest scale: 3 (");
}

/* A model with names on a file that is said to have none: the columns are where they were. */
Test(command_tables, names_and_no_header)
{
    make_bare();
    run(&o, "$CUSGD train data.csv --target a --solver exact --model m -q");
    assert_code(o, 0);
    cr_assert_gt(evaluated("m data.csv"), 0.9);
    double named = evaluated("m data.csv");
    cr_assert_eq(evaluated("m bare.csv --header no"), named);
    run(&o, "$CUSGD evaluate m bare.csv");
    assert_code(o, 2);
    assert_has(o.err, "say --header no if it is data");
}

/* A model of arrays knows no columns: the last one is named as what it may be. */
Test(command_tables, models_of_arrays)
{
    run(&o, "$CUSGD generate made --rows 100 --cols 3 && $CUSGD train made --model m -q && $CUSGD predict m data.csv -o p.csv");
    assert_code(o, 2);
    assert_has(o.err, "has 4 feature columns, and the model was trained on 3");
    assert_has(o.err, "--ignore -1");
    run(&o, "$CUSGD predict m data.csv --ignore -1 -o p.csv");
    assert_code(o, 0);
}

Test(command_tables, notes)
{
    static const char *const texts[] = {"1,foo,3\n2,3,5\n4,4,4\n9,1,2\n", ",a,y\n0,1,2\n1,2,4\n2,5,5\n3,1,2\n"};
    static const char *const notes[] = {"note: d.csv:1: the first line is taken for a header",
                                        "note: d.csv: column 1 has no name and counts the rows"};
    for (int i = 0; i < 2; i++) {
        file_text("d.csv", texts[i]);
        run(&o, "$CUSGD train d.csv --solver exact --model m");
        assert_code(o, 0);
        assert_has(o.err, notes[i]);
        run(&o, "$CUSGD train d.csv --solver exact --model m -q");
        assert_code(o, 0);
        assert_lacks(o.err, "note");
        run(&o, "$CUSGD info d.csv");
        assert_code(o, 0);
        if (i == 0) assert_has(o.err, notes[i]);
        run(&o, "tail -n +2 d.csv >e.csv; $CUSGD evaluate m e.csv --header no");
        assert_code(o, 0);
    }
}

/* All columns of text in one message, and what it says to type works. */
Test(command_tables, problems_at_once)
{
    run(&o,
        "awk -F, -v OFS=, 'NR==1 {print \"sex,\\\"size, cm\\\"\", $0, \"day\"} NR>1 {print \"F\", \"big\", $0, NR==9 ? \"\" : "
        "\"Sun\"}' data.csv >t.csv && $CUSGD train t.csv --target y --model m");
    assert_code(o, 2);
    assert_has(o.err, "t.csv:2:1: 3 columns hold text: 'sex' ('F'), 'size, cm' ('big'), 'day' ('Sun')");
    assert_has(o.err, "column 'day' has no value here");
    const char *advice = strstr(o.err, "--ignore ");
    cr_assert(advice, "%s", o.err);
    char option[200];
    snprintf(option, sizeof option, "%s", advice);
    option[strcspn(option, "\n")] = '\0';
    cr_assert_str_eq(option, "--ignore 'sex,\"size, cm\",day'");
    run(&o, "$CUSGD train t.csv --target y %s --model m -q && $CUSGD evaluate m t.csv", option);
    assert_code(o, 0);
}

Test(command_tables, names_with_commas_and_quotes)
{
    run(&o, "sed '1s/.*/\"a, b\",\"say \"\"x\"\"\",c,y/' data.csv >q.csv && $CUSGD train q.csv --features '\"a, b\",\"say "
            "\"\"x\"\"\"' "
            "--target y --model m -q && $CUSGD info m");
    assert_code(o, 0);
    assert_has(o.out, "features  2: a, b, say \"x\"\n");
    run(&o, "$CUSGD train q.csv --ignore '\"a, b\"' --ignore=c --model m -q && $CUSGD info m");
    assert_code(o, 0);
    assert_has(o.out, "features  1: say \"x\"\n");
    run(&o, "$CUSGD train q.csv --ignore 'c,say \"x\"' --model m -q && $CUSGD info m"); /* a quote that does not come first is
                                                                                           itself */
    assert_code(o, 0);
    assert_has(o.out, "features  1: a, b\n");
    static const char *const wrong[] = {"\"a, b", "\"a\"b", "c,\"a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        run(&o, "$CUSGD train q.csv --ignore '%s' --model m -q", wrong[i]);
        assert_code(o, 1);
        assert_has(o.err, "a name in quotes ends with a quote");
    }
}

Test(command_tables, info_of_what_train_refuses)
{
    file_text("p.csv", "species,length,sex,mass\nAdelie,39.1,male,3750\nGentoo,NA,,3800\nAdelie,40,female,\n");
    run(&o, "$CUSGD info p.csv");
    assert_code(o, 0);
    assert_has(o.out, "rows      3\nfeatures  3: species, length, sex\noutputs   1: mass\n");
    assert_has(o.out, "COLUMN  NAME     KIND      MISSING      TEXTS  FIRST VALUES\n");
    assert_has(o.out, "     1  species  text            0          3  Adelie, Gentoo\n");
    assert_has(o.out, "     2  length   number          1          0  39.1, NA, 40\n");
    assert_has(o.out, "     3  sex      text            1          2  male, female\n");
    assert_has(o.out, "     4  mass     number          1          0  3750, 3800\n");
    assert_has(o.err, "note: train refuses this file as it is: p.csv:2:1: 2 columns hold text");
    run(&o, "$CUSGD info - <p.csv");
    assert_code(o, 0);
    assert_has(o.out, "     3  sex      text            1          2  male, female\n");
    run(&o, "$CUSGD info p.csv --target price");
    assert_code(o, 2);
    assert_has(o.err, "there is no column 'price'");
    run(&o, "$CUSGD info data.csv --target c --offset b --weights a");
    assert_code(o, 0);
    assert_has(o.out, "rows      60\nfeatures  1: y\noutputs   1: c\noffset    b\nweights   a\n");
    assert_has(o.err, "is negative: weights are 0 or greater");
}

Test(command_tables, one_class)
{
    run(&o, "awk -F, -v OFS=, 'NR>1 {$4 = 1} {print}' data.csv >ones.csv; $CUSGD train ones.csv --loss logistic --model m");
    assert_code(o, 2);
    assert_has(o.err, "ones.csv: the target is 1 in every row");
    cr_assert(!file_exists("m"));
    /* A model of both is evaluated on, and validated with, one of them. */
    run(&o,
        "awk -F, -v OFS=, 'NR>1 {$4 = NR%%2} {print}' data.csv >both.csv; $CUSGD train both.csv --loss logistic --valid ones.csv "
        "--model m -q && $CUSGD evaluate m ones.csv");
    assert_code(o, 0);
}

Test(command_tables, other_kinds)
{
    run(&o, "gzip -c data.csv >z.csv; $CUSGD train z.csv --model m");
    assert_code(o, 2);
    assert_has(o.err, "z.csv: is compressed by gzip");
    assert_has(o.err, "gunzip -c z.csv | cusgd train - ...");
    run(&o, "gunzip -c z.csv | $CUSGD train - --model m -q");
    assert_code(o, 0);
    /* What the messages say to do is done, and the model is the same. */
    static const char *const made[] = {
        "tr ',' ';' <data.csv >s.csv",           "tr ',' '\\t' <data.csv >s.csv", "tr ',' '|' <data.csv >s.csv",
        "tr ',' ' ' <data.csv >s.csv",           "tr ',.' ';,' <data.csv >s.csv", "sed 's/,/   /g; s/^/  /' data.csv >s.csv",
        "tr ',.' '\\t,' <data.csv >s.csv",       "tr ',.' ' ,' <data.csv >s.csv", "{ echo '# a comment'; cat data.csv; } >s.csv",
        "{ echo 'sep=,'; cat data.csv; } >s.csv"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        run(&o, "%s; $CUSGD train s.csv --model n", made[i]);
        assert_code(o, 2);
        assert_has(o.err, "comma");
        char command[300], *start = strstr(o.err, "for example: "), *end = strstr(o.err, " | cusgd train - ...");
        cr_assert(start && end && end - start < 300, "%s", o.err);
        start += strlen("for example: ");
        snprintf(command, sizeof command, "%.*s", (int)(end - start), start);
        run(&o, "%s | $CUSGD train - --model n -q && cmp m n", command);
        assert_code(o, 0);
    }
}
