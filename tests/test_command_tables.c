/* The command on CSV files as they come: notes, messages that can be acted on, models that remember columns by number. */
#include "command.h"
#include "data.h"

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

    /* predict: on the file itself, without its target; refused where it cannot be known. */
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

/* How columns become features is the model's: what the command line says of it changes nothing, and says so. */
Test(command_tables, starts_from_encoded_columns)
{
    run(&o, "printf 'c,n,y\\nu,1,1\\nv,2,2\\nw,4,4\\nu,3,2\\n' >c.csv; $CUSGD train c.csv --categorical c --model m -q && "
            "$CUSGD train c.csv --init m --categorical n --polynomial 2 --interactions --date-order day-first --epochs 2 "
            "--model k");
    assert_code(o, 0);
    assert_has(o.err, "note: --categorical changes nothing with --init");
    assert_has(o.err, "note: --date-order changes nothing with --init");
    assert_has(o.err, "note: --polynomial changes nothing with --init");
    assert_has(o.err, "note: --interactions changes nothing with --init");
    run(&o, "$CUSGD train c.csv --init m --epochs 2 --model k");
    assert_code(o, 0);
    assert_lacks(o.err, "changes nothing");
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
        "awk -F, -v OFS=, 'NR==1 {print \"sex,\\\"size, cm\\\"\", $0, \"day\"} NR>1 {print \"W\", \"big\", $0, NR==9 ? \"\" : "
        "\"Sun\"}' data.csv >t.csv && $CUSGD train t.csv --target y --categorical none --missing error --model m");
    assert_code(o, 2);
    assert_has(o.err, "t.csv:2:1: 3 columns hold text: 'sex' ('W'), 'size, cm' ('big'), 'day' ('Sun')");
    assert_has(o.err, "column 'day' has no value here");
    const char *advice = strstr(o.err, "use them as they are: ");
    cr_assert(advice, "%s", o.err);
    char options[200];
    snprintf(options, sizeof options, "%s", strchr(advice, ':') + 2);
    options[strcspn(options, ";")] = '\0';
    cr_assert_str_eq(options, "--categorical 'sex,\"size, cm\",day' --missing drop");
    run(&o, "$CUSGD train t.csv --target y %s --model m -q && $CUSGD evaluate m t.csv", options);
    assert_code(o, 0);
    run(&o, "$CUSGD train t.csv --target y --categorical none --missing error --model m");
    assert_code(o, 2);
    advice = strstr(o.err, "--ignore ");
    cr_assert(advice, "%s", o.err);
    char option[200];
    snprintf(option, sizeof option, "%s", advice);
    option[strcspn(option, "\n")] = '\0';
    cr_assert_str_eq(option, "--ignore 'sex,\"size, cm\",day'");
    run(&o, "$CUSGD train t.csv --target y %s --model m -q && $CUSGD evaluate m t.csv", option);
    assert_code(o, 0);
}

/* Without an option: text that repeats is categories, and a few rows that lack a value are left out; the notes say so, and how to
 * say otherwise. Names, dates and many missing values are somebody's decision, and the message has what to paste. */
Test(command_tables, a_raw_table_needs_no_option)
{
    run(&o,
        "awk -v OFS=, 'BEGIN { print \"color,size,y\"; for (i = 0; i < 40; i++) print (i %% 3 ? \"red\" : \"blue\"), i == 7 ? "
        "\"NA\" : i, 2 * i + (i %% 3 > 0) }' >t.csv && $CUSGD train t.csv --solver exact --model m");
    assert_code(o, 0);
    assert_has(o.err,
               "note: t.csv: 1 of 40 rows lacks a value, and is left out (--missing mean keeps them, --missing error rejects "
               "the file)\n");
    assert_has(o.err, "note: t.csv: text is read as categories: color (--ignore leaves columns out, --categorical none rejects "
                      "text)\n");
    run(&o,
        "$CUSGD info m --coefficients | awk '$1 == \"color=red\" { exit !($2 > 0.99 && $2 < 1.01) }' && $CUSGD evaluate m t.csv "
        "&& $CUSGD train t.csv --categorical color --missing drop --solver exact --model m2 -q && $CUSGD info m2 --coefficients "
        ">c2 && $CUSGD info m --coefficients | cmp - c2");
    assert_code(o, 0);
    run(&o, "$CUSGD train t.csv --categorical none --model m2");
    assert_code(o, 2);
    assert_has(o.err, "column 'color' holds text ('blue', 'red')");
    run(&o, "$CUSGD train t.csv --missing error --model m2");
    assert_code(o, 2);
    assert_has(o.err, "t.csv:9:2: 'NA' in column 'size'");
    run(&o, "$CUSGD train t.csv --missing sometimes --model m2");
    assert_code(o, 1);
    assert_has(o.err, "missing must be auto, error, drop or mean");
    /* Numbers alone: a model of numbers takes no text, in --valid neither. */
    run(&o, "cut -d, -f2,3 t.csv >n.csv && sed 's/,size/,x/;s/color,/size,/;s/^blue,[0-9NA]*/blue,0/' t.csv | cut -d, -f1,3 "
            ">v.csv && "
            "$CUSGD train n.csv --valid v.csv --model m2 -q");
    assert_code(o, 2);
    assert_has(o.err, "column 'size' holds text");
    run(&o, "awk -v OFS=, 'BEGIN { print \"name,day,color,y\"; for (i = 0; i < 40; i++) print \"Al \" i %% 25, \"2024-01-\" 10 + "
            "i %% 9, "
            "i %% 2 ? \"red\" : \"blue\", i %% 5 }' >t.csv && $CUSGD train t.csv --model m2");
    assert_code(o, 2);
    const char *advice = strstr(o.err, "to use the others: ");
    cr_assert(advice, "%s", o.err);
    char options[200];
    snprintf(options, sizeof options, "%s", strchr(advice, ':') + 2);
    options[strcspn(options, ";\n")] = '\0';
    cr_assert_str_eq(options, "--date day --ignore name");
    run(&o, "$CUSGD train t.csv %s --model m -q && $CUSGD info m", options);
    assert_code(o, 0);
    assert_has(o.out, "color=red");
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
    assert_has(o.out, "rows      3\nformat    separated by commas, decimal points, a header\nfeatures  3: species, length, "
                      "sex\noutputs   1: mass\n");
    assert_has(o.out, "COLUMN  NAME     KIND                MISSING  FIRST VALUES\n");
    assert_has(o.out, "     1  species  category of 2             0  Adelie, Gentoo\n");
    assert_has(o.out, "     2  length   number                    1  39.1, NA, 40\n");
    assert_has(o.out, "     3  sex      category of 2             1  male, female\n");
    assert_has(o.out, "     4  mass     number                    1  3750, 3800\n");
    assert_has(o.err, "note: train refuses this file as it is: p.csv:3:2: 3 columns lack values");
    run(&o, "$CUSGD info - <p.csv");
    assert_code(o, 0);
    assert_has(o.out, "     3  sex      category of 2             1  male, female\n");
    run(&o, "$CUSGD info p.csv --target price");
    assert_code(o, 2);
    assert_has(o.err, "there is no column 'price'");
    run(&o, "$CUSGD info data.csv --target c --offset b --weights a");
    assert_code(o, 0);
    assert_has(o.out, "rows      60\nformat    separated by commas, decimal points, a header\nfeatures  1: y\noutputs   1: "
                      "c\noffset    b\nweights   a\n");
    assert_has(o.err, "is negative: weights are 0 or greater");
}

/* The line that info ends with trains on the file, whatever is in it. */
static void assert_line_trains(const char *file, const char *options, const char *expected)
{
    run(&o, "$CUSGD info %s %s 2>/dev/null", file, options);
    assert_code(o, 0);
    const char *line = strstr(o.out, "train it:  cusgd ");
    cr_assert(line, "%s", o.out);
    char command[1000];
    snprintf(command, sizeof command, "%s", line + strlen("train it:  cusgd "));
    assert_has(command, expected);
    char *name = strstr(command, "NAME.safetensors\n");
    cr_assert(name);
    strcpy(name, "m");
    run(&o, "$CUSGD %s -q && $CUSGD evaluate m %s && $CUSGD predict m %s -o p.csv", command, file, file);
    assert_code(o, 0);
}

Test(command_tables, info_says_how_to_train)
{
    static const struct {
        const char *text, *options, *expected;
    } cases[] = {
        {"a,b,y\n1,2,3\n2,5,4\n7,1,5\n", "", "train t.csv --model"},
        {"a,c,y\n1,u,3\n2,v,4\n7,u,5\n", "", "--categorical c --model"},
        {"when,d,y\n1/2/2024,1/2/2024,3\n13/2/2024,2/2/2024,4\n14/2/2024,3/3/2024,5\n", "", "--date when --ignore d --model"},
        {"id,name,\"size, cm\",flag,when,empty,one,mixed,y\n1,Al,3.5,yes,2024-01-02,,7,4,red\n2,Bo,4,no,2024-02-03,,7,x,blue\n"
         "3,Al,5,no,2024-03-04,,7,5,red\n4,Bo,4.5,yes,2024-04-05,,7,6,blue\n",
         "", "--categorical name --date when --ignore id,empty,one,mixed --loss logistic"},
        {"a,\"b, c\",y\n1,u,3\n2,v,4\n7,u,5\n", "", "--categorical '\"b, c\"'"},
        {"y,a,b\n3,1,p\n4,2,q\n5,7,p\n", "--target y", "--target y --categorical b"},
        {"a,b,y,\n1,2,3,\n2,5,4,\n7,1,5,\n", "", "--target y --ignore 4"},
        {"a,a,b,y\n1,2,3,5\n2,5,4,6\n7,1,5,2\n4,4,4,4\n", "", "--ignore 2"},
        {"x\nsome words\na;b;y\n1,5;2;3\n2;3;4\n3;5;1\n", "--skip 2", "train t.csv --skip 2 --model"},
        {"1;2,5;3\n2;3,5;4\n5;1,5;2\n", "", "train t.csv --model"},
        {"a,b,y\n1,2,4\n2,,2\n7,1,4\n3,3,2\n2,9,2\n5,1,4\n", "", "--missing drop --loss logistic"},
        {"a,b,y\n1,2,4\n2,,3\n7,,4\n3,3,2\n2,9,2\n", "", "--missing mean"},
        {"a,b,w,y\n1,2,1,4\n2,4,2,3\n7,5,1,4\n", "--weights w", "--weights w"},
        {"a,b,y\n1,2,4\n2,4,3\n7,5,5\n", "--features b", "--features b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_text("t.csv", cases[i].text);
        assert_line_trains("t.csv", cases[i].options, cases[i].expected);
    }
    run(&o, "cp t.csv 'two words.csv' && $CUSGD info 'two words.csv'");
    assert_has(o.out, "cusgd train 'two words.csv' --model");
}

/* Texts among numbers are counted, and so are the different ones; row numbers of an index may begin anywhere, other columns that
 * count are what they are; whole numbers from 0 on may be counts; columns line up whatever their names are written with. */
Test(command_tables, info_tells_kinds_apart)
{
    run(&o, "awk -v OFS=, 'BEGIN { print \"id,Fl\303\244che (m\302\262),heat,year,y\"; for (i = 0; i < 9; i++) print i + 10000, "
            "i * i, i %% 3 ? "
            "\"Gas\" : i, 1990 + i, i %% 4 }' >t.csv && $CUSGD info t.csv");
    assert_code(o, 0);
    assert_has(o.out, "COLUMN  NAME         KIND                            MISSING  FIRST VALUES\n");
    assert_has(o.out, "     1  id           row number                            0  10000, 10001, 10002\n");
    assert_has(o.out, "     2  Fl\303\244che (m\302\262)  number                                0  0, 1, 4\n");
    assert_has(o.out, "     3  heat         mixed (6 texts, 1 different)          0  0, Gas, 3\n");
    assert_has(o.out, "     4  year         number                                0  1990, 1991, 1992\n");
    assert_has(o.err, "for counts say --loss poisson");
    run(&o, "$CUSGD info t.csv --target year");
    assert_lacks(o.err, "poisson");
    run(&o, "cut -d, -f1,2,5 t.csv >u.csv && $CUSGD train u.csv --model m");
    assert_has(o.err, "column 'id' counts the rows");
}

/* Messages name what wants a column, and what may be meant. */
Test(command_tables, columns_that_are_not_there)
{
    file_text("t.csv", "a,b,y\n1,2,3\n2,5,4\n7,1,5\n");
    file_text("v.csv", "a,y\n1,2\n2,5\n");
    run(&o, "$CUSGD train t.csv --valid v.csv --model m");
    assert_code(o, 2);
    assert_has(o.err, "v.csv:1: there is no column 'b', which the model or an option names; there are 2: 'a', 'y'");
    run(&o, "$CUSGD train t.csv --target 12 --model m");
    assert_code(o, 2);
    assert_has(o.err, "there is no column 12; there are 3");
    file_text("s.csv", "a;b;y\n1;2;3\n2;5;4\n");
    run(&o, "$CUSGD train s.csv --separator comma --model m");
    assert_code(o, 2);
    assert_has(o.err, "the first line has one field; if another character separates columns, say which (--separator)");
    run(&o, "$CUSGD train t.csv --history no/such/folder --model m");
    assert_code(o, 2);
    assert_has(o.err, "give a file in a folder that can be written to");
}

/* As published: R's lm has 0.8768 with all columns. */
Test(command_tables, penguins)
{
    run(&o, "$CUSGD train $GOLDEN/datasets/penguins.csv --target body_mass_g --solver exact --model m");
    assert_code(o, 0);
    assert_has(o.err, "11 of 344 rows lack a value");
    assert_has(o.err, "text is read as categories: species,island,sex (");
    assert_has(o.err, "R2 0.8768");
    run(&o, "$CUSGD predict m $GOLDEN/datasets/penguins.csv -o - | tail -n +2 | grep -c '^[0-9]'");
    assert_has(o.out, "333\n");
}

/* Ragged rows, quotes that never close, no usable target: described all the same. */
Test(command_tables, info_of_anything)
{
    file_text("t.csv", "a,b,y\n1,2,3\n2,3\n4,5,6,7\n");
    run(&o, "$CUSGD info t.csv");
    assert_code(o, 0);
    assert_has(o.out, "rows      3\n");
    assert_has(o.out, "     3  y     number                    1  3, 6\n");
    assert_has(o.err, "note: t.csv:3: the row has not 3 fields as the first line (2 such rows)");
    assert_lacks(o.out, "train it");
    file_text("t.csv", "a,b\n1,2\n3,\"4\n5,6\n");
    run(&o, "$CUSGD info t.csv");
    assert_code(o, 0);
    assert_has(o.err, "the quote that opens this field is never closed: nothing from there on is described");
    file_text("t.csv", "a,y\n1,u\n2,v\n3,w\n4,u\n");
    run(&o, "$CUSGD info t.csv");
    assert_code(o, 0);
    assert_has(o.out, "category of 3");
    assert_lacks(o.out, "train it");
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

/* However a table is written, its model is the same. */
Test(command_tables, dialects)
{
    static const struct {
        const char *made, *options;
    } cases[] = {
        {"tr ',' ';' <data.csv >s.csv", ""},
        {"tr ',' '\\t' <data.csv >s.tsv", ""},
        {"tr ',' '|' <data.csv >s.txt", ""},
        {"tr ',' ' ' <data.csv >s.dat", ""},
        {"tr ',.' ';,' <data.csv >s.csv", ""},
        {"tr ',.' '\\t,' <data.csv >s.csv", ""},
        {"tr ',.' ' ,' <data.csv >s.csv", ""},
        {"sed 's/,/   /g; s/^/  /' data.csv >s.csv", ""},
        {"{ echo '# a comment'; cat data.csv; } >s.csv", ""},
        {"{ echo '# a comment'; echo '# x, y'; echo; sed '20a # more' data.csv; } >s.csv", ""},
        {"{ echo 'sep=,'; cat data.csv; } >s.csv", ""},
        {"{ echo 'sep=;'; tr ',.' ';,' <data.csv; } >s.csv", ""},
        {"{ printf '\\357\\273\\277'; cat data.csv; } >s.csv", ""},
        {"gzip -c data.csv >s.csv.gz", ""},
        {"{ head -n 9 data.csv | gzip -c; tail -n +10 data.csv | gzip -c; } >s.csv", ""},
        {"tr ',.' ';,' <data.csv | gzip -c >s", ""},
        {"tr ',' '~' <data.csv >s.csv", "--separator '~' "},
        {"tr ',.' ';,' <data.csv >s.csv", "--separator semicolon --decimal comma "},
        {"{ echo 'Report of May'; echo '1;2'; tr ',' ';' <data.csv; } >s.csv", "--skip 2 "},
    };
    run(&o, "$CUSGD train data.csv --model m -q && $CUSGD predict m data.csv -o p.csv");
    assert_code(o, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        const char *to = strrchr(cases[i].made, '>') + 1;
        snprintf(name, sizeof name, "%s", to);
        run(&o, "%s; $CUSGD train %s %s--model n -q && $CUSGD info %s %s >/dev/null", cases[i].made, name, cases[i].options, name,
            cases[i].options);
        assert_code(o, 0);
        /* What was found anew is not kept, what was said is: the model reads the file by itself. */
        run(&o, "$CUSGD predict n %s -o q.csv && cmp p.csv q.csv && $CUSGD evaluate n %s && $CUSGD train - %s--model n -q <%s",
            name, name, cases[i].options, name);
        assert_code(o, 0);
        if (!*cases[i].options) run(&o, "cmp m n");
        assert_code(o, 0);
    }
    run(&o,
        "{ echo 'Report of May'; cat data.csv; } >s.csv; $CUSGD train s.csv --skip 1 --model n -q && $CUSGD predict n data.csv "
        "--skip 0 -o q.csv && cmp p.csv q.csv");
    assert_code(o, 0);
    static const char *const wrong[] = {
        "--separator '\"'", "--separator xy", "--separator .", "--decimal ';'",
        "--skip -1",        "--skip x",       "--thousands _", "--thousands comma --decimal comma",
        "--date-order iso"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        run(&o, "$CUSGD train data.csv %s --model n", wrong[i]);
        assert_code(o, 1);
    }
}

/* Thousands and the order of dates, from the description to predictions by a model that keeps both. */
Test(command_tables, thousands_and_order_of_dates)
{
    file_text("t.csv", "when,size,y\n1/2/2024,\"1,200\",3\n5/2/2024,950,4\n7/3/2024,\"2,500\",6\n9/9/2024,\"1,100\",5\n");
    run(&o, "$CUSGD info t.csv");
    assert_code(o, 0);
    assert_has(o.out, "     2  size  marked number             0  \"1,200\", 950, \"2,500\"\n");
    assert_has(o.err,
               "note: column 'size' holds numbers with marks ('1,200'): say what separates their thousands (--thousands comma)");
    assert_has(o.err, "note: the dates in column 'when' ('1/2/2024') may have the day or the month first");
    assert_line_trains("t.csv", "--thousands comma --date-order month-first",
                       "--thousands comma --date-order month-first --date when --model");
    file_text("plain.csv", "size,y\n1200,3\n950,4\n2500,6\n1100,5\n");
    run(&o, "$CUSGD train t.csv --thousands comma --ignore when --solver exact -q -m m && $CUSGD predict m t.csv -o p.csv && "
            "$CUSGD train plain.csv --solver exact -q -m n && $CUSGD predict n plain.csv -o q.csv && cmp p.csv q.csv");
    assert_code(o, 0);
}

/* Commands in messages can be pasted whatever the file is called. */
Test(command_tables, commands_quote_names)
{
    static const struct {
        const char *name, *shell, *python;
    } names[] = {
        {"plain-1_+,=@.csv", " plain-1_+,=@.csv", NULL},
        {"two words.csv", "'two words.csv'", "\"two words.csv\""},
        {"it's.csv", "'it'\\''s.csv'", "\"it's.csv\""},
        {"a;touch gone.csv", "'a;touch gone.csv'", "\"a;touch gone.csv\""},
        {"$(touch gone)`touch gone`.csv", "'$(touch gone)`touch gone`.csv'", NULL},
        {"q\"b\\.csv", "'q\"b\\.csv'", "\"q\\\"b\\\\.csv\""},
        {"./-x.csv", " ./-x.csv", NULL},
        {"a=b.csv", " a=b.csv", NULL},
    };
    static const char *const made[] = {"bzip2 -c data.csv", "iconv -f UTF-8 -t UTF-16 data.csv"};
    run(&o, "$CUSGD train data.csv --model m -q");
    assert_code(o, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NAME", names[i].name, 1);
        for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
            run(&o, "%s >\"$NAME\"; $CUSGD train \"$NAME\" --model n", made[k]);
            assert_code(o, 2);
            char command[300], *start = strstr(o.err, "for example: "), *end = strstr(o.err, " | cusgd train - ...");
            cr_assert(start && end && end - start < 300, "%s", o.err);
            start += strlen("for example: ");
            snprintf(command, sizeof command, "%.*s", (int)(end - start), start);
            if (names[i].shell[0] == '\'') assert_has(command, names[i].shell);
            run(&o, "%s | $CUSGD train - --model n -q && cmp m n", command);
            assert_code(o, 0);
            cr_assert(!file_exists("gone") && !file_exists("gone.csv"));
        }
        run(&o, "printf 'PAR1\\1\\2\\3' >\"$NAME\"; $CUSGD train \"$NAME\" --model n");
        assert_code(o, 2);
        assert_has(o.err, "pandas.read_parquet(\"");
        if (names[i].python) assert_has(o.err, names[i].python);
    }
}

/* A name that the message shows escaped, or that is long, could not be pasted. */
Test(command_tables, commands_without_names)
{
    char quoted[QUOTED_BYTES];
    cr_assert_str_eq(file_for_shell("standard input", quoted), "FILE");
    cr_assert_str_eq(file_for_shell("-x.csv", quoted), "./-x.csv"); /* no option */
    cr_assert_str_eq(file_for_shell("- x.csv", quoted), "'./- x.csv'");
    cr_assert_str_eq(file_for_python("standard input", quoted), "\"FILE\"");
    run(&o, "n=$(printf 'a\\033b.csv'); bzip2 -c data.csv >\"$n\"; $CUSGD train \"$n\" --model m");
    assert_code(o, 2);
    assert_has(o.err, "bunzip2 -c FILE | cusgd");
    for (int length = 195; length < 199; length++) {
        run(&o, "n=$(printf '%%0%dd' 1).csv; bzip2 -c data.csv >$n; $CUSGD train $n --model m", length);
        assert_code(o, 2);
        assert_has(o.err, length + 4 > 200 ? "bunzip2 -c FILE | cusgd" : ".csv | cusgd");
    }
}

/* Many columns of text with long names, and of missing values: the list ends early, and what to do is still said. */
Test(command_tables, wide_tables_of_text)
{
    for (int missing = 0; missing < 2; missing++) {
        FILE *file = fopen("wide.csv", "w");
        cr_assert(file);
        for (int row = 0; row < 4; row++) {
            for (int j = 0; j < 200; j++)
                if (row == 0)
                    fprintf(file, "a_column_of_a_survey_with_a_very_long_name_that_says_everything_%03d,", j);
                else
                    fprintf(file, "%s", missing && j % 2 ? "," : "an answer of many words that nobody wants to read,");
            fprintf(file, row == 0 ? "x,y\n" : "%d,%d\n", row, row * row % 3);
        }
        cr_assert_eq(fclose(file), 0);
        run(&o, "$CUSGD train wide.csv --categorical none --model m");
        assert_code(o, 2);
        assert_has(o.err, missing ? "100 columns hold text: 'a_column" : "200 columns hold text: 'a_column");
        assert_has(o.err, " more: ");
        if (missing) assert_has(o.err, "100 columns lack values: ");
        assert_has(o.err,
                   missing ? "; or leave all of these columns out: --ignore a_column" : ": leave them out (--ignore a_column");
        assert_has(o.err, "more columns had no room in the list for --ignore; to see all columns: cusgd info wide.csv\n");
        if (!missing) assert_has(o.err, "name the columns to use (--features), or encode them as numbers");
        /* What is listed and what is not are all columns. */
        const char *more = strstr(o.err, ", and ");
        cr_assert(more);
        long listed = 0, rest = strtol(more + strlen(", and "), NULL, 10);
        for (const char *at = o.err; (at = strstr(at, " ('an answer")) && at < more; at++) listed++;
        cr_assert_eq(listed + rest, missing ? 100 : 200);
        run(&o, "$CUSGD info wide.csv --categorical none");
        assert_code(o, 0);
        assert_has(o.err, "to see all columns: cusgd info wide.csv\n");
    }
}

/* Options that make features, from the command line to predictions of the raw table. */
Test(command_tables, features_of_dates_and_powers)
{
    file_text("shop.csv", "day,size,sold\n2024-01-05,1,20\n2024-02-06,2,31\n2024-03-14,3,46\n2024-04-19,5,90\n2024-05-25,4,66\n"
                          "2024-06-30,2.5,41\n2024-07-02,1.5,25\n");
    run(&o,
        "$CUSGD train shop.csv --date day --polynomial 2 --l2 0.01 --solver exact -q -m m && $CUSGD info m && $CUSGD predict m "
        "shop.csv -o p.csv && $CUSGD evaluate m shop.csv");
    assert_code(o, 0);
    assert_has(o.out, "features  8: month(day), weekday(day), days(day), size, month(day)^2, weekday(day)^2, ");
    run(&o, "$CUSGD train shop.csv --date day --interactions -q -m m");
    assert_code(o, 1);
    assert_has(o.err, "--interactions is for a --polynomial of degree 2 or more");
    run(&o, "$CUSGD train shop.csv --date day --polynomial 11 -q -m m");
    assert_code(o, 1);
    assert_has(o.err, "--polynomial takes a degree of 1 to 10, not 11");
    run(&o, "$CUSGD generate made --rows 50 --cols 2 && $CUSGD train made --polynomial 2 -q -m m");
    assert_code(o, 1);
    assert_has(o.err, "--categorical, --date, --date-order and --polynomial are about a CSV's columns");
    run(&o, "$CUSGD train shop.csv -q -m m");
    assert_code(o, 2);
    assert_has(o.err, "to use them as they are: --date day");
}

Test(command_tables, confusion_as_a_table)
{
    file_text("who.csv", "a,who\n1,\"x, y\"\n2,\"x, y\"\n3,z\n4,\"x, y\"\n5,z\n6,z\n");
    run(&o,
        "$CUSGD train who.csv --loss logistic --l2 0.1 --solver newton -q -m m && $CUSGD evaluate m who.csv --confusion c.csv && "
        "cat c.csv");
    assert_code(o, 0);
    assert_has(o.out, "class,\"x, y\",z\n\"x, y\",2,1\nz,1,2\n");
    run(&o, "$CUSGD evaluate m who.csv --json");
    assert_code(o, 0);
    assert_has(o.out, "\"f1_macro\": 0.6666");
    assert_has(o.out, "\"f1_weighted\": 0.6666");
    run(&o, "$CUSGD evaluate m who.csv --confusion none/c.csv");
    assert_code(o, 2);
    run(&o, "$CUSGD train data.csv --solver exact -q -m n && $CUSGD evaluate n data.csv --json && $CUSGD evaluate n data.csv "
            "--confusion "
            "c.csv");
    assert_code(o, 1);
    assert_has(o.out, "\"median_absolute_error\": ");
    assert_has(o.out, "\"d2_absolute_error\": 0.9");
    assert_has(o.err, "--confusion is for models of one target of classes");
}
