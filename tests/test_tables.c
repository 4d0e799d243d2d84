/* CSV files as they come: what their first line is, what keeps a table from being used, how a table is described. */
#include "options.h"
#include "reduced.h"
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tables, .init = folder_setup, .fini = folder_teardown);

/* ---- The first line ------------------------------------------------------------------------------------------------------ */

/* What pandas, NumPy, R, Excel in several languages, SQL, C libraries, Stata and others write for a value that is not there. */
static const char *const marks[] = {"NA",          "N/A",
                                    "n.a.",        "NaN",
                                    "nan",         "-nan",
                                    "-nan(ind)",   "nan(0x8000000000000)",
                                    "NULL",        "null",
                                    "(null)",      "<null>",
                                    "[null]",      "None",
                                    "none",        "nil",
                                    "nothing",     "missing",
                                    "<NA>",        "pd.NA",
                                    "NaT",         "\\N",
                                    "#N/A",        "#NA",
                                    "#N/A N/A",    "#DIV/0!",
                                    "#VALUE!",     "#REF!",
                                    "#NAME?",      "#NUM!",
                                    "#NULL!",      "#SPILL!",
                                    "#NV",         "#WERT!",
                                    "####",        "Err:502",
                                    ".",           ".a",
                                    "..",          "...",
                                    "-",           "--",
                                    "---",         "?",
                                    "*",           "_",
                                    "~",           "inf",
                                    "-Infinity",   "1.#QNAN",
                                    "-1.#IND",     "1.#INF",
                                    "1.#SNAN",     "\xE2\x80\x94",
                                    "unknown",     "undefined",
                                    "masked",      "N/D",
                                    "n.d.",        "NA_real_",
                                    "Missing",     "not available",
                                    " NA ",        "\" \"",
                                    "\xE2\x88\x9E"};

Test(tables, first_row_with_a_mark_is_data)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char text[128], place[64];
        cusgd_table *table;
        cusgd_table_column column = CUSGD_INIT(cusgd_table_column);
        /* As a feature in the first row, in a later row, as the target. */
        snprintf(text, sizeof text, "1,%s,3\n2,3,5\n4,4,4\n9,1,2\n", marks[i]);
        assert_refused(text, NULL, "data.csv:1:2: ");
        cr_assert(strstr(cusgd_last_error(), "fill it in, or remove the row or the column (--ignore 2)"), "%s: %s", marks[i],
                  cusgd_last_error());
        assert_works(cusgd_table_open(path_of("data.csv"), NULL, &table));
        cr_assert_eq(cusgd_table_rows(table), 4, "%s", marks[i]);
        cr_assert(cusgd_table_at(table, 1, &column));
        cr_assert(column.missing == 1 && column.numbers == 3 && column.texts == 0 && !column.name, "%s", marks[i]);
        cusgd_table_free(table);
        snprintf(text, sizeof text, "1,2,3\n2,3,5\n4,%s,4\n9,1,2\n", marks[i]);
        snprintf(place, sizeof place, "data.csv:3:2: ");
        assert_refused(text, NULL, place);
        snprintf(text, sizeof text, "1,2,%s\n2,3,5\n4,4,4\n9,1,2\n", marks[i]);
        assert_refused(text, NULL, "data.csv:1:3: ");
        cr_assert(strstr(cusgd_last_error(), "fill it in, or remove the row"), "%s: %s", marks[i], cusgd_last_error());
    }
}

Test(tables, first_row_of_marks_alone_is_data)
{
    assert_refused("NA,-,#N/A\n1,2,3\n4,5,6\n", NULL,
                   "data.csv:1:1: 3 columns lack values: 1 (1 of 3 rows), 2 (1), 3 (1): fill them in, or remove the rows or the "
                   "columns (--ignore 1,2)");
    /* But names like marks above numbers, and no number next to them, are a header. */
    cusgd_data *data = open_text("nil,y\n1,2\n3,4\n", NULL);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "nil");
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
}

/* A word that is no known mark, among numbers: nothing but a header explains it, and a note says so. */
Test(tables, header_with_numbers_is_noted)
{
    static const char *const texts[] = {"1,foo,3\n2,3,4\n3,4,5\n", "150,4,setosa,other\n1,2,3,4\n2,3,4,5\n",
                                        "name,2019,y\n1,2,3\n2,3,4\n", "0,1,2,x,target\n1,2,3,4,5\n3,4,5,6,7\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cusgd_data *data = open_text(texts[i], NULL);
        cr_assert_eq(cusgd_data_rows(data), 2, "%s", texts[i]);
        const char *note = cusgd_data_note(data, 0);
        cr_assert(note && strstr(note, "data.csv:1: the first line is taken for a header") && strstr(note, "--header no"),
                  "%s: %s", texts[i], note ? note : "no note");
        cr_assert_null(cusgd_data_note(data, 1));
        cusgd_data_free(data);
    }
    /* No note: names alone; a header that was said to be one; a column that is asked for by its name. */
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = open_text("a,b,y\n1,2,3\n2,3,4\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_YES;
    data = open_text("1,foo,3\n2,3,4\n3,4,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_AUTO;
    reader.roles.targets = (const char *const[]){"foo"};
    reader.roles.target_count = 1;
    data = open_text("1,foo,3\n2,3,4\n3,4,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.roles.targets = (const char *const[]){"1"};
    reader.header = CUSGD_HEADER_NO;
    assert_refused("1,foo,3\n2,3,4\n3,4,5\n", &reader, "data.csv:1:2: 'foo' in column 2 is not a number: correct it");
}

/* pandas writes a header of 0, 1, 2, ... for columns without names: such a line is a row, and a note says so. */
Test(tables, header_that_counts_columns_is_noted)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = open_text("0,1,2\n5,2,3\n7,3,4\n", &reader);
    const char *note = cusgd_data_note(data, 0);
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert(note && strstr(note, "the first row is 0, 1, 2, ...") && strstr(note, "--header yes"), "%s",
              note ? note : "no note");
    cr_assert_null(cusgd_data_note(data, 1));
    cusgd_data_free(data);
    data = open_text("0,1,3\n5,2,3\n7,3,4\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_NO;
    data = open_text("0,1,2\n5,2,3\n7,3,4\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
}

/* A text column under a text, numbers under numbers: the first line looks like the second. */
Test(tables, first_row_with_a_text_column_is_data)
{
    assert_refused("Bob,1,2\nAnn,2,3\nTim,3,5\n", NULL, "data.csv:1:1: column 1 holds text ('Bob', 'Ann', 'Tim'): leave it out");
    cr_assert(strstr(cusgd_last_error(), "if the first line is a header, say --header yes"), "%s", cusgd_last_error());
    assert_refused("id1,1,2\nid2,x,3\nid3,3,NA\n", NULL, "column 1 holds text");
}

Test(tables, classes_with_names_like_marks)
{
    static const char *const pairs[][2] = {
        {"none", "some"}, {"+", "-"}, {"missing", "present"}, {"unknown", "known"}, {"nil", "one"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int swap = 0; swap < 2; swap++)
            for (int header = 0; header < 2; header++) {
                char text[128];
                snprintf(text, sizeof text, "%s1,2,%s\n3,4,%s\n5,5,%s\n", header ? "a,b,c\n" : "", pairs[i][swap],
                         pairs[i][!swap], pairs[i][swap]);
                cusgd_data *data = open_text(text, NULL);
                cr_assert_eq(cusgd_data_rows(data), 3, "%s", text);
                int low = strcmp(pairs[i][0], pairs[i][1]) > 0;
                cr_assert_str_eq(cusgd_data_class(data, 0), pairs[i][low]);
                cr_assert_str_eq(cusgd_data_class(data, 1), pairs[i][!low]);
                cusgd_data_free(data);
            }
    assert_refused("a,b\n1,yes\n2,NA\n3,no\n4,#N/A\n", NULL,
                   "data.csv:3:2: 'NA' in column 'b' is not a finite number (2 of 4 rows lack");
}

/* ---- What is wrong, all at once ------------------------------------------------------------------------------------------ */

Test(tables, all_problems_at_once)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"total,tip,sex,day\n1,2,F,Sun\n2,3,M,Sun\n3,4,F,Sat\n",
         "data.csv:2:3: column 'sex' holds text ('F', 'M'): leave it out "
         "(--ignore sex), name the columns to use (--features), or encode "},
        {"a,b,c,d,y\nx,1,u,,1\nz,2,v,3,2\nx,3,,4,3\n",
         "data.csv:2:1: 2 columns hold text: 'a' ('x', 'z'), 'c' ('u', 'v'): encode them as numbers; 2 columns lack values: 'c' "
         "(1 of "
         "3 rows), 'd' (1): fill them in, or remove the rows; to use them as they are: --categorical a,c --missing drop; or "
         "leave "
         "all of these columns out: --ignore a,c,d"},
        {"a,b,y\n1,2,3\n2,Total,5\n3,4,6\n",
         "data.csv:3:2: 'Total' in column 'b' is not a number: correct it (write it as numbers), or "
         "remove the row or the column (--ignore b)"},
        {"a,b,y\n1,2,3\n2,x,5\n3,4,6\n4,5,7\n5,z,8\n", "'x' in column 'b' is not a number, nor is 1 more there: correct them"},
        {"a,b,y\n1,TRUE,3\n2,2,5\n3,3,5\n", "'TRUE' in column 'b' is not a number: correct it (write it as 1 and 0)"},
        {"1,x,3\n2,y\n", "data.csv:1:2: column 2 holds text ('x', 'y'): leave it out (--ignore 2)"},
        {"1,x,3\n2,y\n", "also "},
        {"a,--x,y\n1,u,3\n2,v,5\n", "(--ignore 2)"},
        {",1,y\nu,2,3\nv,4,5\n", "column 1 holds text ('u', 'v'): leave it out (--ignore -3)"},
        {"a,b,y\n1,2024-01-31,3\n2,2024-02-01,5\n", "--date reads columns of dates"},
        {"a,b,y\n1,\"1,200\",3\n2,$5,5\n", "remove the currency signs and units and what separates thousands"},
        {"a,b,y\n1,12%,3\n2,3,5\n3,3,5\n", "remove the percent signs"},
        {"a,b,y\n1,2,\n2,3,5\n", "data.csv:2:3: column 'y' has no value here: fill it in, or remove the row"},
        {"a,b,y\n1,2,3\n2,x,5\n3,4\n",
         "'x' in column 'b' is not a number: correct it (write it as numbers), or remove the row or the "
         "column (--ignore b); also"},
        {"a,b,y\n1,1e999,3\n2,x,5\n3,5,6\n", "data.csv:2:2: 1e999 in column 'b' is too large for a double; also"},
        {"\"a, b\",\"say \"\"x\"\"\",it's,c d,y\nq,r,s,v,1\nq,r,s,v,2\n", "leave them out (--ignore '\"a, b\",say \"x\",3,c d')"},
        {"a,y,\n1,2,\n2,3,\n",
         "data.csv:2:3: column 3 has no value here (2 of 2 rows lack one): fill them in, or remove the rows or the "
         "column (--ignore 3)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
}

/* Texts that nearly all differ are no categories. */
Test(tables, names_are_no_categories)
{
    char text[2000], *at = text + sprintf(text, "name,color,a,y\n");
    for (int i = 0; i < 30; i++) at += sprintf(at, "person %d,%s,%d,%d\n", i, i % 2 ? "red" : "blue", i * i % 7, i);
    assert_refused(text, NULL, "; to use the others: --categorical color --ignore name");
}

/* Who chose the columns by name is not advised to ignore them. */
Test(tables, advice_fits_the_choice)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.features = (const char *const[]){"a", "b"};
    reader.roles.feature_count = 2;
    assert_refused("a,b,y\n1,x,3\n2,NA,5\n", &reader, "'NA' in column 'b'");
    cr_assert(!strstr(cusgd_last_error(), "--ignore"), "%s", cusgd_last_error());
}

/* A message names what there is room for. */
Test(tables, very_many_problems)
{
    enum { COLUMNS = 3000 };
    char *text = malloc(COLUMNS * 64);
    size_t length = 0;
    cr_assert(text);
    for (int j = 0; j < COLUMNS; j++) length += (size_t)sprintf(text + length, "column%d,", j);
    length += (size_t)sprintf(text + length, "y\n");
    for (int j = 0; j < COLUMNS; j++) length += (size_t)sprintf(text + length, "%s,", j % 2 ? "text" : "");
    sprintf(text + length, "1\n");
    assert_refused(text, NULL, "1500 columns hold text: 'column1' ('text'), 'column3' ('text')");
    cr_assert_lt(strlen(cusgd_last_error()), 4096);
    free(text);
}

/* A long table is read on for a while only, and the message says for how long. */
Test(tables, counting_ends)
{
    enum { ROWS = (1 << 20) + 5000 };
    char *text = malloc(ROWS * 4 + 16), *at = text;
    cr_assert(text);
    at += sprintf(at, "a,y\n1,2\n");
    for (int i = 0; i < ROWS; i++) at += sprintf(at, "x,1\n");
    assert_refused(text, NULL, "data.csv:3:1: column 'a' holds text ('x')");
    cr_assert(strstr(cusgd_last_error(), "(counted in the first 104857"), "%s", cusgd_last_error());
    free(text);
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

Test(tables, equal_names_matter_where_used)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.features = (const char *const[]){"a", "b"};
    reader.roles.feature_count = 2;
    reader.roles.targets = (const char *const[]){"y"};
    reader.roles.target_count = 1;
    cusgd_data *data = open_text("a,b,y,,\n1,2,3,,\n2,3,5,,\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);

    reader = CUSGD_INIT(cusgd_reader);
    reader.roles.ignore = (const char *const[]){"2", "3"};
    reader.roles.ignore_count = 2;
    data = open_text("a,note,note,y\n1,x,z,3\n2,x,z,5\n", &reader);
    cr_assert_eq(cusgd_data_cols(data), 1);
    cusgd_data_free(data);

    /* One of two, by its number: a model of it finds the column again. */
    reader.roles.ignore = (const char *const[]){"2"};
    reader.roles.ignore_count = 1;
    data = open_text("a,n,n,y\n1,7,9,3\n2,8,7,5\n", &reader);
    cusgd_reader again;
    again = CUSGD_INIT(cusgd_reader);
    cusgd_data_reader(data, &again);
    cusgd_data *same = open_text("a,n,n,y\n1,7,9,3\n2,8,7,5\n", &again);
    cr_assert_eq(x_at(same, 0, 1), 9);
    cusgd_data_free(same);
    assert_refused("n,a,n,y,z\n1,2,3,4,5\n", &again, "2 columns are named 'n' (1 and 3): say which by its number");
    cusgd_data_free(data);

    reader.roles.ignore = (const char *const[]){"note"};
    assert_refused("a,note,note,y\n1,2,3,4\n", &reader, "2 columns are named 'note' (2 and 3): say which by its number");
    assert_refused("a,n,n,n,y\n1,2,3,4,5\n", NULL, "several columns are named 'n'");
    cr_assert(strstr(cusgd_last_error(), "(--ignore 3,4)"), "%s", cusgd_last_error());
    assert_refused("a,b,y,,\n1,2,3,,\n", NULL,
                   "2 columns have no name (the header has 'a', 'b', 'y', 4, 5): give each one, or leave "
                   "them out by their numbers (--ignore 4,5)");
}

Test(tables, columns_that_count_rows)
{
    static const struct {
        const char *text, *note; /* NULL: none */
    } cases[] = {
        {",a,y\n0,1,2\n1,2,4\n2,5,5\n", "column 1 has no name and counts the rows"},
        {",a,y\n1,1,2\n2,2,4\n3,5,5\n", "--ignore 1"},
        {"\"\",a,y\n17,1,2\n4,2,4\n9,5,5\n", "column 1 has no name and holds a different whole number in every row"},
        {"Unnamed: 0,a,y\n0,1,2\n1,2,4\n2,5,5\n", "--ignore 'Unnamed: 0'"},
        {"index,a,y\n0,1,2\n1,2,4\n2,5,5\n", "column 'index' counts the rows"},
        {"1,1,2\n2,2,4\n3,5,5\n", "column 1 counts the rows"},
        {",a,y\n17,1,2\n4,2,4\n17,5,5\n", NULL},
        {",a,y\n0.5,1,2\n1.5,2,4\n2.5,5,5\n", NULL},
        {"age,a,y\n1,1,2\n2,2,4\n3,5,5\n", NULL},
        {"a,index,y\n5,0,2\n6,1,4\n9,2,5\n", NULL},
        {"4,1,2\n2,2,4\n3,5,5\n", NULL},
        {",y\n0,2\n1,4\n2,5\n", NULL}, /* the only feature */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data = open_text(cases[i].text, NULL);
        const char *note = cusgd_data_note(data, 0);
        if (cases[i].note)
            cr_assert(note && strstr(note, cases[i].note), "%s: %s", cases[i].text, note ? note : "no note");
        else
            cr_assert_null(note, "%s: %s", cases[i].text, note);
        cusgd_data_free(data);
    }
    /* One that was chosen is not noted. */
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.features = (const char *const[]){"1", "2"};
    reader.roles.feature_count = 2;
    cusgd_data *data = open_text("1,1,2\n2,2,4\n3,5,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
}

/* ---- Classes ------------------------------------------------------------------------------------------------------------- */

Test(tables, one_class_of_numbers)
{
    static const struct {
        const char *text, *weights;
        cusgd_loss loss;
        const char *message; /* NULL: it is taken */
    } cases[] = {
        {"a,y\n1,0\n2,0\n3,0\n", NULL, CUSGD_LOSS_LOGISTIC, "the target is 0 in every row, and logistic loss needs rows of both"},
        {"a,y\n1,1\n2,1\n3,1\n", NULL, CUSGD_LOSS_LOGISTIC, "the target is 1 in every row"},
        {"a,y\n1,-1\n2,-1\n3,-1\n", NULL, CUSGD_LOSS_HINGE, "the target is -1 in every row"},
        {"a,y\n1,1\n2,1\n3,1\n", NULL, CUSGD_LOSS_SQUARED_HINGE, "the target is 1 in every row"},
        {"a,w,y\n1,0,0\n2,1,1\n3,2,1\n", "w", CUSGD_LOSS_LOGISTIC, "the target is 1 in every row whose weight is not 0"},
        {"a,w,y\n1,1,0\n2,1,1\n3,2,1\n", "w", CUSGD_LOSS_LOGISTIC, NULL},
        {"a,y\n1,0\n2,1\n3,1\n", NULL, CUSGD_LOSS_LOGISTIC, NULL},
        {"a,y\n1,-1\n2,1\n3,1\n", NULL, CUSGD_LOSS_HINGE, NULL},
        {"a,y\n1,1\n2,1\n3,1\n", NULL, CUSGD_LOSS_SQUARED, NULL},
        {"a,y\n1,1\n2,1\n3,1\n", NULL, CUSGD_LOSS_POISSON, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.roles.weights = cases[i].weights;
        cusgd_data *data = open_text(cases[i].text, &reader);
        cusgd_options options;
        cusgd_trainer *trainer;
        options_init(&options);
        options.loss = cases[i].loss;
        if (cases[i].message)
            assert_fails(cusgd_trainer_create(&options, data, NULL, &trainer), CUSGD_ERROR_DATA, cases[i].message);
        else
            assert_works(cusgd_trainer_create(&options, data, NULL, &trainer));
        cusgd_trainer_free(trainer);
        cusgd_data_free(data);
    }
}

/* ---- Descriptions -------------------------------------------------------------------------------------------------------- */

Test(tables, descriptions)
{
    cusgd_table *table;
    cusgd_table_column c = CUSGD_INIT(cusgd_table_column);
    const char *text = "id,age,sex,when,y\n7,30,F,,1\n8,NA,\"M, f\",2024-01-01,2\n9,x,F,,3\n";
    assert_works(cusgd_table_open(file_text("data.csv", text), NULL, &table));
    cr_assert_eq(cusgd_table_rows(table), 3);
    cr_assert_eq(cusgd_table_cols(table), 5);
    static const struct {
        const char *name, *values;
        cusgd_role role;
        int64_t numbers, missing, texts;
        cusgd_column_kind kind;
    } columns[] = {{"id", "7, 8, 9", CUSGD_ROLE_FEATURE, 3, 0, 0, CUSGD_COLUMN_ROW_NUMBER},
                   {"age", "30, NA, x", CUSGD_ROLE_FEATURE, 1, 1, 1, CUSGD_COLUMN_MIXED},
                   {"sex", "F, \"M, f\"", CUSGD_ROLE_FEATURE, 0, 0, 3, CUSGD_COLUMN_CATEGORY},
                   {"when", "2024-01-01", CUSGD_ROLE_FEATURE, 0, 2, 1, CUSGD_COLUMN_DATE},
                   {"y", "1, 2, 3", CUSGD_ROLE_TARGET, 3, 0, 0, CUSGD_COLUMN_ROW_NUMBER}};
    for (int j = 0; j < 5; j++) {
        cr_assert(cusgd_table_at(table, j, &c));
        cr_assert_str_eq(c.name, columns[j].name);
        cr_assert_str_eq(c.values, columns[j].values);
        cr_assert(c.role == columns[j].role && c.place == (j < 4 ? j : 0), "column %d", j + 1);
        cr_assert_eq(c.kind, columns[j].kind, "column %d", j + 1);
        cr_assert(c.numbers == columns[j].numbers && c.missing == columns[j].missing && c.texts == columns[j].texts, "column %d",
                  j + 1);
    }
    cr_assert_not(cusgd_table_at(table, 5, &c));
    cr_assert_not(cusgd_table_at(table, -1, &c));
    cr_assert(strstr(cusgd_table_note(table, 0), "column 'age' holds 1 number and 1 text, the first of which is 'x'"));
    cr_assert_null(cusgd_table_note(table, 1));
    cusgd_table_free(table);

    /* A ragged row is counted, with a note; a column that is not there is an error; what is no table is refused. */
    assert_works(cusgd_table_open(file_text("data.csv", "a,b,y\n1,2,3\n2,3\n4,5,6\n"), NULL, &table));
    cr_assert_eq(cusgd_table_rows(table), 3);
    cr_assert(strstr(cusgd_table_note(table, 0), "data.csv:3: the row has not 3 fields as the first line (1 such row)"));
    cr_assert_null(cusgd_table_options(table));
    cusgd_table_free(table);
    const char *const nothing[] = {"nothing"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.targets = nothing;
    reader.roles.target_count = 1;
    assert_fails(cusgd_table_open(path_of("data.csv"), &reader, &table), CUSGD_ERROR_DATA, "there is no column 'nothing'");
    assert_fails(cusgd_table_open(file_text("data.csv", "1 1:2 2:3\n0 1:2 2:5\n"), NULL, &table), CUSGD_ERROR_DATA, "LIBSVM");
    assert_works(cusgd_table_open(file_text("data.csv", "a\n1\n2\n"), NULL, &table)); /* nothing to train on, but a table */
    cr_assert_eq(cusgd_table_rows(table), 2);
    cusgd_table_free(table);
}

/* Whatever the bytes, describing ends as reading does: with a table or with a sentence; and what can be read can be described. */
Test(tables, anything)
{
    static const char *const starts[] = {"a,b,y\n1,2,3\n4,5,6\n",
                                         "1;2,5\n3;4,5\n",
                                         "1 |f a:1\n",
                                         "# c\na,b\n1,2\n",
                                         ",x,y\n0,NA,3\n1,\"t\"\"\",4\n",
                                         "PK\3\4xl/",
                                         ("\xFF\xFE"
                                          "a"),
                                         "1 1:2\n"};
    static const char letters[] = ",,;\t |\"\"\n\n\r:#'.-019eNAx=<{[@\0\x80";
    random_source r = {.key = 11};
    int tables = getenv("CUSGD_TORTURE") ? 50000 : REDUCED ? 1000 : 5000;
    for (int i = 0; i < tables; i++) {
        char bytes[96];
        const char *start = starts[random_under(&r, sizeof starts / sizeof *starts)];
        size_t count = strlen(start);
        memcpy(bytes, start, count);
        for (uint64_t edits = random_under(&r, 6); edits > 0; edits--) {
            size_t at = random_under(&r, count + 1);
            if (random_under(&r, 2) && count < sizeof bytes) {
                memmove(bytes + at + 1, bytes + at, count++ - at);
                bytes[at] = letters[random_under(&r, sizeof letters - 1)];
            } else if (at < count) {
                bytes[at] = letters[random_under(&r, sizeof letters - 1)];
            }
        }
        cusgd_data *data;
        cusgd_table *table;
        const char *path = file_bytes("data.csv", bytes, count);
        cusgd_status read = cusgd_data_open(path, NULL, &data);
        if (read) cr_assert_neq(*cusgd_last_error(), '\0');
        cusgd_status described = cusgd_table_open(path, NULL, &table);
        cr_assert(described == CUSGD_OK || (read != CUSGD_OK && *cusgd_last_error()), "%.*s", (int)count, bytes);
        if (!read) cr_assert_eq(cusgd_table_rows(table), cusgd_data_rows(data));
        cusgd_data_free(data);
        cusgd_table_free(table);
    }
}
