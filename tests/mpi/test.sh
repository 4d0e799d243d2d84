#!/bin/bash
# Trains in several processes, by the MPIs that are installed: the model file must not depend on their number, and failures must
# end all of them.
#
#   test.sh BUILD_FOLDER     exit code 77 where no MPI can be run: not passed, not failed
set -uo pipefail
cusgd=$1/bin/cusgd programs=$1/bin modules=$1/lib device=cpu limit=20 late=1
export CUSGD_MODULE_DIR=$modules
. "$(dirname "$(realpath "$0")")/several.sh"

# same_sweep "RANKS..." ARGUMENT...: one process and several write one model, and one report.
same_sweep() {
    local counts=$1 ranks
    shift
    "$cusgd" sweep "$@" --device cpu --threads 1 --model alone --report alone.csv --quiet || fail "one process: $*"
    for ranks in $counts; do
        checks=$((checks + 1))
        rm -f several several.csv
        run "$ranks" sweep "$@" --model several --report several.csv --quiet || fail "$mpi, $ranks ranks: $*: $(cat printed)"
        cmp alone several || fail "$mpi, $ranks ranks, another model: $*"
        cmp alone.csv several.csv || fail "$mpi, $ranks ranks, another report: $*"
    done
}

# refused STATUS "MESSAGE" RANKS ARGUMENT...: rank 0 says so, once.
refused() {
    ends "$@"
    [ "$(grep -c -- "$2" printed)" = 1 ] || fail "$mpi printed this, and not once \"$2\": $(cat printed)"
}

"$cusgd" generate data --rows 1200 --cols 12 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate classes --rows 900 --cols 6 --targets logistic >/dev/null 2>&1 || fail "no data"
found=
for mpi in openmpi mpich; do
    [ -e "$modules/libcusgd-$mpi.so" ] && command -v "mpirun.$mpi" >/dev/null || continue
    found="$found $mpi"
    same "1 2 3 5" data --epochs 2
    same "4" classes --loss logistic --l1 0.01 --clip-norm 1 --optimizer momentum --epochs 2
    same "2" data --solver exact
    same "3" classes --loss logistic --solver newton --l2 0.01 --valid-fraction 0.1
    same_sweep "2 3" data --grid l2=1e-4..1:log:5 --grid rate=.01,.03 --epochs 4
    same_sweep "2" classes --loss logistic --grid l1=0,.01,.1 --folds 3 --halving 2 --epochs 4
    resumed
    checks=$((checks + 1))
    timeout -k 1 $limit mpirun.$mpi -n 3 "$programs/mpi-communicator-$mpi" >printed 2>&1 || fail "$mpi, a communicator: $(cat printed)"
    refused 2 "nowhere" 2 train nowhere --model several
    refused 1 "3 processes cannot share 2 shards" 3 train data --shards 2 --model several
    refused 1 "folds and validation rows exclude" 2 sweep data --grid l2=1 --folds 2 --valid-fraction 0.1 --model several
    refused 1 "convert runs in one process" 2 convert data converted
    refused 1 "is too little for data" 2 train data --memory 1K --sampling pages --model several
    refused 1 "standard input comes to one process" 2 train - --model several
    stopped TERM
    stopped KILL
done
[ -n "$found" ] || exit 77
mpi=${found##* }
same "8" data --epochs 1 --batch 4
stopped STOP
echo "$checks checks with$found, $failures failed"
[ $failures = 0 ]
