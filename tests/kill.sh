#!/usr/bin/env bash
# Kills `cusgd train` (SIGKILL), resumes it until it ends, and compares model and history with those of a run that was left alone.
#
# usage: kill.sh COMMAND COUNT [OPTION]...     OPTION: of `cusgd train`, for all runs; none: a usual run
#
# A run is killed at a random moment, or, every second one where KILL_CALLS names what is preloaded (tests/interpose), in place of a
# random call of write (half of whose bytes it has written then), fsync, rename or link.
# KILL_ROWS, KILL_EPOCHS and KILL_EVERY in the environment set the length of a run and of the intervals between its checkpoints, and
# KILL_SEED the moments.
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
saving=("${train[@]}" --model run.safetensors --history run.jsonl --checkpoint run.state --every "${KILL_EVERY:-50steps}" --resume)
preloaded=(env LD_PRELOAD="${KILL_CALLS:-}" FAIL_CALL=write,fsync,rename,link FAIL_ACTION=kill)
begun=$(date +%s%N)
"${train[@]}" --model alone.safetensors --history alone.jsonl
milliseconds=$((($(date +%s%N) - begun) / 1000000 + 5))

calls=0
if [ -n "${KILL_CALLS:-}" ]; then
    "${preloaded[@]}" FAIL_NTH=0 FAIL_REPORT=report "${saving[@]}"
    calls=$(awk '/^(write|fsync|rename|link) / { sum += $2 } END { print sum + 0 }' report)
    [ "$calls" -gt 10 ] || { echo "kill.sh: the calls of a run are not counted" >&2; exit 1; }
fi

# What must be equal of a history: all but times.
plain() { sed -E 's/, "seconds".*//' "$1"; }

# Sets `code`. That of a shell which waited for a killed process is 137.
killed_at_a_moment() {
    local process wait_ms=$((RANDOM % milliseconds + 1))
    "${saving[@]}" &
    process=$!
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    kill -KILL "$process" 2>/dev/null || true
    code=0
    wait "$process" 2>/dev/null || code=$?
}

# In a shell of its own, which says "Killed" where nobody reads it.
killed_in_a_call() {
    code=0
    (set +e; "${preloaded[@]}" FAIL_NTH=$((RANDOM % calls + 1)) "${saving[@]}" 2>run.err; exit $?) 2>/dev/null || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 137 ] || cat run.err >&2
}

kills=0 inside=0 begun_runs=0
while [ "$kills" -lt "$count" ]; do
    rm -f run.*
    begun_runs=$((begun_runs + 1))
    [ "$begun_runs" -le $((5 * count + 20)) ] || { echo "kill.sh: runs end before they are killed" >&2; exit 1; }
    while :; do
        in_a_call=$((calls > 0 && kills % 2))
        if [ "$kills" -ge "$count" ]; then
            code=0
            "${saving[@]}" || code=$?
        elif [ "$in_a_call" = 1 ]; then
            killed_in_a_call
        else
            killed_at_a_moment
        fi
        [ "$code" -ne 0 ] || break
        [ "$code" -eq 137 ] && [ "$kills" -lt "$count" ] || { echo "kill.sh: a resumed run ended with $code" >&2; exit 1; }
        kills=$((kills + 1))
        inside=$((inside + in_a_call))
    done
    cmp run.safetensors alone.safetensors
    cmp <(plain run.jsonl) <(plain alone.jsonl)
done
echo "$kills kills, $inside of them in a call, in $begun_runs runs: the same model and history each time"
