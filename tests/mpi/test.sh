#!/bin/bash
# Trains in several processes, by the MPIs that are installed: the model file must not depend on their number, and failures must
# end all of them.
#
#   test.sh BUILD_FOLDER     exit code 77 where no MPI can be run: not passed, not failed
set -uo pipefail
cusgd=$1/bin/cusgd programs=$1/bin modules=$1/lib
export CUSGD_MODULE_DIR=$modules OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
folder=$(mktemp -d)
cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0 checks=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# run MPI RANKS ARGUMENT...: at most 20 seconds; what is printed goes to `printed`.
run() {
    local mpi=$1 ranks=$2
    shift 2
    timeout -k 1 20 "mpirun.$mpi" -n "$ranks" "$cusgd" "$@" --device cpu --threads 1 >printed 2>&1
}

# same MPI "RANKS..." ARGUMENT...: one process and several write one file.
same() {
    local mpi=$1 counts=$2 ranks
    shift 2
    "$cusgd" train --shards 8 "$@" --device cpu --threads 1 --model alone --quiet || fail "one process: $*"
    for ranks in $counts; do
        checks=$((checks + 1))
        rm -f several
        run "$mpi" "$ranks" train "$@" --model several --quiet || fail "$mpi, $ranks ranks: $*: $(cat printed)"
        cmp alone several || fail "$mpi, $ranks ranks, another model: $*"
    done
}

# same_sweep MPI "RANKS..." ARGUMENT...: one process and several write one model, and one report.
same_sweep() {
    local mpi=$1 counts=$2 ranks
    shift 2
    "$cusgd" sweep "$@" --device cpu --threads 1 --model alone --report alone.csv --quiet || fail "one process: $*"
    for ranks in $counts; do
        checks=$((checks + 1))
        rm -f several several.csv
        run "$mpi" "$ranks" sweep "$@" --model several --report several.csv --quiet || fail "$mpi, $ranks ranks: $*: $(cat printed)"
        cmp alone several || fail "$mpi, $ranks ranks, another model: $*"
        cmp alone.csv several.csv || fail "$mpi, $ranks ranks, another report: $*"
    done
}

# refused MPI RANKS STATUS "MESSAGE" ARGUMENT...: rank 0 says so, once.
refused() {
    local mpi=$1 ranks=$2 status=$3 message=$4 code
    shift 4
    checks=$((checks + 1))
    run "$mpi" "$ranks" "$@"
    code=$?
    [ "$mpi" = mpich ] || [ "$code" = "$status" ] || fail "$mpi ended with $code, not $status: $*" # Hydra's is a mixture of bits
    [ "$code" != 0 ] || fail "$mpi accepted: $*"
    [ "$(grep -c -- "$message" printed)" = 1 ] || fail "$mpi printed this, and not once \"$message\": $(cat printed)"
}

# A checkpoint of 3 ranks, with which 2 go on.
resumed() {
    local mpi=$1 options="data --optimizer adam --batch 8"
    checks=$((checks + 1))
    rm -f state*
    "$cusgd" train $options --epochs 4 --shards 8 --device cpu --threads 1 --model alone --quiet
    run "$mpi" 3 train $options --epochs 2 --model several --quiet --checkpoint state --every 70steps || fail "$mpi: $(cat printed)"
    run "$mpi" 2 train $options --epochs 4 --model several --quiet --checkpoint state --resume || fail "$mpi: $(cat printed)"
    cmp alone several || fail "$mpi: a resumed run has another model"
}

# stopped MPI SIGNAL: one rank is sent a signal. It ends cleanly (TERM), or is killed, or does not answer any more (STOP).
stopped() {
    local mpi=$1 signal=$2 launcher begun=$SECONDS
    checks=$((checks + 1))
    rm -f state* several pid.*
    cat >rank.sh <<'END'
#!/bin/bash
"$@" &
echo $! >pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
wait $!
END
    chmod +x rank.sh
    timeout -k 1 20 "mpirun.$mpi" -n 3 ./rank.sh "$cusgd" train data --optimizer sgd --rate 1e-9 --tolerance 0 --epochs 1000000 \
        --model several --checkpoint state --every 50steps --timeout 1 --device cpu --threads 1 --quiet >printed 2>&1 &
    launcher=$!
    for _ in $(seq 100); do
        [ -e state ] && break
        sleep 0.1
    done
    kill "-$signal" "$(cat pid.1)"
    wait $launcher
    [ $((SECONDS - begun)) -lt 19 ] || fail "$mpi: the others did not end after SIG$signal"
    "$cusgd" train data --optimizer sgd --rate 1e-9 --tolerance 0 --epochs 1 --shards 8 --device cpu --model one --quiet \
        --checkpoint state --resume 2>says && fail "a checkpoint of a million epochs was taken for one of one"
    grep -q "another run" says || fail "$mpi, SIG$signal: the checkpoint is not whole: $(cat says)"
    case $signal in
    TERM) [ -e several ] && grep -q "interrupted after" printed || fail "$mpi: an interrupted run has no model: $(cat printed)" ;;
    STOP) grep -q "has not answered for 1 seconds" printed || fail "$mpi: nobody missed the rank: $(cat printed)" ;;
    esac
    kill -KILL "$(cat pid.1)" 2>/dev/null
}

"$cusgd" generate data --rows 1200 --cols 12 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate classes --rows 900 --cols 6 --targets logistic >/dev/null 2>&1 || fail "no data"
found=
for mpi in openmpi mpich; do
    [ -e "$modules/libcusgd-$mpi.so" ] && command -v "mpirun.$mpi" >/dev/null || continue
    found="$found $mpi"
    same $mpi "1 2 3 5" data --epochs 2
    same $mpi "4" classes --loss logistic --l1 0.01 --clip-norm 1 --optimizer momentum --epochs 2
    same $mpi "2" data --solver exact
    same $mpi "3" classes --loss logistic --solver newton --l2 0.01 --valid-fraction 0.1
    same_sweep $mpi "2 3" data --grid l2=1e-4..1:log:5 --grid rate=.01,.03 --epochs 4
    same_sweep $mpi "2" classes --loss logistic --grid l1=0,.01,.1 --folds 3 --halving 2 --epochs 4
    resumed $mpi
    checks=$((checks + 1))
    timeout -k 1 20 mpirun.$mpi -n 3 "$programs/mpi-communicator-$mpi" >printed 2>&1 || fail "$mpi, a communicator: $(cat printed)"
    refused $mpi 2 2 "nowhere" train nowhere --model several
    refused $mpi 3 1 "3 processes cannot share 2 shards" train data --shards 2 --model several
    refused $mpi 2 1 "folds and validation rows exclude" sweep data --grid l2=1 --folds 2 --valid-fraction 0.1 --model several
    refused $mpi 2 1 "convert runs in one process" convert data converted
    refused $mpi 2 1 "is too little for data" train data --memory 1K --sampling pages --model several
    refused $mpi 2 1 "standard input comes to one process" train - --model several
    stopped $mpi TERM
    stopped $mpi KILL
done
[ -n "$found" ] || exit 77
same "${found##* }" "8" data --epochs 1 --batch 4
stopped "${found##* }" STOP
echo "$checks checks with$found, $failures failed"
[ $failures = 0 ]
