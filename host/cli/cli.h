/* Functions that the parts of the command share. The command only uses the public headers. */
#ifndef CUSGD_CLI_H
#define CUSGD_CLI_H

#include "cusgd_tools.h"

#include <stdio.h>
#include <time.h>

/* A subcommand: argv[0] is its word; returns the exit code, a cusgd_status or 128 + the signal that ended it. Results go to
 * standard output; errors, progress and notes to standard error. */
typedef int subcommand(int argc, char **argv);
subcommand train_main, sweep_main, path_main, predict_main, evaluate_main, generate_main, info_main, bench_main, devices_main,
    check_main, convert_main, grad_main, minimize_main, solve_main;

/* Prints "cusgd: ..." on standard error and returns `status`. */
__attribute__((format(printf, 2, 3))) int complain(int status, const char *format, ...);
/* Prints the last message of the library likewise. */
int complain_last(cusgd_status status);

/* Escapes a text from a file or the command line for output by cusgd_text_escape(). Valid until the eighth call after this one.
 * Returns NULL for NULL. */
const char *shown(const char *text);

/* Fails if two outputs (NULL: not written) are the same file. Returns a status. */
int check_distinct(const char *option, const char *path, const char *other_option, const char *other_path);
/* Fails if an output is `input` (NULL: none), or a data file in it if it is a folder. Returns a status. */
int check_overwrite(const char *option, const char *path, const char *input);
/* Fails if an output could not be written; to be called before the work. Returns a status. */
int check_file(const char *option, const char *path);
/* Writes a file with the output of `put` for `of`. An old file is replaced when the new one is complete. Returns a status. */
int write_file(const char *option, const char *path, void (*put)(const void *of, FILE *to), const void *of);

/* Write JSON: a string in quotes; a number by %.17g, or null if it is not finite. */
void put_json_string(FILE *to, const char *text);
void put_json_number(FILE *to, double value);
/* Write a field of a CSV file: a text, in quotes if necessary; a number by %.17g, or nothing if it is not finite. */
void put_csv_text(FILE *to, const char *text);
void put_csv_number(FILE *to, double value);

/* Returns the number of spaces and tabs at the beginning of `text`. */
size_t leading_blanks(const char *text);
/* Returns the length of the first `length` bytes of `text` without trailing spaces and tabs. */
size_t trimmed_length(const char *text, size_t length);

/* Makes room for one more element after `count` elements of `size` bytes; the capacity doubles when it is full. `at`: NULL, or
 * what this function returned before. Returns the array, or NULL after printing a message if there is no memory; `at` then
 * remains valid. */
void *grow_array(void *at, size_t count, size_t size);

/* Returns 10^9 bytes per second; 0 if `seconds` is 0. */
double gigabytes_per_second(double bytes, double seconds);
/* Returns the time of a clock in seconds. */
double clock_seconds(clockid_t clock);

/* Creates options with their defaults. Returns a status. */
int options_open(cusgd_options **out);
/* Returns whether the value of the option is that text. */
int option_is(const cusgd_options *options, const char *name, const char *value);
/* Returns the value of an option that is a number; NaN if it is auto. */
double option_number(const cusgd_options *options, const char *name);

uint64_t seed_of(const cusgd_options *options);

/* Return the kind of synthetic targets for the loss of the options, and the type of data for their precision. */
cusgd_synthetic_targets targets_for(const cusgd_options *options);
cusgd_type type_for(const cusgd_options *options);

/* Prints the notes on how data was read on standard error. */
void put_data_notes(const cusgd_data *data);

/* "1 row", "2 rows". */
const char *plural(int64_t count);

#endif
