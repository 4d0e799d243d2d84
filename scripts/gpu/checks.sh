# Sourced by scripts/gpu_check.sh: whether anything runs, and whether it computes the same.
# shellcheck shell=bash disable=SC2154,SC2317 # the variables are gpu_check.sh's; parts are called by name

# ---- environment: what is here ----

part_environment() {
    local bad=0
    uname -a
    grep -m 1 'model name' /proc/cpuinfo
    if [ "$dry" = 0 ]; then
        nvidia-smi
        nvidia-smi -q -d CLOCK,PERFORMANCE,ECC,COMPUTE 2>&1 | head -n 80
        nvidia-smi --id=0 --query-gpu=clocks.sm,clocks.mem,clocks.max.sm,temperature.gpu,power.draw --format=csv | figures
        timeout 20 "$bin/gpu-probe" --properties | figures
        [ "${PIPESTATUS[0]}" = 0 ] || bad=1
    fi
    command -v ncu compute-sanitizer nvcc python3 | figures
    ldd "$bin/cusgd" "$CUSGD_MODULE_DIR/libcusgd-cuda.so"
    ldd "$CUSGD_MODULE_DIR/libcusgd-cuda.so" | grep 'not found' | figures && bad=1
    "$bin/cusgd" --version | figures
    timeout 20 "$bin/cusgd" devices >"$work/devices"
    figures <"$work/devices"
    grep -q '^cuda:0' "$work/devices" || bad=1
    [ $bad = 0 ] || why "the module's libraries, the probe or the device is missing"
    return $bad
}

# ---- Training, for the parts below ----

# generated NAME OPTION...: synthetic data, once.
generated() { [ -d "$work/$1" ] || timeout 60 "$bin/cusgd" generate "$work/$1" "${@:2}"; }

train() { "$bin/cusgd" train "$work/$1" --device cuda --quiet "${@:3}" --model "$work/$2.safetensors"; }

# ---- smoke: each engine once; a hang costs 20 s, and the one that may hang comes last ----

smoke_case() { # name, data, engine
    local start=$SECONDS status
    CUSGD_CUDA_TRACE=1 timeout --kill-after 2 20 "$bin/cusgd" train "$work/$2" --device cuda --engine "$3" --epochs 2 --batch 64 \
        --optimizer adam --model "$work/smoke.safetensors" >"$work/smoke.out" 2>&1
    status=$?
    cat "$work/smoke.out"
    printf '%-7s %4d s  %s\n' "$([ $status = 0 ] && echo runs || echo FAILED)" $((SECONDS - start)) \
        "$1$([ $status = 0 ] || echo ": status $status: $(grep -v '^cusgd-cuda ' "$work/smoke.out" | tail -n 1)")" | figures
    return $status # 4 where a loss is not finite
}

part_smoke() {
    local bad=0 rows=2000 long=8192
    [ "$dry" = 1 ] && rows=200 long=4200
    generated short --rows $rows --cols 32 || return 1
    generated long --rows 128 --cols $long || return 1
    smoke_case "engine cublas" short cublas || bad=1
    smoke_case "engine fused" short fused || bad=1
    smoke_case "engine fused, rows of $long shared by clusters" long fused || bad=1
    smoke_case "engine persistent" short persistent || bad=1
    [ $bad = 0 ] || why "an engine does not run"
    return $bad
}

# ---- bits: the ways of one run that must give equal models; an error of a barrier, an early kernel or a cache shows here alone ----

# rows x columns, batch, epochs: 2000 steps and more, in epochs of at least 16, so that there are graphs (host/cuda/step.c).
bits_shapes() {
    if [ "$dry" = 1 ]; then
        echo "300 5 15 2"
        echo "40 4200 10 1"
    else
        printf '%s\n' "100000 32 256 6" "200000 32 4096 41" "60000 256 1024 34" "80000 1024 4096 100" "4096 16384 256 125"
    fi
}

# Trains in one way, three times at once (in a dry run once): models NAME-1 .. NAME-3. 9: the engine refuses the run.
bits_train() { # name, setting of the environment, engine, then options
    local i pids=() status=0 one
    for i in $repeats; do
        env "$2" timeout --kill-after 2 60 "$bin/cusgd" train "$work/bits" --device cuda --quiet --engine "$3" --optimizer adam \
            "${@:4}" --model "$work/$1-$i.safetensors" >"$work/$1-$i.out" 2>&1 &
        pids+=($!)
    done
    for one in "${pids[@]}"; do wait "$one" || status=$?; done
    cat "$work/$1"-*.out
    [ "$3" = persistent ] && grep -q 'engine persistent takes no run' "$work/$1-1.out" && return 9
    return $status
}

# A model's numbers: what stands behind the header (8 bytes of its length, then JSON), which names the engine.
model_numbers() { tail -c +$(($(od -An -t u8 -N 8 "$1") + 9)) "$1"; }

bits_way() { # name, setting, engine, reference, then options; sets bad
    local i text='' status=0
    bits_train "$1" "$2" "$3" "${@:5}" || status=$?
    if [ $status = 9 ]; then
        text="not run: $(tail -n 1 "$work/$1-1.out")"
    elif [ $status != 0 ]; then
        text="FAILED, status $status: $(tail -n 1 "$work/$1-1.out")" bad=1
    else
        for i in $repeats; do
            cmp <(model_numbers "$work/$4-1.safetensors") <(model_numbers "$work/$1-$i.safetensors") || { text+=" DIFFERS in repeat $i" bad=1; }
        done
    fi
    printf '%-10s %s\n' "$1" "${text:-equal in $(wc -w <<<"$repeats")}" | figures
    printf '{"shape": "%s x %s, batch %s", "way": "%s", "result": %s}\n' "$rows" "$cols" "$batch" "$1" "$(json_text "${text:-equal}")" \
        >>"$work/$part.lines"
}

# Rows that the GPU makes are the CPU's.
bits_rows() {
    local text=equal
    rm -rf "$work/bits-there"
    timeout 60 "$bin/cusgd" generate "$work/bits-there" --rows "$rows" --cols "$cols" --device cuda 2>&1 &&
        cmp "$work/bits/x.npy" "$work/bits-there/x.npy" && cmp "$work/bits/y.npy" "$work/bits-there/y.npy" || text=DIFFERS
    rm -rf "$work/bits-there"
    printf '%-10s %s\n' generate "$text" | figures
    [ $text = equal ]
}

part_bits() {
    local bad=0 rows cols batch epochs repeats="1 2 3" options clusters
    [ "$dry" = 1 ] && repeats=1
    while read -r rows cols batch epochs; do
        echo "$rows x $cols, batch $batch, $epochs epochs" | figures
        rm -rf "$work/bits"
        generated bits --rows "$rows" --cols "$cols" || { bad=1 && continue; }
        options=(--batch "$batch" --epochs "$epochs")
        # Rows of more than 16 KB are added up in another order without clusters: those runs equal each other alone.
        clusters=fused
        [ "$cols" -le 4096 ] || clusters=no-cluster
        bits_way fused CUSGD_CUDA_TRACE=0 fused fused "${options[@]}"
        bits_way late CUSGD_CUDA_EARLY=0 fused fused "${options[@]}"
        bits_way no-graph CUSGD_CUDA_GRAPH=0 fused fused "${options[@]}"
        bits_way no-cluster CUSGD_CUDA_CLUSTERS=0 fused $clusters "${options[@]}"
        bits_way persistent CUSGD_CUDA_TRACE=0 persistent fused "${options[@]}"
        bits_way cublas CUSGD_CUDA_TRACE=0 cublas cublas "${options[@]}"
        bits_way shards CUSGD_CUDA_TRACE=0 fused shards "${options[@]}" --shards 3
        bits_way no-graph-s CUSGD_CUDA_GRAPH=0 fused shards "${options[@]}" --shards 3
        bits_rows || bad=1
        json_lines
    done < <(bits_shapes)
    [ $bad = 0 ] || why "runs that must be equal differ, or fail"
    return $bad
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
    [ "$dry" = 1 ] && options=(--rows 300 --cols 5)
    "$bin/cusgd" check "${options[@]}" --device cuda --json >"$work/$part.result"
    status=$?
    [ $status != 0 ] || "$bin/cusgd" check --rows 300 --cols 5 --loss-expr 'log(1 + (p - y)^2)' --device cuda --json >>"$work/$part.result"
    status=$((status + $?))
    cat "$work/$part.result"
    case $status in
    0) check_table "$work/$part.result" | figures ;;
    5) why "cusgd check says FAIL" && return 1 ;;
    *) why "cusgd check ended with status $status" && return 1 ;;
    esac
}

# ---- repeatability: five equal runs, two of them next to another, give equal files; another seed another file ----

meanwhile() { while :; do train first "meanwhile-$1" --epochs 3 --seed "$1" || exit 1; done; }

repeat_case() {
    local data=$1 i other='' bad=0
    shift
    for i in 1 2 3 4 5; do
        if [ $i = 4 ]; then
            meanwhile 1 &
            other=$!
        fi
        train "$data" "run-$i" "$@" && cmp "$work/run-1.safetensors" "$work/run-$i.safetensors" || bad=1
    done
    kill "$other" 2>/dev/null || { echo "the other run failed" && bad=1; }
    wait "$other" 2>/dev/null
    train "$data" other "$@" --seed 7 || bad=1
    cmp -s "$work/run-1.safetensors" "$work/other.safetensors" && echo "another seed gives the same file" && bad=1
    printf '%-7s %s %s\n' "$([ $bad = 0 ] && echo same || echo DIFFERS)" "$data" "$*" | figures
    printf '{"data": "%s", "options": "%s", "same": %s}\n' "$data" "$*" "$([ $bad = 0 ] && echo true || echo false)" >>"$work/$part.lines"
    return $bad
}

part_repeatability() {
    local bad=0 first=(--rows 200000 --cols 32) second=(--rows 20000 --cols 300) batch=1000
    [ "$dry" = 1 ] && first=(--rows 300 --cols 5) second=(--rows 200 --cols 9) batch=40
    generated first "${first[@]}" && generated second "${second[@]}" --outputs 3 || return 1
    repeat_case first --epochs 3 --optimizer adam --batch $batch --sampling replace --precision double || bad=1
    repeat_case second --epochs 3 --optimizer momentum --batch $batch --sampling blocks --average || bad=1
    json_lines
    [ $bad = 0 ] || why "equal runs differ, or a run failed"
    return $bad
}
