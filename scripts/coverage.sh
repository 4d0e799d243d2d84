#!/bin/bash
# Which lines of the CUDA module (host/cuda/, kernels/) its tests on the emulated GPU execute: a line per file, the total, and the
# lines that they do not. A header counts as the object that executes most of it. usage: coverage.sh [BUILD]   (build/coverage)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD build=${1:-build/coverage}
cmake -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage -DCMAKE_CXX_FLAGS=--coverage -DCUSGD_CUDA=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" -R emul -E planted -j "$(nproc)" --output-on-failure --timeout 600 | tail -n 4

mkdir -p "$build/gcov" && cd "$build/gcov" && rm -f ./*.gcov
find "$PWD/.." \( -path '*/emulated-host.dir/*' -o -path '*/emulated-kernels.dir/*' \) -name '*.gcda' -exec gcov --preserve-paths --hash-filenames {} + 2>/dev/null |
    awk -v root="$root/" '
        /^File / { file = substr($0, 7, length($0) - 7); sub(root, "", file) }
        /^Lines executed:/ && file ~ /^(host\/cuda|kernels)\// {
            split($2, share, /[:%]/); lines = $NF; done = int(share[2] * lines / 100 + 0.5)
            if (!(file in all) || done > run[file]) { all[file] = lines; run[file] = done }
        }
        /^Lines executed:/ { file = "" }
        END {
            for (file in all) {
                printf "%-28s %6.1f %% of %4d lines\n", file, 100 * run[file] / all[file], all[file] | "sort"
                total += all[file]; executed += run[file]
            }
            close("sort")
            if (!total) exit 1
            printf "%-28s %6.1f %% of %4d lines\n", "total", 100 * executed / total, total
        }'
echo "not executed:"
grep -hE '^ +#####:|^ +-: +0:Source:' ./*host#cuda#*.c##*.gcov ./*kernels#*.cu##*.gcov |
    awk -F: -v root="$root/" '/Source:/ { file = $4; sub(root, "", file) } /#####/ { sub(/^ *#####: */, ""); print "    " file ":" $0 }'
