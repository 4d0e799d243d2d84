#!/bin/bash
# Runs tests of the interface with each planted bug (faults.cmake): a test that passes with the module as it is must fail with the bug,
# and say why. Those that AddressSanitizer alone sees are for a build with it, all others for one without.
# usage: faults.sh BUILD PLAIN|SANITIZED
set -uo pipefail
build=$1 kind=$2
modules=$build/emulated failed=0
declare -A sound # the tests that passed without a bug
unset CUSGD_TORTURE # long forms find no more
export CUSGD_INTERFACE_DEVICE=cuda CUSGD_TEST_DEVICE=cuda CUSGD_INTERFACE_SHORT=1 CUSGD_CUDA_GRAPH=16 # tests.cmake

# run FOLDER TEST FILTER ORDER LAZINESS: the test with the module in FOLDER
run() {
    CUSGD_MODULE_DIR=$1 CUSGD_EMULATOR_ORDER=$4 CUSGD_EMULATOR_LAZINESS=$5 timeout 120 "$build/bin/$2" --filter "$3" 2>&1
}

passes() {
    output=$(run "$modules" "$@") && grep -q 'Tested: 1 | Passing: 1 ' <<<"$output"
}

# planted NAME PLAIN|WATCHED|SANITIZED TEST FILTER ORDER LAZINESS MESSAGE: MESSAGE is a pattern that the failing test's output must
# have. Of the watched modules there are none where there is no such build of the module without the bug.
planted() {
    local name=$1 where=$2 message=$7 output modules=$modules
    shift 2
    if [ "$where" = WATCHED ] && [ -d "$modules/watched" ]; then # tests.cmake runs the test without the bug
        modules=$modules/watched where=PLAIN
        sound["$modules ${*:1:4}"]=1
    fi
    [ "$where" = "$kind" ] || return 0
    if [ -z "${sound["$modules ${*:1:4}"]:-}" ] && ! passes "$@"; then
        echo "FAILED $name: $1, $2 does not pass without the bug" && tail -n 20 <<<"$output" && failed=1
    fi
    sound["$modules ${*:1:4}"]=1
    if output=$(run "$build/emulated/faulty/$name" "$@"); then
        echo "FAILED $name: $1, $2 does not find it" && failed=1
    elif ! grep -qE "$message" <<<"$output"; then
        echo "FAILED $name: $1, $2 fails without the words '$message'" && tail -n 30 <<<"$output" && failed=1
    else
        echo "$name: found by $1, $2: $(grep -m 1 -oE "$message.*" <<<"$output" | cut -c 1-150)"
    fi
}

bound=interface_data/bound_examples_are_the_transformed_source
objective=interface_passes/objective_gradient_and_predictions
curvature=interface_data/curvature_sums
long=interface_large/a_bad_step_within_a_long_slice
golden=training/golden_trajectories
state=interface_state/every_part_of_every_area
planted past-end SANITIZED test-interface-data "$bound" 0 0 'heap-buffer-overflow|use-after-poison|convert_kernel'
planted short-shared SANITIZED test-interface-passes "$objective" 0 0 'heap-buffer-overflow|loss_kernel'
planted host-read SANITIZED test-interface-passes "$objective" 0 0 'use-after-poison'
planted grid-limit PLAIN test-interface-wide interface_wide/curvature 0 0 'invalid configuration'
planted grid-step PLAIN test-interface-wide interface_wide/curvature 0 0 'fourth 2097120 is'
groups=interface_models/groups_change_no_bit
planted group-step PLAIN test-interface-models "$groups" 0 0 'report.done|another group'
planted group-fails PLAIN test-interface-models "$groups" 0 0 'report.done|report.failed'
planted group-place PLAIN test-interface-models "$groups" 0 0 'another group|more groups'
graph=module/emul_a_refused_graph_is_no_failure
planted graph-refused PLAIN test-module "$graph" 0 0 'steps: '
planted graph-reported PLAIN test-module "$graph" 0 0 'cudaStreamBeginCapture: '
planted no-barrier PLAIN test-interface-data "$curvature" 0 0 'q1 |second '
planted no-meeting PLAIN test-interface-passes "$objective" 1 0 'emulator: '
planted no-join PLAIN test-interface-large "$long" 0 1 'sampling|GPU: CUDA'
planted no-wait PLAIN test-interface-large "$long" 0 1 'sampling'
planted unset PLAIN test-interface-state "$state" 0 0 'after start'
engines=interface_large/engines_and_lengths_of_rows
planted fused-meeting PLAIN test-interface-large "$engines" 0 0 'emulator: |gradient of parameter'
planted fused-place PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted fused-parts PLAIN test-interface-large "$engines" 0 0 'gradient of parameter|two engines'
planted fused-end PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted offset PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted cluster-barrier PLAIN test-interface-large "$engines" 0 0 'emulator: .*cluster_kernel|gradient of parameter'
planted cluster-turn PLAIN test-interface-large "$engines" 0 0 'emulator: exchange_await.*cluster_kernel'
planted cluster-rank PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted cluster-piece PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted place-early PLAIN test-place place/emul_rows_that_come_late 0 1 'not finite|apart'
planted place-rows PLAIN test-place place/emul_rows_of_any_layout 0 0 'apart'
windows=windows/emul_steps_are_those_of_bound_rows
for name in half-early rows-late slot-early; do
    planted "$name" PLAIN test-windows "$windows" 0 1 'theta . is'
done
for name in rows-left rows-of-parts left-of-parts page-place; do
    planted "$name" PLAIN test-windows "$windows" 0 0 'theta . is'
done
sparse=interface_sparse/steps_are_those_of_the_dense_matrix
planted sparse-batch PLAIN test-interface-sparse "$sparse" 0 0 'gradient of parameter'
planted sparse-length PLAIN test-interface-sparse "$sparse" 0 0 'gradient of parameter'
lazy=sparse/lazy_steps_are_the_dense_ones
for name in lazy-batch lazy-late lazy-next lazy-end; do
    planted "$name" PLAIN test-sparse "$lazy" 0 0 'variant [0-9]+: '
done
planted lazy-intercept PLAIN test-sparse sparse/classes_are_those_of_the_dense_matrix 0 0 'variant 4: '
planted shard-tree PLAIN test-interface-shards interface_shards/sums_are_added_by_the_tree 0 0 'shards of 8 rows'
formulas=interface_losses/formulas_equal_the_scalar_ones_to_the_bit
planted formula-order PLAIN test-interface-losses "$formulas" 0 0 'second derivative at'
planted formula-operands PLAIN test-interface-losses "$formulas" 0 0 'and derivative '
planted early-turn PLAIN test-interface-large "$long" 0 0 'emulator: .*fused_kernel'
planted early-wait PLAIN test-interface-large "$engines" 0 0 'without wait_for_earlier.*fused_update_kernel'
planted grid-barrier PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted list-context PLAIN test-module module/emul_a_list_of_devices_makes_no_context 0 0 'without cudaSetDevice'
planted barrier-missed PLAIN test-module module/emul_a_barrier_that_is_missed_is_an_error 0 0 'status 0'
planted idle PLAIN test-slices slices/emul_the_gpu_does_not_stand_idle 0 1 'idle 5 times, not 1'
planted late-end PLAIN test-slices slices/emul_a_divergence_is_told_exactly 0 1 'launches of a failed run'
planted no-turn PLAIN test-module module/emul_persistent_launches_take_turns 0 0 'emulator: cooperative launch of'
planted stage-wait PLAIN test-interface-large "$engines" 0 0 'gradient of parameter'
planted stage-turn PLAIN test-interface-large "$engines" 0 0 'gradient of parameter|slices of|two engines'
steps=interface_steps/many_columns_many_rows
planted barrier-release WATCHED test-interface-large "$engines" 1 1 'race: it reads.*block . of the same launch.*persistent_kernel'
planted barrier-acquire WATCHED test-interface-large "$engines" 1 1 'race: it reads.*block . of the same launch.*persistent_kernel'
planted ticket-release WATCHED test-interface-large "$engines" 1 1 'race: it .*of the same launch.*kernel fused_kernel'
planted ticket-acquire WATCHED test-interface-large "$engines" 1 1 'race: it .*of the same launch.*kernel fused_kernel'
planted early-let WATCHED test-interface-large "$engines" 1 1 'race: before wait_for_earlier.*in front of it writes'
planted early-read WATCHED test-interface-large "$engines" 1 1 'race: before wait_for_earlier.*in front of it writes'
planted loss-release WATCHED test-interface-passes "$objective" 1 1 'race: it reads.*of the same launch.*kernel loss_kernel'
planted clip-release WATCHED test-interface-steps "$steps" 1 1 'race: it reads.*of the same launch.*kernel clip_kernel'
planted truncate PLAIN test-interface-data "$bound" 0 0 'storage 1 .*: x '
planted half-read PLAIN test-interface-passes interface_passes/read_bandwidth 0 0 'is read otherwise'
planted formula PLAIN test-training "$golden" 0 0 'in double'

[ "$kind" = PLAIN ] || exit $failed

# checked NAME MESSAGE OPTION...: `cusgd check` must fail with the bug, exit code 5, and say so; without it,
# it passes.
checked() {
    local name=$1 message=$2 output
    shift 2
    check() { CUSGD_MODULE_DIR=$1 "$build/bin/cusgd" check --device cuda "${@:2}" 2>&1; }
    if [ $# -gt 0 ] && ! output=$(check "$modules" "$@"); then
        echo "FAILED $name: cusgd check $* does not pass without the bug" && tail -n 20 <<<"$output" && failed=1
        return
    fi
    output=$(check "$modules/faulty/$name" "$@")
    if [ $? != 5 ] || ! grep -qE "$message" <<<"$output"; then
        echo "FAILED $name: cusgd check $* does not find it" && tail -n 20 <<<"$output" && failed=1
    else
        echo "$name: found by cusgd check: $(grep -m 1 -oE "$message.*" <<<"$output" | cut -c 1-150)"
    fi
}
made=(--rows 500 --cols 9 --steps 20 --l2 0.1)
checked formula 'disagree: gradient' "${made[@]}"
checked penalty 'disagree: update' "${made[@]}"
checked clip 'disagree: update' "${made[@]}" --cols 5000 --clip-norm 0.1
checked look-ahead 'disagree: long slices' "${made[@]}" --optimizer nesterov
checked shard-table 'disagree: gradient' "${made[@]}" --rows 501 --shards 3 # of equal size
checked fused-end 'disagree: gradient' "${made[@]}" --engine fused --rows 900 --cols 700 --batch 333 # several parts per batch
checked formula-operands 'disagree: gradient' "${made[@]}" --loss-expr 'log(1 + (p - y)^2)'
checked formula 'FAIL: 0 of' # the standard set, which passes without it in gpu-check-emul
exit $failed
