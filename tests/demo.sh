#!/bin/sh
# Shows the main job with each face, against a sandbox that lives as long as this script.
#
#   tests/demo.sh <folder of the built library> <python>

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
library=$1
python=$2
work=$(mktemp -d)
trap 'exec 8>&-; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -n "${EMNIFY_APPLICATION_TOKEN:-}" ]; then
    cat <<TEXT
EMNIFY_APPLICATION_TOKEN is set. This demo uses a sandbox on this machine all the same, and leaves
your token alone. To run the same against emnify itself:

  cargo run -p emnify-core --example sign_in
  $python python/examples/sign_in.py

Each creates an application token in your workspace, and revokes it at its end.

TEXT
fi

# The sandbox ends when its standard input closes: file 8, which this script holds open.
mkfifo "$work/stdin"
"$library/emnify-sandbox" --exit-with-stdin <"$work/stdin" >"$work/variables" 2>/dev/null &
exec 8>"$work/stdin"
while ! grep -q EMNIFY_SANDBOX_CONTROL "$work/variables"; do sleep 0.05; done
unset EMNIFY_APPLICATION_TOKEN_FILE EMNIFY_USERNAME EMNIFY_PASSWORD REQUESTS_CA_BUNDLE SSL_CERT_DIR
set -a
. "$work/variables"
set +a
echo "A sandbox of emnify's API runs at $EMNIFY_BASE_PATH."

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

# The library's own name says its version; an installation has both names.
ln -s "$library/libemnify.so" "$work/libemnify.so.0"
compile "${CC:-cc}" ffi/examples/c/sign_in.c -std=c99
compile "${CXX:-c++}" ffi/examples/cpp/sign_in.cpp -std=c++11

show Rust core/examples/sign_in.rs "$library/examples/sign_in"
show C ffi/examples/c/sign_in.c "$work/sign_in.c"
show C++ ffi/examples/cpp/sign_in.cpp "$work/sign_in.cpp"
show Python python/examples/sign_in.py "$python" "$root/python/examples/sign_in.py"
