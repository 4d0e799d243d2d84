#!/bin/bash
# Feeds the readers with files and texts that libFuzzer makes up, under AddressSanitizer and UndefinedBehaviorSanitizer (clang).
# usage: fuzz.sh SECONDS [READER]...     (each reader for so many seconds; none named: all)
#
# The corpus in tests/fuzz/corpus/READER is the start; what else is found interesting is kept in build/fuzz/corpus/READER, for the
# next run. An input that ends the fuzzer is left as build/fuzz/found/READER-*: put it into tests/fuzz/corpus/READER, where test-fuzz
# feeds it in every run of the tests. Prints the inputs tried, the branches reached and the processor time of each reader.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-}
[[ $seconds =~ ^[0-9]+$ ]] || { sed -n '2,3p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 1; }
shift
readers=("${@:-$(ls tests/fuzz/corpus)}")
command -v clang >/dev/null || { echo "fuzz.sh: clang is not installed" >&2; exit 1; }

mkdir -p build
CC=clang cmake -B build/fuzz -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" -DCUSGD_SANITIZE=address,undefined \
    -DCUSGD_TESTS=OFF -DCUSGD_FUZZ=ON -DCUSGD_CUDA=OFF -DCUSGD_INSTRUCTION_SETS= >build/fuzz.log 2>&1 &&
    cmake --build build/fuzz -j "$(nproc)" --target fuzz >>build/fuzz.log 2>&1 || { tail -n 30 build/fuzz.log; exit 1; }

failed=0
# Word splitting is meant.
for reader in ${readers[@]}; do
    [ -d "tests/fuzz/corpus/$reader" ] || { echo "fuzz.sh: there is no reader $reader" >&2; exit 1; }
    corpus=build/fuzz/corpus/$reader log=build/fuzz/$reader.log
    mkdir -p "$corpus" build/fuzz/found
    leaks=1 most=1024 absurd=0
    # Where a file is damaged, libhdf5 loses memory and asks for any number of bytes.
    [ "$reader" = hdf5 ] && leaks=0 most=1000000000 absurd=1
    TIMEFORMAT='%U %S'
    used=$({ time FUZZ_READER=$reader UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=allocator_may_return_null=$absurd OMP_NUM_THREADS=1 \
        build/fuzz/bin/fuzz "$corpus" "tests/fuzz/corpus/$reader" -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 \
        -malloc_limit_mb=$most -timeout=20 -detect_leaks=$leaks \
        -close_fd_mask=1 -artifact_prefix="build/fuzz/found/$reader-" -print_final_stats=1 >"$log" 2>&1; } 2>&1) && verdict=ok || verdict=FAILED
    [ $verdict = ok ] || failed=1
    printf '%-7s %-12s %9s inputs, %6s branches, %6.1f s of processor time\n' $verdict "$reader" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" \
        "$(awk '{ print $1 + $2 }' <<<"$used")"
    [ $verdict = ok ] || grep -v '^#[0-9]' "$log" | tail -n 25
done
exit $failed
