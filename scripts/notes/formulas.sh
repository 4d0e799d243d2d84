#!/bin/bash
# The notes' formulas: automatic derivatives next to the analytic ones, gradient descent on x^2 from -0.7 at several rates, and
# Newton's and Broyden's methods for a root.
. "$(dirname "$0")/common.sh"

# derivative FORMULA POINTS ANALYTIC: the largest difference between both, by the command alone.
derivative() {
    "$cusgd" grad "$1" --at "$2" -o "$work/automatic.csv"
    "$cusgd" grad "$3" --at "$2" -o "$work/analytic.csv"
    paste -d, "$work/automatic.csv" "$work/analytic.csv" | awk -F, -v formula="$1" '
        NR > 1 { d = $3 - $5; if (d < 0) d = -d; if (d > most) most = d }
        END { printf "%-40s largest error of the derivative %.1e\n", formula, most }'
}
derivative 'x^3 + 1' x=-2:2:41 '3*x^2'
derivative 'sqrt(1+x^2) + exp(x) + sin(2*pi*x)' x=-2:2:41 'x/sqrt(1+x^2) + exp(x) + 2*pi*cos(2*pi*x)'
derivative 'sin(2*pi*x + x^2)' x=-2:2:41 '(2*pi+2*x)*cos(2*pi*x + x^2)'
derivative 'x >= 0 ? x^2 : -3*x + 1' x=-2:2:41 'x >= 0 ? 2*x : -3'
derivative 'sum(i, 0, 9, x^i)' x=-1:1:41 'sum(i, 1, 9, i*x^(i-1))'

# search NAME COMMAND...: its iterates; not converged is a result, too.
search() {
    local name=$1
    shift
    "$cusgd" "$@" --json >"$work/$name.jsonl" 2>"$work/$name.said" || [ $? = 7 ]
    printf '%-24s %s\n' "$name" "$(tail -n 1 "$work/$name.jsonl")"
}
search 'gd 0.1' minimize 'x^2' --start x=-.7 --solver gd --rate .1 --iterations 30
search 'gd 0.8' minimize 'x^2' --start x=-.7 --solver gd --rate .8 --iterations 30
search 'momentum 0.5, rate 0.1' minimize 'x^2' --start x=-.7 --solver momentum --momentum .5 --rate .1 --iterations 30
search 'newton' solve 'x^3 - 2*x - 5' --start x=3
search 'broyden-good' solve 'x^3 - 2*x - 5' --start x=3 --solver broyden-good

# picture OUT CURVE NAME...
picture() {
    local out=$1 curve=$2 name words=()
    shift 2
    for name in "$@"; do words+=("$name=$work/$name.jsonl"); done
    if python3 -c 'import matplotlib' 2>/dev/null; then
        python3 "$here/../plot_search.py" "$out" "$curve" "${words[@]}"
    else
        echo "no picture: python3 has no matplotlib"
    fi
}
"$cusgd" grad 'x^2' --at x=-.8:.8:161 -o "$work/parabola.csv"
"$cusgd" grad 'x^3 - 2*x - 5' --at x=1.8:3.1:131 -o "$work/cubic.csv"
picture "$here/formula_descent.png" "$work/parabola.csv" 'gd 0.1' 'gd 0.8' 'momentum 0.5, rate 0.1'
picture "$here/formula_root.png" "$work/cubic.csv" newton broyden-good
