#!/bin/sh
# Installs the shared and the static library, the headers, and the files for pkg-config and CMake.
#
#   install.sh libemnify.a
#   install.sh emnify.dll       on Windows: with libemnify.dll.a beside it, and no static library
#
# PREFIX, LIBDIR, INCLUDEDIR, DATADIR and DESTDIR have their usual meaning. archive.sh and link.sh read
# further variables.

set -eu

archive=$1
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
includedir=${INCLUDEDIR:-$prefix/include}
data=${DESTDIR:-}${DATADIR:-$prefix/share}/emnify
lib=${DESTDIR:-}$libdir
version=$(sed -n 's/^#define EMNIFY_VERSION "\(.*\)"/\1/p' "$include/emnify.h")
soname=$(sed -n 's/^# SONAME: //p' "$here/libemnify.map")
native_libs=${NATIVE_LIBS:--lutil -lrt -lpthread -lm -ldl -lc}

case $libdir in
"$prefix"/*) up=$(echo "${libdir#"$prefix"/}" | sed 's|[^/]\{1,\}|..|g') ;;
*) up= ;;
esac
case $includedir in
"$prefix"/*) include_from_lib=$up/${includedir#"$prefix"/} ;;
*) include_from_lib=$includedir ;;
esac

fill() {
    sed -e "s,@PREFIX@,$prefix," -e "s,@LIBDIR@,$libdir," -e "s,@INCLUDEDIR@,$includedir," \
        -e "s,@VERSION@,$version,g" -e "s,@SONAME@,$soname," \
        -e "s,@MAJOR_MINOR@,${version%.*}," -e "s,@MAJOR@,${version%%.*}," \
        -e "s,@NATIVE_LIBS@,$native_libs," -e "s,@INCLUDE_FROM_LIB@,$include_from_lib," \
        -e "s,@CMAKE_NATIVE_LIBS@,$(echo "$native_libs" | sed 's/ \{1,\}/;/g')," "$1" >"$2"
    chmod 644 "$2"
}

install -d "$lib/pkgconfig" "$lib/cmake/Emnify" "${DESTDIR:-}$includedir/emnify" "$data"
install -m 644 "$include/emnify.h" "$include/emnify.hpp" "${DESTDIR:-}$includedir"
install -m 644 "$include"/emnify/*.hpp "${DESTDIR:-}$includedir/emnify"
install -m 644 "$here/valgrind.supp" "$data"
case $archive in
*.dll)
    install -d "${DESTDIR:-}$prefix/bin"
    install "$archive" "${DESTDIR:-}$prefix/bin"
    install -m 644 "$(dirname "$archive")/libemnify.dll.a" "$lib"
    ;;
*)
    "$here/archive.sh" "$archive" "$lib"
    "$here/link.sh" "$archive" "$lib"
    ;;
esac
fill "$here/emnify.pc.in" "$lib/pkgconfig/emnify.pc"
fill "$here/cmake/EmnifyConfig.cmake" "$lib/cmake/Emnify/EmnifyConfig.cmake"
fill "$here/cmake/EmnifyConfigVersion.cmake" "$lib/cmake/Emnify/EmnifyConfigVersion.cmake"
