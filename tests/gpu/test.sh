#!/bin/bash
# scripts/gpu_check.sh in its cheapest form, on the emulated GPU: so that its first run on a real one does not fail on a typo.
# usage: test.sh BUILD PART...
set -uo pipefail
script=$(dirname "$0")/../../scripts/gpu_check.sh
build=$1
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
shift
fail() { echo "FAILED: $1" && cat "$out"/*.log "$out/summary.txt" 2>/dev/null && exit 1; }

bash -n "$script" || fail "bash -n"
[ "$("$script" --list | paste -sd ' ')" = "build tests sanitizer check repeatability latency throughput" ] || fail "--list"
"$script" 2>/dev/null && fail "no OUTDIR is accepted"
"$script" "$out" --part nonsense 2>/dev/null && fail "a part of no name is accepted"

options=()
for part; do options+=(--part "$part"); done
GPU_CHECK_DRY_DEVICE=cpu "$script" "$out" --dry-run --build "$build" "${options[@]}" || fail "the dry run"
[ "$(grep -c 'DRY RUN' "$out/summary.txt")" -gt 2 ] || fail "the summary does not say that it is a dry run's"
for part; do
    grep -q '"dry_run": true' "$out/$part.json" || fail "$part.json does not say that it is a dry run's"
    grep -qE "^(pass|not run) .* $part" "$out/summary.txt" || fail "the summary is silent on $part"
done
[ "$(tail -n 1 "$out/summary.txt")" = "DRY RUN: not run: latency" ] || fail "the last line of the summary"

# What fails is a failure: without the module's folder nothing runs on a GPU.
"$script" "$out" --dry-run --build "$out/nothing" --part check >/dev/null && fail "a part that cannot run passes"
[ "$(tail -n 1 "$out/summary.txt")" = "DRY RUN: FAILED: check" ] || fail "the last line of a failed run's summary"
# A part that hangs is ended after its limit, and so is all that it has started, in whatever process group; likewise where the
# script itself is ended. `hangs: PID` in the part's log names the processes.
hung() { grep -s '^hangs: ' "$out/check.log" | tr -dc '0-9\n'; }
none_left() {
    local pid
    [ "$(hung | wc -l)" = 5 ] || fail "$(hung | wc -l) processes hang, not 5"
    for pid in $(hung); do
        ! grep -qsE '^State:[[:blank:]]+[^Z[:blank:]]' "/proc/$pid/status" || fail "process $pid is left running after $1"
    done
}
GPU_CHECK_TEST_HANG=1 "$script" "$out" --dry-run --build "$build" --part check --limit 2 >/dev/null && fail "a part that hangs passes"
grep -q '^FAILED .* check: stopped after 2 s' "$out/summary.txt" || fail "the summary does not say that the part was stopped"
none_left "its part was stopped"
rm -f "$out/check.log"
GPU_CHECK_TEST_HANG=1 "$script" "$out" --dry-run --build "$build" --part check >/dev/null &
for _ in {1..200}; do [ "$(hung | wc -l)" = 5 ] || sleep 0.1; done
kill -TERM $!
wait $! && fail "a script that was ended passes"
none_left "the script was ended"
echo "the dry run of gpu_check.sh does what it says"
