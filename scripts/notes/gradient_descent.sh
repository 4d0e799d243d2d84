#!/bin/bash
# Gradient descent at rate 1 / lambda_max on y = 4 + 3x + noise, without and with momentum 0.3, next to the closed form.
. "$(dirname "$0")/common.sh"
data=$work/line.csv
points 100 x '4 + 3 * x' 1 >"$data"
fit exact "$data" --solver exact
fit gd "$data" --solver gd --gradient-tolerance 1e-8
fit momentum "$data" --solver gd --momentum 0.3 --gradient-tolerance 1e-8
report gd momentum exact
draw "$here/gradient_descent.png" --minimum "$(loss exact)" "gd=$work/gd.jsonl" "momentum 0.3=$work/momentum.jsonl"
