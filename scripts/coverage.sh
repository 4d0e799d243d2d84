#!/bin/bash
# Which lines of the CUDA module (host/cuda/, kernels/) its tests on the emulated GPU execute: a line per file, the total, and the
# lines that they do not. A line of a template or of a header counts as executed where any of its copies is.
# usage: coverage.sh [BUILD]   (build/coverage)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD build=${1:-build/coverage}
# Planted bugs and watched kernels are builds of their own, which count for nothing here.
cmake -B "$build" -DCMAKE_BUILD_TYPE=Release -DCUSGD_COVERAGE=ON -DCUSGD_CUDA=OFF -DCUSGD_FAULTS=OFF -DCUSGD_WATCHED_KERNELS=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" -R emul -j "$(nproc)" --output-on-failure --timeout 600 | tail -n 4

cd "$build" && rm -rf gcov ./*.gcov && mkdir gcov # sources may be named as they are seen from here
find "$PWD" \( -path '*/emulated-host.dir/*' -o -path '*/emulated-kernels.dir/*' \) -name '*.gcda' \
    -exec gcov --preserve-paths --hash-filenames {} + >/dev/null 2>&1
mv ./*.gcov gcov/
# "    #####:   12:text": a count, or - where there is nothing to execute; line 0 names the source.
awk -F: -v root="$root/" '
    { count = $1; gsub(/[ *]/, "", count); line = $2 + 0 }
    /^ +-: +0:Source:/ { file = $4; sub(root, "", file); gsub(/^(\.\.\/)+/, "", file); counts = file ~ /^(host\/cuda|kernels)\//; next }
    NF < 3 || !counts || line == 0 || count == "-" { next }
    { at = file ":" line; if (!(at in text)) { lines[file]++; total++ } text[at] = substr($0, index($0, $2 ":") + length($2) + 1) }
    count !~ /#|=/ && !(at in executed) { executed[at] = 1; run[file]++; done++ }
    END {
        for (file in lines) printf "%-28s %6.1f %% of %4d lines\n", file, 100 * run[file] / lines[file], lines[file] | "sort"
        close("sort")
        if (!total) exit 1
        printf "%-28s %6.2f %% of %4d lines\nnot executed:\n", "total", 100 * done / total, total
        fflush()
        for (at in text) if (!(at in executed)) print "    " at ":" text[at] | "sort -t: -k1,1 -k2,2n"
    }' gcov/*.gcov
