#!/bin/sh
# Checks that programs which were built with the last release go on working: that no function, type
# or constant of emnify.h is removed or changed, and that the library exports what the header
# declares and nothing else.
#
#   abi.sh check libemnify.so     compares with what is committed in abi/
#   abi.sh update libemnify.so    writes that anew, when something was added or a version is begun
#
# The library's own debug information describes it as Rust sees it. What a C program is built
# against is the header, so that a library in C with the same declarations stands in for it.

set -eu

what=$1
library=$2
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../include/emnify.h
abi=$here/abi
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each function of the header, with an empty body.
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

# Constants have no place in debug information.
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
    fail "emnify.h declares (<) other functions than the library exports (>)"
diff "$work/declared" "$work/mapped" >&2 ||
    fail "emnify.h declares (<) other functions than libemnify.map lists (>)"
[ ! -s "$work/foreign" ] || fail "the library exports what is not ours: $(cat "$work/foreign")"

case $what in
update)
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --headers-dir "$(dirname "$header")" \
        --out-file "$abi/libemnify.abi" "$work/libemnify.so.0"
    cp "$work/constants" "$abi/constants"
    ;;
check)
    abidiff --no-added-syms --no-show-locs "$abi/libemnify.abi" "$work/libemnify.so.0" >&2 ||
        fail "the ABI has changed: see above, and README.md beside this file for what that takes"
    # What is added changes nothing for programs that are there.
    comm -23 "$abi/constants" "$work/constants" >"$work/lost"
    [ ! -s "$work/lost" ] || fail "constants were removed or changed: $(cat "$work/lost")"
    echo "ABI: $(wc -l <"$work/exported") functions, as they were"
    ;;
*) fail "abi.sh check or update" ;;
esac
