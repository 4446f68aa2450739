#!/bin/sh
# Builds the source archive of the Python package. Then builds and installs the package from it, in
# an environment that contains only pip, as pip does where no wheel fits.
#
#   tests/sdist.sh <output folder> <maturin> <python>
#
# The build is not optimised, which would take minutes.

set -eu

tests=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1"
"$2" sdist --manifest-path "$tests/../python/Cargo.toml" --out "$1" >/dev/null 2>"$1/log" ||
    { cat "$1/log" >&2; exit 1; }
MATURIN_PEP517_ARGS="--profile dev" "$tests/wheel.sh" "$3" "$(echo "$1"/emnify_auth-*.tar.gz)"
