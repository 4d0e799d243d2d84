/* LAPACK, which is loaded when a function first needs it, because OpenBLAS starts threads and allocates memory when it is loaded,
 * and most calls of the library and the command do not need it. The CMake option CUSGD_LAPACK chooses between loading it and
 * linking it; the Python wheels, which contain one, link it. */
#ifndef CUSGD_HOST_LAPACK_LIBRARY_H
#define CUSGD_HOST_LAPACK_LIBRARY_H

#include "cusgd.h"

#include <lapacke.h>

/* The functions that are used: member, function. */
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

/* All members are NULL until lapack_is_here() has returned 1. */
extern lapack_functions lapack;

/* Makes LAPACK use one thread, for results that must not depend on the number of cores that the process may use: with several
 * threads, OpenBLAS adds products in another order. Has no effect on other implementations. To be called before any function of
 * LAPACK. */
void lapack_use_one_thread(void);
/* Loads LAPACK at the first call. Returns 0 if there is none. Any thread may call it. */
int lapack_is_here(void);
/* As lapack_is_here(), but fails with USAGE if there is none; the message says that `value` of `option` needs it. */
cusgd_status lapack_open(const char *option, const char *value);

#endif
