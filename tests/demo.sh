#!/bin/sh
# Runs the example in Rust, C, C++ and Python. `make demo` calls it, with the environment of a
# sandbox.
#
#   tests/demo.sh <folder that contains the built library> <python>

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
library=$(cd "$1" && pwd)
python=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

show() {
    echo
    echo "== $1 ($2)"
    shift 2
    "$@"
}

compile() {
    compiler=$1
    source=$2
    shift 2
    "$compiler" "$@" -Wall -Wextra -I"$root/include" "$root/$source" -o "$work/$(basename "$source")" \
        -L"$library" -Wl,-rpath,"$work" -lemnify
}

# The programs look for the library by its SONAME, which an installation provides.
ln -s "$library/libemnify.so" "$work/libemnify.so.0"
compile "${CC:-cc}" ffi/examples/c/sign_in.c -std=c99
compile "${CXX:-c++}" ffi/examples/cpp/sign_in.cpp -std=c++11

echo "These examples use a sandbox of emnify's API at $EMNIFY_BASE_PATH."
show Rust core/examples/sign_in.rs "$library/examples/sign_in"
show C ffi/examples/c/sign_in.c "$work/sign_in.c"
show C++ ffi/examples/cpp/sign_in.cpp "$work/sign_in.cpp"
show Python python/examples/sign_in.py "$python" "$root/python/examples/sign_in.py"

echo
[ -z "${REAL_TOKEN:-}" ] || echo "Your own EMNIFY_APPLICATION_TOKEN was not used."
cat <<TEXT
To run an example against emnify itself, set EMNIFY_APPLICATION_TOKEN and run one of:

  cargo run -p emnify-core --example sign_in
  $python python/examples/sign_in.py

Each creates an application token in your workspace and revokes it at the end.
TEXT
