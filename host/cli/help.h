/* Help texts, which are generated from the tables for parsing the command line. */
#ifndef CUSGD_CLI_HELP_H
#define CUSGD_CLI_HELP_H

#include "arguments.h"

/* An entry of a help text, for an argument of a subcommand or an option of the library. */
typedef struct help_entry {
    char letter; /* 0: none */
    const char *name, *metavar, *default_text, *help, *alias;
} help_entry;
help_entry help_of_argument(const argument *a);
help_entry help_of_option(const cusgd_option_info *option);

/* Prints the help of a subcommand. If it has the options of the library, these are too many for a screen: it lists its own
 * arguments and the most common options, or the group that `topic` names, or everything for "all". Unknown topics are ignored. */
void help_put(const syntax *s, const char *topic);

#endif
