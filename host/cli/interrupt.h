/* Ctrl-C and kill end a run after the steps in flight; a second one ends the command at once. */
#ifndef CUSGD_CLI_INTERRUPT_H
#define CUSGD_CLI_INTERRUPT_H

#include "cusgd.h"

/* From here on SIGINT and SIGTERM cancel `trainer`; NULL: no longer. A signal that the parent had ignored stays ignored. */
void interrupt_cancels(cusgd_trainer *trainer);
/* The signal that came, or 0. */
int interrupt_signal(void);

#endif
