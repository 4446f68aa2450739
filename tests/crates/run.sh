#!/bin/sh
# Builds programs that depend on the packaged crate, and runs them with a sandbox.
#
#   tests/crates/run.sh <folder of the packaged emnify-core> <output folder> <emnify-sandbox>
#
# They are built outside the project's workspace, with the versions of its Cargo.lock.

set -eu

tests=$(cd "$(dirname "$0")/.." && pwd)
package=$1
out=$2
sandbox=$3
rm -rf "$out/programs"
mkdir -p "$out"
cp -R "$tests/crates" "$out/programs"
cp "$package/examples/axum.rs" "$out/programs/axum/"
cp "$tests/../Cargo.lock" "$out/programs/"
export CARGO_TARGET_DIR="$out/target"

build() {
    # A version that is not published yet.
    "${CARGO:-cargo}" --config "patch.crates-io.emnify-core.path='$package'" \
        build --quiet --manifest-path "$out/programs/Cargo.toml" "$@"
}

run() {
    "$tests/with-sandbox.sh" "$sandbox" "$@" || { echo "FAILED: $*" >&2; exit 1; }
}

build -p program-with-axum -p program-with-tokio
run "$tests/axum.sh" "$out/target/debug/program-with-axum"
run "$out/target/debug/program-with-tokio"
build -p program-with-tokio --release
run "$out/target/release/program-with-tokio"
build -p program-with-rustls
run "$out/target/debug/program-with-rustls"
build -p program-with-rustls --no-default-features --features aws-lc-rs
run "$out/target/debug/program-with-rustls"
echo "Programs work with the packaged crate."
