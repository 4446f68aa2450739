#!/bin/sh
# Links the shared library from the static one.
#
#   link.sh libemnify.a folder     writes libemnify.so.VERSION and symbolic links to it
#
# Cargo can build a shared library, too, but without versioned symbols, because GNU ld accepts no
# second version script there. Reads CC, CFLAGS, DEBUG_SYMBOLS, LDFLAGS and NATIVE_LIBS from the
# environment.

set -eu

archive=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
version=$(sed -n 's/^#define EMNIFY_VERSION "\(.*\)"/\1/p' "$here/../../include/emnify.h")
soname=$(sed -n 's/^# SONAME: //p' "$here/libemnify.map")
# From `cargo rustc -p emnify-ffi --crate-type staticlib -- --print native-static-libs`, without
# libgcc_s: the compiler adds that, or libgcc_eh for a static program.
native_libs=${NATIVE_LIBS:--lutil -lrt -lpthread -lm -ldl -lc}

# This packs relocations into about a thirtieth of their size. The resulting library needs glibc
# 2.36 or newer, so it is used only if the glibc that is linked supports it.
relative=
libc=$($cc -print-file-name=libc.so.6)
if [ -e "$libc" ] && grep -q GLIBC_ABI_DT_RELR "$libc" &&
    $cc -Wl,--help 2>/dev/null | grep -q pack-relative-relocs; then
    relative=-Wl,-z,pack-relative-relocs
fi
strip=-Wl,-s
[ "${DEBUG_SYMBOLS:-0}" = 0 ] || strip=

# shellcheck disable=SC2086
$cc ${CFLAGS:-} -shared -o "$folder/libemnify.so.$version" \
    -Wl,--whole-archive "$archive" -Wl,--no-whole-archive $native_libs \
    -Wl,--version-script="$here/libemnify.map" -Wl,-soname,"$soname" -Wl,-z,nodelete \
    -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed -Wl,-O1 -Wl,--build-id $strip $relative ${LDFLAGS:-}
ln -sf "libemnify.so.$version" "$folder/$soname"
ln -sf "$soname" "$folder/libemnify.so"
