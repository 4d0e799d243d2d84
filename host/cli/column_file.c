#include "column_file.h"

#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The format of the lines, and the options for the first and the second numbers. */
typedef struct column_file {
    const char *option, *path, *line_is_no; /* line_is_no: what a wrong line is not, for the message */
    const char *names[2];
    int fewest;   /* minimum numbers per line: 1, if it may serve for both, or 2 */
    double least; /* minimum of a number */
    int64_t columns;
} column_file;

static int parse_line(const column_file *f, const char *line, double numbers[2])
{
    char *end;
    int count = 0;
    for (; count < 2; count++, line = end) {
        numbers[count] = strtod(line, &end);
        if (end == line) break;
        if (!(numbers[count] >= f->least) || isinf(numbers[count])) return 0;
        end += count == 0 ? strspn(end, " \t,") : leading_blanks(end);
    }
    if (count == 1) numbers[1] = numbers[0];
    return count >= f->fewest && line[strspn(line, " \t\r\n")] == '\0';
}

/* Reads the lines. *count: the number of lines; the values have the numbers of the first `columns` lines. */
static int read_lines(const column_file *f, FILE *file, double *values[2], int64_t *count)
{
    char line[256];
    for (*count = 0; fgets(line, sizeof line, file); (*count)++) {
        double numbers[2];
        if (!parse_line(f, line, numbers))
            return complain(CUSGD_ERROR_DATA, "--%s %s: line %lld is no %s", f->option, shown(f->path), (long long)*count + 1,
                            f->line_is_no);
        for (int i = 0; i < 2 && *count < f->columns; i++) values[i][*count] = numbers[i];
    }
    if (ferror(file))
        return complain(CUSGD_ERROR_DATA, "--%s %s: cannot be read: %s", f->option, shown(f->path), strerror(errno));
    return CUSGD_OK;
}

static int read_file(const column_file *f, cusgd_options *options)
{
    int64_t count = 0;
    FILE *file = fopen(f->path, "r");
    if (!file) return complain(CUSGD_ERROR_DATA, "--%s %s: cannot be opened: %s", f->option, shown(f->path), strerror(errno));
    double *all = calloc((size_t)f->columns, 2 * sizeof *all), *values[2] = {all, all ? all + f->columns : NULL};
    int status = all ? read_lines(f, file, values, &count) : complain(CUSGD_ERROR_MEMORY, "out of memory");
    if (!status && count != f->columns)
        status = complain(CUSGD_ERROR_DATA, "--%s %s: has %lld lines, and there are %lld columns: each needs a line", f->option,
                          shown(f->path), (long long)count, (long long)f->columns);
    cusgd_status set = CUSGD_OK;
    for (int i = 0; i < 2 && !status && !set; i++)
        set = cusgd_options_set_array(options, f->names[i], values[i], (size_t)f->columns);
    fclose(file);
    free(all);
    return set ? complain_last(set) : status;
}

int read_columns(const column_paths *paths, int64_t columns, cusgd_options *options)
{
    const column_file files[] = {
        {"penalty-factors",
         paths->factors,
         "number of 0 or more, nor two of them, for l1 and l2",
         {"l1-factors", "l2-factors"},
         1,
         0,
         columns},
        {"column-scales",
         paths->scales,
         "mean and scale, which are two numbers",
         {"column-means", "column-scales"},
         2,
         -(double)INFINITY,
         columns},
    };
    int status = CUSGD_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && !status; i++)
        if (files[i].path) status = read_file(&files[i], options);
    return status;
}
