#!/bin/sh
# Checks that programs built with the last release keep working: that no function, type or constant
# of emnify.h was removed or changed, and that the library exports exactly what the header declares.
#
#   abi.sh check libemnify.so     compares with the committed reference in abi/
#   abi.sh update libemnify.so    updates the reference, after an addition or for a new version
#
# C programs are built against the header, but the library's debug information describes Rust types.
# So a library in C with the header's declarations is compared instead.

set -eu

what=$1
library=$2
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../include/emnify.h
abi=$here/abi
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Defines each function of the header with an empty body.
{
    echo '#include "emnify.h"'
    $cc -E -P -x c "$header" | tr '\n' ' ' | tr ';' '\n' |
        sed -n 's/^ *\([^{}]*[ *]emnify_[a-z_0-9]* *([^(]*)\) *$/\1/p' | grep -v typedef |
        while read -r declaration; do
            case $declaration in
            void\ emnify_*) echo "$declaration { }" ;;
            *) echo "$declaration { return 0; }" ;;
            esac
        done
} >"$work/header.c"
$cc -std=c99 -g -shared -fPIC -w -I"$(dirname "$header")" "$work/header.c" \
    -Wl,-soname,libemnify.so.0 -o "$work/libemnify.so.0"

symbols_of() {
    nm -D --defined-only "$1" | sed -n 's/.* T \(emnify_[a-z_0-9]*\).*/\1/p' | sort
}

# Constants are not in the debug information.
$cc -E -dM -x c "$header" | sed -n 's/^#define \(EMNIFY_[A-Z_0-9]* -\{0,1\}[0-9].*\)/\1/p' |
    grep -v '^EMNIFY_VERSION' | sort >"$work/constants"
symbols_of "$work/libemnify.so.0" >"$work/declared"
symbols_of "$library" >"$work/exported"
nm -D --defined-only "$library" | grep -v ' A EMNIFY_' | grep -v '[ _]emnify_' >"$work/foreign" || true
sed -n 's/^ *\(emnify_[a-z_0-9]*\);$/\1/p' "$here/libemnify.map" | sort >"$work/mapped"

fail() {
    echo "$1" >&2
    exit 1
}

diff "$work/declared" "$work/exported" >&2 ||
    fail "emnify.h declares functions that the library does not export (<), or lacks some (>)"
diff "$work/declared" "$work/mapped" >&2 ||
    fail "emnify.h declares functions that libemnify.map does not list (<), or lacks some (>)"
[ ! -s "$work/foreign" ] || fail "the library exports symbols that are not emnify's: $(cat "$work/foreign")"

case $what in
update)
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --headers-dir "$(dirname "$header")" \
        --out-file "$work/abi" "$work/libemnify.so.0"
    # The name of the temporary directory is different each time.
    sed "s|path='[^']*/header\.c'|path='header.c'|" "$work/abi" >"$abi/libemnify.abi"
    cp "$work/constants" "$abi/constants"
    ;;
check)
    abidiff --no-added-syms --no-show-locs "$abi/libemnify.abi" "$work/libemnify.so.0" >&2 ||
        fail "the ABI has changed, see above; ffi/packaging/README.md says what to do"
    # Added constants do not affect existing programs.
    comm -23 "$abi/constants" "$work/constants" >"$work/lost"
    [ ! -s "$work/lost" ] || fail "constants were removed or changed: $(cat "$work/lost")"
    echo "ABI: $(wc -l <"$work/exported") functions, no incompatible change"
    ;;
*) fail "usage: abi.sh check|update libemnify.so" ;;
esac
