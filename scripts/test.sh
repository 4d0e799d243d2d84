#!/bin/bash
# Builds cuSGD every way that matters and runs its tests, installing what is missing first. Each part prints its seconds; its
# output stays in build/test/. The last line counts the tests that passed and failed over all builds, a part that failed before
# its tests as one failure.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=build/test
passed=0 failed=0
jobs=$(nproc)
mkdir -p "$logs"
command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja # a build folder that is there already keeps its own

# part NAME COMMAND...: runs it; on failure shows the end of what it said.
part() {
    local name=$1 start=$SECONDS log=$logs/${1//[^A-Za-z]/-}.log verdict=ok counts=
    shift
    "$@" >"$log" 2>&1 || verdict=FAILED
    # ctest's own summary: "97% tests passed, 1 tests failed out of 33"
    counts=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log" | tail -n 1)
    if [ -n "$counts" ]; then
        failed=$((failed + ${counts% *}))
        passed=$((passed + ${counts#* } - ${counts% *}))
        counts=", $((${counts#* } - ${counts% *})) of ${counts#* } tests passed"
    elif [ $verdict = FAILED ]; then
        failed=$((failed + 1))
    fi
    printf '%-7s %4d s  %s%s\n' $verdict $((SECONDS - start)) "$name" "$counts"
    if [ $verdict = FAILED ]; then
        tail -n 40 "$log" | sed 's/^/    /'
        echo "    (all of it: $log)"
    fi
    [ $verdict = ok ]
}

skip() { printf '%-7s        %s: %s\n' "not run" "$1" "$2"; }

build() { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"; }
tests() { ctest --preset "$1" -j "$jobs" --timeout 300; }

sources() { find . -path ./build -prune -o -type f -name '*.[ch]' -print -o -name '*.cpp' -print -o -name '*.cu' -print; }

format() { sources | xargs clang-format --dry-run -Werror; }

# By clang's own compile commands.
tidy() {
    sed -n 's/.*"file": "\(.*\)".*/\1/p' build/clang/compile_commands.json | grep '/host/' | sort -u |
        xargs -P "$jobs" -n 4 clang-tidy -p build/clang --quiet
}

part "dependencies" scripts/install_dependencies.sh --tests
if part "gcc: build" build ci; then
    part "gcc: tests" tests ci
    part "smoke test of speed" scripts/bench.sh --smoke
fi
sed -n 's/^-- \(emulated CUDA tests: not run .*\)$/\1/p' "$logs/gcc--build.log" # where they are run, they are among the tests
part "sanitizers: build" build asan && part "sanitizers: tests" tests asan
if ! command -v clang >/dev/null; then
    skip "clang: build" "there is no clang here"
elif part "clang: build" build clang; then
    if command -v clang-tidy >/dev/null; then
        part "clang-tidy" tidy
    else
        skip "clang-tidy" "it is not here"
    fi
fi
# Versions of clang-format disagree on the same file; the tree follows this one.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    part "clang-format" format
else
    skip "clang-format" "version 14, by which the tree is formatted, is not here"
fi
if ls build/ci/lib/libcusgd-cuda.so >/dev/null 2>&1; then
    part "kernels' registers" scripts/kernel_resources.sh build/ci
else
    skip "kernels' registers" "no CUDA module is built here"
fi
if ! command -v python3 >/dev/null; then
    skip "kernels' machine code" "there is no python3 here"
elif part "lint of machine code: tests" tests/sass/test_lint.py; then
    if ! ls build/ci/lib/libcusgd-cuda.so >/dev/null 2>&1; then
        skip "kernels' machine code" "no CUDA module is built here"
    elif ! reason=$(tests/sass/lint.py --tools); then
        skip "kernels' machine code" "$reason"
    else
        part "kernels' machine code" tests/sass/lint.py build/ci/lib/libcusgd-cuda.so
    fi
fi
if command -v python3 >/dev/null && [ -e "${CUDA_HOME:-/usr/local/cuda}/include/cuda_runtime_api.h" ]; then
    part "predicted times" scripts/predict_steps.py --check
else
    skip "predicted times" "no python3, or no CUDA headers, here"
fi
part "README's table of options" scripts/check_readme.sh build/ci/bin/cusgd

echo "$SECONDS s in all"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
