#!/bin/bash
# Runs one test of the command, NAME.sh, in a folder of its own that has data.csv and text.csv, and compares what it prints with NAME.out.
# usage: CUSGD_COMMAND=PATH tests/cli/run.sh NAME [--update]     (--update writes NAME.out: read it before you commit it)
#
# In a test `cusgd` is the command, $DATASETS the folder of the real data, and every command that fails ends the test, except in:
#   try 'LINE'     prints the line, what it prints to standard output, then what it prints to standard error, each line of that
#                  behind "2> ", and the exit code unless it is 0
#   notes 'LINE'   likewise, but of what it prints only the notes, warnings and errors
#   messages 'LINE'  likewise, with T for times, R for rates and nothing on the instruction set and the threads
# and two functions print numbers with the digits that do not depend on the machine's LAPACK:
#   score MODEL DATA [OPTION]...   the line, and R2, D2 or the accuracy
#   coefficients MODEL
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
name=$1
command=$(realpath "$CUSGD_COMMAND")
DATASETS=$here/../golden/datasets
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/work"
ln -s "$command" "$folder/bin/cusgd"
PATH=$folder/bin:$PATH
export PATH DATASETS LC_ALL=C

# 60 rows of a, b, c in [-1, 1) and y = 2 a - b + 0.5 + noise, by a linear congruential generator; in text.csv y is "yes" where it
# is above 0.5, else "no".
make_data() {
    awk 'function draw() { state = (state * 1664525 + 1013904223) % 4294967296; return int(state / 256) / 8388608 - 1 }
         BEGIN {
             state = 1
             print "a,b,c,y"
             for (i = 0; i < 60; i++) {
                 a = draw(); b = draw(); c = draw()
                 printf "%.9f,%.9f,%.9f,%.9f\n", a, b, c, 2 * a - b + 0.5 + 0.1 * draw()
             }
         }'
}

run_line() { # LINE PATTERN: prints of both streams the lines that match
    local code=0
    printf '$ %s\n' "$1"
    (eval "$1") >.out 2>.err || code=$?
    grep -a "$2" .out || true
    grep -a "$2" .err | sed 's/^/2> /' || true
    if [ $code != 0 ]; then echo "[exit code $code]"; fi
}
try() { run_line "$1" ''; }
messages() {
    run_line "$1" '' | sed -E 's/[0-9.e+-]+ rows\/s/R rows\/s/; s/ in [0-9.e+-]+ s / in T s /; s/takes [0-9.e+-]+ s/takes T s/
                              s/CPU, .* threads?,/CPU,/'
}
notes() { run_line "$1" '^note: \|^warning: \|^cusgd: \|runtime error: '; }
score() {
    printf '$ cusgd evaluate %s\n' "$*"
    cusgd evaluate "$@" --json 2>/dev/null | sed 's/.*"mean": //' | tr -d '{}"' | tr ',' '\n' |
        awk '$1 ~ /^(r2|d2|accuracy):$/ { printf "%s %.4f\n", $1, $2 }'
}
coefficients() { cusgd info "$1" --coefficients 2>/dev/null | awk 'NR > 1 && $2 + 0 == $2 { printf "%-12s %9.4f\n", $1, $2 }'; }

code=0
(cd "$folder/work" && make_data >data.csv && awk -F, -v OFS=, 'NR > 1 { $4 = $4 > 0.5 ? "yes" : "no" } { print }' data.csv >text.csv && source "$here/$name.sh") >"$folder/printed" 2>&1 || code=$?
if [ $code != 0 ]; then echo "the test ended with exit code $code" >>"$folder/printed"; fi
if [ "${2:-}" = --update ]; then
    cp "$folder/printed" "$here/$name.out"
else
    diff -u "$here/$name.out" "$folder/printed"
fi
