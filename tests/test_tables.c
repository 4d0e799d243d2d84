/* CSV files as they come: what their first line is, what keeps a table from being used, which columns a model remembers, files
 * that are no CSV. */
#include "data.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(tables, .init = folder_setup, .fini = folder_teardown);

static cusgd_data *open_text(const char *text, const cusgd_reader *reader)
{
    cusgd_data *data;
    cr_assert_eq(cusgd_data_open(file_text("data.csv", text), reader, &data), CUSGD_OK, "%s\nof\n%s", cusgd_last_error(), text);
    return data;
}

static void assert_refused(const char *text, const cusgd_reader *reader, const char *part)
{
    cusgd_data *data;
    assert_fails(cusgd_data_open(file_text("data.csv", text), reader, &data), CUSGD_ERROR_DATA, part);
    cr_assert_null(data);
}

static double x_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.x, i, j); }
static double y_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.y, i, j); }

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
        cusgd_table_column column;
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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    cusgd_data *data = open_text("a,b,y\n1,2,3\n2,3,4\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_YES;
    data = open_text("1,foo,3\n2,3,4\n3,4,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.header = CUSGD_HEADER_AUTO;
    reader.targets = (const char *const[]){"foo"};
    reader.target_count = 1;
    data = open_text("1,foo,3\n2,3,4\n3,4,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
    reader.targets = (const char *const[]){"1"};
    reader.header = CUSGD_HEADER_NO;
    assert_refused("1,foo,3\n2,3,4\n3,4,5\n", &reader, "data.csv:1:2: 'foo' in column 2 is not a number: correct it");
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
         "3 rows), 'd' (1): fill them in, or remove the rows; or leave all of these columns out: --ignore a,c,d"},
        {"a,b,y\n1,2,3\n2,Total,5\n3,4,6\n",
         "data.csv:3:2: 'Total' in column 'b' is not a number: correct it (write it as numbers), or "
         "remove the row or the column (--ignore b)"},
        {"a,b,y\n1,2,3\n2,x,5\n3,4,6\n4,5,7\n5,z,8\n", "'x' in column 'b' is not a number, nor is 1 more there: correct them"},
        {"a,b,y\n1,TRUE,3\n2,FALSE,5\n", "encode it as 1 and 0"},
        {"1,x,3\n2,y\n", "data.csv:1:2: column 2 holds text ('x', 'y'): leave it out (--ignore 2)"},
        {"1,x,3\n2,y\n", "also "},
        {"a,--x,y\n1,u,3\n2,v,5\n", "(--ignore 2)"},
        {",1,y\nu,2,3\nv,4,5\n", "column 1 holds text ('u', 'v'): leave it out (--ignore -3)"},
        {"a,b,y\n1,2024-01-31,3\n2,2024-02-01,5\n", "dates and times as days or seconds"},
        {"a,b,y\n1,\"1,200\",3\n2,$5,5\n", "as plain numbers, with a point"},
        {"a,b,y\n1,12%,3\n2,3,5\n3,3,5\n", "as plain numbers"},
        {"a,b,y\n1,2,\n2,3,5\n", "data.csv:2:3: column 'y' has no value here: fill it in, or remove the row"},
        {"a,b,y\n1,2,3\n2,x,5\n3,4\n",
         "'x' in column 'b' is not a number: correct it (write it as numbers), or remove the row or the "
         "column (--ignore b); also"},
        {"a,b,y\n1,1e999,3\n2,x,5\n3,5,6\n", "data.csv:2:2: 1e999 in column 'b' is too large for a double; also"},
        {"\"a, b\",\"say \"\"x\"\"\",it's,c d,y\nq,r,s,t,1\nq,r,s,t,2\n", "leave them out (--ignore '\"a, b\",say \"x\",3,c d')"},
        {"a,y,\n1,2,\n2,3,\n",
         "data.csv:2:3: column 3 has no value here (2 of 2 rows lack one): fill them in, or remove the rows or the "
         "column (--ignore 3)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
}

/* Who chose the columns by name is not told to ignore them. */
Test(tables, advice_fits_the_choice)
{
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.features = (const char *const[]){"a", "b"};
    reader.feature_count = 2;
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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.features = (const char *const[]){"a", "b"};
    reader.feature_count = 2;
    reader.targets = (const char *const[]){"y"};
    reader.target_count = 1;
    cusgd_data *data = open_text("a,b,y,,\n1,2,3,,\n2,3,5,,\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);

    cusgd_reader_init(&reader);
    reader.ignore = (const char *const[]){"2", "3"};
    reader.ignore_count = 2;
    data = open_text("a,note,note,y\n1,x,z,3\n2,x,z,5\n", &reader);
    cr_assert_eq(cusgd_data_cols(data), 1);
    cusgd_data_free(data);

    /* One of two, by its number: a model of it finds the column again. */
    reader.ignore = (const char *const[]){"2"};
    reader.ignore_count = 1;
    data = open_text("a,n,n,y\n1,7,9,3\n2,8,7,5\n", &reader);
    cusgd_reader again;
    cusgd_reader_init(&again);
    cusgd_data_reader(data, &again);
    cusgd_data *same = open_text("a,n,n,y\n1,7,9,3\n2,8,7,5\n", &again);
    cr_assert_eq(x_at(same, 0, 1), 9);
    cusgd_data_free(same);
    assert_refused("n,a,n,y,z\n1,2,3,4,5\n", &again, "2 columns are named 'n' (1 and 3): say which by its number");
    cusgd_data_free(data);

    reader.ignore = (const char *const[]){"note"};
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
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.features = (const char *const[]){"1", "2"};
    reader.feature_count = 2;
    cusgd_data *data = open_text("1,1,2\n2,2,4\n3,5,5\n", &reader);
    cr_assert_null(cusgd_data_note(data, 0));
    cusgd_data_free(data);
}

/* ---- Numbers of columns -------------------------------------------------------------------------------------------------- */

/* A model of this data, kept in a file and read back; the caller frees it. */
static cusgd_model *model_of(const cusgd_data *data)
{
    cusgd_options options;
    cusgd_trainer *trainer;
    cusgd_model *model;
    cusgd_options_init(&options);
    options.solver = CUSGD_SOLVER_EXACT;
    assert_works(cusgd_trainer_create(&options, data, NULL, &trainer));
    assert_works(cusgd_trainer_fit(trainer, NULL, NULL, NULL));
    assert_works(cusgd_trainer_model(trainer, &model));
    cusgd_trainer_free(trainer);
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    cusgd_model_free(model);
    assert_works(cusgd_model_load(path_of("m.safetensors"), &model));
    return model;
}

/* The columns of a file without names, by letter: values that tell which column they are from. */
static const char *columns_text(const char *letters, int header)
{
    static char text[4096];
    size_t length = 0;
    for (int i = -header; i < 12; i++)
        for (size_t j = 0; letters[j]; j++) {
            double a = (i * 7 % 12) / 4.0, b = (i * 5 % 11) / 3.0 + 10, c = i * i % 13 + 20.0, value = 0;
            switch (letters[j]) {
            case 'a': value = a; break;
            case 'b': value = b; break;
            case 'c': value = c; break;
            case 'y': value = 2 * a - b + c / 2; break;
            case 'o': value = 100 + i; break;
            case 'w': value = 1 + i % 2; break;
            default: value = 1000 - i; break;
            }
            const char *end = letters[j + 1] ? "," : "\n";
            length += i < 0 ? (size_t)sprintf(text + length, "%c%s", letters[j], end)
                            : (size_t)sprintf(text + length, "%.10f%s", value, end);
        }
    return text;
}

static void split(const char *words, const char **list, size_t *count, char *copy)
{
    strcpy(copy, words);
    *count = 0;
    for (char *word = strtok(copy, ","); word; word = strtok(NULL, ",")) list[(*count)++] = word;
}

typedef struct wish {
    const char *features, *targets, *ignore, *weights, *offset; /* "" or NULL: none */
} wish;

/* A reader of wishes; good until the next call. */
static cusgd_reader reader_of(const wish *w, int x_only)
{
    static const char *lists[3][8];
    static char copies[3][32];
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    if (w->features) split(w->features, lists[0], &reader.feature_count, copies[0]);
    if (w->targets) split(w->targets, lists[1], &reader.target_count, copies[1]);
    if (w->ignore) split(w->ignore, lists[2], &reader.ignore_count, copies[2]);
    reader.features = reader.feature_count ? lists[0] : NULL;
    reader.targets = reader.target_count ? lists[1] : NULL;
    reader.ignore = reader.ignore_count ? lists[2] : NULL;
    reader.weights = w->weights;
    reader.offset = w->offset;
    reader.x_only = x_only;
    return reader;
}

/* Trained on one file, used on another: found (whichever way, the features are then a, b, c of the first row and the target y),
 * or refused. */
Test(tables, models_remember_numbers)
{
    static const struct {
        const char *trained;
        wish as;
        const char *used;
        wish with;
        int x_only, found;
    } cases[] = {
        {"abcy", {0}, "abcy", {0}, 0, 1},
        {"abcy", {0}, "abcy", {0}, 1, 1},              /* the training file itself */
        {"abcy", {0}, "abc", {0}, 1, 1},               /* without the target */
        {"yabc", {.targets = "1"}, "yabc", {0}, 0, 1}, /* the target first */
        {"yabc", {.targets = "1"}, "yabc", {0}, 1, 1},
        {"yabc", {.targets = "1"}, "abc", {0}, 1, 1},
        {"yabc", {.targets = "-4"}, "yabc", {0}, 0, 1},
        {"yabc", {.targets = "1"}, "yabc", {.features = "2,3,4"}, 0, 1}, /* the target is the model's */
        {"yabc", {.targets = "1"}, "abcy", {.targets = "4"}, 0, 1},      /* another order, and said so */
        {"yabc", {.targets = "1"}, "zyabc", {.ignore = "1"}, 1, 0},      /* four columns are left, three wanted */
        {"yabc", {.targets = "1"}, "zyabc", {.ignore = "1"}, 0, 1},
        {"yabc", {.targets = "1"}, "yabcw", {.weights = "5"}, 0, 1},
        {"yabc", {.targets = "1"}, "yabcz", {0}, 0, 0},
        {"yabc", {.targets = "1"}, "abc", {0}, 0, 0},
        {"cbay", {.features = "3,2,1"}, "cbay", {0}, 0, 1}, /* the model's order is not the file's */
        {"cbay", {.features = "3,2,1"}, "cba", {0}, 1, 1},
        {"cbay", {.features = "3,2,1"}, "zcbay", {.ignore = "1"}, 0, 1},
        {"cbay", {.features = "3,2,1"}, "cbay", {.ignore = "4"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "zabcy", {0}, 0, 1},
        {"zabcy", {.ignore = "1"}, "zabcy", {0}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abc", {0}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {0}, 1, 0}, /* which one is missing? */
        {"zabcy", {.ignore = "1"}, "zabc", {0}, 1, 0},
        {"zabcy", {.ignore = "1"}, "abcy", {0}, 0, 0},
        {"zabcy", {.ignore = "1"}, "zabc", {.ignore = "1"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {.ignore = "4"}, 1, 1},
        {"zabcy", {.ignore = "1"}, "abcy", {.targets = "4"}, 0, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "yabco", {0}, 0, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "yabco", {0}, 1, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "abco", {0}, 1, 1},
        {"yabco", {.targets = "1", .offset = "5"}, "abc", {0}, 1, 0},
        {"yabcw", {.targets = "1", .weights = "5"}, "yabcw", {0}, 0, 1},
        {"yabcw", {.targets = "1", .weights = "5"}, "yabcw", {0}, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int header = 0; header < 2; header++) { /* of the file that is used; a name is never a number there */
            cusgd_reader reader = reader_of(&cases[i].as, 0);
            cusgd_data *trained = open_text(columns_text(cases[i].trained, 0), &reader), *used;
            cusgd_model *model = model_of(trained);
            reader = reader_of(&cases[i].with, cases[i].x_only);
            cusgd_model_reader(model, &reader);
            cusgd_status status = cusgd_data_open(file_text("used.csv", columns_text(cases[i].used, header)), &reader, &used);
            cr_assert_eq(status == CUSGD_OK, cases[i].found, "case %zu: %s as %s: %s", i, cases[i].trained, cases[i].used,
                         status ? cusgd_last_error() : "accepted");
            if (status) {
                cr_assert(strstr(cusgd_last_error(), "--ignore") && strstr(cusgd_last_error(), "--features"), "case %zu: %s", i,
                          cusgd_last_error());
            } else {
                cr_assert_eq(cusgd_data_cols(used), 3);
                for (int64_t r = 0; r < 12; r++)
                    for (int64_t j = 0; j < 3; j++) cr_assert_eq(x_at(used, r, j), x_at(trained, r, j), "case %zu", i);
                for (int64_t r = 0; r < 12 && !cases[i].x_only; r++)
                    cr_assert_eq(y_at(used, r, 0), y_at(trained, r, 0), "case %zu", i);
                if (cases[i].as.offset) cr_assert_eq(offset_at(&used->view, 3), 103, "case %zu", i);
            }
            cusgd_data_free(used);
            cusgd_data_free(trained);
            cusgd_model_free(model);
        }
}

/* Names that look like numbers in the new file are not taken for the model's numbers. */
Test(tables, numbers_are_not_names)
{
    cusgd_reader reader = reader_of(&(wish){.targets = "1"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 0), &reader), *used;
    cusgd_model *model = model_of(trained);
    cr_assert_eq(cusgd_model_feature_column(model, 0), 2);
    cr_assert_eq(cusgd_model_feature_column(model, 2), 4);
    cr_assert_eq(cusgd_model_feature_column(model, 3), 0);
    cr_assert_eq(cusgd_model_target_column(model, 0), 1);
    cr_assert_eq(cusgd_model_offset_column(model), 0);
    cr_assert_eq(cusgd_data_feature_column(trained, 1), 3);
    cr_assert_eq(cusgd_data_target_column(trained, 0), 1);
    cusgd_reader_init(&reader);
    cusgd_model_reader(model, &reader);
    reader.header = CUSGD_HEADER_YES;
    used = open_text("4,3,2,1\n40,30,20,10\n", &reader);
    cr_assert(x_at(used, 0, 0) == 30 && x_at(used, 0, 1) == 20 && x_at(used, 0, 2) == 10 && y_at(used, 0, 0) == 40);
    cusgd_data_free(used);
    cusgd_data_free(trained);
    cusgd_model_free(model);
}

/* A model of a file with names, used on one that is said to have none. */
Test(tables, named_models_without_a_header)
{
    cusgd_reader reader = reader_of(&(wish){.targets = "y"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 1), &reader), *used;
    cusgd_model *model = model_of(trained);
    cusgd_reader_init(&reader);
    cusgd_model_reader(model, &reader);
    cusgd_data *wrong;
    assert_fails(cusgd_data_open(file_text("used.csv", columns_text("yabc", 0)), &reader, &wrong), CUSGD_ERROR_DATA,
                 "say --header no if it is data");
    reader.header = CUSGD_HEADER_NO;
    reader.features = reader.targets = NULL;
    reader.feature_count = reader.target_count = 0;
    used = open_text(columns_text("yabc", 0), &reader);
    cr_assert(y_at(used, 3, 0) == y_at(trained, 3, 0) && x_at(used, 3, 0) == x_at(trained, 3, 0));
    cusgd_data_free(used);
    cusgd_data_free(trained);
    cusgd_model_free(model);
}

/* A damaged list of numbers is refused, not believed. */
Test(tables, damaged_numbers)
{
    static const char *const damages[][2] = {{"[2,3,4]", "[2,3,5]"}, {"[2,3,4]", "[2,3,3]"},
                                             {"[2,3,4]", "[0,3,4]"}, {"[2,3,4]", "[2,3]  "},
                                             {"[2,3,4]", "[1,3,4]"}, {"[2,3,4]", "[x,3,4]"},
                                             {"[2,3,4]", "{2,3,4}"}, {"\"[1]\"", "\"[9]\""},
                                             {"\"[1]\"", "\"[2]\""}, {"columns\":\"4\"", "columns\":\"3\""}};
    cusgd_reader reader = reader_of(&(wish){.targets = "1"}, 0);
    cusgd_data *trained = open_text(columns_text("yabc", 0), &reader);
    cusgd_model_free(model_of(trained));
    cusgd_data_free(trained);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        size_t count;
        char *bytes = file_read(path_of("m.safetensors"), &count);
        char *at = memmem(bytes, count, damages[i][0], strlen(damages[i][0]));
        cr_assert(at, "%s is not there", damages[i][0]);
        memcpy(at, damages[i][1], strlen(damages[i][1]));
        cusgd_model *model;
        assert_fails(cusgd_model_load(file_bytes("damaged.safetensors", bytes, count), &model), CUSGD_ERROR_DATA,
                     "its metadata's feature_columns and target_columns are not 3 and 1 different numbers");
        free(bytes);
    }
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
        cusgd_reader reader = reader_of(&(wish){.weights = cases[i].weights}, 0);
        cusgd_data *data = open_text(cases[i].text, &reader);
        cusgd_options options;
        cusgd_trainer *trainer;
        cusgd_options_init(&options);
        options.loss = cases[i].loss;
        if (cases[i].message)
            assert_fails(cusgd_trainer_create(&options, data, NULL, &trainer), CUSGD_ERROR_DATA, cases[i].message);
        else
            assert_works(cusgd_trainer_create(&options, data, NULL, &trainer));
        cusgd_trainer_free(trainer);
        cusgd_data_free(data);
    }
}

/* ---- Files of other kinds ------------------------------------------------------------------------------------------------ */

#define BYTES(text) text, sizeof text - 1

Test(tables, files_that_are_no_text)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *message;
    } cases[] = {
        {BYTES("\x1F\x8B\x08\0\0\0\0\0\2\3K"),
         "data.csv: is compressed by gzip, not comma-separated values: decompress it first"},
        {BYTES("BZh91AY&SY\x01\x02"), "compressed by bzip2"},
        {BYTES(("\xFD"
                "7zXZ\0\0\4")),
         "compressed by xz"},
        {BYTES("\x28\xB5\x2F\xFD\x04"), "compressed by zstd"},
        {BYTES("PK\3\4\x14\0\6\0\x08\0\0\0xl/workbook.xml"), "an Excel workbook"},
        {BYTES("PK\3\4\x14\0\0\0x.npy\x93NUMPY"), "a NumPy archive (.npz)"},
        {BYTES("PK\3\4\x14\0\0\0data.csv"), "a zip archive, not comma-separated values: unpack it first, for example: unzip -p"},
        {BYTES("PK\3\4\x14\0\0\0archive/data.pkl"), "a PyTorch file"},
        {BYTES("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0"), "an Excel workbook (.xls)"},
        {BYTES("PAR1\x15\4\x15"), "a Parquet file"},
        {BYTES("ARROW1\0\0\xFF\xFF"), "an Arrow (Feather) file"},
        {BYTES("\x89HDF\r\n\x1A\n\0"), "an HDF5 file"},
        {BYTES("\x80\4\x95\x0B\0\0\0"), "a Python pickle"},
        {BYTES("\x93NUMPY\1\0v\0{'descr': '<f8'"),
         "a NumPy array (.npy), not comma-separated values: give its name the ending .npy"},
        {BYTES("\x14\0\0\0\0\0\0\0{\"weight\":1}"), "a safetensors model"},
        {BYTES("SQLite format 3\0\x10\0"), "an SQLite database"},
        {BYTES("\xFF\xFE\x61\0,\0b\0\n\0"), "encoded in UTF-16"},
        {BYTES("\xFE\xFF\0a\0,\0b\0\n"), "encoded in UTF-16"},
        {BYTES("a\0,\0b\0\n\0"
               "1\0,\0"
               "2\0\n\0"),
         "encoded in UTF-16"},
        {BYTES("\0a\0,\0b\0\n\0"
               "1\0,\0"
               "2\0\n"),
         "encoded in UTF-16"},
        {BYTES("%PDF-1.4\n"), "a PDF document"},
        {BYTES("\1\2\3\4\5\6\7\x0E\x0F\x10\x11\x12"), "a binary file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data;
        cusgd_table *table;
        const char *path = file_bytes("data.csv", cases[i].bytes, cases[i].count);
        assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, cases[i].message);
        assert_fails(cusgd_table_open(path, NULL, &table), CUSGD_ERROR_DATA, cases[i].message);
        cr_assert_null(table);
    }
    /* Names that such files begin with are names in a table. */
    cusgd_data *data = open_text("PAR1,BZh,y\n1,2,3\n4,5,6\n", NULL);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "PAR1");
    cusgd_data_free(data);
    /* Another ending: the kind is named all the same. */
    assert_fails(cusgd_data_open(file_bytes("data.csv.gz", "\x1F\x8B\x08\0", 4), NULL, &data), CUSGD_ERROR_DATA,
                 "compressed by gzip");
    assert_fails(cusgd_data_open(file_text("data.txt", "a,b\n1,2\n"), NULL, &data), CUSGD_ERROR_DATA, "of what kind is it?");
}

Test(tables, text_that_is_no_csv)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a b y\n1 2 3\n2 3 5\n", "not separated by commas but by blanks: replace them, for example: awk"},
        {"  1.0   2.0\t3.0\n  2.0  3.0  5.0\n", "by blanks"},
        {"a\tb\ty\n1\t2\t3\n2\t3\t5\n", "by tabs: replace them, for example: tr '\\t' ','"},
        {"1\t2\t3\n2\t3\t5\n", "by tabs"},
        {"a\tb\n1,5\t2\n2\t3,5\n", "by tabs (with decimal commas in the numbers): replace them, for example: tr ',\\t' '.,'"},
        {"a;b;y\n1.5;2;3\n2;3;5\n", "by semicolons: replace them, for example: tr ';' ','"},
        {"1,5;2,5;3\n2,5;3,5;5\n", "by semicolons (with decimal commas in the numbers): replace them, for example: tr ',;' '.,'"},
        {"\"a\";\"b\"\n\"1,5\";\"2\"\n\"2\";\"3,5\"\n", "by semicolons (with decimal commas"},
        {"name;b;y\nBob;2,5;3\nAl;3,5;5\n", "by semicolons (with decimal commas"},
        {"a|b|y\n1|2|3\n2|3|5\n", "by vertical bars (|)"},
        {" a | b | y \n---+---+---\n 1 | 2 | 3\n", "by vertical bars (|)"},
        {"1 1:0.5 2:3\n0 1:0.2 3:4\n", "in LIBSVM's format"},
        {"-1 1:0.43 3:0.12 # text\n+1 2:.3\n", "in LIBSVM's format"},
        {"3 qid:1 1:1 2:1\n2 qid:1 1:0\n", "in LIBSVM's format"},
        {"1 |f a:1 b:2\n-1 |f a:2\n", "in Vowpal Wabbit's format"},
        {"| price:.23 sqft:.25\n1 | price:.18\n", "in Vowpal Wabbit's format"},
        {"0 1.0 'tag|f a:1 b\n1 |f a:2\n", "in Vowpal Wabbit's format"},
        {"# made by a logger\na,b,y\n1,2,3\n2,3,5\n", "the first line is a comment"},
        {"# one, two, three, four\n# more\na,b,y\n1,2,3\n", "remove such lines, for example: grep -v '^#'"},
        {"% comment\n1,2,3\n", "the first line is a comment"},
        {"sep=;\na;b;y\n1;2;3\n", "sep= is a line for Excel"},
        {"@relation x\n@attribute a numeric\n@data\n1,2,3\n", "an ARFF file"},
        {"% about\n@RELATION x\n\n@ATTRIBUTE a {x,y}\n", "an ARFF file"},
        {"<!DOCTYPE html>\n<html><head><title>404, not found</title>\n", "an HTML page"},
        {"\n<html>\n", "an HTML page"},
        {"<?xml version=\"1.0\"?>\n<a>1,2</a>\n", "XML"},
        {"[{\"a\":1,\"b\":2},\n{\"a\":2,\"b\":3}]\n", "JSON"},
        {"{\n  \"a\": [1,2],\n \"b\": [2,3]\n}\n", "JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
}

/* Tables of commas whose text could be mistaken keep their own message. */
Test(tables, csv_that_is_not_mistaken)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a,note,y\n1,x;z,2\n2,y;w,3\n", "column 'note' holds text"},
        {"a,genre,y\n1,Action|Drama,2\n2,Comedy|Drama,3\n", "column 'genre' holds text"},
        {"a,name,y\n1,Bob Smith,2\n2,Al Jones,3\n", "column 'name' holds text"},
        {"1,x;2,3\n2,y;3,4\n", "column 2 holds text"},
        {"1,Main St 2,3\n2,Oak St 3,4\n", "column 2 holds text"},
        {"a,b,y\n1,1:2,3\n2,1:3,5\n", "column 'b' holds text"},
        {"# a,b,y\n1,2,3\n2,,5\n", "column 'b' has no value"},
        {"a,b,y\n1,{\"k\": 1},3\n", "data.csv:2:2: a quote inside"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
    /* One column is a table too, where prediction needs no more. */
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.x_only = 1;
    cusgd_data *data = open_text("total bill\n1\n2\n", &reader);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "total bill");
    cusgd_data_free(data);
}

/* ---- Descriptions -------------------------------------------------------------------------------------------------------- */

Test(tables, descriptions)
{
    cusgd_table *table;
    cusgd_table_column c;
    const char *text = "id,age,sex,when,y\n7,30,F,,1\n8,NA,M,2024-01-01,2\n9,x,F,,3\n";
    assert_works(cusgd_table_open(file_text("data.csv", text), NULL, &table));
    cr_assert_eq(cusgd_table_rows(table), 3);
    cr_assert_eq(cusgd_table_cols(table), 5);
    static const struct {
        const char *name, *values;
        cusgd_role role;
        int64_t numbers, missing, texts;
    } columns[] = {{"id", "7, 8, 9", CUSGD_ROLE_FEATURE, 3, 0, 0},
                   {"age", "30, NA, x", CUSGD_ROLE_FEATURE, 1, 1, 1},
                   {"sex", "F, M", CUSGD_ROLE_FEATURE, 0, 0, 3},
                   {"when", "2024-01-01", CUSGD_ROLE_FEATURE, 0, 2, 1},
                   {"y", "1, 2, 3", CUSGD_ROLE_TARGET, 3, 0, 0}};
    for (int j = 0; j < 5; j++) {
        cr_assert(cusgd_table_at(table, j, &c));
        cr_assert_str_eq(c.name, columns[j].name);
        cr_assert_str_eq(c.values, columns[j].values);
        cr_assert(c.role == columns[j].role && c.place == (j < 4 ? j : 0), "column %d", j + 1);
        cr_assert(c.numbers == columns[j].numbers && c.missing == columns[j].missing && c.texts == columns[j].texts, "column %d",
                  j + 1);
    }
    cr_assert_not(cusgd_table_at(table, 5, &c));
    cr_assert_not(cusgd_table_at(table, -1, &c));
    cr_assert_null(cusgd_table_note(table, 0));
    cusgd_table_free(table);

    /* A ragged row ends it, with a note; a column that is not there is an error; what is no table is refused. */
    assert_works(cusgd_table_open(file_text("data.csv", "a,b,y\n1,2,3\n2,3\n4,5,6\n"), NULL, &table));
    cr_assert_eq(cusgd_table_rows(table), 1);
    cr_assert(strstr(cusgd_table_note(table, 0), "data.csv:3: the row has only 2 fields, where the first line has 3"));
    cusgd_table_free(table);
    cusgd_reader reader = reader_of(&(wish){.targets = "nothing"}, 0);
    assert_fails(cusgd_table_open(path_of("data.csv"), &reader, &table), CUSGD_ERROR_DATA, "there is no column 'nothing'");
    assert_fails(cusgd_table_open(file_text("data.csv", "a b\n1 2\n"), NULL, &table), CUSGD_ERROR_DATA, "by blanks");
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
    for (int i = 0; i < 20000; i++) {
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
