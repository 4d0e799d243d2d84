#include "interrupt.h"

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

void interrupt_handle(void)
{
    handle(SIGINT);
    handle(SIGTERM);
    interrupt_defer(0);
}

void interrupt_defer(int defers) { cusgd_set_interrupt(defers ? NULL : is_caught, NULL); }

int interrupt_signal(void) { return caught; }

int interrupt_code(int status) { return status == CUSGD_ERROR_INTERRUPTED && caught ? 128 + (int)caught : status; }
