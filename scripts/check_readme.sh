#!/bin/bash
# Holds the README's table of options and the manual's section OPTIONS to what the command itself says of them (--help).
# usage: check_readme.sh CUSGD [--write]     --write: puts what the command says into both
set -euo pipefail
cd "$(dirname "$0")/.."
cusgd=$1
commands='train predict evaluate generate info bench check'

# The options of a command, one a line: "--rate, --lr R|auto<tab>help<tab>default". In --help a list of words goes on in the next
# line after a |, and where it is long the help stands in a line of its own.
entries() {
    "$cusgd" "$1" --help | awk '
        /^  -/ || /^                / || held ~ /\|$/ { if (/^  -/ && held == "") held = $0; else if (/^  -/) { print held; held = $0 }
            else if (held ~ /\|$/) { sub(/^ +/, ""); held = held $0 } else held = held $0; next }
        END { print held }' | awk '
        !/^  -/ { next }
        {
            sub(/^ +/, "")
            if (!match($0, /  +/)) next
            option = substr($0, 1, RSTART - 1); help = substr($0, RSTART + RLENGTH); usual = ""
            if (match(help, / \[[^]]*\]$/)) {
                usual = substr(help, RSTART + 2, RLENGTH - 3)
                help = substr(help, 1, RSTART - 1)
            }
            print option "\t" help "\t" usual
        }'
}

table() {
    echo '| Option | When it is not given | What it is |'
    echo '|---|---|---|'
    entries train | awk -F '\t' '{ gsub(/\|/, "\\|"); print "| `" $1 "` | " $3 " | " $2 " |" }'
}

# "train" becomes ".SS cusgd train", then ".TP", ".B \-\-rate, \-\-lr R|auto" and "learning rate [from the data]" for each option
manual() {
    for command in $commands; do
        echo ".SS cusgd $command"
        if [ "$command" = check ]; then entries check | grep -vxFf <(entries train); else entries "$command"; fi | awk -F '\t' '{ gsub(/-/, "\\-", $1); print ".TP\n.B " $1 "\n" $2 ($3 == "" ? "" : " [" $3 "]") }'
    done
    echo '.PP'
    echo 'The options of train say which run is compared. Without DATA, \-\-rows and \-\-cols a standard set of problems is.'
}

begin='<!-- options: written by scripts/check_readme.sh --write -->' end='<!-- end of options -->'
expected=$(table)
if [ "$(printf '%s\n' "$expected" | wc -l)" -lt 20 ]; then
    echo "cusgd train --help lists too few options to be true" >&2
    exit 1
fi
begin_manual='.\" options: written by scripts/check_readme.sh --write' end_manual='.\" end of options'
expected_manual=$(manual)

# replace FILE BEGIN END TEXT: what stands between the two lines
replace() {
    new=$(mktemp)
    BEGIN="$2" END="$3" TEXT="$4" awk '
        $0 == ENVIRON["BEGIN"] { print; print ENVIRON["TEXT"]; inside = 1 }
        $0 == ENVIRON["END"] { inside = 0 }
        !inside && $0 != ENVIRON["BEGIN"] { print }' "$1" >"$new"
    cat "$new" >"$1"
    rm "$new"
}

# compare FILE BEGIN END TEXT
compare() {
    diff <(printf '%s\n' "$4") <(BEGIN="$2" END="$3" awk '
        $0 == ENVIRON["END"] { inside = 0 }
        inside { print }
        $0 == ENVIRON["BEGIN"] { inside = 1 }' "$1") || {
        echo "$1 (>) does not list the options as cusgd --help does (<): run scripts/check_readme.sh CUSGD --write" >&2
        exit 1
    }
    echo "$1 lists the options as cusgd --help does"
}

if [ "${2:-}" = --write ]; then
    replace README.md "$begin" "$end" "$expected"
    replace man/cusgd.1 "$begin_manual" "$end_manual" "$expected_manual"
fi
compare README.md "$begin" "$end" "$expected"
compare man/cusgd.1 "$begin_manual" "$end_manual" "$expected_manual"
