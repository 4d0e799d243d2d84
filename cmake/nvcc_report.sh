#!/bin/sh
# Runs nvcc and keeps what its assembler says of each kernel next to the object, OBJECT.ptxas, for scripts/kernel_resources.sh;
# warnings and errors are shown. usage: nvcc_report.sh NVCC ARGUMENT...
object=/dev/null previous=
for argument; do
    [ "$previous" = -o ] && object=$argument
    previous=$argument
done
"$@" 2>"$object.ptxas"
status=$?
grep -vE '^ptxas info|^ +[0-9]+ bytes stack frame|^ *$' "$object.ptxas" >&2
exit $status
