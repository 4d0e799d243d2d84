/* A data file that becomes shorter while it is read is an error, and not the command's end by SIGBUS. */
#ifndef CUSGD_CLI_FAULT_H
#define CUSGD_CLI_FAULT_H

/* From here on. */
void fault_handle(void);

#endif
