#!/bin/bash
# Trains on the emulated GPUs of several processes, which exchange by the emulated NCCL: the model file must not depend on their
# number, and failures must end all of them.
#
#   ranks.sh BUILD_FOLDER     exit code 77 where no MPI can be run: not passed, not failed
set -uo pipefail
cusgd=$1/bin/cusgd build=$1 mpi= device=cuda limit=60 late=5
for name in openmpi mpich; do
    [ -z "$mpi" ] && [ -e "$build/lib/libcusgd-$name.so" ] && command -v mpirun.$name >/dev/null && mpi=$name
done
[ -n "$mpi" ] || exit 77
. "$(dirname "$(realpath "$0")")/../mpi/several.sh"
ln -s "$build/lib/libcusgd-$mpi.so" "$build/emulated/libcusgd-cuda.so" .
export CUSGD_MODULE_DIR=$folder CUSGD_NCCL=$folder/libcusgd-cuda.so CUSGD_CUDA_GRAPH=16

"$cusgd" generate data --rows 400 --cols 12 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate wide --rows 24 --cols 60000 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate several_targets --rows 300 --cols 6 --outputs 3 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate classes --rows 300 --cols 6 --targets logistic >/dev/null 2>&1 || fail "no data"

same "2 3 4" data --epochs 2 --batch 16
same "2" data --epochs 2 --batch 16 --engine cublas --optimizer adam --precision double
same "3" classes --loss logistic --l1 0.01 --clip-norm 1 --optimizer momentum --epochs 2 --batch 16
same "2" several_targets --epochs 2 --batch 32 --optimizer adam --average
CUSGD_CUDA_TRACE=1 same "3" wide --epochs 1 --batch 8 --clip-norm 1 2>trace # beyond 1 MiB
grep -q "in slices" printed || fail "nodes beyond 1 MiB were sent whole: $(cat printed)"
same "2" classes --loss logistic --solver newton --l2 0.01 --valid-fraction 0.1
same "5" data --epochs 1 --batch 4 --shards 11
same "2 3" data --sparse yes --epochs 2 --batch 16
same "3" data --sparse yes --epochs 2 --batch 16 --sampling permute --optimizer adam
same "2" classes --loss logistic --sparse yes --sparse-scale rms --epochs 1 --batch 24 --valid-fraction 0.2

# streamed "MEMORY..." ARGUMENT...: 1, 2, ... processes within so much memory, of which each reads and sends the rows of its shards,
# write the file of one that has all rows at hand.
streamed() {
    local budgets=$1 ranks=0 memory
    shift
    "$cusgd" train --shards 3 "$@" --device $device --threads 1 --model alone --quiet || fail "one process: $*"
    for memory in $budgets; do
        ranks=$((ranks + 1)) checks=$((checks + 1))
        rm -f several
        CUSGD_EMULATOR_LAZINESS=$((ranks - 1)) run "$ranks" train --shards 3 "$@" --memory "$memory" --model several ||
            fail "$ranks ranks within $memory: $*: $(cat printed)"
        grep -q "sent to the device for steps" printed || fail "$ranks ranks had all rows at hand: $*: $(cat printed)"
        cmp alone several || fail "$ranks ranks within $memory, another model: $*"
    done
}
# More than two windows of 32768 rows in each of 3 shards: runs of seconds, which take longer where much else is running.
limit=150
"$cusgd" generate many --rows 230000 --cols 64 >/dev/null 2>&1 || fail "no data"
many="many --optimizer adam --rate 0.05 --evaluate-every end"
CUSGD_CUDA_PAGES=8000000 streamed "61M 43M 24M" $many --sampling pages --batch 9000 --epochs 1
checks=$((checks + 1))
many="$many --shards 3 --sampling none --batch 60000"
"$cusgd" train $many --epochs 2 --device $device --threads 1 --model alone --quiet
run 3 train $many --epochs 1 --memory 24M --checkpoint streamed --every 2steps --model several --quiet || fail "streamed: $(cat printed)"
run 2 train $many --epochs 2 --memory 43M --checkpoint streamed --resume --model several --quiet || fail "resumed: $(cat printed)"
cmp alone several || fail "another model after a streamed run was resumed"
limit=60

# Sweeps, whose ranks train whole groups of models and exchange no gradients: 40 configurations of four models are 3 groups, so that
# one of four ranks has none; in one pass and in several; the products of groups of which some models have ended.
same_sweep "2 3 4" classes --loss logistic --grid l2=1e-4..1:log:20 --grid rate=.01,.03 --folds 3 --epochs 3 --batch 32
several_only="--memory 100K" same_sweep "2 1" classes --loss logistic --grid l2=1e-4..1:log:40 --folds 3 --epochs 3 --batch 32
grep -q "160 models: [2-9] passes" printed || fail "a sweep had room for all: $(cat printed)"
same_sweep "2" classes --loss logistic --grid l1=0,.001,.01,.1 --grid rate=.001..1:log:20 --folds 2 --halving 2 --epochs 4 --batch 32
same_sweep "3" data --grid l2=1e-4..1:log:70 --valid-fraction 0.2 --epochs 25 --tolerance 1e-2 --optimizer adam --average
same_sweep "2" data --grid momentum=.5,.9 --grid rate=.001..1:log:40 --optimizer nesterov --valid-fraction 0.2 --epochs 2 --precision double
"$cusgd" generate long --rows 1400 --cols 4096 >/dev/null 2>&1 || fail "no data" # batches beyond the rows of one product
same_sweep "2" long --grid l1=1e-4..1:log:70 --valid-fraction 0.2 --epochs 2 --batch 1120 --precision double

# `auto` means the CPU where GPUs of several processes do not train: formulas that a GPU has no room for.
# on_cpu ARGUMENT...
on_cpu() {
    checks=$((checks + 1))
    rm -f several
    "$cusgd" train --shards 8 "$@" --device cpu --model alone --quiet || fail "one process: $*"
    CUSGD_EMULATOR_GPUS=2 timeout -k 1 60 "mpirun.$mpi" -n 2 "$cusgd" train "$@" --device auto --threads 1 --model several --quiet \
        >printed 2>&1 || fail "auto: $*: $(cat printed)"
    cmp alone several || fail "auto, another model: $*"
}
on_cpu data --loss-expr "$(printf '(p - %d)*(' $(seq 17))p$(printf ')%.0s' $(seq 17))*1e-30 + (p - y)^2" --epochs 1
checks=$((checks + 1))
CUSGD_EMULATOR_GPUS=2 run 2 train data --epochs 1 --model several || fail "two GPUs: $(cat printed)"
grep -q "cuda" printed || fail "two GPUs were not used: $(cat printed)"

resumed

# One rank's call fails, of NCCL or of CUDA, at several places of the run: all end.
cat >failing.sh <<'END'
#!/bin/bash
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ] && export CUSGD_EMULATOR_REFUSE=$REFUSED
exec "$@"
END
chmod +x failing.sh
for REFUSED in ncclCommInitRankConfig ncclSend ncclGroupEnd cudaStreamQuery; do
    export REFUSED
    wrap=./failing.sh ends 3 "$REFUSED" 2 train data --epochs 2 --batch 16 --model several --quiet --timeout 10
done
# A window that one of them cannot send.
REFUSED=cudaStreamWaitEvent
wrap=./failing.sh ends 3 "$REFUSED" 2 train $many --epochs 1 --memory 43M --model several --quiet --timeout 10
CUSGD_NCCL=/nowhere/libnccl.so.2 ends 3 "need NCCL" 2 train data --model several --quiet

# A rank that cannot see how many GPUs there are takes none.
cat >blind.sh <<'END'
#!/bin/bash
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ] && export CUSGD_EMULATOR_FAIL_CALL=1
exec "$@"
END
chmod +x blind.sh
wrap=./blind.sh ends 3 "rank 1 cannot count the GPUs of its machine: .*cudaGetDeviceCount" 2 train data --model several --quiet
wrap=./blind.sh ends 3 "rank 1 cannot count the GPUs of its machine: .*cudaGetDeviceCount" 2 sweep data --grid l2=1,2 --folds 2 \
    --model several --quiet
failed_step "diverged"

stopped TERM
stopped KILL
stopped STOP

echo "$checks checks with $mpi, $failures failed"
[ $failures = 0 ]
