#!/bin/sh
# Compiles and runs the README's examples in C, C++ and Python, with the environment of a sandbox.
# The Rust examples are documentation tests of the core.
#
#   tests/readme.sh <folder that contains the built library> <python>

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
library=$(cd "$1" && pwd)
python=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints the README's first code block in a language.
example() {
    awk -v fence="\`\`\`$1" '$0 == "```" { if (on) exit } on { print } $0 == fence { on = 1 }' \
        "$root/README.md"
}

warnings="-Wall -Wextra -Wpedantic -Werror"
ln -s "$library/libemnify.so" "$work/libemnify.so.0"
example c >"$work/c.c"
example cpp >"$work/cpp.cpp"
example python >"$work/python.py"
# shellcheck disable=SC2086 # $warnings contains several words
${CC:-cc} -std=c99 $warnings -I"$root/include" "$work/c.c" -o "$work/c" \
    -L"$library" -Wl,-rpath,"$work" -lemnify
# shellcheck disable=SC2086
${CXX:-c++} -std=c++11 $warnings -I"$root/include" "$work/cpp.cpp" -o "$work/cpp" \
    -L"$library" -Wl,-rpath,"$work" -lemnify

passed=0
failed=0
check() {
    name=$1
    expected=$2
    shift 2
    if "$@" >"$work/output" 2>&1 && grep -q "$expected" "$work/output"; then
        passed=$((passed + 1))
    else
        echo "FAILED: the README's $name example; it printed:"
        cat "$work/output"
        failed=$((failed + 1))
    fi
}
check C "signed in to workspace" "$work/c"
check C++ "signed in to workspace" "$work/cpp"
check Python "gateway 7" "$python" "$work/python.py"
echo "README: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
