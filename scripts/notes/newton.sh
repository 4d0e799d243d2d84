#!/bin/bash
# Newton's method on the same line: a quadratic objective takes one step. Conjugate gradients take as many as there are parameters.
. "$(dirname "$0")/common.sh"
data=$work/line.csv
points 100 x '4 + 3 * x' 1 >"$data"
for solver in exact newton cg bfgs steepest; do fit $solver "$data" --solver $solver --gradient-tolerance 1e-8; done
report newton cg bfgs steepest exact
