#!/bin/sh
# Runs the tests of unsafe code that need neither the network nor C code in Miri, which finds wrong
# uses of pointers.

set -eu

if ! rustup run nightly true 2>/dev/null; then
    echo "Skipped: tests in Miri, which need: rustup toolchain install nightly"
    exit 0
fi
rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1
# The tests read the clock and the process's id.
MIRIFLAGS=-Zmiri-disable-isolation
export MIRIFLAGS
cargo +nightly miri test --quiet -p emnify-core --lib sys::per_process
cargo +nightly miri test --quiet -p emnify-ffi --lib
