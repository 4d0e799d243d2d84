/* Whether somebody wants the call in progress to end: asked between pieces of work of some milliseconds at most. */
#ifndef CUSGD_HOST_INTERRUPT_H
#define CUSGD_HOST_INTERRUPT_H

#include "cusgd.h"

/* 1: this thread's function, set by cusgd_set_interrupt(), or the flag that is watched says so. Whoever then leaves something
 * undone fails by fail_interrupted(). */
int interrupt_asked(void);
cusgd_status fail_interrupted(void);
/* Likewise in a loop over rows, of which each takes less time than the question does: asked at every 1024th alone. A loop that
 * ends early by it asks once more behind itself. */
static inline int interrupt_asked_at(int64_t row) { return row % 1024 == 0 && interrupt_asked(); }

/* Several processes (world.h) must all leave a call at the same place: as long as a flag is set, it alone says whether, and what
 * this process wants is in interrupt_wished(), whether work is deferred or not. NULL: one process. Returns the flag before. */
const int *interrupt_agree(const int *flag);
int interrupt_wished(void);

/* The flag of a trainer at work in this thread; NULL: none. It is set, too, when the thread's function says so. Returns the one
 * before. */
_Atomic int *interrupt_watch(_Atomic int *flag);
/* While work is done that must be completed, such as the evaluation of a run that was cancelled: 1 more, -1 less of it. */
void interrupt_defer(int change);

#endif
