/* The table of options: one row is all that the check, the command, the help and a model's metadata know of an option. */
#ifndef CUSGD_HOST_OPTIONS_H
#define CUSGD_HOST_OPTIONS_H

#include "cusgd.h"
#include "scalar/loss_rule.h"

/* The index-th option's name and value as text (%.17g, a word, "true"): what a model's metadata holds. Options that cannot change
 * a result (threads, device) and those still to be chosen are passed over. Returns 0 past the last. `value` has room for 64
 * bytes. */
int options_describe(const cusgd_options *options, size_t index, const char **name, char *value);

/* The word of an enumeration's value, as on the command line. */
const char *loss_word(cusgd_loss loss);
int loss_from_word(const char *word, cusgd_loss *loss); /* 0 if there is none */
const char *solver_word(cusgd_solver solver);
/* The loss's number, where it has one: the usual one if it was left open. */
void loss_numbers_choose(cusgd_options *options);
/* The loss with its number, as the options' precision has it. */
loss_rule loss_rule_of(const cusgd_options *options);
const char *optimizer_word(cusgd_optimizer optimizer);

#endif
