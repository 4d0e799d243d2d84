/* The command: what its parts share. It uses only what cusgd.h offers. */
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
/* Likewise with the library's message. */
int complain_last(cusgd_status status);

/* A text from a file or the command line as it is printed for people: cusgd_text_escape()'s. Valid until the eighth call after
 * this one. NULL stays NULL. */
const char *shown(const char *text);

/* Refuses two outputs, each NULL where it is not written, that are one file. Returns a status, complained about. */
int check_distinct(const char *option, const char *path, const char *other_option, const char *other_path);
/* Refuses an output that is `input` (NULL: none) or, where that is a folder, a file of data in it. Returns a status, complained
 * about. */
int check_overwrite(const char *option, const char *path, const char *input);
/* Refuses an output that could not be written, before the work. Likewise. */
int check_file(const char *option, const char *path);
/* What `put` prints of `of` becomes a file, which takes the place of an old one when it is complete. */
int write_file(const char *option, const char *path, void (*put)(const void *of, FILE *to), const void *of);

/* JSON: a string in quotes; a number by %.17g, null where it is not finite. */
void put_json_string(FILE *to, const char *text);
void put_json_number(FILE *to, double value);
/* A field of a CSV: a text, in quotes where it needs them; a number by %.17g, empty where it is not finite. */
void put_csv_text(FILE *to, const char *text);
void put_csv_number(FILE *to, double value);

/* How many spaces and tabs `text` begins with. */
size_t leading_blanks(const char *text);
/* The length of the first `length` bytes of text without the spaces and tabs at their end. */
size_t trimmed_length(const char *text, size_t length);

/* Makes room for one more element behind `count` of them, each of `size` bytes; the room doubles. `at`: NULL, or what this
 * function returned for one element less. Returns the array, or NULL, complained about, where there is no memory and `at` stays.
 */
void *grow_array(void *at, size_t count, size_t size);

/* 10^9 bytes each second; 0 where no time has passed. */
double gigabytes_per_second(double bytes, double seconds);
/* What a clock shows, in seconds. */
double clock_seconds(clockid_t clock);

/* New options with their defaults. Returns a status, complained about. */
int options_open(cusgd_options **out);
/* Whether the option's value is that text. */
int option_is(const cusgd_options *options, const char *name, const char *value);
/* The value of an option that is a number; NaN where the choice is open. */
double option_number(const cusgd_options *options, const char *name);

uint64_t seed_of(const cusgd_options *options);

/* Synthetic targets that the options' loss takes, and the type of data in their precision. */
cusgd_synthetic_targets targets_for(const cusgd_options *options);
cusgd_type type_for(const cusgd_options *options);

/* Prints what is to be known of how data was read, on standard error. */
void put_data_notes(const cusgd_data *data);

/* "1 row", "2 rows". */
const char *plural(int64_t count);

#endif
