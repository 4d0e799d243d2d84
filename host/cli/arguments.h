/* The command line, parsed by tables: a subcommand's own arguments and the library's options. Help texts are made of the same. */
#ifndef CUSGD_CLI_ARGUMENTS_H
#define CUSGD_CLI_ARGUMENTS_H

#include "cusgd_tools.h"

/* The caller owns the array and frees it by text_list_free(); the strings are those of argv. */
typedef struct text_list {
    const char **at;
    size_t count;
} text_list;
/* Returns a status, complained about. */
int text_list_add(text_list *list, const char *text);
void text_list_free(text_list *list);

/* Names and texts mean what they mean in cusgd_option_info. */
typedef struct argument {
    char letter; /* 'o' for -o; 0: none */
    const char *name, *metavar, *default_text, *help;
    enum { TAKES_NOTHING, TAKES_TEXT, TAKES_TEXTS, TAKES_COLUMNS, TAKES_COUNT, TAKES_POSITIVE, TAKES_NUMBER } kind;
    void *into; /* int, const char *, text_list (TEXTS: may repeat; COLUMNS: also separated by commas, quoted as in a CSV),
                   int64_t (COUNT: from 0, POSITIVE: from 1), double */
} argument;

typedef struct syntax {
    const char *word, *operands; /* "predict", "MODEL DATA -o OUT" */
    int operand_count, optional; /* of which the last `optional` may be left out: operands[] then stays as it was */
    const char *summary, *example;
    struct {
        const argument *at;
        size_t count;
    } groups[2];
    cusgd_options *options;         /* the library's options are taken too; NULL: they are not */
    text_list *quantiles;           /* where several values of the option quantile, separated by commas, go; NULL: one is taken */
    const char *const *usual;       /* with options: names of those of groups[1] and of the library that the short help lists */
    int (*reads)(const char *name); /* whether an option of the library has a part in what the command does; NULL: all have */
} syntax;

/* Parses argv[1 ..] into the tables' places and operands[0 .. operand_count - 1]. Returns 1 if the subcommand is to go on; 0 if
 * it is to return *status: after --help, and after an error, which is complained about. */
int arguments_parse(const syntax *s, int argc, char **argv, const char **operands, int *status);

/* An error of usage with a hint at the subcommand's help. Returns CUSGD_ERROR_USAGE. */
__attribute__((format(printf, 2, 3))) int complain_usage(const syntax *s, const char *format, ...);

/* How many edits (insert, delete, replace, swap neighbors) lead from a to b; a beginning counts as one. */
int edit_distance(const char *a, const char *b);

#endif
