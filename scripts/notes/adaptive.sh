#!/bin/bash
# AdaGrad, RMSprop and Adam on y = 2 + 3x + 4x^2 + noise: 100 rows, batches of 5, 300 epochs, each at one rate throughout.
. "$(dirname "$0")/common.sh"
data=$work/parabola.csv
points 100 x,square '2 + 3 * x + 4 * x * x' 0.5 >"$data"
common=(--batch 5 --epochs 300 --evaluate-every 1)
fit exact "$data" --solver exact
fit adagrad "$data" "${common[@]}" --optimizer adagrad --rate 0.5
fit rmsprop "$data" "${common[@]}" --optimizer rmsprop --rate 0.01
fit adam "$data" "${common[@]}" --optimizer adam --rate 0.02
report adagrad rmsprop adam exact
awk 'BEGIN { print "x,square"; for (i = 0; i <= 100; i++) printf "%.4f,%.8f\n", i / 50, i * i / 2500 }' >"$work/grid.csv"
curves=()
for name in adagrad rmsprop adam exact; do
    "$cusgd" predict "$work/$name.safetensors" "$work/grid.csv" -o "$work/$name.csv"
    curves+=("$name=$work/$name.csv")
done
draw "$here/adaptive.png" --minimum "$(loss exact)" \
    "adagrad 0.5=$work/adagrad.jsonl" "rmsprop 0.01=$work/rmsprop.jsonl" "adam 0.02=$work/adam.jsonl" \
    --points "$data" --grid "$work/grid.csv" --curves "${curves[@]}"
