#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static cusgd_trainer *volatile running;
static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
    caught = signal;
    if (running) cusgd_trainer_cancel(running);
}

static void handle(int signal)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signal, &action, NULL);
}

void interrupt_cancels(cusgd_trainer *trainer)
{
    running = trainer;
    if (!trainer) return;
    handle(SIGINT);
    handle(SIGTERM);
}

int interrupt_signal(void) { return caught; }
