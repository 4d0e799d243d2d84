/* LAPACK, which is opened where something first needs it: an OpenBLAS starts threads and takes memory when it is loaded, and most
 * calls of the library and the command do without. CMake's CUSGD_LAPACK chooses between that and linking it, as the Python wheels
 * do that bring one along. */
#ifndef CUSGD_HOST_LAPACK_LIBRARY_H
#define CUSGD_HOST_LAPACK_LIBRARY_H

#include "cusgd.h"

#include <lapacke.h>

/* All that is used of it: member, function. */
#define LAPACK_FUNCTIONS(DO)          \
    DO(dgelsy, LAPACKE_dgelsy_work)   \
    DO(dgemqrt, LAPACKE_dgemqrt_work) \
    DO(dgeqrt, LAPACKE_dgeqrt_work)   \
    DO(dlansy, LAPACKE_dlansy_work)   \
    DO(dpocon, LAPACKE_dpocon_work)   \
    DO(dpotrf, LAPACKE_dpotrf_work)   \
    DO(dpotri, LAPACKE_dpotri_work)   \
    DO(dsyev, LAPACKE_dsyev_work)     \
    DO(dtpqrt, LAPACKE_dtpqrt_work)   \
    DO(dtrcon, LAPACKE_dtrcon_work)   \
    DO(dtrtrs, LAPACKE_dtrtrs_work)

#define LAPACK_MEMBER(member, function) __typeof__(&(function)) member;
typedef struct lapack_functions {
    LAPACK_FUNCTIONS(LAPACK_MEMBER)
} lapack_functions;
#undef LAPACK_MEMBER

/* NULL all before a call of lapack_is_here() that returned 1. */
extern lapack_functions lapack;

/* From here on its products are added in the order of one thread, which other numbers of threads change: for results that must
 * not depend on the cores that a process may use. It is OpenBLAS that has threads; another library stays as it is. Before
 * anything is asked of LAPACK. */
void lapack_use_one_thread(void);
/* Opens LAPACK, at the first call; 0: there is none. Any thread may call it. */
int lapack_is_here(void);
/* Likewise. Fails where there is none, and says that `value` of `option` needs it. Error: USAGE. */
cusgd_status lapack_open(const char *option, const char *value);

#endif
