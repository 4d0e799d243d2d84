/* Which copy of rows.c this machine runs. */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#define COPY(isa) REAL_NAME(STORED_NAMED(rows), isa)

extern const rows_functions COPY(baseline);
#if defined(HAS_AVX2)
extern const rows_functions COPY(avx2);
#endif
#if defined(HAS_AVX512)
extern const rows_functions COPY(avx512);
#endif

const rows_functions *STORED_NAMED(rows_select)(const char **name)
{
    const char *wish = secure_getenv("CUSGD_ISA");
#if defined(HAS_AVX512)
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (avx512 && (!wish || !strcmp(wish, "avx512"))) {
        *name = "AVX-512";
        return &COPY(avx512);
    }
#endif
#if defined(HAS_AVX2)
    if (__builtin_cpu_supports("avx2") && !(wish && !strcmp(wish, "baseline"))) {
        *name = "AVX2";
        return &COPY(avx2);
    }
#endif
    (void)wish;
    *name = "baseline";
    return &COPY(baseline);
}
