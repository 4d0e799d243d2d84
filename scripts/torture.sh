#!/bin/bash
# The long campaigns, in parts of at most 30 minutes each. A part that passed on this commit is not run again, so that an interrupted
# campaign goes on where it stopped. The figures of the last campaign stand in scripts/torture.txt, with the commit that they are from.
# usage: torture.sh [PART]...     (all parts; torture.sh --list names them)
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)
limit=1800       # seconds a part
fuzz_seconds=${FUZZ_SECONDS:-600} # a reader
commit=$(git rev-parse --short HEAD)
[ -z "$(git status --porcelain -- include host kernels tests CMakeLists.txt)" ] || commit=$commit-changed
state=build/torture/$commit
export CUSGD_TORTURE=1 # the tests run their long forms

configure() { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"; }

# What the tests say of their faults, which ctest keeps to itself.
faults() { grep '^every-call faults: ' "build/$1/Testing/Temporary/LastTest.log" || true; }

# Every test in its long form, as built for users; the emulated GPU in every setting.
part_tests() { configure ci && ctest --preset ci -C Torture -j "$jobs" --timeout "$limit" && faults ci; }

# The same where every invalid access and every undefined operation ends the test.
part_sanitizers() { configure asan && ctest --preset asan -j "$jobs" --timeout "$limit" && faults asan; }

# Of these, every CUDA call of a run made to fail in turn, on the emulated GPU: a few minutes.
part_faults() { configure ci && ctest --preset ci -R 'test-(faults|module)-emul' --timeout "$limit" && faults ci; }

# Each instruction set in turn, and one thread: the same tests, the same bits.
part_instruction_sets() {
    configure ci || return 1
    local isa
    for isa in baseline avx2 avx512; do
        CUSGD_ISA=$isa ctest --preset ci -j "$jobs" --timeout "$limit" || return 1
    done
    OMP_NUM_THREADS=1 ctest --preset ci -j "$jobs" --timeout "$limit"
}

part_debug() { configure debug && ctest --preset debug -j "$jobs" --timeout "$limit"; }

# The static library, installed and used by a program.
part_static() {
    cmake -B build/static -DBUILD_SHARED_LIBS=OFF -DCUSGD_WERROR=ON && cmake --build build/static -j "$jobs" &&
        ctest --test-dir build/static -R external-program --output-on-failure
}

# What the sanitizers do not see: reads of memory that was never written.
part_valgrind() {
    configure ci || return 1
    local work=build/torture/valgrind data=tests/golden/datasets name
    rm -rf "$work" && mkdir -p "$work" || return 1
    check() {
        valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
            build/ci/bin/cusgd "$@"
    }
    check generate "$work/made" --rows 3000 --cols 7 --outputs 2 --correlation 0.5 &&
        check train "$work/made" --model "$work/made.safetensors" --epochs 3 --valid-fraction 0.2 || return 1
    for name in diabetes linnerud breast_cancer; do
        check train "$data/$name.csv" --model "$work/$name.safetensors" --epochs 3 --quiet &&
            check predict "$work/$name.safetensors" "$data/$name.csv" -o "$work/$name.npy" &&
            check evaluate "$work/$name.safetensors" "$data/$name.csv" &&
            check info "$work/$name.safetensors" || return 1
    done
}

# Readers fed with made-up bytes, under sanitizers.
part_fuzz_csv() { scripts/fuzz.sh "$fuzz_seconds" csv svmlight; }
part_fuzz_npy() { scripts/fuzz.sh "$fuzz_seconds" npy npz; }
part_fuzz_safetensors() { scripts/fuzz.sh "$fuzz_seconds" safetensors checkpoint; }
part_fuzz_texts() { scripts/fuzz.sh "$fuzz_seconds" options command; }

parts=(tests sanitizers faults instruction_sets debug static valgrind fuzz_csv fuzz_npy fuzz_safetensors fuzz_texts)
if [ "${1:-}" = --list ]; then
    printf '%s\n' "${parts[@]}"
    exit
fi

# A part in a process of its own, so that `timeout` can end it.
if [ "${1:-}" = --inside ]; then
    "part_$2"
    exit
fi

mkdir -p "$state"
failed=0
for part in "${@:-${parts[@]}}"; do
    if [ -e "$state/$part.passed" ]; then
        echo "passed before  $part"
        continue
    fi
    start=$SECONDS
    if timeout "$limit" "$0" --inside "$part" >"$state/$part.log" 2>&1; then
        figure=$(sed -n -e 's/^.* tests passed, [0-9]* tests failed out of \([0-9]*\)$/\1 tests/p' \
            -e 's/^ok *\([a-z]*\) *\([0-9]* inputs\),.*/\1 \2/p' "$state/$part.log" | paste -sd ' ' -)
        {
            printf '%-18s passed  %5d s  %s\n' "$part" $((SECONDS - start)) "$figure"
            sed -n 's/^every-call faults: /    faults, /p' "$state/$part.log"
        } | tee "$state/$part.passed"
    else
        failed=$((failed + 1))
        printf '%-18s FAILED  %5d s  (%s)\n' "$part" $((SECONDS - start)) "$state/$part.log"
    fi
done

{
    echo "The last campaign of scripts/torture.sh: commit $commit, $jobs cores, $(cc --version | head -n 1)"
    for part in "${parts[@]}"; do
        cat "$state/$part.passed" 2>/dev/null || printf '%-18s not run, or failed\n' "$part"
    done
} >scripts/torture.txt
[ $failed = 0 ]
