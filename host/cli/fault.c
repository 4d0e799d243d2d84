#include "fault.h"

#include "cusgd.h"

#include <signal.h>

/* Without a file of ours behind the address the signal takes its usual way when the access is tried again. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (!cusgd_data_fault(info->si_addr)) {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signal, &usual, NULL);
    }
}

void fault_handle(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
