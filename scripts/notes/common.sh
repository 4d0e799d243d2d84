# What the experiments share. usage of each: NAME.sh [CUSGD]; pictures are drawn where python3 has matplotlib.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cusgd=${1:-cusgd}
work=$(mktemp -d "${TMPDIR:-/tmp}/cusgd-notes.XXXXXX")
trap 'rm -rf "$work"' EXIT

# points N COLUMNS EXPRESSION NOISE: N rows x, ..., y = EXPRESSION + NOISE z of x uniform in (0, 2), z Gaussian; the same every time.
points() {
    awk -v n="$1" -v noise="$4" '
        function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
        BEGIN {
            state = 2026; for (i = 0; i < 20; i++) uniform()
            print "'"$2"',y"
            for (i = 0; i < n; i++) {
                x = 2 * uniform()
                z = sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform())
                if ("'"$2"'" == "x") printf "%.17g,%.17g\n", x, '"$3"' + noise * z
                else printf "%.17g,%.17g,%.17g\n", x, x * x, '"$3"' + noise * z
            }
        }'
}

# fit NAME DATA OPTION...: trains as the notes do (mean squared error, columns as they are, double), with NAME's history and model.
fit() {
    local name=$1 data=$2
    shift 2
    "$cusgd" train "$data" --loss mse --no-standardize --precision double --device cpu "$@" --history "$work/$name.jsonl" \
        --model "$work/$name.safetensors" --quiet || [ $? = 7 ] # not converged is a result, too
}

# steps NAME, loss NAME, coefficients NAME...: what came of it.
steps() { tail -n 1 "$work/$1.jsonl" | sed 's/.*"step": \([0-9]*\).*/\1/'; }
loss() {
    "$cusgd" evaluate "$work/$1.safetensors" "$data" --json | sed -E 's/.*"mean": \{"(mse|log_loss)": ([-+.e0-9]*).*/\2/'
}
coefficients() {
    "$cusgd" info "$work/$1.safetensors" | awk '
        /^coefficients/ { on = 1; next }
        on && NF == 2 { at[$1] = $2 }
        END { printf "%14.9f %14.9f", at["intercept"], at["x"]; if ("square" in at) printf " %14.9f", at["square"] }'
}

report() {
    printf '%-34s %7s  %s\n' method steps 'intercept, coefficients, mean loss'
    local name
    for name in "$@"; do printf '%-34s %7s  %s %.12g\n' "$name" "$(steps "$name")" "$(coefficients "$name")" "$(loss "$name")"; done
}

draw() {
    if python3 -c 'import matplotlib' 2>/dev/null; then python3 "$here/../plot.py" "$@"; else echo "no picture: python3 has no matplotlib"; fi
}
