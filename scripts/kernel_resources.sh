#!/bin/bash
# What the compiler gives each kernel on compute capability 9.0, as nvcc's assembler reports it: tests/gpu/KERNELS.md.
# usage: kernel_resources.sh BUILD [--write]   BUILD: a folder built with nvcc. Without --write: fails where a kernel spills, or
#        where the table is not what the compiler that made it says now. The page's sections below the table are others'.
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")/.."
table=tests/gpu/KERNELS.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(nvcc --version | sed -n 's/.*release [0-9.]*, V\([0-9.]*\).*/\1/p')

# Each kernel's lines: "Compiling entry function 'NAME' for 'sm_90'", "N bytes stack frame, ...", "Used N registers, ...".
for report in "$build"/CMakeFiles/cusgd-cuda.dir/kernels/*.cu.o.ptxas; do
    c++filt <"$report" | awk -v file="$(basename "$report" .o.ptxas)" '
        /Compiling entry function/ { is_90 = /for .sm_90/
                                     name = $0; sub(/.*function ./, "", name); sub(/. for .sm_.*/, "", name); sub(/^void /, "", name)
                                     sub(/\(.*/, "", name); gsub(/ >/, ">", name) }
        /bytes stack frame/ { stack = $1; spills = $5 + $9 }
        is_90 && /Used [0-9]+ registers/ {
            shared = 0
            for (i = 2; i <= NF; i++) if ($i ~ /^smem/) shared = $(i - 2)
            for (i = 1; i <= NF; i++) if ($i == "Used") registers = $(i + 1)
            printf "| %s | `%s` | %d | %d | %d | %d |\n", file, name, registers, shared, stack, spills
        }' | LC_ALL=C sort
done >"$work/rows"
[ -s "$work/rows" ] || { echo "nvcc reported no kernel" >&2; exit 1; }
{
    echo "# Kernels on compute capability 9.0"
    echo "Registers of a thread, static shared memory of a block, stack and spills of a thread in bytes, as nvcc $version's assembler reports them."
    echo "Written by \`scripts/kernel_resources.sh BUILD --write\`; without --write it fails where a kernel spills. \`layout<real, values, packs, wide, stored>\`:"
    echo "kernels/team.h. Dynamic shared memory: only \`persistent_kernel\` has some, as much as it can use."
    echo
    echo "| File | Kernel | registers | shared | stack | spills |"
    echo "|---|---|---|---|---|---|"
    cat "$work/rows"
} >"$work/table"

sed -n '/^## /,$p' "$table" >"$work/sections"
sed '/^## /,$d' "$table" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$work/old" # without the empty lines before the first section
if [ "${2:-}" = --write ]; then
    { cat "$work/table"; [ ! -s "$work/sections" ] || echo; cat "$work/sections"; } >"$table"
    echo "$table: $(wc -l <"$work/rows") kernels"
elif grep -q "nvcc $version's" "$table" && ! diff "$work/old" "$work/table"; then
    echo "$table is not what nvcc $version says; run $0 $1 --write" >&2
    exit 1
fi
if awk -F'|' '$7 > 0 { print "spills:" $3 $7 " bytes"; found = 1 } END { exit !found }' "$work/rows"; then exit 1; fi
echo "no kernel of $(wc -l <"$work/rows") spills"
