#!/bin/sh
# Installs the library into an empty folder and moves it. Then builds and runs programs against it,
# as a user would: with pkg-config and with CMake, shared and static, in C and C++, and with another
# library in Rust. The last line says "N passed, N failed".
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
./share/emnify/valgrind.supp
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

# Links only libemnify.a statically.
with_pkg_config_and_the_archive() {
    # shellcheck disable=SC2046
    "$@" -o "$work/program" $(pkg --cflags emnify) \
        $(pkg --static --libs emnify | sed 's/-lemnify/-l:libemnify.a/') &&
        "$work/program"
}

# Links everything statically. The linker warns that a name lookup loads libraries of glibc.
fully_static() {
    # shellcheck disable=SC2046
    "$@" -static -o "$work/program" $(pkg --cflags emnify) $(pkg --static --libs emnify) &&
        ! readelf -l "$work/program" | grep INTERP &&
        "$work/program"
}

only_functions_of_the_header_are_global() {
    $cc -E -P "$work/moved/include/emnify.h" | grep -o 'emnify_[a-z0-9_]* *(' | tr -d ' (' |
        sort -u >"$work/declared"
    nm -g --defined-only "$lib/libemnify.a" | awk 'NF == 3 { print $3 }' | sort >"$work/global"
    diff "$work/declared" "$work/global"
}

with_another_rust_library() {
    # shellcheck disable=SC2046
    $cc -std=c99 "$here/two.c" -o "$work/program" $(pkg --cflags emnify) "$@" \
        $(pkg --static --libs-only-l emnify | sed 's/-lemnify//') &&
        "$work/program"
}

debug_symbols_are_kept_on_request() {
    DEBUG_SYMBOLS=1 PREFIX=/debug DESTDIR=$work "$root/ffi/packaging/install.sh" "$archive" &&
        readelf -SW "$work/debug/lib/libemnify.so" | grep -q '\.debug_line' &&
        readelf -SW "$work/debug/lib/libemnify.a" | grep -q '\.debug_line'
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
check a_c_program_with_the_archive with_pkg_config_and_the_archive "$cc" -std=c99 "$here/program.c"
check a_cpp_program_with_the_archive \
    with_pkg_config_and_the_archive "$cxx" -std=c++11 "$here/program.cpp" -Wl,--gc-sections
check a_fully_static_c_program fully_static "$cc" -std=c99 "$here/program.c"
check a_fully_static_cpp_program fully_static "$cxx" -std=c++11 "$here/program.cpp"
check only_functions_of_the_header_are_global only_functions_of_the_header_are_global
${RUSTC:-rustc} --edition 2024 --crate-type staticlib -o "$work/libanother.a" "$here/another.rs"
check before_another_rust_library with_another_rust_library "$lib/libemnify.a" "$work/libanother.a"
check after_another_rust_library with_another_rust_library "$work/libanother.a" "$lib/libemnify.a"
check with_another_rust_library_and_gc_sections \
    with_another_rust_library "$work/libanother.a" "$lib/libemnify.a" -Wl,--gc-sections
check debug_symbols_are_kept_on_request debug_symbols_are_kept_on_request
check four_programs_with_cmake with_cmake
check cmake_refuses_another_version another_version_is_refused
check the_abi_is_compatible "$root/ffi/packaging/abi.sh" check "$lib/libemnify.so.0"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
