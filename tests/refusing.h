/* Refuses a piece of work's allocations, one after another. For programs whose allocations are wrapped (tests/CMakeLists.txt). */
#ifndef CUSGD_TESTS_REFUSING_H
#define CUSGD_TESTS_REFUSING_H

#include "support.h"

typedef cusgd_status (*piece_of_work)(void);

/* Since both were last set to 0; the allocations [refuse_from, refuse_to) are refused, counted from 0. */
enum { NEVER = 1 << 30 };
extern _Atomic int allocations_made, allocations_refused, refuse_from, refuse_to;
/* Set by a piece of work that succeeded but for a note, which takes memory that may be refused. */
extern int lacks_note;
extern _Atomic size_t largest_allocation; /* bytes of one allocation since it was last set to 0 */

/* The allocator's own, neither counted nor refused. */
void *__real_malloc(size_t size);
void __real_free(void *p);

/* As a suite's .init. */
void refusing_setup(void);
/* Runs the work with one allocation alone refused, and with all from it on, for each of its allocations. */
void refuse_each(const char *name, piece_of_work work);

#endif
