#!/bin/bash
# Runs a program of the bundle that this file lies in, with the libraries that came along, and CUDA's where they are found.
# usage: run PROGRAM ARGUMENT...   run --check        whether all libraries are found and all files are whole
#                                  run --environment  what it sets, for a shell to evaluate
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Folders that have one of CUDA's libraries that are needed.
cuda_folders() {
    local folder name wheels=''
    ! command -v python3 >/dev/null || wheels=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null)
    for folder in ${CUDA_HOME:+"$CUDA_HOME/lib64"} /usr/local/cuda/lib64 /usr/local/cuda/targets/*/lib /usr/local/cuda-*/lib64 \
        ${wheels:+"$wheels"/*/lib}; do
        while read -r name; do
            [ ! -e "$folder/$name" ] || { printf ':%s' "$folder" && break; }
        done <"$here/needs"
    done
}

set_environment() {
    export LD_LIBRARY_PATH
    LD_LIBRARY_PATH=$here/lib$(cuda_folders)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export CUSGD_MODULE_DIR=$here/lib/cusgd CUSGD_COMMAND=$here/bin/cusgd CUSGD_TEST_GOLDEN=$here/golden
}

check() {
    local missing
    (cd "$here" && sha256sum --quiet -c SHA256SUMS) || return 1
    missing=$(ldd "$here"/bin/* "$here/lib/cusgd/libcusgd-cuda.so" 2>&1 | grep -oE '[^[:space:]]+ => not found|.*version .* not found.*' | sort -u)
    [ -z "$missing" ] || { echo "$missing" && return 1; }
    "$here/bin/cusgd" --version
}

set_environment
case ${1:-} in
--check) check ;;
--environment)
    for name in LD_LIBRARY_PATH CUSGD_MODULE_DIR CUSGD_COMMAND CUSGD_TEST_GOLDEN; do printf 'export %s=%q\n' $name "${!name}"; done
    ;;
'' | -*) sed -n 's/^# \(usage:.*\)/\1/p' "$0" >&2 && exit 2 ;;
*) exec "$here/bin/$1" "${@:2}" ;;
esac
