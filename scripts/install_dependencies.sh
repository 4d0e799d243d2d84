#!/bin/bash
# Installs what building cuSGD needs and this machine lacks, from the distribution (Debian, Ubuntu); says nothing and does nothing
# where all is there. usage: install_dependencies.sh [--tests]
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

missing() {
    have cc || echo gcc
    have make || echo make
    have cmake || echo cmake
    have pkg-config || echo pkgconf
    echo '#include <stdlib.h>' | cc -fsyntax-only -x c - 2>/dev/null || echo libc6-dev
    pkg-config --exists libcjson 2>/dev/null || echo libcjson-dev
    pkg-config --exists lapacke 2>/dev/null || echo liblapacke-dev
    if [ "${1:-}" = --tests ]; then
        pkg-config --exists criterion 2>/dev/null || echo libcriterion-dev
        if [ -e "${CUDA_HOME:-/usr/local/cuda}/include/cublas_v2.h" ]; then # for the emulated GPU
            have c++ || echo g++
            pkg-config --exists openblas 2>/dev/null || echo libopenblas-dev
        fi
    fi
}

packages=$(missing "$@")
if [ -n "$packages" ]; then
    as_root=
    if [ "$(id -u)" != 0 ]; then
        have sudo && as_root=sudo
    fi
    if ! have apt-get || { [ -z "$as_root" ] && [ "$(id -u)" != 0 ]; }; then
        echo "cuSGD needs a C compiler with OpenMP, make, CMake 3.24 or later, pkg-config, cJSON, LAPACKE and, for the tests, Criterion." >&2
        echo "Here is missing (by Debian's names): "$packages >&2
        echo "To install it this script needs apt-get and root or sudo; please install it your way and start again." >&2
        exit 1
    fi
    echo "installing" $packages
    log=$(mktemp)
    if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "apt-get could not install:" $packages "(its whole output: $log)" >&2
        exit 1
    fi
    rm -f "$log"
fi

version=$(cmake --version | awk 'NR == 1 { print $3 }')
if [ "$(printf '%s\n' 3.24 "$version" | sort -V | head -n 1)" != 3.24 ]; then
    echo "CMake $version is too old: cuSGD needs 3.24 or later (https://cmake.org/download, or pip install cmake)." >&2
    exit 1
fi
