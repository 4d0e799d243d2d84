#!/bin/bash
# Proves a GPU: builds for it, runs the tests on it, and measures it. OUTDIR gets summary.txt (its last line: PASS, or what did not),
# and for each part PART.json and PART.log. A part that could not run is "not run", never a pass. No package registry is asked: CUDA,
# CMake, Criterion, cJSON, LAPACKE and, for --dry-run, OpenBLAS must be where pkg-config, CMAKE_PREFIX_PATH and the compiler look.
#
# usage: gpu_check.sh OUTDIR [--part NAME]... [--build DIR] [--limit S] [--dry-run]      gpu_check.sh --list
#   --part NAME   that part alone; may repeat. Parts other than build use what it left in DIR
#   --build DIR   where to build, or what is built already (build/gpu; build/gpu-dry)
#   --limit S     seconds after which a part is ended, with everything it has started (530)
#   --dry-run     tries the script itself on the emulated GPU (tests/emulator) and small shapes: it says nothing of any GPU
# GPU_CHECK_COMMIT names the commit where there is no git. Exit status: 0 PASS, 1 something failed or was not run, 2 usage, 3 no GPU.
# In a dry run what needs a GPU may be not run. No part leaves a process behind, whether it ends, is ended, or the script is.
# shellcheck disable=SC2317,SC2086 # parts are called by name
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
all_parts=(build tests sanitizer check repeatability latency throughput)
limit=530   # seconds a part: --limit
not_run=77  # exit status of a part that could not run

usage() { sed -n '/^# usage:/,/^# GPU_/s/^# \{0,1\}//p' "scripts/gpu_check.sh" >&2 && exit 2; }

# ---- What parts write: $work/PART.why (a sentence), .figures (for the summary), .result (JSON) ----

why() { echo "$1" >"$work/$part.why"; }
skip_part() { why "$1" && exit $not_run; }
figures() { tee -a "$work/$part.figures"; }
json_text() { printf '"%s"' "$(tr '\n\t' '  ' <<<"$1" | tr -d '\000-\037' | sed 's/ *$//; s/\\/\\\\/g; s/"/\\"/g')"; }
json_array() { awk '/^\{.*\}$/ { printf "%s%s", n++ ? ",\n" : "[", $0 } END { print n ? "]" : "[]" }' "$@"; }

# ---- build ----

part_build() {
    local options=(-DCMAKE_BUILD_TYPE=Release -DCUSGD_TESTS=ON)
    local targets=(cusgd-command test-seam-{data,state,passes,steps,large} test-training test-determinism test-repeat test-check)
    # A machine with a GPU must have nvcc; a dry run takes what there is.
    [ $dry = 1 ] || options+=(-DCUSGD_CUDA=ON)
    options+=("-DCMAKE_CUDA_ARCHITECTURES=$architecture-real")
    command -v ninja >/dev/null && [ ! -e "$build/CMakeCache.txt" ] && options+=(-G Ninja)
    cmake -S . -B "$build" "${options[@]}" || return 1
    grep -q '^CMAKE_CUDA_COMPILER:[A-Z]*=/' "$build/CMakeCache.txt" && targets+=(cusgd-cuda gpu-probe gpu-planted)
    [ $dry = 0 ] || targets+=(cusgd-cuda-emulated gpu-probe-memory-emulated)
    cmake --build "$build" -j "$(nproc)" --target "${targets[@]}" || return 1
    echo "for compute capability ${architecture:0:-1}.${architecture: -1}, warnings: $(grep -c 'warning:' "$log")" | figures
}

# ---- tests ----

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
    return $status
}

# All but what is about the CPU's instruction sets and its model file, and training to the end, which is not about a device.
part_tests() {
    local bad=0 determinism='determinism/!(instruction_sets*|model_files)'
    [ $dry = 1 ] && determinism=determinism/layouts
    export CUSGD_SEAM_DEVICE=cuda CUSGD_TEST_DEVICE=cuda
    run_test test-seam-data 'seam_data/*' timeout --kill-after 5 200 || bad=1
    run_test test-seam-state 'seam_state/*' timeout --kill-after 5 200 || bad=1
    run_test test-seam-passes 'seam_passes/*' timeout --kill-after 5 200 || bad=1
    run_test test-seam-steps 'seam_steps/*' timeout --kill-after 5 200 || bad=1
    run_test test-seam-large 'seam_large/*' timeout --kill-after 5 200 || bad=1
    run_test test-training 'training/golden_trajectories' timeout --kill-after 5 200 || bad=1
    run_test test-determinism "$determinism" timeout --kill-after 5 200 || bad=1
    run_test test-repeat 'repeat/*' timeout --kill-after 5 200 || bad=1
    run_test test-check 'check/*' timeout --kill-after 5 200 || bad=1
    json_array "$work/$part.lines" >"$work/$part.result"
    [ $bad = 0 ] || why "tests fail on the device"
    return $bad
}

# ---- sanitizer: each tool must find its planted fault, and none in the tests of the seam ----

# In a dry run where there is no such tool: its command line is taken apart, and what it would watch is run.
make_stub() {
    mkdir -p "$work/bin"
    cat >"$work/bin/compute-sanitizer" <<'STUB'
#!/bin/bash
while [ $# -gt 0 ]; do
    case $1 in
    --tool | --target-processes | --require-cuda-init | --error-exitcode) shift 2 ;;
    --log-file) echo "ERROR SUMMARY: 0 errors (a stub: nothing was watched)" >"${2//%p/0}" && shift 2 ;;
    -*) echo "stub: unknown option $1" >&2 && exit 2 ;;
    *) break ;;
    esac
done
exec "$@"
STUB
    chmod +x "$work/bin/compute-sanitizer"
    export PATH=$work/bin:$PATH
}

sanitize() {
    local tool=$1 bad=0 status logs test filter
    # Criterion runs each test in a process of its own; the first one uses no GPU.
    local watch=(compute-sanitizer --tool "$tool" --target-processes all --require-cuda-init no --error-exitcode 9)
    if [ $dry = 0 ]; then
        timeout --kill-after 5 60 "${watch[@]}" "$bin/gpu-planted" "$tool"
        status=$?
        [ $status = 9 ] || { echo "FAILED $tool does not find its planted fault (exit status $status)" | figures && return 1; }
    fi
    while read -r test filter; do
        logs=$work/$tool-$test
        run_test "$test" "$filter" timeout --kill-after 5 90 "${watch[@]}" --log-file "$logs-%p" || bad=1
        cat "$logs"-* 2>/dev/null
        # A summary of no errors from at least one process, and of some from none.
        if ! grep -hqE 'SUMMARY: 0 (errors|hazards)' "$logs"-* 2>/dev/null || grep -hE 'SUMMARY: [1-9]' "$logs"-*; then
            echo "FAILED $tool, $test: $(grep -hE -m 1 '^========= [A-Z][a-z]' "$logs"-* 2>/dev/null | tail -n 1 || true)" | figures
            bad=1
        fi
    done <<'TESTS'
test-seam-state seam_state/*
test-seam-data seam_data/*
test-seam-passes seam_passes/@(objective*|logistic*|generated_rows*)
test-seam-steps seam_steps/!(many*)
test-seam-large seam_large/@(slices*|a_bad*)
TESTS
    [ $bad = 0 ] && echo "$tool: no error in the tests of the seam" | figures
    return $bad
}

part_sanitizer() {
    local bad=0 tool pids=() stub=
    export CUSGD_SEAM_DEVICE=cuda CUSGD_SEAM_SHORT=1
    if [ $dry = 1 ]; then
        make_stub && stub=1
    elif ! command -v compute-sanitizer >/dev/null; then
        skip_part "there is no compute-sanitizer here"
    fi
    test_jobs=2 # and four tools at once
    for tool in memcheck racecheck initcheck synccheck; do
        sanitize $tool & pids+=($!)
    done
    for tool in "${pids[@]}"; do wait "$tool" || bad=1; done
    json_array "$work/$part.lines" >"$work/$part.result"
    [ $bad = 0 ] || { why "a tool found something, or did not end in time" && return 1; }
    [ -z "$stub" ] || skip_part "a stub stood for compute-sanitizer: its command lines were tried, nothing was watched"
}

# ---- check: CPU against GPU ----

# The worst of all problems, by what was compared.
check_table() {
    awk '
        function number(text, key) {
            if (!match(text, "\"" key "\": [0-9.e+-]+")) return 0
            return substr(text, RSTART + length(key) + 4, RLENGTH - length(key) - 4) + 0
        }
        {
            n = split($0, piece, /\{"what": "/)
            for (i = 2; i <= n; i++) {
                name = substr(piece[i], 1, index(piece[i], "\"") - 1)
                if (!(name in worst)) { names[++count] = name; worst[name] = share[name] = 0 }
                if (number(piece[i], "device") > worst[name]) worst[name] = number(piece[i], "device")
                if (number(piece[i], "share") > share[name]) share[name] = number(piece[i], "share")
            }
        }
        END {
            printf "%-20s %24s %18s\n", "", "relative difference", "of what is allowed"
            for (i = 1; i <= count; i++) printf "%-20s %24.3g %18.3g\n", names[i], worst[names[i]], share[names[i]]
        }' "$1"
}

part_check() {
    local status options=()
    [ $dry = 1 ] && options=(--rows 300 --cols 5)
    timeout --kill-after 5 500 "$bin/cusgd" check "${options[@]}" --device cuda --json >"$work/check.out"
    status=$?
    cat "$work/check.out"
    cp "$work/check.out" "$work/$part.result"
    case $status in
    0) check_table "$work/check.out" | figures ;;
    5) why "cusgd check says FAIL" && return 1 ;;
    *) why "cusgd check ended with status $status" && return 1 ;;
    esac
}

# ---- repeatability: five equal runs, two of them with others beside, give equal files; another seed another file ----

train() { "$bin/cusgd" train "$work/$1" --device cuda --quiet "${@:3}" --model "$work/$2.safetensors"; }

beside() { while :; do train first "beside-$1" --epochs 3 --seed "$1" || exit 1; done; }

repeat_case() {
    local data=$1 i others=() bad=0
    shift
    for i in 1 2 3 4 5; do
        if [ $i = 4 ]; then
            for other in $beside; do beside "$other" & others+=($!); done
        fi
        train "$data" "run-$i" "$@" && cmp "$work/run-1.safetensors" "$work/run-$i.safetensors" || bad=1
    done
    for other in "${others[@]}"; do kill "$other" 2>/dev/null || { echo "a run beside failed" && bad=1; }; done
    wait "${others[@]}" 2>/dev/null
    train "$data" other "$@" --seed 7 || bad=1
    cmp -s "$work/run-1.safetensors" "$work/other.safetensors" && echo "another seed gives the same file" && bad=1
    printf '%-7s %s %s\n' "$([ $bad = 0 ] && echo same || echo DIFFERS)" "$data" "$*" | figures
    printf '{"data": "%s", "options": "%s", "same": %s}\n' "$data" "$*" "$([ $bad = 0 ] && echo true || echo false)" >>"$work/$part.lines"
    return $bad
}

part_repeatability() {
    local bad=0 first=(--rows 200000 --cols 32) second=(--rows 20000 --cols 300) rows=1000 beside="1 2 3"
    [ $dry = 1 ] && first=(--rows 300 --cols 5) second=(--rows 200 --cols 9) rows=40 beside=1
    "$bin/cusgd" generate "$work/first" "${first[@]}" && "$bin/cusgd" generate "$work/second" "${second[@]}" --outputs 3 || return 1
    repeat_case first --epochs 3 || bad=1
    repeat_case first --epochs 3 --optimizer adam --batch $rows --sampling replace --precision double || bad=1
    repeat_case second --epochs 3 --optimizer momentum --batch $rows --sampling blocks --average || bad=1
    repeat_case second --epochs 3 --optimizer adagrad --l1 0.01 --valid-fraction 0.2 || bad=1
    json_array "$work/$part.lines" >"$work/$part.result"
    [ $bad = 0 ] || why "equal runs differ, or a run failed"
    return $bad
}

# ---- latency ----

part_latency() {
    local status
    [ $dry = 0 ] || dry_latency
    "$bin/gpu-probe" --json "$work/$part.result" >"$work/probe.out" 2>"$work/probe.error"
    status=$?
    cat "$work/probe.error"
    figures <"$work/probe.out"
    case $status in
    0) return 0 ;;
    3) skip_part "$(head -n 1 "$work/probe.error")" ;;
    *) why "$(head -n 1 "$work/probe.error")" && return 1 ;;
    esac
}

# The parts of the probe that can be emulated; the real one must say that it sees no GPU.
dry_latency() {
    "$bin/gpu-probe-memory-emulated" --small --json "$work/$part.result" | figures
    [ "${PIPESTATUS[0]}" = 0 ] || exit 1
    [ -x "$bin/gpu-probe" ] || skip_part "no nvcc, so that the probe is not built; its emulated parts ran"
    CUDA_VISIBLE_DEVICES='' "$bin/gpu-probe"
    [ $? = 3 ] || { why "without a GPU the probe does not say so" && exit 1; }
    skip_part "needs a GPU; the probe says so, and its emulated parts ran"
}

# ---- throughput ----

# Shape and batches, a line each: x exceeds the L2 cache, and each peer sees the same.
throughput_cases() {
    if [ $dry = 1 ]; then
        echo 600x5 30,60
    else
        printf '%s\n' "4000000x32 256,4096,65536" "1000000x256 1024,65536" "262144x1024 4096" "16384x16384 1024"
    fi
}

# Of JSON lines: a row for each shape and batch, microseconds a step in a column for each peer.
throughput_table() {
    awk '
        function field(key,    v) { # v is local
            if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
            v = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4); gsub(/^"|"$/, "", v); return v
        }
        function column(name) { if (!(name in number)) { number[name] = ++columns; names[columns] = name } return number[name] }
        /"step_seconds"/ { c = column(field("sampling") " " field("engine") (field("storage") == "bf16" ? " bf16" : "")); us = field("step_seconds") * 1e6 }
        /"peer"/ { peers = 1; c = column(field("peer")); us = field("median"); if (field("why") != "") reason[field("peer") ": " field("why")] }
        /"step_seconds"|"peer"/ {
            if (field("rows") == "") next
            key = sprintf("%12s x %-6s %7s", field("rows"), field("cols"), field("batch"))
            if (!(key in seen)) { seen[key]; keys[++rows] = key }
            if (us != "") value[key, c] = us
        }
        END {
            printf "%-29s", "us a step: rows x cols, batch"
            for (c = 1; c <= columns; c++) printf " %20s", names[c]
            print ""
            for (r = 1; r <= rows; r++) {
                printf "%-29s", keys[r]
                for (c = 1; c <= columns; c++) printf " %20s", (keys[r], c) in value ? sprintf("%.4g", value[keys[r], c]) : "-"
                print ""
            }
            for (text in reason) print text
            if (!peers) print "peers: not run, there is no python3 here"
        }' "$@"
}

part_throughput() {
    local shape batches kinds bad=0 peers=() device=cuda options=(--sampling "none,permute" --precision float --json)
    if [ $dry = 1 ]; then
        device=${GPU_CHECK_DRY_DEVICE:-cuda} # cpu: `bench` reads 256 MB, which takes the emulated GPU 10 s and more
        options+=(--seconds 0 --epochs 1 --fits)
        peers=(--cpu --repeats 3)
    fi
    : >"$work/lines"
    while read -r shape batches; do
        for kinds in "--engine auto,cublas,fused,persistent" "--storage bf16"; do
            timeout --kill-after 5 120 "$bin/cusgd" bench --shapes "$shape" --batch "$batches" --device "$device" $kinds "${options[@]}" \
                >>"$work/lines" || bad=1
        done
        ! command -v python3 >/dev/null ||
            XLA_PYTHON_CLIENT_PREALLOCATE=false timeout --kill-after 5 200 python3 scripts/gpu_peers.py --shapes "$shape" --batch "$batches" \
                --seconds 3 "${peers[@]}" >>"$work/lines" || bad=1
        # After each shape: a part that is stopped has shown what it had.
        json_array "$work/lines" >"$work/$part.result"
        throughput_table "$work/lines" >"$work/$part.figures"
    done < <(throughput_cases)
    cat "$work/lines"
    [ $bad = 0 ] || why "cusgd bench or gpu_peers.py failed"
    return $bad
}

# ---- The processes of a part ----

# A part is a session of its own: all that it starts belongs to it, the process groups of inner timeouts too.
# Lists those of session $1 that run: the fields of stat behind the name are state, parent, group, session.
session_processes() {
    local stat text fields
    for stat in /proc/[0-9]*/stat; do
        read -r text 2>/dev/null <"$stat" || continue
        read -ra fields <<<"${text##*) }"
        [ "${fields[3]:-}" != "$1" ] || [ "${fields[0]}" = Z ] || echo "${text%% *}"
    done 2>/dev/null
}

# Ends session $1: TERM, and KILL for what still runs after 5 s. Fails if something survives that for 10 s.
end_session() {
    local begun=$SECONDS signal=TERM pids
    while [ $((SECONDS - begun)) -lt 15 ]; do
        mapfile -t pids < <(session_processes "$1")
        [ ${#pids[@]} -gt 0 ] || return 0
        [ $((SECONDS - begun)) -lt 5 ] || signal=KILL
        [ -z "$signal" ] || kill -$signal "${pids[@]}" 2>/dev/null
        [ "$signal" = KILL ] || signal='' # TERM once
        sleep 0.1
    done
    return 1
}

# Runs the part; sets status, to 124 if it had to be ended.
run_session() {
    local end=$((SECONDS + limit)) ended=0
    setsid "$0" --inside >"$log" 2>&1 &
    session=$!
    while kill -0 $session 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.3; done
    ! kill -0 $session 2>/dev/null || ended=1
    [ -z "$(session_processes $session)" ] || echo "gpu_check: ending what the part has started and still runs" >>"$log"
    end_session $session || reason="processes $(session_processes $session | paste -sd ' ') cannot be ended"
    wait $session 2>/dev/null
    status=$?
    [ $ended = 0 ] || status=124
    [ -z "$reason" ] || status=1
    session=''
}

stop() {
    trap '' INT TERM HUP
    [ -z "$session" ] || end_session "$session"
    exit 130
}

# For tests/gpu/test.sh: a part that hangs in ways that timeout alone does not end. Each process says its number.
hang() {
    timeout 1000 bash -c 'echo "hangs: $$"; sleep 1000 & echo "hangs: $!"; wait' &
    bash -c 'trap "" TERM; echo "hangs: $$"; while :; do sleep 1; done' &
    timeout 1000 sleep 1000 &
    echo "hangs: $!"
    timeout 1000 bash -c 'echo "hangs: $$"; sleep 1000'
}

# ---- Running parts ----

parse_arguments() {
    parts=() out='' build='' dry=0
    while [ $# -gt 0 ]; do
        case $1 in
        --list) printf '%s\n' "${all_parts[@]}" && exit ;;
        --part) [[ " ${all_parts[*]} " == *" ${2:-none} "* ]] || usage
            parts+=("$2") && shift ;;
        --build) [ -n "${2:-}" ] || usage
            build=$2 && shift ;;
        --limit) [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
            limit=$2 && shift ;;
        --dry-run) dry=1 ;;
        -*) usage ;;
        *) [ -z "$out" ] || usage
            out=$1 ;;
        esac
        shift
    done
    [ -n "$out" ] || usage
    asked=${#parts[@]}
    [ "$asked" -gt 0 ] || parts=("${all_parts[@]}")
    [ -n "$build" ] || build=$([ $dry = 1 ] && echo build/gpu-dry || echo build/gpu)
    mkdir -p "$out" "$build" || exit 2
    out=$(cd "$out" && pwd) build=$(cd "$build" && pwd)
}

# Which GPU, which sources.
look_around() {
    architecture=90 label=''
    export CUSGD_MODULE_DIR=$build/lib OMP_WAIT_POLICY=passive
    if [ $dry = 1 ]; then
        gpu="none: the emulated one" driver=none label="DRY RUN: "
        CUSGD_MODULE_DIR=$build/emulated
    elif gpu=$(nvidia-smi --id=0 --query-gpu=name,memory.total,compute_cap --format=csv,noheader 2>&1) && [[ $gpu == *,*,* ]]; then
        driver=$(nvidia-smi --id=0 --query-gpu=driver_version --format=csv,noheader)
        architecture=$(tr -dc '0-9' <<<"${gpu##*,}")
    else
        echo "gpu_check: nvidia-smi shows no GPU here (--dry-run tries the script without one): $gpu" >&2
        exit 3
    fi
    cuda=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    commit=${GPU_CHECK_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
    [ -n "${GPU_CHECK_COMMIT:-}" ] || [ -z "$(git status --porcelain 2>/dev/null)" ] || commit=$commit-changed
    when=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

part_json() {
    printf '{"part": "%s", "verdict": "%s", "why": %s, "seconds": %d,\n' "$part" "$verdict" "$(json_text "$reason")" "$1"
    printf ' "dry_run": %s, "date": "%s", "gpu": %s, ' "$([ $dry = 1 ] && echo true || echo false)" "$when" "$(json_text "$gpu")"
    printf '"driver": %s, "cuda": "%s", "commit": "%s",\n "result": ' "$(json_text "$driver")" "$cuda" "$commit"
    if [ -s "$work/$part.result" ]; then cat "$work/$part.result"; else echo null; fi
    echo '}'
}

run_parts() {
    local start status line
    verdicts='' failed='' missed=''
    for part in "${parts[@]}"; do
        start=$SECONDS log=$out/$part.log verdict=pass reason=''
        export part log work build dry architecture
        if [[ "$failed " == *" build "* ]]; then # what an earlier build left proves nothing
            echo "the build failed" | tee "$work/$part.why" >"$log"
            status=$not_run
        else
            run_session
        fi
        [ -n "$reason" ] || [ ! -e "$work/$part.why" ] || reason=$(<"$work/$part.why")
        case $status in
        0) ;;
        "$not_run") verdict="not run" missed+=" $part" ;;
        124 | 137) verdict=FAILED failed+=" $part" reason="stopped after $limit s" ;;
        *) verdict=FAILED failed+=" $part" reason=${reason:-status $status, see $part.log} ;;
        esac
        line=$(printf '%-7s %4d s  %s%s' "$verdict" $((SECONDS - start)) "$part" "${reason:+: $reason}")
        verdicts+=$line$'\n'
        echo "$label$line"
        [ "$verdict" != FAILED ] || tail -n 15 "$log" | sed 's/^/    /'
        part_json $((SECONDS - start)) >"$out/$part.json"
    done
}

summary() {
    [ $dry = 0 ] || printf '%s\n\n' "DRY RUN on the emulated GPU, of the script alone: no figure here says anything of a GPU."
    printf '%-8s %s\n' date "$when" GPU "$gpu" driver "$driver" CUDA "${cuda:-no nvcc}" commit "$commit" host "$(nproc) cores"
    printf '\n%s' "$verdicts"
    for part in "${parts[@]}"; do
        [ ! -s "$work/$part.figures" ] || { printf '\n== %s%s\n' "$label" "$part" && cat "$work/$part.figures"; }
    done
    echo
    if [ -n "$failed$missed" ]; then
        echo "$label${failed:+FAILED:$failed}${missed:+${failed:+; }not run:$missed}"
    else
        echo "${label}PASS$([ "$asked" = 0 ] || echo " of ${parts[*]}")"
    fi
}

main() {
    if [ "${1:-}" = --inside ]; then
        bin=$build/bin test_jobs=4
        : >"$work/$part.lines"
        [ -z "${GPU_CHECK_TEST_HANG:-}" ] || hang
        "part_$part"
        return
    fi
    parse_arguments "$@"
    look_around
    work=$(mktemp -d) || exit 2
    session='' # of the part under way
    trap 'rm -rf "$work"' EXIT
    trap stop INT TERM HUP
    run_parts
    summary >"$out/summary.txt"
    tail -n 1 "$out/summary.txt"
    [ -z "$failed" ] && { [ -z "$missed" ] || [ $dry = 1 ]; }
}

{ main "$@"; exit; } # read in whole, so that the file may be edited meanwhile
