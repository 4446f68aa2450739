#!/bin/sh
# Makes the static library that is installed from the one that Cargo builds.
#
#   archive.sh libemnify.a folder     writes libemnify.a to another folder
#
# It contains one object file, in which only the functions of emnify.h are global. Cargo's archive
# contains Rust's standard library with global names, so a program could not be linked with two.
# Reads AR, CC, CFLAGS, DEBUG_SYMBOLS and OBJCOPY from the environment.

set -eu

archive=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
# A compiler knows the tools for its target.
ar=${AR:-$($cc -print-prog-name=ar)}
objcopy=${OBJCOPY:-$($cc -print-prog-name=objcopy)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n 's/^ *\(emnify_[a-z_0-9]*\);$/\1/p' "$here/libemnify.map" >"$work/functions"
# A section group that another archive has, too, would be linked once, although its symbols are local.
# shellcheck disable=SC2046,SC2086
$cc ${CFLAGS:-} -r -nostdlib -o "$work/emnify.o" -Wl,--force-group-allocation \
    $(sed 's/^/-Wl,-u,/' "$work/functions") "$archive"
# The standard library contains LLVM's bitcode, which only rustc needs.
# shellcheck disable=SC2046
$objcopy $([ "${DEBUG_SYMBOLS:-0}" != 0 ] || echo --strip-debug) -R .llvmbc -R .llvmcmd \
    --keep-global-symbols="$work/functions" "$work/emnify.o"
rm -f "$folder/libemnify.a"
$ar crsD "$folder/libemnify.a" "$work/emnify.o"
