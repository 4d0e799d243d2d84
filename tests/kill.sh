#!/usr/bin/env bash
# Kills `cusgd train` at random moments (SIGKILL), resumes it until it ends, and compares model and history with those of a run
# that was left alone.
#
# usage: kill.sh COMMAND COUNT [OPTION]...     OPTION: of `cusgd train`, for all runs; none: a usual run
#
# KILL_ROWS, KILL_EPOCHS and KILL_EVERY in the environment set the length of a run and of the intervals between its checkpoints.
set -euo pipefail
command=$1 count=$2
shift 2
options=("$@")
[ $# -gt 0 ] || options=(--loss logistic --optimizer adam --rate 0.01 --batch 64 --evaluate-every 1 --average)
folder=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/cusgd-kill.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
RANDOM=${KILL_SEED:-1}
export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1

"$command" generate data --rows "${KILL_ROWS:-20000}" --cols 20 --targets logistic >/dev/null 2>&1
train=("$command" train data "${options[@]}" --epochs "${KILL_EPOCHS:-20}" --threads 1 --quiet --seed 3)
begun=$(date +%s%N)
"${train[@]}" --model alone.safetensors --history alone.jsonl
milliseconds=$((($(date +%s%N) - begun) / 1000000 + 5))

# What must be equal of a history: all but times.
plain() { sed -E 's/, "seconds".*//' "$1"; }

kills=0 begun_runs=0
while [ "$kills" -lt "$count" ]; do
    rm -f run.*
    begun_runs=$((begun_runs + 1))
    [ "$begun_runs" -le $((5 * count + 20)) ] || { echo "kill.sh: runs end before they are killed" >&2; exit 1; }
    while :; do
        "${train[@]}" --model run.safetensors --history run.jsonl --checkpoint run.state --every "${KILL_EVERY:-50steps}" --resume &
        process=$!
        code=0
        if [ "$kills" -lt "$count" ]; then
            wait_ms=$((RANDOM % milliseconds + 1))
            sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
            kill -KILL "$process" 2>/dev/null || true
        fi
        wait "$process" 2>/dev/null || code=$?
        [ "$code" -ne 0 ] || break
        [ "$code" -eq 137 ] || { echo "kill.sh: a resumed run ended with $code" >&2; exit 1; }
        kills=$((kills + 1))
    done
    cmp run.safetensors alone.safetensors
    cmp <(plain run.jsonl) <(plain alone.jsonl)
done
echo "$kills kills in $begun_runs runs: the same model and history each time"
