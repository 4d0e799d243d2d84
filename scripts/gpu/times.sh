# Sourced by scripts/gpu_check.sh: what takes how long.
# shellcheck shell=bash disable=SC2154,SC2317 # the variables are gpu_check.sh's; parts are called by name

# ---- probe: what the predicted times assume ----

part_probe() {
    local status
    [ "$dry" = 0 ] || dry_probe
    "$bin/gpu-probe" --json "$work/$part.result" 2>"$work/probe.error" | figures
    status=${PIPESTATUS[0]}
    cat "$work/probe.error"
    [ "$status" = 0 ] || { why "$(head -n 1 "$work/probe.error")" && return 1; }
}

# The parts of the probe that can be emulated; the real one must say that it sees no GPU.
dry_probe() {
    "$bin/gpu-probe-memory-emulated" --small --json "$work/$part.result" | figures
    [ "${PIPESTATUS[0]}" = 0 ] || exit 1
    [ -x "$bin/gpu-probe" ] || skip_part "no nvcc, so that the probe is not built; its emulated parts ran"
    CUDA_VISIBLE_DEVICES='' "$bin/gpu-probe"
    [ $? = 3 ] || { why "without a GPU the probe does not say so" && exit 1; }
    skip_part "needs a GPU; the probe says so, and its emulated parts ran"
}

# ---- steps: training steps inside a long run, at the shapes of tests/gpu/PREDICTED.md ----

part_steps() {
    local bad=0 options update
    run_steps() {
        "$bin/gpu-steps" --json "$work/$part.lines" "$@" | figures
        [ "${PIPESTATUS[0]}" = 0 ] || bad=1
        json_lines
    }
    if [ "$dry" = 1 ]; then
        run_steps --device "$dry_device" --shapes 32x16,300x10 --bytes 30000 --steps 4 --repeats 2 --storages full,bf16
        run_steps --device "$dry_device" --shapes 300x20 --bytes 30000 --steps 4 --repeats 2 --stored 12 --engines auto --samplings batches --update lazy
    else
        # What may hang stands last.
        run_steps --engines auto,fused,cublas --repeats 7
        run_steps --engines fused --storages bf16 --repeats 5 --shapes 32x65536,256x65536,1024x4096,16384x1024
        run_steps --engines auto --samplings permute --repeats 5 --shapes 32x4096,256x65536,16384x1024
        echo "sparse rows of 61 values:" | figures
        run_steps --stored 61 --engines auto --samplings batches --repeats 5 --bytes 200000000 --shapes 50000x256,50000x4096,1000000x4096
        for update in dense lazy; do
            echo "sparse rows of 61 values, FTRL with an average and l2, $update updates:" | figures
            run_steps --stored 61 --update $update --engines auto --samplings batches --repeats 5 --bytes 200000000 --shapes 50000x256,1000000x256
        done
        echo "without early kernels:" | figures
        CUSGD_CUDA_EARLY=0 run_steps --engines fused --repeats 5 --shapes 32x4096,256x65536,1024x4096
        run_steps --engines persistent --repeats 5 --shapes 32x256,32x4096,32x65536,256x1024
    fi
    [ $bad = 0 ] || why "gpu-steps failed"
    return $bad
}

# ---- profile: one launch of each kernel that matters, by Nsight Compute ----

# kernel, how many launches to pass over, shape, engine, steps
profile_cases() {
    if [ "$dry" = 1 ]; then
        echo "fused_kernel 1 32x16 fused 2"
    else
        printf '%s\n' "fused_kernel 3 32x65536 fused 8" "fused_kernel 3 256x65536 fused 8" "fused_update_kernel 3 256x65536 fused 8" \
            "cluster_kernel 3 16384x1024 fused 8" "persistent_kernel 0 32x4096 persistent 200" "loss_kernel 3 256x65536 cublas 8" \
            "gemv 6 256x65536 cublas 8"
    fi
}

part_profile() {
    local bad=0 kernel skip shape engine steps stub='' number=0 file
    if [ "$dry" = 1 ]; then
        make_stub ncu '--set | --clock-control | --target-processes | --kernel-name | --launch-skip | --launch-count | --import-source | --source-folders | --export'
        stub=1
    elif ! command -v ncu >/dev/null; then
        skip_part "there is no ncu here"
    fi
    # Launched one by one: what ncu watches is a kernel, not a graph.
    export CUSGD_CUDA_GRAPH=0
    while read -r kernel skip shape engine steps; do
        file=$work/ncu-$((++number))-$kernel
        timeout --kill-after 3 40 ncu --set basic --clock-control none --target-processes all --kernel-name "regex:$kernel" \
            --launch-skip "$skip" --launch-count 1 --import-source yes --source-folders "$PWD" --export "$file" \
            "$bin/gpu-steps" --device "$dry_device" --shapes "$shape" --engines "$engine" --bytes 300000000 --steps "$steps" --repeats 0 ||
            bad=1
        [ -z "$stub" ] || continue
        [ -e "$work/ncu-1-fused_kernel.ncu-rep" ] || skip_part "ncu cannot profile here: $(grep -m 1 '==ERROR==' "$log")"
        timeout 20 ncu --import "$file.ncu-rep" --page details >"$file.txt" 2>&1 || bad=1
        cat "$file.txt"
        echo "$kernel, $shape, $engine: $(awk '/ Duration | DRAM Throughput | Memory Throughput  +%| Compute \(SM\) Throughput | Registers Per Thread | Achieved Occupancy / {
            n = $NF; unit = $(NF - 1); $NF = $(NF - 1) = ""; sub(/ +$/, ""); sub(/^ +/, ""); printf "%s %s %s; ", $0, n, unit }' "$file.txt")" | figures
    done < <(profile_cases)
    [ $bad = 0 ] || { why "ncu failed; see profile.log" && return 1; }
    [ -z "$stub" ] || skip_part "a stub stood for ncu: its command line was tried, nothing was measured"
}

# ---- bench: steps as users see them, by the command ----

# Shape and batches, a line each: x exceeds the L2 cache.
bench_cases() {
    if [ "$dry" = 1 ]; then
        echo 600x5 30,60
    else
        printf '%s\n' "4000000x32 256,4096,65536" "1000000x256 1024,65536" "262144x1024 4096" "16384x16384 1024"
    fi
}

# Of JSON lines: a row for each shape and batch, microseconds per step in a column for each way.
bench_table() {
    awk '
        function field(key,    v) { # v is local
            if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
            v = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4); gsub(/^"|"$/, "", v); return v
        }
        function column(name) { if (!(name in number)) { number[name] = ++columns; names[columns] = name } return number[name] }
        /"step_seconds"/ { c = column(field("sampling") " " field("engine") (field("storage") == "bf16" ? " bf16" : "")); us = field("step_seconds") * 1e6 }
        /"peer"/ { c = column(field("peer")); us = field("median"); if (field("why") != "") reason[field("peer") ": " field("why")] }
        /"step_seconds"|"peer"/ {
            if (field("rows") == "") next
            key = sprintf("%12s x %-6s %7s", field("rows"), field("cols"), field("batch"))
            if (!(key in seen)) { seen[key]; keys[++rows] = key }
            if (us != "") value[key, c] = us
        }
        END {
            printf "%-29s", "us per step: rows x cols, batch"
            for (c = 1; c <= columns; c++) printf " %20s", names[c]
            print ""
            for (r = 1; r <= rows; r++) {
                printf "%-29s", keys[r]
                for (c = 1; c <= columns; c++) printf " %20s", (keys[r], c) in value ? sprintf("%.4g", value[keys[r], c]) : "-"
                print ""
            }
            for (text in reason) print text
        }' "$@"
}

part_bench() {
    local shape batches kind bad=0 kinds=("--engine auto,cublas" "--storage bf16") options=(--sampling "none,permute" --precision float --json)
    [ "$dry" = 0 ] || kinds=("--storage full,bf16") options+=(--seconds 0 --epochs 1 --fits)
    while read -r shape batches; do
        for kind in "${kinds[@]}"; do
            # shellcheck disable=SC2086 # several options
            timeout --kill-after 5 60 "$bin/cusgd" bench --shapes "$shape" --batch "$batches" --device "$dry_device" $kind "${options[@]}" \
                >>"$work/$part.lines" || bad=1
        done
        json_lines # after each shape: a part that is stopped has shown what it had
        { grep -s '^NOTE' "$work/$part.figures" || true; } >"$work/table"
        bench_table "$work/$part.lines" >>"$work/table"
        mv "$work/table" "$work/$part.figures"
    done < <(bench_cases)
    cat "$work/$part.lines"
    [ $bad = 0 ] || why "cusgd bench failed"
    return $bad
}

# ---- stream: an epoch of rows that are sent to the GPU while it takes steps, and of pages that stay there ----

# seconds_of NAME EPOCHS OPTION...: of a run's epochs, without the passes before them.
seconds_of() {
    timeout --kill-after 5 60 "$bin/cusgd" train "$work/stream" --device "$dry_device" --quiet --sampling pages --optimizer adam --rate 0.01 \
        --evaluate-every end --epochs "$2" --history "$work/history" --model "$work/$1.safetensors" "${@:3}" || return 1
    tail -n 1 "$work/history" | sed 's/.*"seconds": \([0-9.e+-]*\).*/\1/'
}

stream_case() { # name, MB that may stay on the GPU ("": all that is free), options
    local few many
    export CUSGD_CUDA_PAGES=${2:+${2}000000}
    few=$(seconds_of few 1 "${@:3}") && many=$(seconds_of "$1" "$epochs" "${@:3}") || return 1
    cmp "$work/resident.safetensors" "$work/$1.safetensors" || return 1
    awk -v name="$1" -v mb="$megabytes" -v few="$few" -v many="$many" -v epochs="$epochs" 'BEGIN {
        each = (many - few) / (epochs - 1)
        printf "%-10s %8.4f s for the first epoch, %8.4f s for each of the others, %6.0f MB/s\n", name, few, each, (each > 0 ? mb / each : 0) }' | figures
    printf '{"stream": "%s", "megabytes": %d, "first": %s, "all": %s, "epochs": %d}\n' "$1" "$megabytes" "$few" "$many" "$epochs" \
        >>"$work/$part.lines"
}

part_stream() {
    local bad=0 rows=2000000 cols=256 options=(--batch 4096) memory=500M epochs=6 megabytes
    [ "$dry" = 1 ] && rows=120000 cols=64 options=(--batch 3000) memory=30M epochs=2
    megabytes=$((rows * cols * 4 / 1000000))
    generated stream --rows $rows --cols $cols || return 1
    stream_case resident '' "${options[@]}" || bad=1
    stream_case sent 0 "${options[@]}" --memory $memory || bad=1
    stream_case half $((megabytes / 2)) "${options[@]}" --memory $memory || bad=1
    stream_case kept '' "${options[@]}" --memory $memory || bad=1
    json_lines
    [ $bad = 0 ] || why "a streamed run failed, or has other bits than one whose rows are all on the GPU"
    return $bad
}

# ---- peers: the same steps by PyTorch, JAX and CuPy, in one process ----

part_peers() {
    local options=(--cases "4000000x32:256,65536" 500000x256:65536 131072x1024:4096 --seconds 2 --budget 95)
    [ "$dry" = 1 ] && options=(--cases "600x5:30,60" --seconds 1 --budget 10 --cpu --repeats 3)
    command -v python3 >/dev/null || skip_part "there is no python3 here"
    # Without the libraries of the bundle, which are not theirs.
    env -u LD_LIBRARY_PATH XLA_PYTHON_CLIENT_PREALLOCATE=false python3 scripts/gpu_peers.py "${options[@]}" | tee "$work/$part.lines"
    local status=${PIPESTATUS[0]}
    json_lines
    bench_table "$work/$part.lines" | figures
    [ "$status" = 0 ] || { why "gpu_peers.py failed" && return 1; }
    grep -q '"median"' "$work/$part.lines" || skip_part "no peer is installed here"
}
