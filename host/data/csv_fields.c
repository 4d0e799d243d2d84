/* What the fields of a CSV file's rows become: numbers of the arrays, or problems. */
#include "csv.h"
#include "data.h"
#include "failure.h"
#include "header.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Puts where column j's field lies before the message. */
cusgd_status csv_fail_at(const table *t, int64_t line, int64_t j, cusgd_status status)
{
    return fail_in(status, "%s:%" PRId64 ":%" PRId64, t->scan.source, line, j + 1);
}

/* ---- Numbers and classes ------------------------------------------------------------------------------------------------- */

/* A number that its column does not take. */
static cusgd_status fail_value(const table *t, int64_t j, field f, double value)
{
    char where[COLUMN_BYTES], shown[SHOWN_BYTES];
    column_show(&t->columns, j, where);
    field_trim(&f);
    text_show(f.text, f.length, shown);
    cusgd_status status;
    if (isinf(value))
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is too large for a double", shown, where);
    else if (t->columns.at[j].role == ROLE_OFFSET)
        status = fail(CUSGD_ERROR_DATA, "the exposure %s in column %s is not greater than 0: remove the row", shown, where);
    else
        status = fail(CUSGD_ERROR_DATA, "the weight %s in column %s is negative: weights, as numbers of trials, are 0 or greater",
                      shown, where);
    return csv_fail_at(t, f.line, j, status);
}

static cusgd_status fail_class(const table *t, int64_t j, const field *f)
{
    char where[COLUMN_BYTES], first[SHOWN_BYTES], second[SHOWN_BYTES], shown[SHOWN_BYTES];
    const text_set *c = &t->classes;
    column_show(&t->columns, j, where);
    text_show(c->at[0], strlen(c->at[0]), first);
    text_show(f->text, f->length, shown);
    text_show(c->at[c->count - 1], strlen(c->at[c->count - 1]), second);
    cusgd_status status;
    if (t->reader->classes)
        status = fail(CUSGD_ERROR_DATA, "'%s' in column %s is not one of the model's classes, '%s' %s '%s'", shown, where, first,
                      c->count > 2 ? "to" : "and", second);
    else if (field_kind(f) == FIELD_NUMBER && field_is_missing(t->first_class))
        return csv_fail_at(
            t, t->first_class.line, j,
            fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a finite number: fill it in, or remove the row", first, where));
    else if (field_kind(f) == FIELD_NUMBER)
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is a number, yet the first row has the text '%s' there%s", shown, where,
                      first,
                      t->columns.named ? ": correct one of them, or encode the texts as numbers"
                                       : ": if the first line is a header, say --header yes");
    else
        status =
            fail(CUSGD_ERROR_DATA,
                 "column %s, the target, holds more than %d texts ('%s', '%s' and others), which are no classes: choose another "
                 "column (--target)",
                 where, MAX_CLASSES, first, second);
    return csv_fail_at(t, f->line, j, status);
}

/* A missing value is a problem, or NaN. */
static cusgd_status put_missing(table *t, int64_t j, const field *f, double *to)
{
    const column *c = &t->columns.at[j];
    if (c->role == ROLE_FEATURE) t->observed[c->at].missing++;
    if (t->missing == CUSGD_MISSING_ERROR) return survey_add(&t->survey, t->columns.count, j, FIELD_MISSING, *f);
    *to = (double)NAN;
    t->lacking += c->role != ROLE_FEATURE;
    return t->missing == CUSGD_MISSING_AUTO ? survey_add(&t->gaps, t->columns.count, j, FIELD_MISSING, *f) : CUSGD_OK;
}

__attribute__((noinline)) static cusgd_status put_class(table *t, int64_t j, field f, double *to)
{
    if (field_has_no_class(f)) return put_missing(t, j, &f, to);
    field_trim(&f);
    int64_t number = texts_find(&t->classes, f.text, f.length);
    t->classes.total++;
    if (number < 0 && !t->reader->classes && field_kind(&f) != FIELD_NUMBER && t->classes.count < MAX_CLASSES) {
        cusgd_status status = texts_insert(&t->classes, &f);
        if (status) return csv_fail_at(t, f.line, j, status);
        number = t->classes.count - 1;
        if (number == 0) t->first_class = (field){t->classes.at[0], f.length, f.line, f.quoted, 0, f.comma, f.thousands};
    }
    *to = (double)number;
    if (number >= 0) return CUSGD_OK;
    fail_class(t, j, &f);
    return survey_add_other(&t->survey);
}

static int fits_role(const table *t, enum role role, double value)
{
    if (role == ROLE_WEIGHT) return value >= 0;
    return role != ROLE_OFFSET || t->columns.offset != CUSGD_OFFSET_EXPOSURE || value > 0;
}

/* The target is text in the first row: a class, and so are all that follow. */
static cusgd_status begin_classes(table *t)
{
    cusgd_status status = CUSGD_OK;
    t->target = TARGET_CLASSES;
    for (int64_t i = 0; t->reader->classes && i < reader_classes(t->reader) && !status; i++)
        status = texts_put(&t->classes, t->reader->classes[i]);
    return status;
}

/* ---- Texts of features --------------------------------------------------------------------------------------------------- */

/* A category that the encoding does not have. */
static cusgd_status put_unknown(table *t, int64_t j, field f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    char shown[SHOWN_BYTES], where[COLUMN_BYTES];
    field_trim(&f);
    text_show(f.text, f.length, shown);
    if (t->reader->encode.strict) {
        csv_fail_at(t, f.line, j,
                    fail(CUSGD_ERROR_DATA, "'%s' in column %s is a category that the model does not know", shown,
                         column_show(&t->columns, j, where)));
        return survey_add_other(&t->survey);
    }
    if (seen->unknown++ == 0) strcpy(seen->example, shown);
    *to = -1;
    return CUSGD_OK;
}

static cusgd_status add_text(table *t, int64_t j, const field *f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    char where[COLUMN_BYTES];
    int64_t number;
    cusgd_status status = texts_add(&seen->texts, *f, &number);
    if (status == CUSGD_ERROR_DATA) csv_fail_at(t, f->line, j, status);
    if (status) return status;
    *to = (double)number;
    if (number >= 0) return CUSGD_OK;
    if (!t->columns.at[j].coding) return survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
    int many = seen->texts.most == MAX_SPARSE_CATEGORIES, most = many ? MAX_SPARSE_CATEGORIES : MAX_CATEGORIES;
    csv_fail_at(t, f->line, j,
                fail(CUSGD_ERROR_DATA,
                     "column %s has more than %d categories: if it holds names or identifiers, leave it out (--ignore)%s",
                     column_show(&t->columns, j, where), most, many ? "" : ", else store x sparse (--sparse yes)"));
    return survey_add_other(&t->survey);
}

/* A field of a feature whose values are categories. */
__attribute__((noinline)) static cusgd_status put_category(table *t, int64_t j, field f, double *to)
{
    if (field_has_no_class(f)) return put_missing(t, j, &f, to);
    if (!t->encoding) return add_text(t, j, &f, to);
    field_trim(&f);
    int64_t number = texts_find(&t->encoding->at[t->columns.at[j].at].categories, f.text, f.length);
    *to = (double)number;
    return number >= 0 ? CUSGD_OK : put_unknown(t, j, f, to);
}

/* A field of a feature whose values are dates. */
static cusgd_status put_date(table *t, int64_t j, field f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    const feature *known = t->encoding ? &t->encoding->at[t->columns.at[j].at] : NULL;
    char shown[SHOWN_BYTES], where[COLUMN_BYTES];
    if (field_is_missing(f)) return put_missing(t, j, &f, to);
    field_trim(&f);
    enum date_reading reading = date_parse(f.text, f.length, known ? known->order : DATE_ORDER_OPEN, to);
    if (reading == DATE_OPEN && !known) {
        seen->order = (seen->open++ ? seen->order : DATE_ORDER_OPEN) & date_orders(*to);
        return CUSGD_OK;
    }
    if (reading == DATE_DAYS) return CUSGD_OK;
    text_show(f.text, f.length, shown);
    column_show(&t->columns, j, where);
    if (reading == DATE_OPEN)
        fail(CUSGD_ERROR_DATA,
             "'%s' in column %s: the model was trained on no date of this form, so that it is not known which "
             "number is the day: write dates as 2024-03-05",
             shown, where);
    else
        fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a date that can be read: write dates as 2024-03-05", shown, where);
    csv_fail_at(t, f.line, j, CUSGD_ERROR_DATA);
    return survey_add_other(&t->survey);
}

static cusgd_status put_coded(table *t, int64_t j, field f, double *to)
{
    return t->columns.at[j].coding == CODING_DATES ? put_date(t, j, f, to) : put_category(t, j, f, to);
}

/* A text among a feature's numbers: a boolean, or a category if all of the column turns out to be text, or a problem. */
static cusgd_status put_text(table *t, int64_t j, const field *f, double *to)
{
    int64_t at = t->columns.at[j].at;
    int pair, value, is_boolean;
    field word = *f;
    field_trim(&word);
    is_boolean = text_is_boolean(word.text, word.length, &pair, &value);
    if (t->encoding && t->encoding->at[at].kind == FEATURE_BOOLEAN && is_boolean) {
        *to = value;
        return CUSGD_OK;
    }
    int in_question =
        !t->encoding && (is_boolean || t->reader->encode.categorical_auto) && !(t->survey.at && t->survey.at[j].texts);
    return in_question ? add_text(t, j, f, to) : survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
}

/* A field that is no number, or one that does not fit. */
__attribute__((noinline, cold)) static cusgd_status put_problem(table *t, int64_t j, const field *f, double *to)
{
    double value = 0;
    enum role role = t->columns.at[j].role;
    if (field_number(f, &value)) {
        fail_value(t, j, *f, value);
        return survey_add_other(&t->survey);
    }
    int first = t->target == TARGET_OPEN && t->lacking >= t->rows; /* of the values that there are */
    int may_be_class = first && role == ROLE_TARGET && t->columns.k == 1 && !field_has_no_class(*f);
    if (may_be_class) {
        cusgd_status status = begin_classes(t);
        return status ? status : put_class(t, j, *f, to);
    }
    if (field_kind(f) == FIELD_MISSING) return put_missing(t, j, f, to);
    return role == ROLE_FEATURE ? put_text(t, j, f, to) : survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
}

cusgd_status csv_put_field(table *t, int64_t j, const field *f)
{
    const column *c = &t->columns.at[j];
    if (c->role <= ROLE_IGNORED) return CUSGD_OK;
    double *to = c->role == ROLE_FEATURE  ? t->x + t->to * t->columns.d + c->at
                 : c->role == ROLE_TARGET ? t->y + t->to * t->columns.k + c->at
                 : c->role == ROLE_OFFSET ? t->o + t->to
                                          : t->w + t->to;
    if (c->role == ROLE_TARGET && t->target == TARGET_CLASSES) return put_class(t, j, *f, to);
    if (c->coding) return put_coded(t, j, *f, to);
    *to = 0;
    if (!field_number(f, to) || !isfinite(*to) || !fits_role(t, c->role, *to)) return put_problem(t, j, f, to);
    if (c->role == ROLE_TARGET) t->target = TARGET_NUMBERS;
    return CUSGD_OK;
}
