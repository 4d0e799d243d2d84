#!/bin/bash
# Proves a GPU: tries, checks and measures cuSGD on it, in the order that makes the first minutes worth most. OUTDIR gets summary.txt
# (its last line: PASS, or what did not), which is written anew after every part, and gpu-check.tar.gz, which has all logs and figures.
# A part that could not run is "not run", never a pass. No package registry is asked.
#
# usage: gpu_check.sh OUTDIR [--budget S] [--bundle DIR] [--build DIR] [--part NAME]... [--limit S] [--dry-run]
#        gpu_check.sh --list
#   --budget S    seconds for everything (540): a part has its share of them, or what is left, and is then ended with all it started
#   --bundle DIR  programs that scripts/gpu_bundle.sh made; without one that runs here they are built, meanwhile what needs none runs
#   --build DIR   where to build, or what is built already (build/gpu; build/gpu-dry)
#   --part NAME   that part alone; may repeat
#   --limit S     each part's share in place of its own
#   --dry-run     tries the script itself on the emulated GPU (tests/emulator) and small shapes: it says nothing of any GPU
# GPU_CHECK_COMMIT names the commit where there is no git. Exit status: 0 PASS, 1 something failed or was not run, 2 usage, 3 no GPU.
# In a dry run what needs a GPU may be not run. No part leaves a process behind, whether it ends, is ended, or the script is.
# shellcheck disable=SC2034 # the variables are for what is sourced
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
for file in build checks report session tests times; do
    # shellcheck source=/dev/null
    . "scripts/gpu/$file.sh"
done
# Seconds a part has at most. Those behind `peers` may have less than they need: they come last.
all_parts=(environment smoke bits probe steps profile check tests bench stream repeatability peers sanitizer)
declare -A share=([environment]=30 [smoke]=90 [bits]=90 [probe]=60 [steps]=75 [profile]=75 [check]=60 [tests]=120 [bench]=75 [stream]=60
    [repeatability]=60 [peers]=110 [sanitizer]=120 [build]=400)
timed="probe steps profile bench stream peers" # nothing else may use the GPU meanwhile
no_programs="peers"                     # may run while the programs are being built
budget=540
ending=8    # seconds of the budget in which the last part is ended and the archive written
not_run=77  # exit status of a part that could not run

usage() { sed -n '/^# usage:/,/^# GPU_/s/^# \{0,1\}//p' "scripts/gpu_check.sh" | grep -v '^GPU_' >&2 && exit 2; }

is_number() { [[ "${1:-}" =~ ^[1-9][0-9]*$ ]]; }

parse_arguments() {
    parts=() out='' build='' bundle='' limit='' dry=0
    while [ $# -gt 0 ]; do
        case $1 in
        --list) printf '%s\n' "${all_parts[@]}" && exit ;;
        --part) [[ " ${all_parts[*]} " == *" ${2:-none} "* ]] || usage
            parts+=("$2") && shift ;;
        --build | --bundle) [ -n "${2:-}" ] || usage
            [ "$1" = --build ] && build=$2 || bundle=$2
            shift ;;
        --budget | --limit) is_number "${2:-}" || usage
            [ "$1" = --limit ] && limit=$2 || budget=$2
            shift ;;
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
    [ -z "$bundle" ] || bundle=$(cd "$bundle" 2>/dev/null && pwd) || usage
}

# Which GPU, which sources.
look_around() {
    architecture=90 label=''
    if [ $dry = 1 ]; then
        gpu="none: the emulated one" driver=none label="DRY RUN: "
    elif gpu=$(nvidia-smi --id=0 --query-gpu=name,memory.total,compute_cap --format=csv,noheader 2>&1) && [[ $gpu == *,*,* ]]; then
        driver=$(nvidia-smi --id=0 --query-gpu=driver_version --format=csv,noheader)
        architecture=$(tr -dc '0-9' <<<"${gpu##*,}")
    else
        echo "gpu_check: nvidia-smi shows no GPU here (--dry-run tries the script without one): $gpu" >&2
        exit 3
    fi
    command -v nvcc >/dev/null || [ ! -x /usr/local/cuda/bin/nvcc ] || PATH=$PATH:/usr/local/cuda/bin
    cuda=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    commit=${GPU_CHECK_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
    [ -n "${GPU_CHECK_COMMIT:-}" ] || [ -z "$(git status --porcelain 2>/dev/null)" ] || commit=$commit-changed
    when=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

left() { echo $((budget - ending - SECONDS)); }

# Runs a part within its share of what is left, and says what came of it.
run_part() {
    local start=$SECONDS verdict=pass status=0 most=${limit:-${share[$1]}} rest
    part=$1 log=$work/$1.log reason=''
    rest=$(left)
    [ "$most" -le "$rest" ] || most=$rest
    export part log
    if [ "$rest" -lt 1 ]; then
        status=$not_run reason="the budget of $budget s is spent"
    elif [ "$programs" != ready ] && [[ " $no_programs " != *" $1 "* ]]; then
        status=$not_run reason=$programs_why
    else
        other_users
        run_session "$most"
    fi
    [ -n "$reason" ] || [ ! -e "$work/$part.why" ] || reason=$(<"$work/$part.why")
    case $status in
    0) reason='' ;;
    "$not_run") verdict="not run" missed+=" $part" ;;
    124 | 137) verdict=FAILED failed+=" $part" reason="stopped after $most s" ;;
    *) verdict=FAILED failed+=" $part" reason=${reason:-status $status, see $part.log} ;;
    esac
    part_ended "$verdict" $((SECONDS - start))
}

run_parts() {
    local later=() name
    # While a build goes on, what needs no program runs.
    for name in "${parts[@]}"; do
        if [ "$programs" = building ] && [[ " $no_programs " == *" $name "* ]]; then run_part "$name"; else later+=("$name"); fi
    done
    [ "$programs" != building ] || await_build
    for name in "${later[@]}"; do run_part "$name"; done
}

main() {
    if [ "${1:-}" = --build-inside ]; then
        build_programs
        return
    fi
    if [ "${1:-}" = --inside ]; then
        test_jobs=4
        : >"$work/$part.lines"
        [ "${GPU_CHECK_TEST_HANG:-}" != "$part" ] || hang
        "part_$part"
        return
    fi
    parse_arguments "$@"
    look_around
    work=$(mktemp -d) || exit 2
    verdicts='' failed='' missed='' ended=() programs=none programs_why='' programs_from=none
    session='' build_session='' # of the part under way; of a build in the background
    trap 'rm -rf "$work"' EXIT
    trap stop INT TERM HUP
    dry_device=$([ $dry = 1 ] && echo "${GPU_CHECK_DRY_DEVICE:-cuda}" || echo cuda) # cpu where the emulated GPU takes too long
    export work build bundle dry dry_device architecture not_run OMP_WAIT_POLICY=passive
    find_programs
    run_parts
    summary_write
    tail -n 1 "$out/summary.txt"
    [ -z "$failed" ] && { [ -z "$missed" ] || [ $dry = 1 ]; }
}

{ main "$@"; exit; } # read in whole, so that the file may be edited meanwhile
