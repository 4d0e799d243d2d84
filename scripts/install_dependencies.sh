#!/bin/bash
# Installs what building cuSGD needs and this machine lacks, from the distribution (Debian, Ubuntu); says nothing and does nothing
# where all is there. usage: install_dependencies.sh [--tests]
set -euo pipefail
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

missing() {
    have cc || echo gcc
    have make || echo make
    have cmake || echo cmake
    have pkg-config || echo pkgconf
    echo '#include <stdlib.h>' | cc -fsyntax-only -x c - 2>/dev/null || echo libc6-dev
    pkg-config --exists libcjson 2>/dev/null || echo libcjson-dev
    pkg-config --exists lapacke 2>/dev/null || echo liblapacke-dev
    pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
    pkg-config --exists libzstd 2>/dev/null || echo libzstd-dev
    if [ "${1:-}" = --tests ]; then
        pkg-config --exists criterion 2>/dev/null || echo libcriterion-dev
        pkg-config --exists hdf5 2>/dev/null || pkg-config --exists hdf5-serial 2>/dev/null || echo libhdf5-dev
        pkg-config --exists ompi-c 2>/dev/null || echo libopenmpi-dev
        pkg-config --exists mpich 2>/dev/null || echo libmpich-dev
        have mpirun.openmpi || echo openmpi-bin
        have mpirun.mpich || echo mpich
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
        echo "cuSGD needs a C compiler, make, CMake 3.24 or later, pkg-config, cJSON, LAPACKE, zlib, libzstd and, for the tests, Criterion and libhdf5." >&2
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

# NVIDIA's disassembler, which many CUDA toolkits leave out, for the lint of the machine code (tests/sass). Without it that part of
# the tests is not run, and says so: no reason to stop here.
if [ "${1:-}" = --tests ] && have python3 && PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin have nvcc &&
    ! tests/sass/lint.py --tools >/dev/null; then
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/cusgd/sass
    echo "installing nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm in $folder"
    if ! { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        'nvidia-cuda-cuobjdump>=13,<14' 'nvidia-cuda-nvdisasm>=13,<14' && tests/sass/lint.py --tools >/dev/null; } 2>&1; then
        echo "they could not be had: the lint of the machine code will not be run" >&2
        rm -rf "$folder"
    fi
fi

version=$(cmake --version | awk 'NR == 1 { print $3 }')
if [ "$(printf '%s\n' 3.24 "$version" | sort -V | head -n 1)" != 3.24 ]; then
    echo "CMake $version is too old: cuSGD needs 3.24 or later (https://cmake.org/download, or pip install cmake)." >&2
    exit 1
fi
