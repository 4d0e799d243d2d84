/* Parsing of the command line by tables of the arguments of a subcommand and of the library's options. Help texts are generated
 * from the same tables. */
#ifndef CUSGD_CLI_ARGUMENTS_H
#define CUSGD_CLI_ARGUMENTS_H

#include "cusgd_tools.h"

/* The caller owns the array and frees it by text_list_free(); the strings are those of argv. */
typedef struct text_list {
    const char **at;
    size_t count;
} text_list;
/* Returns a status, after printing a message if it is not OK. All functions of the command that are described by "returns a
 * status" do so. */
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
    int operand_count, optional; /* of number of operands, of which the last `optional` may be missing; operands[] is then
                                  * unchanged */
    const char *summary, *example;
    struct {
        const argument *at;
        size_t count;
    } groups[2];
    cusgd_options *options;         /* receives the options of the library; NULL: they are not accepted */
    text_list *quantiles;           /* receives several values of the option quantile, separated by commas; NULL: only one is
                                     * accepted */
    const char *const *usual;       /* with options: names of the arguments of groups[1] and of the options of the library that
                                     * the short help lists */
    int (*reads)(const char *name); /* returns whether the command uses an option of the library; NULL: it uses all */
} syntax;

/* Parses argv[1 ..] into the variables of the tables and operands[0 .. operand_count - 1]. Returns 1 if the subcommand shall
 * continue, and 0 if it shall return *status: after --help, and after an error, for which a message was printed. */
int arguments_parse(const syntax *s, int argc, char **argv, const char **operands, int *status);

/* Prints a usage error with a hint at the help of the subcommand. Returns CUSGD_ERROR_USAGE. */
__attribute__((format(printf, 2, 3))) int complain_usage(const syntax *s, const char *format, ...);

/* Returns the number of edits (insertions, deletions, replacements, transpositions) from a to b; 1 if one is a prefix of the
 * other. */
int edit_distance(const char *a, const char *b);

#endif
