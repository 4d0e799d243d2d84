/* Dates in texts, as days since 1970-01-01, and what a date becomes as features. */
#ifndef CUSGD_HOST_DATA_DATES_H
#define CUSGD_HOST_DATA_DATES_H

#include "cusgd_tools.h"

/* The order of day and month in dates such as 5/3/2024, as a set: OPEN has both. */
enum date_order { DATE_ORDER_NONE = 0, DATE_ORDER_DAY_FIRST = 1, DATE_ORDER_MONTH_FIRST = 2, DATE_ORDER_OPEN = 3 };

enum date_reading {
    DATE_NONE, /* the text is not a date */
    DATE_DAYS, /* **value: days since 1970-01-01 00:00, with the time of day as fraction */
    DATE_OPEN, /* the order of day and month is not known: *value is for date_orders() and date_settle() */
};

/* Reads a date of the years 1 to 9999, perhaps with a time of day behind it, in one of the forms
 *   2024-03-05, 2024/3/5, 2024.3.5, 20240305; 5 March 2024, 5-Mar-2024, March 5, 2024; 13/3/2024, 13.3.2024, 3-13-2024
 *   and then "T" or a blank, 14:30, 14:30:15, 14:30:15.250, 2:30 PM, and Z or +01:00 (the date is then that in UTC).
 * Years of two digits are refused, because the century is unknown. order OPEN: the order of day and month is not known; the
 * result is DATE_OPEN for every form that has such an order, because all dates of a column must have the same. */
enum date_reading date_parse(const char *text, size_t length, enum date_order order, double *value);
/* Returns the order that a reader gives. */
enum date_order date_order_of(cusgd_date_order given);
int date_is_open(double value);
/* Returns the orders in which an open date is valid. */
enum date_order date_orders(double open);
/* Returns the days of an open date in one of these orders. */
double date_settle(double open, enum date_order order);

/* The features of a date: the year, the month 1 to 12, the weekday 0 (Monday) to 6, the days since 1970-01-01. */
enum date_part { DATE_YEAR, DATE_MONTH, DATE_WEEKDAY, DATE_DAY_NUMBER, DATE_PARTS };
extern const char *const date_part_names[DATE_PARTS]; /* "year", ... */
void date_parts(double days, double parts[DATE_PARTS]);

#endif
