/* For tests that run the command from outside: each in a folder of its own, through the shell, with $CUSGD the command and
 * $GOLDEN the folder of the golden files. */
#ifndef CUSGD_TESTS_COMMAND_H
#define CUSGD_TESTS_COMMAND_H

#include "support.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What came of a run: the exit code (128 + the signal that ended it) and all that was printed. */
typedef struct outcome {
    int code;
    char out[1 << 17], err[1 << 16];
} outcome;

/* A file's beginning, as much as there is room for, as text. */
static inline void text_read(const char *name, char *text, size_t size)
{
    FILE *file = fopen(name, "r");
    cr_assert(file, "%s is not there", name);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Runs a shell line. Whatever its exit code, a sanitizer's report is a failure. */
__attribute__((format(printf, 2, 3))) static inline void run(outcome *o, const char *format, ...)
{
    char line[4096], all[4200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    cr_assert(length > 0 && (size_t)length < sizeof line);
    snprintf(all, sizeof all, "{ %s\n} >.out 2>.err", line);
    int status = system(all);
    o->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    text_read(".out", o->out, sizeof o->out);
    text_read(".err", o->err, sizeof o->err);
    cr_assert(!strstr(o->err, "Sanitizer") && !strstr(o->err, "runtime error:"), "%s\n%s", line, o->err);
}

#define assert_code(o, expected) \
    cr_assert_eq((o).code, expected, "exit code %d, not %d\nout: %.4000s\nerr: %.4000s", (o).code, expected, (o).out, (o).err)
#define assert_has(text, part)   cr_assert(strstr(text, part), "\"%s\" is not in:\n%.4000s", part, text)
#define assert_lacks(text, part) cr_assert(!strstr(text, part), "\"%s\" is in:\n%.4000s", part, text)

/* data.csv: a, b, c, y with y = 2 a - b + 0.5 + a little noise, 60 rows; text.csv: the same with "no" and "yes" for y's sign. */
static inline void data_make(void)
{
    FILE *data = fopen("data.csv", "w"), *text = fopen("text.csv", "w");
    unsigned state = 1;
    cr_assert(data && text);
    fputs("a,b,c,y\n", data);
    fputs("a,b,c,y\n", text);
    for (int i = 0; i < 60; i++) {
        double x[4];
        for (int j = 0; j < 4; j++) {
            state = state * 1664525u + 1013904223u;
            x[j] = (double)(state >> 8) / (1 << 23) - 1; /* in [-1, 1) */
        }
        double y = 2 * x[0] - x[1] + 0.5 + 0.1 * x[3];
        fprintf(data, "%.9f,%.9f,%.9f,%.9f\n", x[0], x[1], x[2], y);
        fprintf(text, "%.9f,%.9f,%.9f,%s\n", x[0], x[1], x[2], y > 0.5 ? "yes" : "no");
    }
    cr_assert(fclose(data) == 0 && fclose(text) == 0);
}

/* As a suite's .init. */
static inline void command_setup(void)
{
    const char *command = getenv("CUSGD_COMMAND");
    setenv("CUSGD", command ? command : TEST_COMMAND, 1);
    setenv("GOLDEN", TEST_GOLDEN, 1);
    folder_setup();
    cr_assert_eq(chdir(path_of("")), 0);
    data_make();
}

#endif
