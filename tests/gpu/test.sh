#!/bin/bash
# scripts/gpu_check.sh in its cheapest form, on the emulated GPU: so that its first run on a real one does not fail on a typo.
# usage: test.sh BUILD PART...
set -uo pipefail
scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
script=$scripts/gpu_check.sh
build=$1
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
shift
export GPU_CHECK_DRY_DEVICE=cpu
unpacked() { rm -rf "$out/logs" && mkdir "$out/logs" && tar -xzf "$out/gpu-check.tar.gz" -C "$out/logs" --strip-components 1; }
fail() { echo "FAILED: $1" && unpacked && cat "$out"/logs/*.log "$out/summary.txt" 2>/dev/null; exit 1; }
last_line() { tail -n 1 "$out/summary.txt"; }

for file in "$script" "$scripts"/gpu/*.sh "$scripts/gpu_bundle.sh"; do bash -n "$file" || fail "bash -n $file"; done
[ "$("$script" --list | paste -sd ' ')" = "environment smoke bits probe steps profile check tests bench stream repeatability peers sanitizer" ] || fail "--list"
"$script" 2>/dev/null && fail "no OUTDIR is accepted"
"$script" "$out" --part nonsense 2>/dev/null && fail "a part of no name is accepted"
"$script" "$out" --budget soon 2>/dev/null && fail "a budget that is no number is accepted"

files=$(ls "$scripts/..")
options=()
for part; do options+=(--part "$part"); done
"$script" "$out" --dry-run --build "$build" "${options[@]}" || fail "the dry run"
[ "$(grep -c 'DRY RUN' "$out/summary.txt")" -gt 2 ] || fail "the summary does not say that it is a dry run's"
[ "$(find "$out" -mindepth 1 | sort | paste -sd ' ')" = "$out/gpu-check.tar.gz $out/summary.txt" ] || fail "other files than two"
unpacked || fail "the archive cannot be unpacked"
for part; do
    grep -q '"dry_run": true' "$out/logs/$part.json" || fail "$part.json does not say that it is a dry run's"
    [ -e "$out/logs/$part.log" ] || fail "the archive lacks $part.log"
    grep -qE "^(pass|not run) .* $part" "$out/summary.txt" || fail "the summary is silent on $part"
done
[[ "$(last_line)" == "DRY RUN: not run: probe profile"* ]] || fail "the last line of the summary"
grep -q '^no-graph *equal in 1' "$out/summary.txt" || fail "no run without a graph was compared"
if [[ " $* " == *" stream "* ]]; then
    for name in resident sent half kept; do
        grep -q "^$name .* s for each of the others" "$out/summary.txt" || fail "the summary lacks the stream that is $name"
    done
fi
[ "$(ls "$scripts/..")" = "$files" ] || fail "the script leaves files in the folder of the sources"

# What fails is a failure: without a module nothing runs on a GPU.
mkdir -p "$out/nothing/bin" "$out/nothing/emulated" && ln -s "$build/bin/cusgd" "$build/bin/gpu-steps" "$out/nothing/bin"
: >"$out/nothing/emulated/libcusgd-cuda.so"
"$script" "$out" --dry-run --build "$out/nothing" --part check >/dev/null && fail "a part that cannot run passes"
[ "$(last_line)" = "DRY RUN: FAILED: check" ] || fail "the last line of a failed run's summary"

# A bundle that runs is used; from one that does not, the script goes on to what was built.
mkdir "$out/bundle" && echo "commit abc" >"$out/bundle/MANIFEST"
cat >"$out/bundle/run" <<BUNDLE
#!/bin/bash
[ "\$1" = --check ] && exit
echo "export LD_LIBRARY_PATH= CUSGD_MODULE_DIR=$build/emulated"
BUNDLE
chmod +x "$out/bundle/run" && ln -s "$build/bin" "$out/bundle/bin"
"$script" "$out" --dry-run --bundle "$out/bundle" --build "$out/nothing" --part check >/dev/null || fail "a run from a bundle"
grep -q '^programs bundle of abc' "$out/summary.txt" || fail "the summary does not say that a bundle was used"
printf '#!/bin/bash\necho "libx.so.1 is missing" && exit 1\n' >"$out/bundle/run"
"$script" "$out" --dry-run --bundle "$out/bundle" --build "$build" --part check >"$out/said" 2>&1 || fail "a run with a useless bundle"
grep -q 'libx.so.1 is missing' "$out/said" || fail "it does not say why the bundle is of no use"

# Without programs they are built, and what needs none runs meanwhile. If that fails, the rest is not run. (A cmake that makes links.)
mkdir "$out/cmake" "$out/new"
cat >"$out/cmake/cmake" <<CMAKE
#!/bin/bash
[ "\$1" = --build ] || { echo >"$out/new/CMakeCache.txt" && exit; }
sleep 1
[ ! -e "$out/broken" ] || { echo "the compiler says no" && exit 1; }
mkdir -p "$out/new/emulated" && ln -s "$build/bin" "$out/new/bin" && ln -s "$build/emulated/libcusgd-cuda.so" "$out/new/emulated/"
CMAKE
chmod +x "$out/cmake/cmake"
touch "$out/broken"
PATH=$out/cmake:$PATH "$script" "$out" --dry-run --build "$out/new" --part check --part peers >"$out/said"
[[ "$(last_line)" == "DRY RUN: not run:"*" check" ]] || fail "the last line of a summary without programs"
grep -q 'the compiler says no' "$out/said" || fail "it does not show what the build said"
grep -q '^not run .* check: there are no programs' "$out/summary.txt" || fail "the summary does not say that there are no programs"
rm "$out/broken"
PATH=$out/cmake:$PATH "$script" "$out" --dry-run --build "$out/new" --part check >/dev/null || fail "a run that builds"
[ "$(last_line)" = "DRY RUN: PASS of check" ] || fail "the last line of a run that builds"

# A device that computes something else without graphs, and one on which an engine's loss is not finite, are found.
rm "$out/bundle/bin" && mkdir "$out/bundle/bin" && ln -s "$build"/bin/* "$out/bundle/bin" && rm "$out/bundle/bin/cusgd"
cat >"$out/bundle/run" <<BUNDLE
#!/bin/bash
[ "\$1" = --check ] && exit
echo "export LD_LIBRARY_PATH= CUSGD_MODULE_DIR=$build/emulated"
BUNDLE
cat >"$out/bundle/bin/cusgd" <<PROGRAM
#!/bin/bash
[[ "\$*" != *smoke.safetensors* || "\$*" != *persistent* ]] || exit 4
[ "\${CUSGD_CUDA_GRAPH:-1}" = 1 ] || set -- "\$@" --seed 9
exec "$build/bin/cusgd" "\$@"
PROGRAM
chmod +x "$out/bundle/bin/cusgd"
"$script" "$out" --dry-run --bundle "$out/bundle" --part smoke --part bits >/dev/null && fail "wrong bits pass"
[ "$(last_line)" = "DRY RUN: FAILED: smoke bits" ] || fail "the last line of a summary of wrong bits"
grep -q '^FAILED .* engine persistent: status 4' "$out/summary.txt" || fail "the engine that fails is not named"
[ "$(grep 'DIFFERS in repeat' "$out/summary.txt" | cut -d ' ' -f 1 | paste -sd ' ')" = "no-graph no-graph-s no-graph no-graph-s" ] || fail "the runs that differ are not named"

# A part that hangs is ended when the budget is spent, with all that it has started, in whatever process group; what comes behind it
# is not run; the summary and the archive are there. Likewise where the script itself is ended. `hangs: PID` in the part's log names
# the processes.
hung() { grep -hs '^hangs: ' "$@" | tr -dc '0-9\n'; }
none_left() {
    local pid
    [ "$(hung "$out/logs/check.log" | wc -l)" = 5 ] || fail "$(hung "$out/logs/check.log" | wc -l) processes hang, not 5"
    for pid in $(hung "$out/logs/check.log"); do
        ! grep -qsE '^State:[[:blank:]]+[^Z[:blank:]]' "/proc/$pid/status" || fail "process $pid is left running after $1"
    done
}
hanging=(--dry-run --build "$build" --part environment --part check --part tests)
start=$SECONDS
GPU_CHECK_TEST_HANG=check "$script" "$out" "${hanging[@]}" --budget 15 >/dev/null && fail "a part that hangs passes"
[ $((SECONDS - start)) -le 15 ] || fail "a budget of 15 s took $((SECONDS - start)) s"
grep -q '^pass .* environment' "$out/summary.txt" || fail "the part before the one that hangs has not passed"
grep -q '^FAILED .* check: stopped after [0-9]* s' "$out/summary.txt" || fail "the summary does not say that the part was stopped"
grep -q '^not run .* tests: the budget of 15 s is spent' "$out/summary.txt" || fail "the summary does not say that nothing was left"
[ "$(last_line)" = "DRY RUN: FAILED: check; not run: tests" ] || fail "the last line of a summary after a budget that is spent"
unpacked && none_left "its part was stopped"
rm -f "$out/summary.txt"
TMPDIR=$out GPU_CHECK_TEST_HANG=check "$script" "$out" "${hanging[@]}" >/dev/null &
for _ in {1..300}; do [ "$(hung "$out"/tmp.*/check.log | wc -l)" = 5 ] || sleep 0.1; done
kill -TERM $!
wait $! && fail "a script that was ended passes"
[[ "$(last_line)" == "DRY RUN: NOT FINISHED after "* ]] || fail "the last line of the summary of a script that was ended"
unpacked && none_left "the script was ended"
echo "the dry run of gpu_check.sh does what it says"
