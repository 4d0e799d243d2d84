/* What is compiled for each precision and instruction set: VARIANT(f) is f_float_avx2 and the like. */
#ifndef CUSGD_HOST_EXPR_VARIANT_H
#define CUSGD_HOST_EXPR_VARIANT_H

#include "expr/expression.h"

#include "real.h"

#ifndef EXPRESSION_ISA
#error "compile with -DEXPRESSION_ISA=baseline, avx2 or avx512"
#endif

#define VARIANT(name) REAL_NAME(NAMED(name), EXPRESSION_ISA)
typedef NAMED(lanes) lane_set;

void VARIANT(expression_run)(const program *p, int order, int points, lane_set *place);

#endif
