#!/bin/bash
# The benchmark. Without arguments: builds, measures cuSGD compared with the memory (cusgd bench) and with its peers (bench_peers.py),
# and writes scripts/bench/: JSON, plots, README.md, about ten minutes on two cores; let nothing else run meanwhile.
#   --quick    the same with small shapes, into build/bench/quick: to see that it runs
#   --smoke    half a minute: prints ratios of speeds, and the ratio that is usual for each
# CUSGD is the command to measure (--smoke only; else it is built); PYTHON the Python that has the peers.
set -euo pipefail
cd "$(dirname "$0")/.."
work=build/bench
mkdir -p "$work"

# ---- The whole benchmark ------------------------------------------------------------------------------------------------------

measure() {
    local out=$1 steps=$2 peers=$3 python=${PYTHON:-/usr/bin/python3} cusgd=build/release/bin/cusgd
    cmake --preset release -DCUSGD_TESTS=OFF >"$work/build.log"
    cmake --build --preset release -j "$(nproc)" >>"$work/build.log" # the CUDA module too, where it can be built
    mkdir -p "$out"
    echo "cusgd bench $steps" >&2
    "$cusgd" bench --sampling none,blocks,permute --batch 32,256,1024,4096 --json $steps >"$work/steps.jsonl"
    if ! "$python" -c 'import numpy' 2>/dev/null; then
        echo "no peers: $python has no NumPy (Debian: python3-numpy python3-sklearn python3-torch python3-matplotlib)" >&2
    else
        "$python" scripts/bench_peers.py --cusgd "$cusgd" --out "$work/peers.json" $peers
        cp "$work/peers.json" "$out/peers.json"
    fi
    cp "$work/steps.jsonl" "$out/steps.jsonl"
    "$python" scripts/plot_bench.py "$out"
    echo "written: $out/README.md, in $SECONDS s" >&2
}

# ---- A short run: ratios ------------------------------------------------------------------------------------------------------
# Ratios of rates measured in one run, by one thread's processor time, each the best of three rounds: neither the machine nor what
# else runs on it then matters much. Nothing is judged: a busy machine can still halve any of them.

# name, usual ratio, rates: SHAPE/BATCH/SAMPLING/PRECISION of cusgd bench; loop/SHAPE, or
# reads (of memory, by all threads)
checks="
d=32_against_plain_C       1.25 400000x32/1024/none/float      loop/400000x32
d=256_against_plain_C      1.00 100000x256/1024/none/float     loop/100000x256
d=2048_against_plain_C     1.83 12500x2048/1024/none/float     loop/12500x2048
d=32_batch_32/1024        0.58 400000x32/32/none/float        400000x32/1024/none/float
d=256_batch_32/1024       0.75 100000x256/32/none/float       100000x256/1024/none/float
d=32_permute/none         0.33 400000x32/1024/permute/float   400000x32/1024/none/float
d=256_permute/none        0.58 100000x256/1024/permute/float  100000x256/1024/none/float
d=2048_permute/none       0.92 12500x2048/1024/permute/float  12500x2048/1024/none/float
d=256_double/float_bytes  1.00 50000x256/1024/none/double     100000x256/1024/none/float
d=256_share_of_reads      0.55 100000x256/1024/none/float     reads
"

# One line a rate, "KEY VALUE": bytes of x a second.
rates() {
    local shape
    for shape in 400000x32 100000x256 12500x2048; do
        "$work/loop" "${shape%x*}" "${shape#*x}" 1024 0.3 |
            awk -v shape="$shape" '{ split(shape, d, "x"); print "loop/" shape, $1 * 1e6 * d[2] * 4 }'
        measure_shape "$shape" --batch 32,1024 --sampling none,permute
    done
    measure_shape 50000x256 --batch 1024 --sampling none --precision double # as many bytes as 100000 rows of float
}

measure_shape() {
    "$cusgd" bench --shapes "$@" --threads 1 --seconds 0.15 --epochs 1 --json | awk '
        {
            delete v
            while (match($0, /"[a-z_]+": ("[^"]*"|[^,}]+)/)) {
                pair = substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH)
                name = pair; sub(/^"/, "", name); sub(/":.*/, "", name)
                value = pair; sub(/^[^:]*: "?/, "", value); sub(/"$/, "", value)
                v[name] = value
            }
            print v["rows"] "x" v["cols"] "/" v["batch"] "/" v["sampling"] "/" v["precision"],
                v["x_bytes"] / (v["steps_per_pass"] * v["step_work_seconds_min"])
            print "reads", v["read_bytes_per_second"]
        }'
}

# Prints every ratio; fails only if one was not measured.
print_ratios() {
    awk -v checks="$checks" '
        $2 > best[$1] { best[$1] = $2 }
        END {
            n = split(checks, word)
            for (i = 1; i + 3 <= n; i += 4) {
                if (!(best[word[i + 2]] > 0 && best[word[i + 3]] > 0)) { print "not measured: " word[i]; failed = 1; continue }
                printf "%-26s %5.2f, usually %.2f\n", word[i], best[word[i + 2]] / best[word[i + 3]], word[i + 1]
            }
            exit failed || n < 4
        }' "$1"
}

smoke() {
    local cusgd=${CUSGD:-build/release/bin/cusgd} round
    [ -x "$cusgd" ] || {
        echo "bench.sh --smoke measures $cusgd, which has not been built (scripts/quickstart.sh), or the command that CUSGD names" >&2
        return 1
    }
    "${CC:-cc}" -O3 -march=native -ffast-math -o "$work/loop" scripts/bench/loop.c
    : >"$work/rates"
    for round in 1 2 3; do rates >>"$work/rates"; done
    print_ratios "$work/rates"
}

case ${1:-} in
--smoke) smoke ;;
--quick)
    measure "$work/quick" "--shapes 40000x32,2000x2048 --seconds 0.05 --fits" "--quick"
    ;;
'') measure scripts/bench "" "" ;;
*)
    echo "usage: scripts/bench.sh [--smoke | --quick]" >&2
    exit 1
    ;;
esac
