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
echo "the dry run of gpu_check.sh does what it says"
