#!/bin/bash
# Builds cuSGD and runs its tests; installs missing packages first.
#
#   test.sh            builds with warnings as errors; unit, API, command, device and emulated-GPU tests, the longest in part: about
#                      4 minutes on 2 cores
#   test.sh --quick    unit and API tests without any CUDA code: for use after each change
#   test.sh --full     also the CUDA module, sanitizers, clang, clang-tidy, planted bugs, statistics and generated texts
#   test.sh [...] PART...   only these parts; `test.sh [...] --list` prints their names
#
# Each part prints its duration and processor time; its output is kept in build/test/. The last line counts the tests that passed and failed over all
# builds; a part that fails without a failing test counts as one failure.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=build/test
passed=0 failed=0
jobs=$(nproc)
mkdir -p "$logs"
command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja # an existing build folder keeps its own

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; }

# ---- Parts -------------------------------------------------------------------------------------------------------------------
# Each is a function. It may end with `not_run REASON` where something it needs is not installed; that is never counted as passed.

not_run() {
    echo "not run: $1"
    exit 100
}

build() { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"; }
# One test more than there are processors: those of several processes mostly wait, for mpirun and for each other.
tests() { ctest --preset "$1" -j $((jobs + 1)) --timeout 300 "${@:2}"; }
sources() { find . -path ./build -prune -o -type f -name '*.[ch]' -print -o -name '*.cpp' -print -o -name '*.cu' -print; }

part_quick() { build quick && tests quick -L '^(unit|api)$'; }
part_tests() { build dev && tests dev -LE '^statistics$'; }
part_build() { build ci; }
part_all-tests() { tests ci; }
# In the full tier it is built while the tests of the part all-tests run, in the time that they leave.
part_sanitizers-build() { cmake --preset asan && nice -n 19 cmake --build --preset asan -j "$jobs"; }
# Without the statistics of many runs and the longest comparisons of figures, whose code the other tests execute as well. A program
# that takes too long is run again, twice at most: Criterion forks while its thread for messages may hold a lock of
# AddressSanitizer's allocator, which nobody releases in the child (gcc 12): the child then waits without end, in one or two
# programs of a hundred (tests/interpose/fork.c ends such a process and forks another).
part_sanitizers() {
    build asan && tests asan --repeat after-timeout:3 -LE '^statistics$' -E '^test-(determinism|command-check|command-offset)$'
}

# Of the library and one program: ThreadSanitizer knows no fork, in which the other tests run.
part_threads() {
    cmake -B build/tsan -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O0 -g1" -DCUSGD_SANITIZE=thread -DCUSGD_CUDA=OFF \
        -DCUSGD_EMULATOR=OFF -DCUSGD_INSTRUCTION_SETS= && cmake --build build/tsan -j "$jobs" --target threads &&
        TSAN_OPTIONS=exitcode=66 tests/threads/test.sh build/tsan/bin/threads
}

part_clang() {
    command -v clang >/dev/null || not_run "clang is not installed"
    cmake --preset clang && scripts/clang_warnings.py build/clang
}

# Uses the compile commands of the part clang.
part_tidy() {
    command -v clang-tidy >/dev/null || not_run "clang-tidy is not installed"
    [ -e build/clang/compile_commands.json ] || not_run "the part clang has not configured build/clang"
    sed -n 's/.*"file": "\(.*\)".*/\1/p' build/clang/compile_commands.json | grep '/host/' | sort -u |
        xargs -P "$jobs" -n 4 clang-tidy -p build/clang --quiet
}

# Other versions of clang-format format the same file differently.
part_format() {
    clang-format --version 2>/dev/null | grep -q 'version 14\.' || not_run "clang-format 14 is not installed"
    sources | xargs clang-format --dry-run -Werror
}

part_registers() {
    [ -e build/ci/lib/libcusgd-cuda.so ] || not_run "the CUDA module has not been built"
    scripts/kernel_resources.sh build/ci
}

# The lint of the kernels' machine code.
part_sass() {
    local reason
    command -v python3 >/dev/null || not_run "python3 is not installed"
    tests/sass/test_lint.py || return 1
    [ -e build/ci/lib/libcusgd-cuda.so ] || not_run "the CUDA module has not been built"
    reason=$(tests/sass/lint.py --tools) || not_run "$reason"
    tests/sass/lint.py build/ci/lib/libcusgd-cuda.so
}

part_predictions() {
    command -v python3 >/dev/null || not_run "python3 is not installed"
    [ -e "${CUDA_HOME:-/usr/local/cuda}/include/cuda_runtime_api.h" ] || not_run "the CUDA headers are not installed"
    scripts/predict_steps.py --check
}

# In a virtual environment of its own, with packages from PyPI: the package is built and installed as by a user. The environment
# takes long to fetch and little processor time, so the full tier begins with it, during the first builds.
python_packages="scikit-build-core ninja numpy pandas polars pyarrow scipy scikit-learn safetensors statsmodels matplotlib tqdm pytest pytest-xdist ruff
    mypy pycparser"
python_environment() {
    python3 -m venv build/python || not_run "python3 cannot make virtual environments (python3-venv)"
    # Word splitting is meant.
    build/python/bin/python -m pip install -q --no-compile --disable-pip-version-check $python_packages ||
        not_run "pip cannot install what the tests of the Python package need"
}

python_lint() {
    local python=build/python/bin/python
    local formatted="scripts/make_python_api.py scripts/make_c_api.py scripts/check_docs.py scripts/clang_warnings.py scripts/plot.py scripts/plot_fit.py scripts/python_docs.py"
    $python scripts/make_python_api.py --check || return 1
    $python -m ruff check python $formatted && $python -m ruff format --check python $formatted || return 1
    MYPYPATH=python $python -m mypy --strict python/cusgd
}

part_python() {
    local python=build/python/bin/python lint built
    if [ -n "$fetching" ]; then
        wait_for_environment || return $?
    else
        python_environment
    fi
    python_lint & # during the build, which does not always have work for all processors
    lint=$!
    $python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps --config-settings=cmake.define.CUSGD_INSTRUCTION_SETS=avx2 .
    built=$?
    wait $lint && [ $built = 0 ] || return 1
    # Many tests start Python anew: without bytecode each of them would compile scikit-learn and pandas again.
    (cd build && CUSGD_TEST_EMULATED="$PWD/ci/emulated" PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX="$PWD/python/bytecode" \
        python/bin/python -m pytest -q -p no:cacheprovider -n "$jobs" --dist worksteal ../python/tests)
}

# Parts run in subshells, which cannot wait for a process of the script: its exit status is in a file.
wait_for_environment() {
    while [ ! -s "$logs/python-environment.status" ]; do sleep 1; done
    cat "$logs/python-environment.log"
    return "$(cat "$logs/python-environment.status")"
}

part_docs() {
    command -v python3 >/dev/null || not_run "python3 is not installed"
    scripts/make_c_api.py --check && scripts/check_docs.py build/ci/bin/cusgd
}

# ---- Which parts, and in which order -----------------------------------------------------------------------------------------

tier=default
case ${1:-} in
--quick | --full) tier=${1#--} && shift ;;
esac
case $tier in
quick) parts=(quick) ;;
default) parts=(tests format) ;;
full) parts=(build all-tests sanitizers-build format registers sass predictions docs sanitizers threads clang tidy python) ;;
esac
case ${1:-} in
--list) printf '%s\n' "${parts[@]}" && exit 0 ;;
-*) usage && exit 1 ;;
esac
for name; do
    [[ " ${parts[*]} " == *" $name "* ]] || { echo "test.sh: '$name' is not a part of this tier: ${parts[*]}" >&2 && exit 1; }
done
[ $# = 0 ] || parts=("$@")

# execute NAME COMMAND...: its output goes to NAME.log; its status, its seconds and those of processors to NAME.end.
execute() {
    local name=$1 start=$SECONDS code used TIMEFORMAT='%U %S'
    shift
    used=$({ time { ("$@") >"$logs/$name.log" 2>&1; }; } 2>&1; exit $?)
    code=$?
    echo "$code $((SECONDS - start)) $used" >"$logs/$name.end"
}

# judge NAME: prints the verdict of what was executed, and the end of the output of what failed.
judge() {
    local name=$1 log=$logs/$1.log verdict=ok counts='' code seconds used
    read -r code seconds used <"$logs/$name.end"
    [ $code = 0 ] || verdict=FAILED
    [ $code != 100 ] || verdict="not run"
    # The summary of ctest: "97% tests passed, 1 tests failed out of 33"
    counts=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log" | tail -n 1)
    # The summary of pytest: "1 failed, 914 passed, 14 skipped in 67.82s"
    [ -n "$counts" ] || counts=$(sed -n 's/^\(\([0-9]*\) failed, \)\{0,1\}\([0-9]*\) passed.* in [0-9.]*s.*$/\2 \3/p' "$log" | tail -n 1 |
        awk '{ if (NF == 1) print 0, $1; else print $1, $1 + $2 }')
    if [ -n "$counts" ]; then
        failed=$((failed + ${counts% *}))
        passed=$((passed + ${counts#* } - ${counts% *}))
    fi
    if [ "$verdict" = FAILED ] && [ "${counts% *}" = "${counts:+0}" ]; then
        failed=$((failed + 1))
    fi
    [ -z "$counts" ] || counts=", $((${counts#* } - ${counts% *})) of ${counts#* } tests passed"
    [ "$verdict" != "not run" ] || counts=": $(sed -n 's/^not run: //p' "$log" | tail -n 1)"
    printf '%-7s %4d s  %s%s (%.0f s of processor time)\n' "$verdict" "$seconds" "$name" "$counts" "$(awk '{ print $1 + $2 }' <<<"$used")"
    sed -n 's/^-- \(\(emulated CUDA tests\|tests of MPI\): not run .*\)$/\1/p' "$log"
    if [ "$verdict" = FAILED ]; then
        tail -n 40 "$log" | sed 's/^/    /'
        echo "    (complete output: $log)"
    fi
}

run() { execute "$@" && judge "$1"; }

run dependencies scripts/install_dependencies.sh --tests
fetching=
if [ ${#parts[@]} -gt 1 ] && [[ " ${parts[*]} " == *" python "* ]]; then
    rm -f "$logs/python-environment.status"
    fetching=yes
    { (python_environment) >"$logs/python-environment.log" 2>&1; echo $? >"$logs/python-environment.status"; } &
fi
# Parts that run one after another in the background of the full tier, because other parts often wait: those that need no more than
# the part build while the tests of all-tests run, and those that only compile while the tests of sanitizers run, with a lower
# priority than these. The part that is first in the list of parts waits until all parts of its queue have ended.
behind_build=() behind_sanitizers=() queue=
if [ $tier = full ] && [ $# = 0 ]; then
    behind_build=(format registers sass predictions docs sanitizers-build)
    behind_sanitizers=(clang tidy)
fi
# begin_queue NICENESS PART...
begin_queue() {
    {
        renice -n "$1" "$BASHPID" >/dev/null
        for other in "${@:2}"; do execute "$other" "part_$other"; done
    } &
    queue=$!
}
for name in "${parts[@]}"; do
    if [[ " ${behind_build[*]} ${behind_sanitizers[*]} " == *" $name "* ]]; then
        wait "$queue"
        judge "$name"
        continue
    fi
    [ "$name" != sanitizers ] || begin_queue 10 "${behind_sanitizers[@]}"
    run "$name" "part_$name"
    [ "$name" != build ] || begin_queue 0 "${behind_build[@]}"
done
echo "$SECONDS s in total"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
