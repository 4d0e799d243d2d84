/* Help texts, made of the tables that the command line is parsed by. */
#ifndef CUSGD_CLI_HELP_H
#define CUSGD_CLI_HELP_H

#include "arguments.h"

/* What a help text says about an argument of a subcommand or an option of the library. */
typedef struct help_entry {
    char letter; /* 0: none */
    const char *name, *metavar, *default_text, *help, *alias;
} help_entry;
help_entry help_of_argument(const argument *a);
help_entry help_of_option(const cusgd_option_info *option);

/* Prints a subcommand's help. One that takes the library's options has too many for a screen: it lists its own and the usual
 * ones, or those of the group that `topic` names, or with "all" everything. Another topic counts as none. */
void help_put(const syntax *s, const char *topic);

#endif
