#!/bin/bash
# Makes a bundle for a machine that has a GPU but nothing to build with: the CUDA module, the command, gpu-probe, gpu-steps, the tests
# that scripts/gpu_check.sh runs, and the shared libraries that they need, but for glibc, GCC's own (libstdc++, libgcc_s) and
# CUDA's (cuBLAS, cuRAND), which must be there, in /usr/local/cuda or in pip's nvidia packages. No GPU is needed here; nvcc is.
#
# usage: gpu_bundle.sh [OUT]      OUT: a folder to be made anew (build/gpu-bundle); OUT.tar.gz is the same, packed
# ARCHITECTURES: compute capabilities ("80-real;90-real"). BUILD: where it is built (build/bundle).
# There: OUT/run PROGRAM ARGUMENT...   runs one of OUT/bin; OUT/run --check says what is missing; gpu_check.sh OUTDIR --bundle OUT
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/gpu-bundle}
build=${BUILD:-build/bundle}
architectures=${ARCHITECTURES:-80-real;90-real}
most=60 # MiB, unpacked and packed
programs=(cusgd gpu-probe gpu-steps gpu-planted test-interface-{data,state,losses,passes,steps,large,shards} test-training test-determinism test-repeat)
system='^(linux-vdso|ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util|stdc\+\+|gcc_s))\.so'
cuda='^lib(cublas|cublasLt|curand|cudart|nvrtc|nvJitLink)\.so'

if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    sed -n '/^# usage:/,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
[ ! -e "$out" ] || [ -f "$out/MANIFEST" ] || { echo "gpu_bundle: $out is there and is no bundle" >&2 && exit 1; }
command -v nvcc >/dev/null || [ ! -x /usr/local/cuda/bin/nvcc ] || PATH=$PATH:/usr/local/cuda/bin

# ---- Building ----

generator=()
[ -e "$build/CMakeCache.txt" ] || ! command -v ninja >/dev/null || generator=(-G Ninja)
cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DCUSGD_TESTS=ON -DCUSGD_CUDA=ON -DCMAKE_SKIP_RPATH=ON \
    "-DCMAKE_CUDA_ARCHITECTURES=$architectures" "-DCMAKE_CUDA_FLAGS=-lineinfo --compress-mode=size"
cmake --build "$build" -j "${JOBS:-$(nproc)}" --target cusgd-cuda cusgd-command "${programs[@]:1}"

# ---- Copying ----

rm -rf "$out" "$out.tar.gz"
mkdir -p "$out/bin" "$out/lib/cusgd" "$out/golden"
for program in "${programs[@]}"; do cp "$build/bin/$program" "$out/bin/"; done
cp "$build/lib/libcusgd-cuda.so" "$out/lib/cusgd/"
cp -r tests/golden/. "$out/golden/"

# The reference BLAS and LAPACK, of which the distribution may have another one in use, come first, wherever they are kept apart.
reference=$(printf '%s:' /usr/lib/*/lapack /usr/lib/*/blas)
# LAPACKE is opened at run time (host/lapack_library.c), so that no program names it.
lapacke=$(PATH=$PATH:/sbin ldconfig -p | awk '$1 == "liblapacke.so.3" && !found++ { print $NF }')
[ -n "$lapacke" ] || { echo "gpu_bundle: liblapacke.so.3 is not here (Debian: liblapacke)" >&2 && exit 1; }
cp -L "$lapacke" "$out/lib/"
objects=("$out"/bin/* "$out/lib/cusgd/libcusgd-cuda.so" "$build"/lib/libcusgd.so "$lapacke")
LD_LIBRARY_PATH=$build/lib:${reference%:} ldd "${objects[@]}" | awk '$2 == "=>" { print $1, $3 }' | sort -u >"$out/libraries"
while read -r name path; do
    [[ $name =~ $system ]] && continue
    if [[ $name =~ $cuda ]]; then
        echo "$name" >>"$out/needs"
        continue
    fi
    [ "$path" != not ] || { echo "gpu_bundle: $name is not here" >&2 && exit 1; }
    cp -L "$path" "$out/lib/$name"
done <"$out/libraries"
rm "$out/libraries"
find "$out/bin" "$out/lib" -type f -exec strip --strip-debug {} + # the kernels' line numbers stay: they are data to strip
if compgen -G "$out/lib/libopenblas*" >/dev/null; then
    echo "gpu_bundle: OpenBLAS came along: where are the reference BLAS and LAPACK (Debian: libblas3, liblapack3)?" >&2
    exit 1
fi

# ---- Saying what it is ----

cp scripts/gpu/bundle_run.sh "$out/run"
chmod +x "$out/run"
(cd "$out" && find bin lib golden run needs -type f -print0 | sort -z | xargs -0 sha256sum) >"$out/SHA256SUMS"
# version PREFIX: the newest symbol version that is asked of the system.
version() { find "$out/bin" "$out/lib" -type f -exec objdump -T {} + 2>/dev/null | grep -o "${1}_[0-9.]*" | sort -uV | tail -n 1 || true; }
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit=$commit-changed
# shellcheck disable=SC2046,SC2116 # words, of which some may be none
{
    printf '%-14s %s\n' commit "$commit" made "$(date -u +%Y-%m-%dT%H:%M:%SZ)" nvcc "$(nvcc --version | sed -n 's/.*, V//p')" \
        architectures "$architectures" compiler "$(cc --version | head -n 1)" \
        'asks for' "$(echo $(version GLIBC) $(version GLIBCXX) $(cat "$out/needs"))"
} >"$out/MANIFEST"
tar -czf "$out.tar.gz" -C "$(dirname "$out")" "$(basename "$out")"
unpacked=$(du -sm --apparent-size "$out" | cut -f1) packed=$(du -sm --apparent-size "$out.tar.gz" | cut -f1)
cat "$out/MANIFEST"
echo "$out: $unpacked MiB; $out.tar.gz: $packed MiB"
[ "$unpacked" -le $most ] || { echo "gpu_bundle: more than $most MiB" >&2 && exit 1; }
