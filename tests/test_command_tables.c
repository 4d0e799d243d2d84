/* What messages about CSV files say to type: commands that quote the names of files, and lists of many columns. tests/cli has the
 * other tests of the command on CSV files. */
#include "command.h"
#include "data.h"

TestSuite(command_tables, .init = command_setup, .fini = folder_teardown);

static outcome o;

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
        run(&o, "printf 'ORC\\1\\2\\3' >\"$NAME\"; $CUSGD train \"$NAME\" --model n");
        assert_code(o, 2);
        assert_has(o.err, "pandas.read_orc(\"");
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
