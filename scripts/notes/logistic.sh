#!/bin/bash
# Logistic regression on four rows, the AND gate, whose classes a line separates: without a penalty the coefficients grow for ever.
# With l2 = 0.01 there is an optimum; no closed form, but Newton's method has it to the last digit. The loss is printed without the penalty.
. "$(dirname "$0")/common.sh"
data=$work/gate.csv
printf 'a,x,y\n0,0,0\n0,1,0\n1,0,0\n1,1,1\n' >"$data"
fit newton "$data" --loss logistic --l2 0.01 --solver newton
fit gd "$data" --loss logistic --l2 0.01 --solver gd --gradient-tolerance 1e-9
fit sgd "$data" --loss logistic --l2 0.01 --optimizer sgd --rate 0.5 --batch 1 --epochs 2000 --evaluate-every 1 --schedule time-decay --t0 500 --t1 1000
printf '%-10s %7s  %s\n' method steps 'intercept, coefficients, mean loss, probability of each row'
for name in gd sgd newton; do
    "$cusgd" predict "$work/$name.safetensors" "$data" --as probability -o "$work/$name.csv"
    numbers=$("$cusgd" info "$work/$name.safetensors" | awk '/^coefficients/ { on = 1; next } on && NF == 2 { at[$1] = $2 }
        END { printf "%12.8f %12.8f %12.8f", at["intercept"], at["a"], at["x"] }')
    printf '%-10s %7s  %s %.10g  %s\n' "$name" "$(steps "$name")" "$numbers" "$(loss "$name")" "$(tail -n +2 "$work/$name.csv" | xargs printf '%.4f ')"
done
draw "$here/logistic.png" "gd=$work/gd.jsonl" "sgd=$work/sgd.jsonl" "newton=$work/newton.jsonl"
