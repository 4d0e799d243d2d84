#include "fault.h"

#include "cusgd_tools.h"

#include <signal.h>

/* If no mapped file lies at the address, the default action ends the program when the access is repeated. A signal that a process
 * sent (si_code <= 0) has no address and no access to repeat: it is raised again. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    int is_sent = info->si_code <= 0;
    if (!is_sent && cusgd_data_fault(info->si_addr)) return;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(signal, &usual, NULL);
    if (is_sent) raise(signal);
}

void fault_handle(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
