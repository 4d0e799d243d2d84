#!/bin/bash
# Holds the README's table of options to what the command itself says of them (`cusgd train --help`).
# usage: check_readme.sh CUSGD [--write]     --write: puts the command's table into the README
set -euo pipefail
cd "$(dirname "$0")/.."
cusgd=$1

# "  --rate, --lr R|auto   learning rate [from the data]" becomes "| `--rate, --lr R\|auto` | from the data | learning rate |"
table() {
    echo '| Option | When it is not given | What it is |'
    echo '|---|---|---|'
    # A list of words goes on in the next line after a |, and where it is long the help stands in a line of its own.
    "$cusgd" train --help | awk '
        /^  -/ || /^                / || held ~ /\|$/ { if (/^  -/ && held == "") held = $0; else if (/^  -/) { print held; held = $0 }
            else if (held ~ /\|$/) { sub(/^ +/, ""); held = held $0 } else held = held $0; next }
        END { print held }' | awk '
        !/^  -/ { next }
        {
            sub(/^ +/, "")
            if (!match($0, /  +/)) next
            option = substr($0, 1, RSTART - 1); help = substr($0, RSTART + RLENGTH); fallback = ""
            if (match(help, / \[[^]]*\]$/)) {
                fallback = substr(help, RSTART + 2, RLENGTH - 3)
                help = substr(help, 1, RSTART - 1)
            }
            gsub(/\|/, "\\|", option); gsub(/\|/, "\\|", help); gsub(/\|/, "\\|", fallback)
            print "| `" option "` | " fallback " | " help " |"
        }'
}

begin='<!-- options: written by scripts/check_readme.sh --write -->' end='<!-- end of options -->'
expected=$(table)
if [ "$(printf '%s\n' "$expected" | wc -l)" -lt 20 ]; then
    echo "cusgd train --help lists too few options to be true" >&2
    exit 1
fi
if [ "${2:-}" = --write ]; then
    new=$(mktemp)
    awk -v begin="$begin" -v end="$end" -v table="${expected//\\/\\\\}" '
        $0 == begin { print; print table; inside = 1 }
        $0 == end { inside = 0 }
        !inside && $0 != begin { print }' README.md >"$new"
    cat "$new" >README.md
    rm "$new"
fi
diff <(printf '%s\n' "$expected") <(sed -n "\|^$begin\$|,\|^$end\$|p" README.md | sed '1d;$d') || {
    echo "The README's table of options (>) is not what cusgd train --help says (<): run scripts/check_readme.sh CUSGD --write" >&2
    exit 1
}
echo "README.md lists the options as cusgd train --help does"
