#!/bin/sh
# Makes the source archive of the Python package and from it, as pip does where no wheel fits, a
# package in an environment that has nothing but pip.
#
#   tests/sdist.sh <a folder for it> <maturin> <python>
#
# It is not optimised, as that takes minutes.

set -eu

tests=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1"
"$2" sdist --manifest-path "$tests/../python/Cargo.toml" --out "$1" >/dev/null 2>"$1/log" ||
    { cat "$1/log" >&2; exit 1; }
MATURIN_PEP517_ARGS="--profile dev" "$tests/wheel.sh" "$3" "$(echo "$1"/emnify_auth-*.tar.gz)"
