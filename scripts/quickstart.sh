#!/bin/bash
# The first thing to run: installs missing packages, builds cuSGD, and trains on synthetic and on real data whose solutions are known.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install_dependencies.sh
work=build/quickstart
log=$work/build.log
mkdir -p "$work"

# The CUDA module is built for the GPU of this machine alone; compiling it takes about a minute per kind of GPU.
gpu=$({ nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null || true; } | sort -u | tr -d '. ' | paste -sd ';')
cuda=(-DCUSGD_CUDA=OFF)
[[ ! $gpu =~ ^[0-9\;]+$ ]] || cuda=(-DCUSGD_CUDA=AUTO "-DCMAKE_CUDA_ARCHITECTURES=${gpu//;/-real;}-real")

# Of the loops for several instruction sets those that this machine runs, to save a quarter of the time; other builds have all.
sets=()
if grep -qw avx512vl /proc/cpuinfo 2>/dev/null && grep -qw avx512dq /proc/cpuinfo; then
    sets=(-DCUSGD_INSTRUCTION_SETS=avx512)
elif grep -qw avx2 /proc/cpuinfo 2>/dev/null; then
    sets=(-DCUSGD_INSTRUCTION_SETS=avx2)
fi
echo "Building cuSGD in build/release: about two minutes on two idle cores${cuda[1]:+, three with the CUDA module} ..."
{ cmake --preset release -DCUSGD_TESTS=OFF "${sets[@]}" "${cuda[@]}" && cmake --build --preset release -j "$(nproc)"; } >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    echo "The build failed; all of its output is in $log" >&2
    exit 1
}
PATH=$PWD/build/release/bin:$PATH

# Prints the command line and its output; of the epochs only a few.
run() {
    echo
    echo "\$ $*"
    "$@" 2>&1 | awk '$1 == "epoch" && $2 + 0 > 1 && $2 + 0 < next_one { next }
        $1 == "epoch" { next_one = 8 * $2 }
        { print; fflush() }'
}

# Rows 0, e_1, ..., e_d as CSV: a linear model's predictions there are b, b + theta_1, ..., b + theta_d.
unit_rows() {
    awk -v d="$1" 'BEGIN { for (i = 0; i <= d; i++) for (j = 1; j <= d; j++) printf "%d%s", i == j, j == d ? "\n" : "," }'
}

# Intercept and coefficients of MODEL, one a line, by its predictions of the CSV on standard input.
parameters() {
    cusgd predict "$1" - -o - | awk '/^[-+0-9.]/ { p = $1 + 0; if (n++ == 0) b = p; printf "%.17g\n", n == 1 ? b : p - b }'
}

# Reads "found wanted" a line; says how far apart they are.
distance() {
    awk '{ far += ($1 - $2) ^ 2; size += $2 ^ 2 }
         NR > 1 && NR <= 4 { printf "  coefficient %d: found %.6g, %s %.6g\n", NR - 1, $1, name, $2 }
         END { printf "  all %d parameters: |found - %s| / |%s| = %.2g\n", NR, name, name, sqrt(far / size) }' name="$1"
}

cat <<'END'

1. Synthetic data: 200,000 rows of 32 columns, y = x theta + noise. theta is known, so that what training finds can be compared with it.
   No options are set: cuSGD chooses the optimizer, the learning rate and when to stop.
END
run cusgd generate "$work/made" --rows 200000 --cols 32 --correlation 0.5 --seed 1 --force
run cusgd train "$work/made" --model "$work/made.safetensors"
run cusgd evaluate "$work/made.safetensors" "$work/made"
echo
echo "How far from the truth (the noise in y keeps even the best fit a little away from it):"
unit_rows 32 | parameters "$work/made.safetensors" >"$work/found"
unit_rows 32 | parameters "$work/made/true.safetensors" >"$work/wanted"
paste "$work/found" "$work/wanted" | distance true

diabetes=tests/golden/datasets/diabetes.csv
cat <<'END'

2. Real data: the progression of diabetes in 442 patients one year after 10 measurements (a CSV with a header; the last column is the target).
   The exact least-squares solution is in tests/golden/datasets/solutions.json.
END
run cusgd train "$diabetes" --model "$work/diabetes.safetensors"
run cusgd evaluate "$work/diabetes.safetensors" "$diabetes"
echo
echo "That run stopped when it improved by less than its tolerance. With full batches and in double precision, to the last digits:"
run cusgd train "$diabetes" --model "$work/exact.safetensors" --batch 442 --epochs 100000 --gradient-tolerance 1e-9 --precision double

# The first solution of the file is that of the diabetes data as they are, without a penalty.
solution=tests/golden/datasets/solutions.json
number_list() { sed -e 's/[^][0-9.,e+-]//g' -e 's/[][]//g' | tr ',' '\n' | grep .; }
first() { grep -m 1 -A "$2" "\"$1\":" "$solution" | sed 's/.*://' | number_list; }
{ first intercept 0; first coef 1; } >"$work/wanted"
at_units() { { head -n 1 "$diabetes" | sed 's/,[^,]*$//'; unit_rows 10; } | parameters "$1"; }
error_of() { cusgd evaluate "$1" "$diabetes" --json | sed 's/.*"mean": {"mse": \([^,]*\),.*/\1/'; }
for model in diabetes exact; do
    echo
    echo "How far $model.safetensors is from the exact solution:"
    at_units "$work/$model.safetensors" >"$work/found"
    paste "$work/found" "$work/wanted" | distance exact
    paste <(error_of "$work/$model.safetensors") <(first mse 0) |
        awk '{ printf "  mean squared error %.9g, exact %.9g: relatively %.1g above it\n", $1, $2, $1 / $2 - 1 }'
done

echo
if ! cusgd devices | grep '^cuda' | grep -qv 'cannot be used'; then
    echo "All of this ran on the CPU: no GPU that cuSGD can use was found (docs/gpu.md says how to build for one)."
fi
echo "Models and data are in $work. Next:"
echo "  export PATH=$PWD/build/release/bin:\$PATH"
echo "  cusgd train your.csv --model your.safetensors"
