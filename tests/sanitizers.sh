#!/bin/sh
# Tests the Rust code with a sanitizer of the nightly compiler: the unit tests of the core, and with
# `address` the C library as tests/c uses it (gcc's library for `thread` lacks functions that rustc
# uses). The standard library is instrumented, too; C and assembler code of ring is not.
#
#   tests/sanitizers.sh address|thread <folder>     everything that is built goes into the folder

set -eu

sanitizer=$1
cd "$(dirname "$0")/.."
if ! rustup run nightly true 2>/dev/null; then
    echo "Skipped: Rust code with the $sanitizer sanitizer, which needs: rustup toolchain install nightly"
    exit 0
fi
rustup component add --toolchain nightly rust-src >/dev/null 2>&1
host=$(rustc -vV | sed -n 's/^host: //p')

RUSTUP_TOOLCHAIN=nightly
RUSTFLAGS="-Zsanitizer=$sanitizer"
# Without optimisation, tests of time limits may fail.
CARGO_PROFILE_DEV_OPT_LEVEL=1
CARGO_TARGET_DIR=$2/$sanitizer
# Tests end processes in the middle of their work, which then leak. valgrind looks for leaks.
ASAN_OPTIONS=detect_leaks=0
TSAN_OPTIONS=die_after_fork=0
CHECK_SLOWNESS=20
export RUSTUP_TOOLCHAIN RUSTFLAGS CARGO_PROFILE_DEV_OPT_LEVEL CARGO_TARGET_DIR ASAN_OPTIONS
export TSAN_OPTIONS CHECK_SLOWNESS

# The models use one thread, and would take long.
cargo test --quiet -Zbuild-std --target "$host" -p emnify-core --lib -- --skip model --skip no_order_of
[ "$sanitizer" = address ] || exit 0
cargo build --quiet -Zbuild-std --target "$host" -p emnify-ffi
SANITIZE=$sanitizer tests/c/run.sh "$CARGO_TARGET_DIR/$host/debug"
