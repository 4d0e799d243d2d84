#!/bin/bash
# Tries a bundle of scripts/gpu_bundle.sh where nothing is installed: in a fresh Ubuntu 24.04, or in another Debian or Ubuntu. All
# libraries but CUDA's must be found there, the command must train on the CPU, and the tests must run.
# usage: try_bundle.sh BUNDLE [SUITE [MIRROR]]     SUITE, MIRROR: as debootstrap has them (noble, http://archive.ubuntu.com/ubuntu)
# ROOT: a folder to be made and removed. Needs root (chroot, mount), debootstrap and the network; 0.5 GB of disk.
set -euo pipefail
bundle=$(cd "${1:?usage: try_bundle.sh BUNDLE [SUITE [MIRROR]]}" && pwd)
suite=${2:-noble} mirror=${3:-http://archive.ubuntu.com/ubuntu}
root=${ROOT:-${TMPDIR:-/tmp}/cusgd-bundle.$$}
[ "$(id -u)" = 0 ] || { echo "try_bundle: run it as root" >&2 && exit 1; }
command -v debootstrap >/dev/null || { echo "try_bundle needs debootstrap: apt-get install debootstrap" >&2 && exit 1; }
[ ! -e "$root" ] || { echo "$root exists: name a folder that does not" >&2 && exit 1; }

leave() {
    for mount in proc dev/shm; do ! mountpoint -q "$root/$mount" || umount "$root/$mount" || return; done
    rm -rf --one-file-system "$root"
}
trap leave EXIT
# An Ubuntu newer than this machine's debootstrap is made like any other; without Ubuntu's keys nothing is verified: it is thrown away.
script=()
[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=(gutsy)
keys=()
[[ $mirror != *ubuntu* ]] || [ -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ] || keys=(--no-check-gpg)
debootstrap --variant=minbase "${keys[@]}" "$suite" "$root" "$mirror" "${script[@]}" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2 && exit 1; }
rm "$root.log"
mkdir -p "$root/dev/shm"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" # Criterion's
cp -r "$bundle" "$root/opt/bundle"

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root LANG=C.UTF-8 bash -euo pipefail -c "cd /tmp && $1"; }
inside 'grep PRETTY_NAME /etc/os-release'
missing=$(inside '/opt/bundle/run --check' | sed 's/ => not found//' | sort -u) || true
echo "not found: ${missing//$'\n'/ }"
# (cuBLAS's own needs are not listed where it is missing itself.)
if [ -z "$missing" ] || [ -n "$(comm -23 <(echo "$missing") <(sort -u "$bundle/needs"))" ]; then
    echo "FAILED: other libraries are missing than CUDA's" >&2
    exit 1
fi
inside '/opt/bundle/run cusgd --version; /opt/bundle/run cusgd devices
    /opt/bundle/run cusgd generate made --rows 2000 --cols 8 && /opt/bundle/run cusgd train made --model model --epochs 3 | tail -n 3
    /opt/bundle/run gpu-steps --device cpu --shapes 32x256 --bytes 1e7 --engines auto --steps 64'
for test in "$bundle"/bin/test-*; do
    inside "/opt/bundle/run $(basename "$test") --list | head -n 1"
done
inside "/opt/bundle/run test-interface-state; /opt/bundle/run test-training --filter 'training/golden_trajectories'"
[ -x "$bundle/bin/gpu-probe" ] || { echo "FAILED: the bundle has no gpu-probe" >&2 && exit 1; }
status=0
inside '/opt/bundle/run gpu-probe' || status=$? # without CUDA's libraries it cannot start; with them, it would find no GPU
[ $status = 127 ] || [ $status = 3 ] || { echo "FAILED: the probe ends with status $status" >&2 && exit 1; }
echo "the bundle runs in $suite"
