/* Ctrl-C and kill end the work in hand within a moment, and what is in the making is put away; a second one ends the command at
 * once. */
#ifndef CUSGD_CLI_SIGNALS_H
#define CUSGD_CLI_SIGNALS_H

/* From here on SIGINT and SIGTERM are looked for in the library's calls, which then fail with INTERRUPTED. A signal that the
 * parent had ignored stays ignored. */
void signals_handle(void);
/* While a model is written: calls go on to their end (1), and no longer (0). */
void signals_defer(int defers);
/* SIGUSR1 asks for a checkpoint from here on; 1, once, after it came. */
void signals_handle_request(void);
int signals_take_request(void);
/* The signal that came, or 0. */
int signals_caught(void);
/* The exit code for a status: of an interrupted call 128 + the signal. */
int signals_exit_code(int status);

#endif
