#!/bin/bash
# The benchmark. Without arguments: builds, measures cuSGD beside the memory (cusgd bench) and beside its peers (bench_peers.py),
# and writes scripts/bench/: JSON, plots, README.md, about ten minutes on two cores; let nothing else run meanwhile.
#   --quick    the same with small shapes, into build/bench/quick: to see that it runs
#   --smoke    half a minute, for scripts/test.sh: fails if steps have lost half their speed
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

# ---- The smoke test -----------------------------------------------------------------------------------------------------------
# Ratios of rates measured in one run, by one thread's processor time, each the best of its repeats: so neither the machine nor what
# else runs on it matters much. A ratio that is too low is measured again, up to three rounds, and the best of all counts.

# name, least ratio (about six tenths of what is usual), rates: SHAPE/BATCH/SAMPLING/PRECISION of cusgd bench; loop/SHAPE, or
# reads (of memory, by all threads)
checks="
d=32_beside_plain_C       0.75 400000x32/1024/none/float      loop/400000x32
d=256_beside_plain_C      0.60 100000x256/1024/none/float     loop/100000x256
d=2048_beside_plain_C     1.10 12500x2048/1024/none/float     loop/12500x2048
d=32_batch_32/1024        0.35 400000x32/32/none/float        400000x32/1024/none/float
d=256_batch_32/1024       0.45 100000x256/32/none/float       100000x256/1024/none/float
d=32_permute/none         0.20 400000x32/1024/permute/float   400000x32/1024/none/float
d=256_permute/none        0.35 100000x256/1024/permute/float  100000x256/1024/none/float
d=2048_permute/none       0.55 12500x2048/1024/permute/float  12500x2048/1024/none/float
d=256_double/float_bytes  0.60 50000x256/1024/none/double     100000x256/1024/none/float
d=256_share_of_reads      0.33 100000x256/1024/none/float     reads
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

# Prints every check with its ratio; fails if one is too low or was not measured.
judge() {
    awk -v checks="$checks" '
        $2 > best[$1] { best[$1] = $2 }
        END {
            n = split(checks, word)
            for (i = 1; i + 3 <= n; i += 4) {
                if (!(best[word[i + 2]] > 0 && best[word[i + 3]] > 0)) { print "not measured: " word[i]; failed = 1; continue }
                ratio = best[word[i + 2]] / best[word[i + 3]]
                printf "%-26s %5.2f, at least %.2f%s\n", word[i], ratio, word[i + 1], ratio < word[i + 1] ? ": TOO LOW" : ""
                if (ratio < word[i + 1]) failed = 1
            }
            exit failed || n < 4
        }' "$1"
}

smoke() {
    local cusgd=${CUSGD:-build/ci/bin/cusgd} round
    "${CC:-cc}" -O3 -march=native -ffast-math -o "$work/loop" scripts/bench/loop.c
    : >"$work/rates"
    for round in 1 2 3; do
        rates >>"$work/rates"
        echo "round $round, $SECONDS s:"
        judge "$work/rates" && return 0
    done
    echo "steps are slower than they were: profile them; if this is what they must cost, mend the table in scripts/bench.sh" >&2
    return 1
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
