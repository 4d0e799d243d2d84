#include "signals.h"

#include "cusgd.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void on_signal(int signal) { caught = signal; }

static int is_caught(void *user)
{
    (void)user;
    return caught != 0;
}

static void handle(int signal)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signal, &action, NULL);
}

void signals_handle(void)
{
    handle(SIGINT);
    handle(SIGTERM);
    signals_defer(0);
}

void signals_defer(int defers) { cusgd_set_interrupt(defers ? NULL : is_caught, NULL); }

int signals_caught(void) { return caught; }

int signals_exit_code(int status) { return status == CUSGD_ERROR_INTERRUPTED && caught ? 128 + (int)caught : status; }
