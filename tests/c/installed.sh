#!/bin/sh
# Installs the library into an empty folder and moves it. Then builds and runs programs against it,
# as a user would: with pkg-config and with CMake, shared and static, in C and C++. The last line
# says "N passed, N failed".
#
#   tests/c/installed.sh libemnify.a      with the environment variables of a sandbox

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
archive=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$root/tests/c/installed
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

check() {
    name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok     $name"
        passed=$((passed + 1))
    else
        cat "$work/output"
        echo "FAILED $name"
        failed=$((failed + 1))
    fi
}

PREFIX=/opt/emnify DESTDIR=$work/stage "$root/ffi/packaging/install.sh" "$archive"
# The installed files are used from another folder.
mv "$work/stage/opt/emnify" "$work/moved"
lib=$work/moved/lib
version=$(sed -n 's/^#define EMNIFY_VERSION "\(.*\)"/\1/p' "$root/include/emnify.h")

nothing_else_is_installed() {
    (cd "$work/moved" && find . ! -type d | sort) >"$work/files"
    diff - "$work/files" <<END
./include/emnify.h
./include/emnify.hpp
$(cd "$root/include" && find emnify -name '*.hpp' | sort | sed 's,^,./include/,')
./lib/cmake/Emnify/EmnifyConfig.cmake
./lib/cmake/Emnify/EmnifyConfigVersion.cmake
./lib/libemnify.a
./lib/libemnify.so
./lib/libemnify.so.0
./lib/libemnify.so.$version
./lib/pkgconfig/emnify.pc
END
}

no_placeholder_is_left() {
    ! grep -rn '@' "$lib/pkgconfig" "$lib/cmake"
}

pkg() {
    PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --define-variable=prefix="$work/moved" \
        --define-variable=libdir="$lib" --define-variable=includedir="$work/moved/include" "$@"
}

with_pkg_config() {
    # shellcheck disable=SC2046
    "$@" -o "$work/program" $(pkg --cflags emnify) $(pkg --libs emnify) &&
        LD_LIBRARY_PATH=$lib "$work/program"
}

with_pkg_config_statically() {
    # This folder contains only the static library, so -l finds that one.
    mkdir -p "$work/static" && cp "$lib/libemnify.a" "$work/static"
    libs=$(pkg --libs --static emnify | sed "s,-L$lib,-L$work/static,g")
    # shellcheck disable=SC2046,SC2086
    "$@" -o "$work/program" $(pkg --cflags emnify) $libs && "$work/program"
}

with_cmake() {
    cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved" &&
        cmake --build "$work/build" &&
        for program in c_emnify cpp_emnify c_emnify_static cpp_emnify_static; do
            "$work/build/$program" || return 1
        done
}

another_version_is_refused() {
    sed 's/Emnify 0.1/Emnify 0.2/' "$here/CMakeLists.txt" >"$work/CMakeLists.txt" &&
        ! cmake -S "$work" -B "$work/other" -DCMAKE_PREFIX_PATH="$work/moved"
}

check nothing_else_is_installed nothing_else_is_installed
check no_placeholder_is_left no_placeholder_is_left
check pkg_config_knows_the_version test "$(pkg --modversion emnify)" = "$version"
check a_c_program_with_pkg_config with_pkg_config "$cc" -std=c99 "$here/program.c"
check a_cpp_program_with_pkg_config with_pkg_config "$cxx" -std=c++11 "$here/program.cpp"
check a_static_c_program_with_pkg_config \
    with_pkg_config_statically "$cc" -std=c99 "$here/program.c"
check a_static_cpp_program_with_pkg_config \
    with_pkg_config_statically "$cxx" -std=c++11 "$here/program.cpp"
check four_programs_with_cmake with_cmake
check cmake_refuses_another_version another_version_is_refused
check the_abi_is_compatible "$root/ffi/packaging/abi.sh" check "$lib/libemnify.so.0"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
