/* A fiber: a stack of its own, on which device threads run until one must wait. One host thread at a time uses them. */
#ifndef CUSGD_EMULATOR_FIBER_H
#define CUSGD_EMULATOR_FIBER_H

namespace emulator
{
struct fiber;

/* Runs `work` on a fiber; returns when it has returned or has called fiber_suspend(). */
void fiber_start(void (*work)());
/* Continues a suspended one; returns as fiber_start does. */
void fiber_resume(fiber *f);
/* Inside a fiber: itself; back to who started or resumed it; on to another that is suspended, which then returns there. */
fiber *fiber_current();
void fiber_suspend();
void fiber_pass(fiber *to);
} // namespace emulator

#endif
