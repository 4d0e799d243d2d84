# Sourced by scripts/gpu_check.sh: the project's tests on the device, and under compute-sanitizer.
# shellcheck shell=bash disable=SC2154,SC2317 # the variables are gpu_check.sh's; parts are called by name

# run_test TEST FILTER COMMAND...: runs it, under COMMAND, and says what came of it; of $tool, where one watches.
run_test() {
    local test=$1 filter=$2 output counts start=$SECONDS
    shift 2
    output=$("$@" "$bin/$test" --filter "$filter" -j"$test_jobs" 2>&1)
    local status=$?
    counts=$(grep -o 'Tested: .*' <<<"$output" | tail -n 1 | tr -dc '0-9|' | cut -d'|' -f1,2) # tested|passing
    echo "$output"
    [ $status = 0 ] && [ -n "$counts" ] && [ "${counts%|*}" = "${counts#*|}" ] && [ "${counts%|*}" != 0 ] || status=1
    printf '%-7s %4d s  %s%s %s: %s of %s\n' "$([ $status = 0 ] && echo pass || echo FAILED)" $((SECONDS - start)) \
        "${tool:+$tool }" "$test" "$filter" "${counts#*|}" "${counts%|*}" | figures
    printf '{"tool": "%s", "test": "%s", "filter": "%s", "tested": %s, "passing": %s}\n' "${tool:-}" "$test" "$filter" "${counts%|*}" "${counts#*|}" |
        sed 's/: \([,}]\)/: 0\1/g' >>"$work/$part.lines"
    json_lines
    return $status
}

# The tests of the device interface, then training along the golden trajectories, then what is about repeating runs, all but what is
# about the CPU's instruction sets and its model file. In a dry run, in which each test has its turn elsewhere, the quickest.
part_tests() {
    local bad=0 test filter
    export CUSGD_INTERFACE_DEVICE=cuda CUSGD_TEST_DEVICE=cuda
    while read -r test filter; do
        run_test "$test" "$filter" timeout --kill-after 5 90 || bad=1
    done < <(if [ "$dry" = 1 ]; then
        echo 'test-interface-data interface_data/*'
    else
        printf '%s\n' 'test-interface-state interface_state/*' 'test-interface-losses interface_losses/*' \
            'test-interface-steps interface_steps/*' 'test-interface-failures interface_failures/*' \
            'test-interface-passes interface_passes/*' 'test-interface-generate interface_generate/*' \
            'test-training training/golden_trajectories' 'test-interface-data interface_data/*' 'test-interface-large interface_large/*' \
            'test-interface-shards interface_shards/*' 'test-repeat repeat/*' 'test-determinism determinism/!(instruction_sets*|model_files)'
    fi)
    [ $bad = 0 ] || why "tests fail on the device"
    return $bad
}

# ---- sanitizer: a tool must find its planted fault, and none in a few tests of the device interface ----

# Stands for a tool in a dry run where there is none: its command line is taken apart, and what it would watch is run.
make_stub() { # name, options that have a value, separated by |
    mkdir -p "$work/bin"
    cat >"$work/bin/$1" <<STUB
#!/bin/bash
while [ \$# -gt 0 ]; do
    case \$1 in
    --log-file) echo "ERROR SUMMARY: 0 errors (a stub: nothing was watched)" >"\${2//%p/0}" && shift 2 ;;
    $2) shift 2 ;;
    -*) echo "stub: unknown option \$1" >&2 && exit 2 ;;
    *) break ;;
    esac
done
exec "\$@"
STUB
    chmod +x "$work/bin/$1"
    export PATH=$work/bin:$PATH
}

sanitize() {
    local tool=$1 bad=0 status logs test filter
    # Criterion runs each test in a process of its own; the first one uses no GPU.
    local watch=(compute-sanitizer --tool "$tool" --target-processes all --require-cuda-init no --error-exitcode 9)
    if [ "$dry" = 0 ]; then
        timeout --kill-after 5 60 "${watch[@]}" "$bin/gpu-planted" "$tool"
        status=$?
        [ $status = 9 ] || { echo "FAILED $tool does not find its planted fault (exit status $status)" | figures && return 1; }
    fi
    while read -r test filter; do
        logs=$work/$tool-$test
        run_test "$test" "$filter" timeout --kill-after 5 60 "${watch[@]}" --log-file "$logs-%p" || bad=1
        cat "$logs"-* 2>/dev/null
        # A summary of no errors from at least one process, and of some from none.
        if ! grep -hqE 'SUMMARY: 0 (errors|hazards)' "$logs"-* 2>/dev/null || grep -hE 'SUMMARY: [1-9]' "$logs"-*; then
            echo "FAILED $tool, $test: $(grep -hE -m 1 '^========= [A-Z][a-z]' "$logs"-* 2>/dev/null | tail -n 1 || true)" | figures
            bad=1
        fi
    done < <(echo 'test-interface-state interface_state/*' && [ "$dry" = 1 ] || echo 'test-interface-large interface_large/a_bad*')
    [ $bad = 0 ] && echo "$tool: no error in these tests" | figures
    return $bad
}

part_sanitizer() {
    local bad=0 tool stub=
    export CUSGD_INTERFACE_DEVICE=cuda CUSGD_INTERFACE_SHORT=1
    if [ "$dry" = 1 ]; then
        make_stub compute-sanitizer '--tool | --target-processes | --require-cuda-init | --error-exitcode' && stub=1
    elif ! command -v compute-sanitizer >/dev/null; then
        skip_part "there is no compute-sanitizer here"
    fi
    test_jobs=1 # one process at a time, one tool at a time: whatever watches takes its time
    for tool in memcheck racecheck; do sanitize $tool || bad=1; done
    [ $bad = 0 ] || { why "a tool found something, or did not end in time" && return 1; }
    [ -z "$stub" ] || skip_part "a stub stood for compute-sanitizer: its command lines were tried, nothing was watched"
}
