/* Help texts, made of the tables that the command line is parsed by. */
#ifndef CUSGD_CLI_HELP_H
#define CUSGD_CLI_HELP_H

#include "arguments.h"

/* What a help text says of an option of the library. */
argument_info info_of(const cusgd_option_info *option);

/* Prints a subcommand's help. One that takes the library's options has too many for a screen: it lists its own and the usual
 * ones, or those of the group that `topic` names, or with "all" everything. Another topic counts as none. */
void help_put(const syntax *s, const char *topic);

#endif
