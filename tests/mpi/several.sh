# Read by test.sh and ../emulator/ranks.sh: trains in several processes, in a folder of its own. The reader sets
#
#   cusgd     the command
#   mpi       the MPI at hand: openmpi or mpich
#   device    for --device
#   limit     seconds that a run may take
#   late      seconds for --timeout, after which a rank that does not answer is missed; less than limit / 4
folder=$(mktemp -d)
cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
export OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
failures=0 checks=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# run RANKS ARGUMENT...: what is printed goes to `printed`; `wrap` is a program that starts the command.
run() {
    local ranks=$1
    shift
    timeout -k 1 $limit "mpirun.$mpi" -n "$ranks" ${wrap:-} "$cusgd" "$@" --device $device --threads 1 >printed 2>&1
}

# same "RANKS..." ARGUMENT...: one process and several write one file. The streams of emulated GPUs are late in different ways.
same() {
    local counts=$1 ranks
    shift
    "$cusgd" train --shards 8 "$@" --device $device --threads 1 --model alone --quiet || fail "one process: $*"
    for ranks in $counts; do
        checks=$((checks + 1))
        rm -f several
        CUSGD_EMULATOR_LAZINESS=$((ranks - 1)) run "$ranks" train "$@" --model several --quiet ||
            fail "$mpi, $ranks ranks: $*: $(cat printed)"
        cmp alone several || fail "$mpi, $ranks ranks, another model: $*"
    done
}

# same_sweep "RANKS..." ARGUMENT...: one process and several write one model, and one report. several_only: further arguments of those.
same_sweep() {
    local counts=$1 ranks
    shift
    "$cusgd" sweep "$@" --device $device --threads 1 --model alone --report alone.csv --quiet || fail "one process: $*"
    for ranks in $counts; do
        checks=$((checks + 1))
        rm -f several several.csv
        CUSGD_EMULATOR_LAZINESS=$((ranks - 1)) run "$ranks" sweep "$@" ${several_only:-} --model several --report several.csv ||
            fail "$mpi, $ranks ranks: $*: $(cat printed)"
        cmp alone several || fail "$mpi, $ranks ranks, another model: $*"
        cmp alone.csv several.csv || fail "$mpi, $ranks ranks, another report: $*"
    done
}

# ends STATUS "MESSAGE" RANKS ARGUMENT...: rank 0 says so.
ends() {
    local status=$1 message=$2 code
    shift 2
    checks=$((checks + 1))
    run "$@"
    code=$?
    [ "$mpi" = mpich ] || [ "$code" = "$status" ] || fail "$mpi ended with $code, not $status: $*: $(cat printed)" # Hydra's is a mixture of bits
    [ "$code" != 0 ] || fail "$mpi accepted: $*"
    grep -q -- "$message" printed || fail "$mpi printed this, and not \"$message\": $(cat printed)"
}

# A step that fails in front of a checkpoint inside an epoch, which rank 0 alone has its steps reported for, ends all.
failed_step() {
    rm -f state*
    ends 4 "$1" 2 train data --optimizer sgd --rate 1e30 --batch 1 --epochs 2 --checkpoint state --every 1steps --timeout 1000 \
        --model several --quiet
}

# A checkpoint of 3 ranks, with which 2 go on.
resumed() {
    local options="data --optimizer adam --batch 8"
    checks=$((checks + 1))
    rm -f state*
    "$cusgd" train $options --epochs 4 --shards 8 --device $device --threads 1 --model alone --quiet
    run 3 train $options --epochs 2 --model several --quiet --checkpoint state --every 70steps || fail "$mpi: $(cat printed)"
    run 2 train $options --epochs 4 --model several --quiet --checkpoint state --resume || fail "$mpi: $(cat printed)"
    cmp alone several || fail "$mpi: a resumed run has another model"
}

# stopped SIGNAL: one rank is sent a signal. It ends cleanly (TERM), or is killed, or does not answer any more (STOP).
stopped() {
    local signal=$1 launcher begun=$SECONDS options="data --optimizer sgd --rate 1e-9 --tolerance 0 --batch 16 --checkpoint state"
    checks=$((checks + 1))
    rm -f state* several pid.*
    cat >rank.sh <<'END'
#!/bin/bash
"$@" &
echo $! >pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
wait $!
END
    chmod +x rank.sh
    wrap=./rank.sh run 3 train $options --epochs 1000000 --model several --every 50steps --timeout $late --quiet &
    launcher=$!
    for _ in $(seq 100); do
        [ -e state ] && break
        sleep 0.1
    done
    kill "-$signal" "$(cat pid.1)"
    wait $launcher
    [ $((SECONDS - begun)) -lt $((limit - late)) ] || fail "$mpi: the others did not end after SIG$signal"
    "$cusgd" train $options --epochs 1 --shards 8 --device $device --model one --quiet --resume 2>says &&
        fail "a checkpoint of a million epochs was taken for one of one"
    grep -q "another run" says || fail "$mpi, SIG$signal: the checkpoint is not whole: $(cat says)"
    case $signal in
    TERM) [ -e several ] && grep -q "interrupted after" printed || fail "$mpi: an interrupted run has no model: $(cat printed)" ;;
    STOP) grep -q "for $late seconds: it has ended, or needs a longer" printed || fail "$mpi: nobody missed the rank: $(cat printed)" ;;
    esac
    kill -KILL "$(cat pid.1)" 2>/dev/null
}
