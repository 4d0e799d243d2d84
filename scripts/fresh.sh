#!/bin/bash
# Tries quickstart.sh and test.sh where nothing is installed: in a fresh Debian 13, as a user who may use sudo.
# usage: fresh.sh [FOLDER [TREE]]    FOLDER: where to make it (it must not exist; removed afterwards); TREE: what of git's, HEAD
# Needs root (chroot, mount), debootstrap and the network for Debian's packages; 2 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-${TMPDIR:-/tmp}/cusgd-fresh.$$}
tree=${2:-HEAD}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

if [ "$(id -u)" != 0 ]; then
    echo "fresh.sh makes a Debian in a folder and enters it by chroot: run it as root (sudo $0)." >&2
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    echo "fresh.sh needs debootstrap: apt-get install debootstrap" >&2
    exit 1
fi
if [ -e "$root" ]; then
    echo "$root exists: name a folder that does not." >&2
    exit 1
fi

mounts=
log=$(mktemp)
leave() {
    rm -f "$log"
    for mount in $mounts; do umount "$root/$mount" || return; done
    rm -rf --one-file-system "$root"
}
trap leave EXIT

# attach TYPE FOLDER OPTIONS: mounts, to be unmounted at the end.
attach() {
    mkdir -p "$root/$2"
    mount -t "$1" -o "$3" "$1" "$root/$2"
    mounts="$2 $mounts"
}

start=$SECONDS
debootstrap --variant=minbase --include=sudo trixie "$root" "$mirror" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    exit 1
}
# What the tests use of a running system: processes, shared memory (Criterion) and terminals.
attach proc proc defaults
attach tmpfs dev/shm mode=1777
attach devpts dev/pts newinstance,ptmxmode=0666,mode=620,gid=5
ln -sf pts/ptmx "$root/dev/ptmx"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
chroot "$root" useradd --create-home --shell /bin/bash visitor
echo 'visitor ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/visitor"
mkdir "$root/home/visitor/cusgd"
git archive --format=tar "$tree" | tar -x -C "$root/home/visitor/cusgd"
chroot "$root" chown -R visitor: /home/visitor/cusgd
echo "Debian $(cat "$root/etc/debian_version") in $((SECONDS - start)) s"

visit() {
    chroot "$root" /usr/bin/env -i HOME=/home/visitor USER=visitor TERM=dumb LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin \
        setpriv --reuid=visitor --regid=visitor --init-groups --inh-caps=-all sh -c "cd && cd cusgd && $1"
}
for script in quickstart test; do
    echo "== scripts/$script.sh"
    start=$SECONDS
    visit "scripts/$script.sh"
    echo "== scripts/$script.sh: $((SECONDS - start)) s"
done
