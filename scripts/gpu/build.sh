# Sourced by scripts/gpu_check.sh: where the programs come from. Sets programs (ready, building, none), programs_why, programs_from
# and, for what the parts run, bin, CUSGD_MODULE_DIR and the rest of the environment.
# shellcheck shell=bash disable=SC2034,SC2154 # the variables are gpu_check.sh's

targets=(cusgd-command gpu-steps test-interface-{data,state,losses,passes,steps,large,shards} test-training test-determinism test-repeat)

use_bundle() {
    local why_not
    if ! why_not=$("$bundle/run" --check 2>&1); then
        echo "gpu_check: the bundle does not run here: $why_not" | tee "$work/bundle.log" >&2
        return 1
    fi
    eval "$("$bundle/run" --environment)"
    bin=$bundle/bin programs=ready programs_from="bundle of $(sed -n 's/^commit *//p' "$bundle/MANIFEST")"
    export bin
}

use_build() {
    bin=$build/bin
    export bin CUSGD_MODULE_DIR=$build/lib CUSGD_COMMAND=$build/bin/cusgd
    [ "$dry" = 0 ] || CUSGD_MODULE_DIR=$build/emulated
}

find_programs() {
    programs=none programs_why="there are no programs: the build failed (build.log)" programs_from="build in $build"
    if [ -n "$bundle" ] && use_bundle; then return; fi
    use_build
    if [ -x "$bin/cusgd" ] && [ -x "$bin/gpu-steps" ] && [ -e "$CUSGD_MODULE_DIR/libcusgd-cuda.so" ]; then
        programs=ready
    else
        programs=building
        setsid "$0" --build-inside >"$work/build.log" 2>&1 &
        build_session=$!
    fi
}

await_build() {
    while kill -0 "$build_session" 2>/dev/null && [ "$(left)" -gt 0 ]; do sleep 0.3; done
    end_session "$build_session" || true
    wait "$build_session" 2>/dev/null && programs=ready
    build_session=''
    [ "$programs" = ready ] && return
    programs=none
    tail -n 15 "$work/build.log" | sed 's/^/    /'
}

build_programs() {
    local options=(-DCMAKE_BUILD_TYPE=Release -DCUSGD_TESTS=ON)
    # A machine with a GPU must have nvcc; a dry run takes what there is.
    [ "$dry" = 1 ] || options+=(-DCUSGD_CUDA=ON)
    options+=("-DCMAKE_CUDA_ARCHITECTURES=$architecture-real" -DCMAKE_CUDA_FLAGS=-lineinfo)
    command -v ninja >/dev/null && [ ! -e "$build/CMakeCache.txt" ] && options+=(-G Ninja)
    cmake -S . -B "$build" "${options[@]}" || return 1
    grep -q '^CMAKE_CUDA_COMPILER:[A-Z]*=/' "$build/CMakeCache.txt" && targets+=(cusgd-cuda gpu-probe gpu-planted)
    [ "$dry" = 0 ] || targets+=(cusgd-cuda-emulated gpu-probe-memory-emulated)
    cmake --build "$build" -j "$(nproc)" --target "${targets[@]}"
}
