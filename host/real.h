/* A source file that includes this header is compiled twice, with -DREAL=float and -DREAL=double. NAMED(f) is f_float or
 * f_double. */
#ifndef CUSGD_HOST_REAL_H
#define CUSGD_HOST_REAL_H

#ifndef REAL
#error "compile with -DREAL=float or -DREAL=double"
#endif

typedef REAL real;

#define REAL_JOIN(name, type) name##_##type
#define REAL_NAME(name, type) REAL_JOIN(name, type)
#define NAMED(name)           REAL_NAME(name, REAL)

#endif
