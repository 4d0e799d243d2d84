#!/bin/bash
# Trains in several processes, by the MPIs that are installed: the model file must not depend on their number, and failures must
# end all of them.
#
#   test.sh BUILD_FOLDER     exit code 77 where no MPI can be run: not passed, not failed
set -uo pipefail
cusgd=$1/bin/cusgd programs=$1/bin modules=$1/lib device=cpu limit=20 late=1
export CUSGD_MODULE_DIR=$modules
. "$(dirname "$(realpath "$0")")/several.sh"

# refused STATUS "MESSAGE" RANKS ARGUMENT...: rank 0 says so, once.
refused() {
    ends "$@"
    [ "$(grep -c -- "$2" printed)" = 1 ] || fail "$mpi printed this, and not once \"$2\": $(cat printed)"
}

# one_fails RANK "MESSAGE" "FURTHER ARGUMENTS" ARGUMENT...: that rank alone has these, with which it fails before it meets the
# others, who would wait for it without a limit: all end, and rank 0 says why.
one_fails() {
    local rank=$1 message=$2
    export FAILING_RANK=$1 FAILING_ARGUMENTS=$3
    shift 3
    cat >one.sh <<'END'
#!/bin/bash
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = "$FAILING_RANK" ] && exec "$@" $FAILING_ARGUMENTS
exec "$@"
END
    chmod +x one.sh
    [ "$rank" = 0 ] || message="rank $rank has failed: $message"
    checks=$((checks + 1))
    wrap=./one.sh run 3 "$@"
    case $? in # which rank ends first decides about the others
    0 | 124 | 137) fail "$mpi: rank $rank failed, and the run did not: $FAILING_ARGUMENTS: $*: $(cat printed)" ;;
    esac
    [ "$(grep -c -- "$message" printed)" = 1 ] || fail "$mpi printed this, and not once \"$message\": $(cat printed)"
}

# no_module RANK|all: there the module of this MPI cannot be opened. Who lacks it says so, and all end; where all lack it the
# launcher may end some of them first.
no_module() {
    local begins=
    export FAILING_RANK=$1 MODULE=$folder/damaged
    [ "$1" = 1 ] && begins="^rank 1: "
    cat >one.sh <<'END'
#!/bin/bash
rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
case $FAILING_RANK in "$rank" | all) export CUSGD_MODULE_DIR=$MODULE ;; esac
exec "$@"
END
    chmod +x one.sh
    mkdir -p damaged
    : >"damaged/libcusgd-$mpi.so"
    wrap=./one.sh ends 3 "${begins}cusgd: .*/libcusgd-$mpi.so does not open: " 3 train data --model several
    [ "$1" = all ] || [ "$(grep -c "does not open" printed)" = 1 ] || fail "$mpi, no module on rank $1: not one message: $(cat printed)"
}

"$cusgd" generate data --rows 1200 --cols 12 >/dev/null 2>&1 || fail "no data"
"$cusgd" generate classes --rows 900 --cols 6 --targets logistic >/dev/null 2>&1 || fail "no data"
# Text of which each rank reads a part: tables of numbers, with texts, classes, missing values and quotes, and LIBSVM. A part has
# at least 256 KiB.
awk 'BEGIN { srand(1); print "a,b,color,day,\"c\"\"d\",kind"
    for (i = 0; i < 60000; i++) printf "%.9f,%s,%s,2024-%02d-%02d,\"%.6f\",%s\n", rand() - .5, i % 997 == 5 ? "" : rand(),
        substr("red  blue greenwhite", 1 + 5 * int(4 * rand()), 5), 1 + i % 12, 1 + i % 28, rand(), rand() < .5 ? "yes" : "no" }' >table.csv
awk 'BEGIN { srand(2); for (i = 0; i < 60000; i++) printf "%d %d:%.6f %d:%.6f # %d\n", rand() < .5, 1 + i % 30, rand(), 40 + i % 50, rand(), i }' \
    >table.svm
awk '{ print } NR == 45001 { print "1,2,red,2024-01-01,x,yes" }' table.csv >wrong.csv
awk '{ print } NR == 45001 { print "1 7:1 7:2" }' table.svm >wrong.svm
gzip -k table.csv

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
    same "2 3" table.csv --date day --loss logistic --epochs 1
    same "2" table.csv.gz --date day --loss logistic --epochs 1
    same "2 3" table.svm --loss logistic --epochs 1
    same "2 3" table.csv --date day --loss logistic --epochs 1 --memory 6M --sampling pages # in files
    resumed
    failed_step "diverged"
    checks=$((checks + 1))
    timeout -k 1 $limit mpirun.$mpi -n 3 "$programs/mpi-communicator-$mpi" >printed 2>&1 || fail "$mpi, a communicator: $(cat printed)"
    refused 2 "nowhere" 2 train nowhere --model several
    refused 2 "wrong.csv:45002:5: 'x' in column" 2 train wrong.csv --date day --model several
    refused 2 "wrong.svm: line 45002: " 3 train wrong.svm --model several
    refused 1 "3 processes cannot share 2 shards" 3 train data --shards 2 --model several
    refused 1 "folds and validation rows exclude" 2 sweep data --grid l2=1 --folds 2 --valid-fraction 0.1 --model several
    refused 1 "convert runs in one process" 2 convert data converted
    refused 1 "is too little for data" 2 train data --memory 1K --sampling pages --model several
    refused 1 "standard input comes to one process" 2 train - --model several
    for rank in 0 1; do
        one_fails $rank "nowhere: cannot be opened" "--init nowhere" train data --model several
        one_fails $rank "--penalty-factors nowhere: cannot be opened" "--penalty-factors nowhere" train data --model several
        one_fails $rank "nowhere: cannot be opened" "--valid nowhere" train data --model several --valid data
        one_fails $rank "rate must be a number" "--rate fast" train data --model several
        one_fails $rank "nowhere: cannot be opened" "--valid nowhere" sweep data --valid data --grid l2=1,2 --model several
    done
    no_module 0
    no_module 1
    no_module all
    one_fails 0 "nowhere/h: No such file" "--history nowhere/h" train data --model several
    one_fails 0 "nowhere/m" "--model nowhere/m" train data --model several
    one_fails 0 "nowhere/c" "--checkpoint nowhere/c" train data --model several
    stopped TERM
    stopped KILL
done
[ -n "$found" ] || exit 77
mpi=${found##* }
same "8" data --epochs 1 --batch 4
stopped STOP
echo "$checks checks with$found, $failures failed"
[ $failures = 0 ]
