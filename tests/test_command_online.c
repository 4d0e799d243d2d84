/* `cusgd train - --online` from outside: rows from standard input, block by block. */
#include "command.h"

TestSuite(command_online, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* Rows as they come, in blocks of 8192 or a little more, are one pass over them all: with a header, without one, and with line
 * ends in quotes. The progressive loss is that of the pass. */
Test(command_online, is_one_pass)
{
    static const char *const headers[] = {"a,b,y\\n", "", "\\\"a\\n\\\",b,y\\n"};
    const char *rest = "--no-standardize --optimizer momentum --rate 1e-3 --batch 48";
    for (int i = 0; i < 3; i++) {
        run(&o,
            "awk 'BEGIN { srand(3); printf \"%s\"; for (i = 0; i < 19968; i++) { a = rand(); b = rand(); print a \",\" b "
            "\",\" a - b + rand() } }' >rows.csv && $CUSGD train rows.csv --sampling none --epochs 1 %s -q --model m && "
            "$CUSGD train - --online %s --model m2 <rows.csv",
            headers[i], rest, rest);
        assert_code(o, 0);
        assert_has(o.err, "19968");
        assert_has(o.err, "average loss");
        assert_has(o.err, "since last");
        run(&o, "for m in m m2; do $CUSGD info $m --coefficients >$m.txt; done; cmp m.txt m2.txt && test -s m.txt");
        assert_code(o, 0);
    }
}

/* Weights and the header are what the command line says in every block, and targets are classes as in the first. */
Test(command_online, options_hold_for_all_blocks)
{
    run(&o,
        "awk 'BEGIN { srand(5); print \"a,w,y\"; for (i = 0; i < 17000; i++) { a = rand(); print a \",\" i %% 3 \",\" (i %% 3 ? "
        "2 * a : 1e3) } }' >rows.csv; awk -F, 'NR == 1 || $2 > 0' rows.csv >kept.csv; rest='--optimizer momentum --rate 1e-3 "
        "--no-standardize --batch 1 --weights w -q'; $CUSGD train - --online $rest --model m <rows.csv && "
        "$CUSGD train kept.csv --sampling none --epochs 1 $rest --model m2 && "
        "for m in m m2; do $CUSGD info $m --coefficients >$m.txt; done; cat m.txt m2.txt >&2; "
        "awk '$1 == \"a\" { exit $2 > 0 && $2 < 3 ? 0 : 1 }' m.txt");
    assert_code(o, 0);
    run(&o, "{ echo 2019,2020; awk 'BEGIN { for (i = 0; i < 9000; i++) print i %% 7 \",\" i %% 3 }'; } | "
            "$CUSGD train - --online --header yes --model m");
    assert_code(o, 0);
    assert_has(o.err, "\n9000 rows");
    run(&o, "awk 'BEGIN { print \"a,y\"; for (i = 0; i < 9000; i++) print i %% 7 \",\" (i > 8500 ? 2 : 1) * (i %% 2) }' | "
            "$CUSGD train - --online --loss logistic --model m");
    assert_code(o, 2);
    assert_has(o.err, "target 2 does not fit");
}

/* Columns are found by the names of the first block, classes keep their numbers, whatever comes first in a block. */
Test(command_online, classes)
{
    run(&o, "awk 'BEGIN { srand(4); print \"y,a\"; for (i = 0; i < 20000; i++) { a = 2 * rand() - 1; print (a + rand() > 0.5 ? "
            "\"yes\" : \"no\") \",\" a } }' >classes.csv && $CUSGD train - --online --target y --loss logistic --model m "
            "<classes.csv && $CUSGD evaluate m classes.csv");
    assert_code(o, 0);
    assert_has(o.err, "20000 rows; model: m");
    run(&o, "$CUSGD info m --coefficients | awk '$1 == \"a\" { exit $2 > 2 ? 0 : 1 }'");
    assert_code(o, 0);
}

/* What several passes are needed for has no part in one, and nothing is said to be chosen for it. */
Test(command_online, unused_options_are_named)
{
    static const char *const options[] = {"sampling replace", "tolerance 0.1", "gradient-tolerance 0.1", "patience 3",
                                          "evaluate-every 2"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "note: --%.*s changes nothing with --online", (int)strcspn(options[i], " "), options[i]);
        run(&o, "$CUSGD train - --online --model m --%s <data.csv", options[i]);
        assert_code(o, 0);
        assert_has(o.err, line);
        assert_has(o.err, "chosen: rate ");
        assert_lacks(o.err, "epochs");
        assert_lacks(o.err, "1e-05");
    }
    run(&o, "$CUSGD train - --online --model m --optimizer ftrl --l1 0.1 <data.csv");
    assert_lacks(o.err, "changes nothing");
}

Test(command_online, errors)
{
    run(&o, "$CUSGD train data.csv --online --model m2");
    assert_code(o, 1);
    assert_has(o.err, "--online reads each row once from standard input");
    run(&o, "$CUSGD train - --online --valid data.csv --model m2 <data.csv");
    assert_code(o, 1);
    run(&o, "$CUSGD train - --online --solver exact --model m2 <data.csv");
    assert_code(o, 1);
    assert_has(o.err, "--online needs --solver sgd");
    assert_lacks(o.err, "note:");
    run(&o, "$CUSGD train - --online --whiten zca --model m2 <data.csv");
    assert_code(o, 1);
    assert_has(o.err, "leave out --whiten");
    assert_lacks(o.err, "chosen:");
    static const char *const schedules[] = {"cosine", "one-cycle", "polynomial"};
    for (int i = 0; i < 3; i++) {
        run(&o, "$CUSGD train - --online --schedule %s --model m2 <data.csv", schedules[i]);
        assert_code(o, 1);
        assert_has(o.err, "--online does not know how many steps there will be");
    }
    run(&o, "$CUSGD train - --online --epochs 5 --model m2 <data.csv");
    assert_code(o, 1);
    assert_has(o.err, "leave out --epochs");
    run(&o, "awk 'BEGIN { print \"a,y\"; for (i = 0; i < 9000; i++) print i %% 7 \",\" (i == 8500 ? \"nan\" : i %% 3) }' | "
            "$CUSGD train - --online --missing error --model m2");
    assert_code(o, 2);
    assert_has(o.err, "in the rows after row 8192");
    assert_has(o.err, "standard input:8502:2: 'nan'");
    assert_has(o.err, "the model of the first 8192 rows is in m2");
    run(&o, "$CUSGD info m2 >/dev/null && rm m2");
    assert_code(o, 0);
    run(&o, "$CUSGD train - --online --model m2 </dev/null");
    assert_code(o, 2);
}

/* A signal that comes while the stream is silent ends the run, and the model of the rows so far is written. */
Test(command_online, ends_by_a_signal)
{
    run(&o,
        "mkfifo rows; { awk 'BEGIN { print \"a,y\"; for (i = 0; i < 17000; i++) print i %% 7 \",\" i %% 3; fflush() }'; sleep "
        "60; } >rows & $CUSGD train - --online --model m <rows 2>log & p=$!; until grep -q 16384 log; do sleep 0.02; done; "
        "kill -TERM $p; wait $p; code=$?; kill $(jobs -p) 2>/dev/null; exit $code");
    assert_code(o, 143);
    cr_assert(file_exists("m"));
}

/* ---- What comes before the rows ------------------------------------------------------------------------------------------ */

static const char exact[] = "--no-standardize --optimizer momentum --rate 1e-3 --batch 48 -q";

/* 17000 rows of a, b, y in rows.csv, without a header; models/m is trained on them. */
static void make_rows(void)
{
    run(&o,
        "awk 'BEGIN { srand(5); for (i = 0; i < 17000; i++) { a = rand(); b = rand(); print a \",\" b \",\" a - b + rand() } }' "
        ">rows.csv && $CUSGD train - --online --header no %s --model m <rows.csv && $CUSGD info m --coefficients >m.txt 2>&1",
        exact);
    assert_code(o, 0);
}

/* Whatever stands before the first row, every block is read as the first one was: all rows are used. */
Test(command_online, keeps_what_comes_before_the_rows)
{
    static const char *const cases[][2] = {
        {"sep=,\\n", "--header no"},
        {"# made by a program\\n# on a day\\n", "--header no"},
        {"a line, that is no row, to skip, at all\\n", "--header no --skip 1"},
        {"one\\ntwo\\n", "--header no --skip 2"},
        {"# a comment\\na,b,y\\n", ""},
        {"sep=,\\na,b,y\\n", ""},
        {"\\357\\273\\277a,b,y\\n", "--target y"},
        {"junk\\na,b,y\\n", "--skip 1"},
        {"\\\"a\\nand more\\\",b,y\\n", ""},
    };
    make_rows();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&o, "{ printf \"%s\"; cat rows.csv; } | $CUSGD train - --online %s %s --model m2", cases[i][0], cases[i][1], exact);
        assert_code(o, 0);
        run(&o, "$CUSGD info m2 --coefficients 2>&1 | awk '{ print $NF }' >m2.txt; awk '{ print $NF }' m.txt | cmp - m2.txt");
        assert_code(o, 0);
    }
}

/* ---- What goes wrong in later blocks ------------------------------------------------------------------------------------- */

/* Notes of later blocks are printed, each kind once. */
Test(command_online, puts_the_notes_of_later_blocks)
{
    run(&o, "awk 'BEGIN { print \"c,a,y\"; for (i = 0; i < 25000; i++) print (i < 9000 ? \"u\" i %% 2 : \"new\") \",\" i %% 5 "
            "\",\" (i "
            "< 9000 ? i %% 3 : i %% 4 ? 1 : \"\") }' | $CUSGD train - --online --model m"); /* a quarter of the later rows */
    assert_code(o, 0);
    const char *category = strstr(o.err, "('new')"), *lacks = strstr(o.err, "lack a value");
    cr_assert(category && lacks, "%s", o.err);
    cr_assert(!strstr(category + 1, "('new')") && !strstr(lacks + 1, "lack a value"), "%s", o.err);
    assert_has(o.err, "more blocks of rows had such notes");
}

/* A quote inside a field opens nothing: it is an error of its own line, and not one of the stream's end. */
Test(command_online, stops_at_a_stray_quote)
{
    make_rows();
    run(&o,
        "mkfifo stream; { sed '10s/,/,5\" pipe,/' rows.csv; sleep 60; } >stream & $CUSGD train - --online --header no --model m2 "
        "<stream; code=$?; kill $(jobs -p) 2>/dev/null; exit $code");
    assert_code(o, 2);
    assert_has(o.err, "standard input:10:2: a quote inside an unquoted field");
    run(&o,
        "{ head -n 9000 rows.csv; printf '\"'; head -c 20000000 /dev/zero | tr '\\0' x; } | $CUSGD train - --online --header no "
        "--model m2");
    assert_code(o, 2);
    assert_has(o.err, "standard input:9001: a record of more than 16 MB starts here");
    cr_assert(file_exists("m2"));
}

/* Classes are those of the first block. */
Test(command_online, says_that_the_first_block_has_one_class)
{
    run(&o, "awk 'BEGIN { print \"a,y\"; for (i = 0; i < 9000; i++) print i %% 7 \",\" (i < 8500 ? \"no\" : \"yes\") }' | "
            "$CUSGD train - --online --loss logistic --model m2");
    assert_code(o, 2);
    assert_has(o.err, "from the first 8192 rows");
    cr_assert(!file_exists("m2"));
}

Test(command_online, refuses_compressed_streams)
{
    run(&o, "gzip -c data.csv | $CUSGD train - --online --model m2");
    assert_code(o, 2);
    assert_has(o.err, "compressed by gzip");
}

/* A stream that cannot be read is an error, not an end. */
Test(command_online, reports_errors_of_reading)
{
    run(&o, "$CUSGD train - --online --model m2 <.");
    assert_code(o, 2);
    assert_has(o.err, "standard input: cannot be read: Is a directory");
    cr_assert(!file_exists("m2"));
}

/* Rows that have arrived are trained on when a signal comes, also where they do not fill a block. The line before them does not
 * fit into a pipe: when the rows have been written, the command is reading. */
Test(command_online, trains_on_what_has_arrived_before_a_signal)
{
    static const int rows[] = {100, 12000};
    for (int i = 0; i < 2; i++) {
        run(&o,
            "rm -f m stream sent; mkfifo stream; { awk 'BEGIN { printf \"#\"; for (i = 0; i < 200000; i++) printf \"x\"; print "
            "\"\\na,y\"; for (i = 0; i < %d; i++) print i %% 7 \",\" i %% 3; printf \"1,\"; fflush() }'; touch sent; sleep 60; } "
            ">stream & $CUSGD train - --online --model m <stream 2>log & p=$!; until [ -e sent ]; do sleep 0.02; done; "
            "kill -TERM $p; wait $p; code=$?; kill $(jobs -p) 2>/dev/null; cat log >&2; exit $code",
            rows[i]);
        assert_code(o, 143);
        char end[64];
        snprintf(end, sizeof end, "%d rows; model: m", rows[i]);
        assert_has(o.err, end);
    }
}
