#include "signals.h"

#include "cusgd.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static volatile sig_atomic_t requested;

static void on_signal(int signal) { caught = signal; }

static void on_request(int signal)
{
    (void)signal;
    requested = 1;
}

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

void signals_handle_request(void)
{
    struct sigaction action = {.sa_handler = on_request, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

int signals_take_request(void)
{
    int was = requested;
    if (was) requested = 0;
    return was;
}

int signals_caught(void) { return caught; }

int signals_exit_code(int status) { return status == CUSGD_ERROR_INTERRUPTED && caught ? 128 + (int)caught : status; }
