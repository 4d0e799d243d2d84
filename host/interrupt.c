#include "interrupt.h"

#include "failure.h"

#include <stddef.h>

static _Thread_local cusgd_interrupt asked;
static _Thread_local void *asked_user;
static _Thread_local _Atomic int *watched;
static _Thread_local int deferred;
static _Thread_local const int *agreed;

void cusgd_set_interrupt(cusgd_interrupt function, void *user)
{
    asked = function;
    asked_user = user;
}

int interrupt_wished(void)
{
    if (watched && *watched) return 1;
    if (!asked || !asked(asked_user)) return 0;
    if (watched) *watched = 1; /* remember it: the function may return 1 only once, as Python's check of signals does */
    return 1;
}

int interrupt_asked(void)
{
    if (deferred) return 0;
    return agreed ? *agreed : interrupt_wished();
}

const int *interrupt_agree(const int *flag)
{
    const int *before = agreed;
    agreed = flag;
    return before;
}

cusgd_status fail_interrupted(void) { return fail(CUSGD_ERROR_INTERRUPTED, "interrupted"); }

_Atomic int *interrupt_watch(_Atomic int *flag)
{
    _Atomic int *before = watched;
    watched = flag;
    return before;
}

void interrupt_defer(int change) { deferred += change; }
