# Sourced by scripts/gpu_check.sh: what parts say, the summary and the archive.
# shellcheck shell=bash disable=SC2154 # the variables are gpu_check.sh's

# ---- Inside a part: $work/PART.why (a sentence), .figures (for the summary), .lines and .result (JSON) ----

why() { echo "$1" >"$work/$part.why"; }
skip_part() { why "$1" && exit "$not_run"; }
figures() { tee -a "$work/$part.figures"; }
json_text() { printf '"%s"' "$(tr '\n\t' '  ' <<<"$1" | tr -d '\000-\037' | sed 's/ *$//; s/\\/\\\\/g; s/"/\\"/g')"; }
json_array() { awk '/^\{.*\}$/ { printf "%s%s", n++ ? ",\n" : "[", $0 } END { print n ? "]" : "[]" }' "$@"; }
json_lines() { json_array "$work/$part.lines" >"$work/$part.result"; }

# ---- Outside ----

# Prints what the part under way has added to its figures since the last call.
show_figures() {
    local lines
    [ -s "$work/$part.figures" ] || return 0
    lines=$(wc -l <"$work/$part.figures")
    [ "$lines" -gt "$shown" ] || return 0
    tail -n +$((shown + 1)) "$work/$part.figures" | head -n $((lines - shown)) | sed "s/^/    $label/"
    shown=$lines
}

part_json() { # verdict, seconds
    printf '{"part": "%s", "verdict": "%s", "why": %s, "seconds": %d,\n' "$part" "$1" "$(json_text "$reason")" "$2"
    printf ' "dry_run": %s, "date": "%s", "gpu": %s, ' "$([ "$dry" = 1 ] && echo true || echo false)" "$when" "$(json_text "$gpu")"
    printf '"driver": %s, "cuda": "%s", "commit": "%s",\n "result": ' "$(json_text "$driver")" "$cuda" "$commit"
    if [ -s "$work/$part.result" ]; then cat "$work/$part.result"; else echo null; fi
    echo '}'
}

# A part has ended: verdict, seconds.
part_ended() {
    local line
    line=$(printf '%-7s %4d s  %s%s' "$1" "$2" "$part" "${reason:+: $reason}")
    verdicts+=$line$'\n'
    ended+=("$part")
    echo "$label$line"
    [ "$1" != FAILED ] || tail -n 15 "$log" | sed 's/^/    /'
    part_json "$1" "$2" >"$work/$part.json"
    summary_write
}

summary() {
    local name
    [ "$dry" = 0 ] || printf '%s\n\n' "DRY RUN on the emulated GPU, of the script alone: no figure here says anything of a GPU."
    printf '%-8s %s\n' date "$when" GPU "$gpu" driver "$driver" CUDA "${cuda:-no nvcc}" commit "$commit" host "$(nproc) cores" \
        programs "$programs_from"
    printf '\n%s' "$verdicts"
    for name in "${parts[@]}"; do
        [[ " ${ended[*]-} " == *" $name "* ]] || printf 'to come         %s\n' "$name"
    done
    for name in "${parts[@]}"; do
        [ ! -s "$work/$name.figures" ] || { printf '\n== %s%s\n' "$label" "$name" && cat "$work/$name.figures"; }
    done
    echo
    if [ ${#ended[@]} -lt ${#parts[@]} ]; then
        echo "${label}NOT FINISHED after $SECONDS of $budget s${failed:+; FAILED:$failed}${missed:+; not run:$missed}"
    elif [ -n "$failed$missed" ]; then
        echo "$label${failed:+FAILED:$failed}${missed:+${failed:+; }not run:$missed}"
    else
        echo "${label}PASS$([ "$asked" = 0 ] || echo " of ${parts[*]}")"
    fi
}

# Both files are whole at any moment: a machine may be taken away at any moment.
summary_write() {
    [ -n "${parts+set}" ] && [ -d "$work" ] || return 0
    summary >"$work/summary.txt"
    cp "$work/summary.txt" "$out/.summary" && mv "$out/.summary" "$out/summary.txt"
    (cd "$work" && find . -maxdepth 1 -type f ! -name '*.safetensors' -size -8M -printf '%f\0' |
        tar --null -czf "$out/.archive" --transform 's,^,gpu-check/,' -T - 2>/dev/null)
    [ $? -gt 1 ] || mv "$out/.archive" "$out/gpu-check.tar.gz" # 1: a log has grown meanwhile
}
