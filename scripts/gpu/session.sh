# Sourced by scripts/gpu_check.sh: the processes of a part.
# shellcheck shell=bash disable=SC2034,SC2154 # the variables are gpu_check.sh's

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

# Ends session $1: TERM, and KILL for what still runs after 3 s. Fails if something survives that.
end_session() {
    local begun=$SECONDS signal=TERM pids
    while [ $((SECONDS - begun)) -lt 12 ]; do
        mapfile -t pids < <(session_processes "$1")
        [ ${#pids[@]} -gt 0 ] || return 0
        [ $((SECONDS - begun)) -lt 3 ] || signal=KILL
        [ -z "$signal" ] || kill -$signal "${pids[@]}" 2>/dev/null
        [ "$signal" = KILL ] || signal='' # TERM once
        sleep 0.1
    done
    return 1
}

# Runs the part for at most $1 seconds; sets status, to 124 if it had to be ended.
run_session() {
    local end=$((SECONDS + $1)) ended_here=0 shown=0
    setsid "$0" --inside >"$log" 2>&1 &
    session=$!
    while kill -0 $session 2>/dev/null && [ $SECONDS -lt $end ]; do
        sleep 0.3
        show_figures
    done
    ! kill -0 $session 2>/dev/null || ended_here=1
    [ -z "$(session_processes $session)" ] || echo "gpu_check: ending what the part has started and still runs" >>"$log"
    end_session $session || reason="processes $(session_processes $session | paste -sd ' ') cannot be ended"
    wait $session 2>/dev/null
    status=$?
    show_figures
    [ $ended_here = 0 ] || status=124
    [ -z "$reason" ] || status=1
    session=''
}

stop() {
    trap '' INT TERM HUP
    for one in $session $build_session; do end_session "$one"; done
    summary_write
    exit 130
}

# Before a part that measures: who else computes on the GPU. What this script started is ended by now.
other_users() {
    local users
    [ "$dry" = 0 ] && [[ " $timed " == *" $part "* ]] || return 0
    users=$(nvidia-smi --query-compute-apps=pid,process_name,used_memory --format=csv,noheader 2>/dev/null | grep '[0-9]') || return 0
    echo "NOTE others use the GPU: ${users//$'\n'/; }: the times below are not to be trusted" >>"$work/$part.figures"
}

# For tests/gpu/test.sh: a part that hangs in ways that timeout alone does not end. Each process says its number.
hang() {
    timeout 1000 bash -c 'echo "hangs: $$"; sleep 1000 & echo "hangs: $!"; wait' &
    bash -c 'trap "" TERM; echo "hangs: $$"; while :; do sleep 1; done' &
    timeout 1000 sleep 1000 &
    echo "hangs: $!"
    timeout 1000 bash -c 'echo "hangs: $$"; sleep 1000'
}
