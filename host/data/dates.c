#include "dates.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

const char *const date_part_names[DATE_PARTS] = {"year", "month", "weekday", "days"};

/* ---- The calendar -------------------------------------------------------------------------------------------------------- */

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leaps);
}

static int is_day(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= days_of_month(year, month);
}

/* Days since 1970-01-01 in the Gregorian calendar, of years that begin in March, in eras of 400 of them (H. Hinnant,
 * "chrono-compatible low-level date algorithms"). */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t shifted = year - (month <= 2), era = shifted / 400, of_era = shifted - 400 * era;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Its inverse. */
static void civil_from_days(int64_t days, int *year, int *month)
{
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097, of_era = shifted - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100), from_march = (5 * of_year + 2) / 153;
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(years + era * 400 + (*month <= 2));
}

void date_parts(double days, double parts[DATE_PARTS])
{
    int year, month;
    int64_t whole = (int64_t)floor(days), weekday = (whole + 3) % 7; /* 1970-01-01 was a Thursday */
    civil_from_days(whole, &year, &month);
    parts[DATE_YEAR] = year;
    parts[DATE_MONTH] = month;
    parts[DATE_WEEKDAY] = (double)(weekday < 0 ? weekday + 7 : weekday);
    parts[DATE_DAY_NUMBER] = days;
}

/* ---- Open dates ---------------------------------------------------------------------------------------------------------- */

/* Two numbers and a year as one number that no date's days reach; its fraction is the time of day. */
#define OPEN_BASE 1e9

static double open_date(int first, int second, int year) { return OPEN_BASE + year * 10000 + first * 100 + second; }

enum date_order date_order_of(cusgd_date_order given)
{
    return given == CUSGD_DATE_ORDER_DAY_FIRST     ? DATE_ORDER_DAY_FIRST
           : given == CUSGD_DATE_ORDER_MONTH_FIRST ? DATE_ORDER_MONTH_FIRST
                                                   : DATE_ORDER_OPEN;
}

int date_is_open(double value) { return value >= OPEN_BASE; }

static void split_open(double open, int *first, int *second, int *year)
{
    int64_t digits = (int64_t)floor(open - OPEN_BASE);
    *year = (int)(digits / 10000);
    *first = (int)(digits / 100 % 100);
    *second = (int)(digits % 100);
}

enum date_order date_orders(double open)
{
    int first, second, year;
    split_open(open, &first, &second, &year);
    return (enum date_order)((is_day(year, second, first) ? DATE_ORDER_DAY_FIRST : 0) |
                             (is_day(year, first, second) ? DATE_ORDER_MONTH_FIRST : 0));
}

double date_settle(double open, enum date_order order)
{
    int first, second, year, day_first = order == DATE_ORDER_DAY_FIRST;
    split_open(open, &first, &second, &year);
    return (double)days_from_civil(year, day_first ? second : first, day_first ? first : second) + (open - floor(open));
}

/* ---- Texts --------------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
} reader;

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static void skip_blanks(reader *r)
{
    while (r->at < r->end && *r->at == ' ') r->at++;
}

static int take(reader *r, char c)
{
    int there = r->at < r->end && *r->at == c;
    r->at += there;
    return there;
}

/* 1 to 8 digits; returns how many, 0 where there are none or more. */
static int take_number(reader *r, int *number)
{
    int digits = 0;
    for (*number = 0; r->at < r->end && is_digit(*r->at) && digits < 9; r->at++, digits++)
        *number = 10 * *number + (*r->at - '0');
    return digits <= 8 ? digits : 0;
}

/* A month's name in English, or its first three letters, perhaps with a point; 0: none. */
static int take_month(reader *r)
{
    static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
    size_t length = 0;
    while (r->at + length < r->end && is_letter(r->at[length])) length++;
    for (int m = 0; m < 12 && length >= 3; m++) {
        int is_short = length == 3 || (m == 8 && length == 4); /* Sept */
        if ((!is_short && length != strlen(months[m])) || strncasecmp(r->at, months[m], length) != 0) continue;
        r->at += length;
        if (is_short) take(r, '.');
        return m + 1;
    }
    return 0;
}

/* What stands between the parts of a date with a month's name. */
static int take_divider(reader *r)
{
    const char *start = r->at;
    take(r, ',');
    skip_blanks(r);
    return r->at > start || take(r, '-') || take(r, '/');
}

/* 5 March 2024, March 5, 2024 */
static int take_named(reader *r, int *year, int *month, int *day)
{
    int day_first = r->at < r->end && is_digit(*r->at);
    if (day_first && (take_number(r, day) > 2 || !take_divider(r))) return 0;
    *month = take_month(r);
    if (*month == 0 || !take_divider(r)) return 0;
    if (!day_first) {
        int digits = take_number(r, day);
        if (digits < 1 || digits > 2 || !take_divider(r)) return 0;
    }
    return take_number(r, year) == 4;
}

/* Three numbers with the same character between them. */
static int take_numbers(reader *r, int numbers[3], int digits[3])
{
    digits[0] = take_number(r, &numbers[0]);
    if (digits[0] == 8) return 1;
    char divider = r->at < r->end ? *r->at : '\0';
    if (digits[0] == 0 || (divider != '-' && divider != '/' && divider != '.')) return 0;
    for (int i = 1; i < 3; i++)
        if (!take(r, divider) || (digits[i] = take_number(r, &numbers[i])) == 0) return 0;
    return 1;
}

/* The date, as days, or as an open date. */
static enum date_reading take_date(reader *r, enum date_order order, double *value)
{
    int year, month, day, numbers[3], digits[3] = {0};
    reader named = *r;
    enum date_reading reading = DATE_DAYS;
    if (take_named(&named, &year, &month, &day)) {
        *r = named;
    } else if (!take_numbers(r, numbers, digits)) {
        return DATE_NONE;
    } else if (digits[0] == 8) {
        year = numbers[0] / 10000, month = numbers[0] / 100 % 100, day = numbers[0] % 100;
    } else if (digits[0] == 4 && digits[1] <= 2 && digits[2] <= 2) {
        year = numbers[0], month = numbers[1], day = numbers[2];
    } else if (digits[0] <= 2 && digits[1] <= 2 && digits[2] == 4) {
        int swapped = order == DATE_ORDER_DAY_FIRST;
        year = numbers[2], month = numbers[swapped], day = numbers[!swapped];
        if (order == DATE_ORDER_OPEN) reading = DATE_OPEN;
    } else {
        return DATE_NONE;
    }
    if (reading == DATE_OPEN) {
        *value = open_date(numbers[0], numbers[1], year);
        return year >= 1 && date_orders(*value) != DATE_ORDER_NONE ? DATE_OPEN : DATE_NONE;
    }
    if (!is_day(year, month, day)) return DATE_NONE;
    *value = (double)days_from_civil(year, month, day);
    return DATE_DAYS;
}

/* Z, UTC, +01:00, -0530, +02: minutes to take off. Returns 0 where something else stands there. */
static int take_zone(reader *r, int *minutes)
{
    int hours, rest = 0;
    *minutes = 0;
    skip_blanks(r);
    if (r->at == r->end || take(r, 'Z') || take(r, 'z')) return 1;
    if (r->end - r->at == 3 && (memcmp(r->at, "UTC", 3) == 0 || memcmp(r->at, "GMT", 3) == 0)) {
        r->at = r->end;
        return 1;
    }
    int sign = take(r, '+') ? 1 : take(r, '-') ? -1 : 0, digits = sign ? take_number(r, &hours) : 0;
    if (digits == 4) {
        rest = hours % 100;
        hours /= 100;
    } else if (digits != 2 || (take(r, ':') && take_number(r, &rest) != 2)) {
        return 0;
    }
    *minutes = sign * (60 * hours + rest);
    return hours <= 14 && rest < 60;
}

/* AM or PM behind an hour of 1 to 12. Returns 0 where the hour is none of them. */
static int take_half(reader *r, int *hour)
{
    skip_blanks(r);
    if (r->end - r->at < 2 || (r->at[1] != 'M' && r->at[1] != 'm') || !strchr("AaPp", r->at[0])) return *hour < 24;
    int afternoon = *r->at == 'P' || *r->at == 'p', good = *hour >= 1 && *hour <= 12;
    r->at += 2;
    *hour = *hour % 12 + 12 * afternoon;
    return good;
}

/* Nothing, or a time of day behind a T or blanks, as a share of the day; UTC's where a zone is named. */
static int take_time(reader *r, double *share)
{
    int hour, minute, second = 0, minutes, digits;
    double fraction = 0, unit = 0.1;
    *share = 0;
    if (r->at == r->end) return 1;
    if (!take(r, 'T') && *r->at != ' ') return 0;
    skip_blanks(r);
    digits = take_number(r, &hour);
    if (digits < 1 || digits > 2 || !take(r, ':') || take_number(r, &minute) != 2) return 0;
    if (take(r, ':') && take_number(r, &second) != 2) return 0;
    for (take(r, '.'); r->at < r->end && is_digit(*r->at); r->at++) {
        fraction += unit * (*r->at - '0');
        unit /= 10;
    }
    if (!take_half(r, &hour) || minute > 59 || second > 59 || !take_zone(r, &minutes)) return 0;
    *share = (3600.0 * hour + 60.0 * (minute - minutes) + second + fraction) / 86400;
    return r->at == r->end;
}

enum date_reading date_parse(const char *text, size_t length, enum date_order order, double *value)
{
    reader r = {text, text + length};
    double share;
    while (r.end > r.at && r.end[-1] == ' ') r.end--;
    skip_blanks(&r);
    enum date_reading reading = take_date(&r, order, value);
    if (reading == DATE_NONE || !take_time(&r, &share)) return DATE_NONE;
    /* An open date keeps its digits; a zone that leads to another day has no place in it. */
    if (reading == DATE_OPEN && !(share >= 0 && share < 1)) return DATE_NONE;
    *value += share;
    return reading;
}
