#!/bin/sh
# Fuzzes the library: run.sh DIRECTORY. Everything that is built or found goes into DIRECTORY.
#
# FUZZ_SECONDS is the time for each target (default: 180), FUZZ_TARGETS limits them to some. A finding
# is in DIRECTORY/found/TARGET: put it into corpus/TARGET, and `cargo test -p emnify-fuzz` fails with
# it. FUZZ_KEEP=1 adds to the corpus what covers code that no input there does.
set -eu

build=$1
seconds=${FUZZ_SECONDS:-180}
cd "$(dirname "$0")"
export RUSTUP_TOOLCHAIN=nightly
rustup run nightly true 2>/dev/null || rustup toolchain install nightly --profile minimal
PATH=$build/tools/bin:$PATH
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked --root "$build/tools" cargo-fuzz@0.13.2
# The same versions of all libraries as in a release.
cp ../../Cargo.lock fuzz/Cargo.lock
cargo fuzz build --target-dir "$build"

failed=0
for target in ${FUZZ_TARGETS:-$(cargo fuzz list)}; do
    program=$(echo "$build"/*/release/"$target")
    inputs=$build/inputs/$target found=$build/found/$target
    mkdir -p "$inputs" "$found"
    log=$build/$target.log
    # Other processes run the inputs, so that one that ends its process does not end the search.
    "$program" "$inputs" "corpus/$target" -dict=dictionary -max_len=4096 -timeout=20 -fork=1 \
        -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -max_total_time="$seconds" \
        -artifact_prefix="$found/" >"$log" 2>&1 || true
    count=$(find "$found" -type f | wc -l)
    echo "$target: $count findings; $(grep '^#' "$log" | tail -n 1)"
    [ "$count" = 0 ] || failed=1
    [ -z "${FUZZ_KEEP:-}" ] ||
        "$program" -merge=1 -set_cover_merge=1 -max_len=1024 "corpus/$target" "$inputs" 2>/dev/null
done
exit $failed
