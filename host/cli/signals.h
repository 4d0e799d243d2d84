/* Signals: SIGINT and SIGTERM end the current work promptly and remove incomplete files; a second signal ends the command at
 * once. */
#ifndef CUSGD_CLI_SIGNALS_H
#define CUSGD_CLI_SIGNALS_H

/* Handles SIGINT and SIGTERM, after which calls of the library fail with INTERRUPTED. Signals that the parent process ignored
 * remain ignored. */
void signals_handle(void);
/* Defers signals while a model is written: 1 begins and 0 ends this. */
void signals_defer(int defers);
/* signals_handle_request() makes SIGUSR1 request a checkpoint; signals_take_request() returns 1 once after each such signal. */
void signals_handle_request(void);
int signals_take_request(void);
/* Returns the signal that was received, or 0. */
int signals_caught(void);
/* Returns the exit code for a status, which is 128 + the signal for an interrupted call. */
int signals_exit_code(int status);

#endif
