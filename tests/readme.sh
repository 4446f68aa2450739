#!/bin/bash
# Runs the blocks of the README in order, with the environment of a sandbox: as a reader would paste
# them, with the library installed in a temporary folder. `make demo` runs by itself.
#
#   tests/readme.sh <folder that contains the built libraries> <python>

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
library=$(cd "$1" && pwd)
python=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

PREFIX=$work/usr "$root/ffi/packaging/install.sh" "$library/libemnify.a" >/dev/null
export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib
export PATH=${python%/*}:$PATH CURL_CA_BUNDLE=$SSL_CERT_FILE

# Writes each block to a file of its own, whose name ends with the block's language.
awk -v place="$work/block" '
    /^```/ { if (file) { close(file); file = "" } else { file = sprintf("%s-%02d.%s", place, ++n, substr($0, 4)) }; next }
    file { print > file }' "$root/README.md"

passed=0
failed=0
# Runs a command that must succeed and print this text.
check() {
    name=$1
    expected=$2
    shift 2
    if (cd "$work" && "$@") >"$work/output" 2>&1 && grep -q "$expected" "$work/output"; then
        passed=$((passed + 1))
    else
        echo "FAILED: the README's block $name; it printed:"
        cat "$work/output"
        failed=$((failed + 1))
    fi
}

# The application token that a reader pastes.
token=$EMNIFY_APPLICATION_TOKEN
for block in "$work"/block-*; do
    name=${block##*/block-}
    case $block in
    *.rust,no_run)
        mv "$block" "$work/readme.rs"
        check "$name" "4711 Sandbox" sh -c 'rustc --edition 2024 readme.rs -o readme \
            --extern emnify_core="$0/libemnify_core.rlib" -L "$0/deps" && ./readme' "$library"
        ;;
    *.c) mv "$block" "$work/sign_in.c" ;;
    *.cpp) mv "$block" "$work/sign_in.cpp" ;;
    *.python) check "$name" "4711 Sandbox" "$python" "$block" ;;
    *.sh)
        case $(cat "$block") in
        "make demo"*) ;;
        "read "*)
            printf '[ -n "$EMNIFY_APPLICATION_TOKEN" ] && echo exported\n' >"$work/show"
            check "$name" exported env -u EMNIFY_APPLICATION_TOKEN \
                bash -c ". '$block' <<<'$token' && bash '$work/show'"
            ;;
        *sign_in*) check "$name" "signed in to workspace" bash -eu "$block" ;;
        *) check "$name" '"iccid"' bash -eu "$block" ;;
        esac
        ;;
    *)
        echo "FAILED: the README's block $name has an unknown language"
        failed=$((failed + 1))
        ;;
    esac
done
echo "README: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
