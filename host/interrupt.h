/* Interruption of the call in progress. Functions check for it between parts of their work that take a few milliseconds at
 * most. */
#ifndef CUSGD_HOST_INTERRUPT_H
#define CUSGD_HOST_INTERRUPT_H

#include "cusgd.h"

/* Returns 1 if the function of this thread, set by cusgd_set_interrupt(), or the flag that is watched asks for an interruption. A
 * function that leaves work undone because of it then returns fail_interrupted(). */
int interrupt_asked(void);
cusgd_status fail_interrupted(void);
/* As interrupt_asked(), for a loop over rows that take less time than the check: checks in every 1024th row only. A loop that
 * ends early because of it calls interrupt_asked() again after the loop. */
static inline int interrupt_asked_at(int64_t row) { return row % 1024 == 0 && interrupt_asked(); }

/* Several processes (world.h) must all leave a call at the same place. While a flag is set by this function, interrupt_asked()
 * returns that flag only, and interrupt_wished() returns what this process itself asks for, even while interruptions are
 * deferred. NULL: there is one process. Returns the previous flag. */
const int *interrupt_agree(const int *flag);
int interrupt_wished(void);

/* Sets the flag of the trainer that computes in this thread; NULL: none. The flag is also set when the function of the thread
 * asks for an interruption. Returns the previous flag. */
_Atomic int *interrupt_watch(_Atomic int *flag);
/* Defers interruptions during work that must be completed, such as the evaluation of a run that was cancelled: change 1 begins
 * and -1 ends such work, which may be nested. */
void interrupt_defer(int change);

#endif
