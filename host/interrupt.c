#include "interrupt.h"

#include "error.h"

#include <stddef.h>

static _Thread_local cusgd_interrupt asked;
static _Thread_local void *asked_user;
static _Thread_local const _Atomic int *watched;
static _Thread_local int deferred;

void cusgd_set_interrupt(cusgd_interrupt function, void *user)
{
    asked = function;
    asked_user = user;
}

int interrupt_asked(void)
{
    if (deferred) return 0;
    return (watched && *watched) || (asked && asked(asked_user));
}

cusgd_status fail_interrupted(void) { return fail(CUSGD_ERROR_INTERRUPTED, "interrupted"); }

const _Atomic int *interrupt_watch(const _Atomic int *flag)
{
    const _Atomic int *before = watched;
    watched = flag;
    return before;
}

void interrupt_defer(int change) { deferred += change; }
