#!/bin/bash
# Stochastic gradient descent as the notes have it on the same line: 50 epochs of 20 batches of 5 rows, each a random one of the 20
# contiguous batches, at rate t0 / (t + t1) with t0 = 5, t1 = 50; then every row once an epoch, and an average of the iterates.
. "$(dirname "$0")/common.sh"
data=$work/line.csv
points 100 x '4 + 3 * x' 1 >"$data"
common=(--optimizer sgd --schedule time-decay --t0 5 --t1 50 --batch 5 --epochs 50 --evaluate-every 1)
fit exact "$data" --solver exact
fit replace-blocks "$data" "${common[@]}" --sampling replace-blocks
fit permute "$data" "${common[@]}"
fit averaged "$data" "${common[@]}" --average
report replace-blocks permute averaged exact
draw "$here/sgd.png" --minimum "$(loss exact)" "replace-blocks (the notes)=$work/replace-blocks.jsonl" \
    "permute=$work/permute.jsonl" "permute, averaged=$work/averaged.jsonl"
