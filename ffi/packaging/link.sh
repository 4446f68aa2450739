#!/bin/sh
# Makes the shared library of the static one.
#
#   link.sh libemnify.a folder     writes libemnify.so.VERSION and the links to it
#
# Cargo makes a shared library, too, but GNU ld takes no second version script there, so that its
# symbols could bear no version. CC, CFLAGS, LDFLAGS and NATIVE_LIBS are taken from the environment.

set -eu

archive=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
version=$(sed -n 's/^#define EMNIFY_VERSION "\(.*\)"/\1/p' "$here/../../include/emnify.h")
soname=$(sed -n 's/^# SONAME: //p' "$here/libemnify.map")
# As `cargo rustc -p emnify-ffi --crate-type staticlib -- --print native-static-libs` says.
native_libs=${NATIVE_LIBS:--lgcc_s -lutil -lrt -lpthread -lm -ldl -lc}

# Addresses that the run-time linker sets take a thirtieth of their size in this form, which glibc
# reads from 2.36 on: a library that is built with it runs where it is at hand.
relative=
libc=$($cc -print-file-name=libc.so.6)
if [ -e "$libc" ] && grep -q GLIBC_ABI_DT_RELR "$libc" &&
    $cc -Wl,--help 2>/dev/null | grep -q pack-relative-relocs; then
    relative=-Wl,-z,pack-relative-relocs
fi

# shellcheck disable=SC2086
$cc ${CFLAGS:-} -shared -o "$folder/libemnify.so.$version" \
    -Wl,--whole-archive "$archive" -Wl,--no-whole-archive $native_libs \
    -Wl,--version-script="$here/libemnify.map" -Wl,-soname,"$soname" -Wl,-z,nodelete \
    -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed -Wl,-O1 -Wl,-s $relative ${LDFLAGS:-}
ln -sf "libemnify.so.$version" "$folder/$soname"
ln -sf "$soname" "$folder/libemnify.so"
