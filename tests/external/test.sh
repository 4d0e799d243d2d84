#!/bin/sh
# Installs a build, moves the installed tree, and builds and runs a program against it, by CMake and by pkg-config.
# usage: test.sh BUILD_DIR C_COMPILER
set -eu
build=$1 compiler=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/cusgd-external.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$work/installed" >/dev/null
mkdir "$work/elsewhere"
mv "$work/installed" "$work/elsewhere/moved"
prefix=$work/elsewhere/moved
library=$(find "$prefix" -name 'libcusgd.so' -o -name 'libcusgd.a')
[ -n "$library" ] || fail "no library in the installed tree"
for file in include/cusgd.h include/cusgd_train.h include/cusgd_tools.h share/man/man1/cusgd.1 share/doc/cusgd/LICENSE; do
    [ -s "$prefix/$file" ] || fail "$file is not installed"
done
if grep -rIl -e "$work/installed" -e "$build" "$prefix"; then fail "the files above name a folder of the build"; fi

# The public names alone are visible, and the header stands alone in strict C.
case $library in
*.so)
    foreign=$(nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /^cusgd_/ { print $3 }')
    [ -z "$foreign" ] || fail "the library exports" $foreign
    ;;
esac
for header in "$prefix"/include/*.h; do # each of them by itself
    echo "#include <$(basename "$header")>" | "$compiler" -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$prefix/include" -x c -
done

"$prefix/bin/cusgd" --version

cmake -S "$here" -B "$work/by-cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" >/dev/null
cmake --build "$work/by-cmake" >/dev/null
echo "find_package:"
"$work/by-cmake/program"

PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig
export PKG_CONFIG_PATH
static=
case $library in *.a) static=--static ;; esac
# Word splitting is what pkg-config's output is for.
"$compiler" "$here/program.c" -o "$work/by-pkg-config" $(pkg-config $static --cflags --libs cusgd) -lm
echo "pkg-config:"
LD_LIBRARY_PATH=$(dirname "$library") "$work/by-pkg-config"

# The program of docs/c-guide.md, in the root of the repository's data.
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$here/../../docs/c-guide.md" >"$work/guide.c"
mkdir "$work/run"
ln -s "$here/.." "$work/run/tests"
"$compiler" -Wall -Wextra -Werror "$work/guide.c" -o "$work/guide" $(pkg-config $static --cflags --libs cusgd) -lm
echo "docs/c-guide.md:"
(cd "$work/run" && LD_LIBRARY_PATH=$(dirname "$library") "$work/guide")
[ -s "$work/run/huber.safetensors" ] || fail "the program of docs/c-guide.md saved no model"
