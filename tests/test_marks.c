/* Numbers with marks (separated thousands, decimal commas, currencies, units), dates of an open order, and what a table's
 * description says of its columns. */
#include "data/marks.h"
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(marks, .init = folder_setup, .fini = folder_teardown);

Test(marks, separated_thousands)
{
    static const struct {
        const char *text;
        char separator;
        int comma;
        const char *plain; /* as strtod takes it; NULL: it is no number */
    } cases[] = {
        {"1,234", ',', 0, "1234"},
        {"-1,234,567.25", ',', 0, "-1234567.25"},
        {"+12,345e2", ',', 0, "12345e2"},
        {" 999,999 ", ',', 0, "999999"},
        {"1.234.567,5", '.', 1, "1234567.5"},
        {"1'000'000", '\'', 0, "1000000"},
        {"1\xE2\x80\x99"
         "000",
         '\'', 0, "1000"},
        {"12 345,6", ' ', 1, "12345.6"},
        {"12\xC2\xA0"
         "345",
         ' ', 0, "12345"},
        {"12\xE2\x80\xAF"
         "345",
         ' ', 0, "12345"},
        {"1,23", ',', 0, NULL},
        {"1,2345", ',', 0, NULL},
        {"1234,567", ',', 0, NULL},
        {"12,34,567", ',', 0, NULL},
        {",123", ',', 0, NULL},
        {"1,,234", ',', 0, NULL},
        {"1,234,", ',', 0, NULL},
        {"1,234.5,6", ',', 0, NULL},
        {"1,234x", ',', 0, NULL},
        {"1.234,567", ',', 0, NULL},
        {"$1,234", ',', 0, NULL},
        {"", ',', 0, NULL},
        {"-", ',', 0, NULL},
        {"234", ',', 0, NULL}, /* which number_parse() takes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = 0;
        const char *text = cases[i].text;
        int is_number = number_parse_grouped(text, strlen(text), cases[i].separator, cases[i].comma, &value);
        cr_expect_eq(is_number, cases[i].plain != NULL, "'%s'", text);
        if (cases[i].plain) cr_expect_eq(value, strtod(cases[i].plain, NULL), "'%s': %.17g", text, value);
    }
}

/* Texts separated by ';' as a column of them. */
static text_set texts_of(const char *texts)
{
    text_set all = {0};
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *text; (text = strsep(&rest, ";"));) {
        cr_assert_eq(texts_put(&all, text), CUSGD_OK);
        all.total++;
    }
    return all;
}

Test(marks, recognized)
{
    static const struct {
        const char *texts;
        const char *advice; /* a part of it; NULL: these are no numbers */
    } cases[] = {
        {"1,234;2,345", "--thousands comma), or, if it is the decimal mark, say so (--decimal comma)"},
        {"1,234;2,345,678", "--thousands comma)"},
        {"1.234.567;2.000.000", "--thousands point)"},
        {"1'234;2'345", "--thousands apostrophe)"},
        {"1 234;2 345,5", "--thousands blank)"},
        {"1,5;2,25", "--decimal comma"},
        {"1,234;2,25", "--decimal comma"},
        {"$5;$7.50", "remove the currency signs and units"},
        {"-$5;$1,234.50", "remove the currency signs and units and what separates thousands"},
        {"5 \xE2\x82\xAC;7,5 \xE2\x82\xAC", "remove the currency signs"},
        {"USD 5;USD 1,000", "remove the unit"},
        {"12%;7.5 %", "remove the percent signs"},
        {"12 kg;7.5 kg", "remove the unit"},
        {"21 \xC2\xB0\x43;-3 \xC2\xB0\x43", "remove the currency signs and units"},
        {"(5);(7)", "remove the brackets"},
        {"12 kg;300 g", NULL},
        {"12a;7b", NULL},
        {"1st;2nd", NULL},
        {"A4;A5", NULL},
        {"10-20;20-30", NULL},
        {"<5;<10", NULL},
        {"2024-03-05;2024-03-06", NULL},
        {"10:30;11:00", NULL},
        {"1,234;1.234,5", NULL},
        {"12 High Street;7 Low Street", NULL},
        {"red;$5", NULL},
        {"555-1234;555-9876", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_set all = texts_of(cases[i].texts);
        marks found;
        char advice[MARKS_ADVICE_BYTES];
        int are_marked = texts_are_marked(&all, &found);
        cr_expect_eq(are_marked, cases[i].advice != NULL, "%s", cases[i].texts);
        if (are_marked && cases[i].advice) {
            marks_advice(&found, 0, advice);
            cr_expect(strstr(advice, cases[i].advice), "%s: %s", cases[i].texts, advice);
        }
        texts_free(&all);
    }
}

/* They are neither categories without asking nor texts to encode; with --thousands they are numbers, also for the model. */
Test(marks, as_features)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    static const char text[] = "a,p,y\n1,\"1,200\",3\n2,950,4\n3,\"1,200\",5\n4,950,7\n";
    reader.encode.categorical_auto = 1;
    assert_refused(text, &reader, "column 'p' holds numbers with marks ('1,200'): say what separates their thousands");
    assert_refused("a,p,y\n1,$5,3\n2,$6,4\n3,$5,5\n4,$6,7\n", &reader, "remove the currency signs and units");
    assert_refused("a,p,q,y\n1,$5,7%,3\n2,$6,7%,4\n", &reader, "2 columns hold numbers with marks: 'p' ('$5', '$6': remove");
    reader.dialect.thousands = ',';
    cusgd_data *data = open_text(text, &reader);
    assert_x(data, "a p", "1 1200; 2 950; 3 1200; 4 950");
    cusgd_reader again = CUSGD_INIT(cusgd_reader);
    cr_assert_eq(cusgd_data_reader(data, &again), CUSGD_OK);
    cusgd_data *other = open_text("p,y,a\n\"12,000\",1,2\n", &again);
    assert_x(other, "a p", "2 12000");
    cusgd_data_free(other);
    cusgd_data_free(data);
    reader.dialect.thousands = '\0';
    reader.encode.categorical = (const char *const[]){"p"};
    reader.encode.categorical_count = 1;
    data = open_text(text, &reader);
    assert_x(data, "a p=950", "1 0; 2 1; 3 0; 4 1"); /* in the order of bytes */
    cusgd_data_free(data);
}

Test(marks, as_targets)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    static const char text[] = "a,y\n1,\"1,200\"\n2,\"1,300\"\n3,\"1,400\"\n";
    assert_refused(text, &reader, "the target holds numbers with marks ('1,200'): say what separates their thousands");
    reader.dialect.thousands = ',';
    cusgd_data *data = open_text(text, &reader);
    cr_assert(y_at(data, 0, 0) == 1200 && y_at(data, 2, 0) == 1400 && cusgd_data_classes(data) == 0);
    cusgd_data_free(data);
    reader.dialect.thousands = '\0';
    reader.find_classes = 1; /* classes may be called so */
    data = open_text("a,y\n1,5%\n2,10%\n3,5%\n4,20%\n", &reader);
    cr_assert_eq(cusgd_data_classes(data), 3);
    cusgd_data_free(data);
}

Test(marks, dialects_that_contradict)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    const char *path = file_text("data.csv", "a;y\n1.500,5;2\n2;3\n");
    reader.dialect.thousands = '.';
    cr_assert_eq(cusgd_data_open(path, &reader, &data), CUSGD_OK, "%s",
                 cusgd_last_error()); /* the decimal mark is then a comma */
    cr_assert_eq(x_at(data, 0, 0), 1500.5);
    cusgd_data_free(data);
    /* Blanks and apostrophes say nothing of the decimal mark, which is found in numbers that have them, too. */
    static const char *const texts[] = {"a;y\n1 500,5;2\n2 000,25;3\n", "a;y\n1 500.5;2\n2 000.25;3\n"};
    reader.dialect.thousands = ' ';
    for (int i = 0; i < 2; i++) {
        data = open_text(texts[i], &reader);
        cr_assert(x_at(data, 0, 0) == 1500.5 && x_at(data, 1, 0) == 2000.25, "%s", texts[i]);
        cusgd_data_free(data);
    }
    reader.dialect.thousands = '.';
    path = file_text("data.csv", "a;y\n1.500,5;2\n2;3\n");
    reader.dialect.decimal = '.';
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_USAGE, "between thousands stands another mark");
    reader.dialect.thousands = '_';
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_USAGE, "between thousands");
}

Test(marks, order_of_dates)
{
    static const char open[] = "d,y\n1/2/2024,3\n5/2/2024,4\n7/3/2024,5\n", month[] = "d,y\n1/2/2024,3\n5/13/2024,4\n";
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.dates = (const char *const[]){"d"};
    reader.encode.date_count = 1;
    assert_refused(open, &reader, "say so (--date-order day-first or --date-order month-first)");
    reader.encode.date_order = CUSGD_DATE_ORDER_DAY_FIRST;
    cusgd_data *data = open_text(open, &reader);
    assert_x(data, "month(d) weekday(d) days(d)", "2 3 19754; 2 0 19758; 3 3 19789");
    cusgd_reader again = CUSGD_INIT(cusgd_reader);
    cr_assert_eq(cusgd_data_reader(data, &again), CUSGD_OK);
    cusgd_data *other = open_text("d,y\n5/2/2024,4\n", &again); /* the order is kept */
    assert_x(other, "month(d) weekday(d) days(d)", "2 0 19758");
    cusgd_data_free(other);
    cusgd_data_free(data);
    assert_refused(month, &reader, "the dates in column 'd' have the month first, unlike what --date-order says");
    reader.encode.date_order = CUSGD_DATE_ORDER_MONTH_FIRST;
    data = open_text(open, &reader);
    assert_x(data, "month(d) weekday(d) days(d)", "1 1 19724; 5 3 19845; 7 2 19907");
    cusgd_data_free(data);
    cusgd_data_free(open_text(month, &reader));
}

/* All notes of a table as one text. */
static void assert_notes(const char *text, const char *const *parts, const char *absent)
{
    cusgd_table *table;
    char all[8192] = "";
    const char *note;
    cr_assert_eq(cusgd_table_open(file_text("data.csv", text), NULL, &table), CUSGD_OK, "%s", cusgd_last_error());
    for (size_t i = 0; (note = cusgd_table_note(table, i)); i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", note);
    for (; *parts; parts++) cr_expect(strstr(all, *parts), "'%s' is not in\n%s\nof\n%s", *parts, all, text);
    if (absent) cr_expect_null(strstr(all, absent), "%s", all);
    cusgd_table_free(table);
}

Test(marks, described)
{
    assert_notes("p,s,y\n\"1,200\",5%,3\n950,6%,4\n\"2,000\",7%,5\n",
                 (const char *const[]){"column 'p' holds numbers with marks ('1,200'): say what separates",
                                       "column 's' holds numbers with marks ('5%'): remove the percent signs", NULL},
                 NULL);
    assert_notes("a,y\n1,3\n\"x, z\",4\n5,5\n7,8\n",
                 (const char *const[]){"data.csv:3:1: column 'a' holds 3 numbers and 1 text, the first of which is 'x, z'", NULL},
                 NULL);
    assert_notes("d,y\n1/2/2024,3\n5/2/2024,4\n7/3/2024,5\n",
                 (const char *const[]){"the dates in column 'd' ('1/2/2024') may have the day or the month first", NULL}, NULL);
    assert_notes("d,y\n1/2/2024,3\n15/2/2024,4\n7/3/2024,5\n", (const char *const[]){NULL}, "may have the day");
}

/* Equal in value, also where they are spelled in another way or lack the same values; not where one row differs. */
Test(marks, equal_columns)
{
    const char *const both[] = {"columns 'a' and 'c' are equal in every row", "(--ignore c)", NULL};
    assert_notes("a,b,c,y\n1,2,1.0,3\n-0,3,0,4\nNA,3,,9\n3,1,3e0,5\n", both, "'b'");
    assert_notes("a,b,c,y\nu,2,u,3\nv,3,v,4\nu,1,u,5\n", both, "'b'");
    const char *const none[] = {NULL};
    assert_notes("a,b,c,y\n1,2,1,3\n2,3,2,4\n3,1,4,5\n", none, "are equal");
    assert_notes("a,b,y\n1,2,3\n2,1,4\n3,3,5\n", none, "are equal"); /* the same values in another order */
    assert_notes("a,b,y\n1,1,3\n1,1,4\n1,1,5\n", none, "are equal"); /* which are said to be constant */
    /* Many are counted. */
    char text[4096] = "", row[512] = "";
    for (int j = 0; j < 20; j++) snprintf(text + strlen(text), sizeof text - strlen(text), "c%d,", j);
    for (int j = 0; j < 20; j++) strcat(row, "7,");
    snprintf(text + strlen(text), sizeof text - strlen(text), "y\n%s1\n%s2\n", row, row);
    for (char *at = row; *at; at++) *at = *at == '7' ? '8' : *at;
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s4\n", row);
    assert_notes(text, (const char *const[]){"columns 'c0' and 'c5' are equal", "... and 14 more pairs of equal columns", NULL},
                 "'c6'");
}
