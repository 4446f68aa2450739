#!/bin/sh
# Builds the C library and the Python wheel twice, and compares the results. The builds differ in time,
# in the folders of the source and of Cargo, in user name, locale, time zone and the mode of new files.
#
#   reproducible.sh <output folder> <maturin> <python>
#
# Needs git, which lists the files of the source. Prints hashes; what differs is in <output folder>.

set -eu

output=$1
maturin=$2
python=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
export RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1700000000}"
cargo_home=${CARGO_HOME:-$HOME/.cargo}

# build <folder> <results>: with Cargo's folder in CARGO_HOME
build() (
    mkdir -p "$1" "$2"
    tar -xf "$output/source.tar" -C "$1" --no-same-permissions
    cd "$1"
    export CARGO_TARGET_DIR="$1/target"
    export RUSTFLAGS="-C force-frame-pointers=yes --remap-path-prefix=$CARGO_HOME=cargo"
    cargo build --quiet --release --locked -p emnify-ffi
    ffi/packaging/archive.sh target/release/libemnify.a "$2"
    ffi/packaging/link.sh target/release/libemnify.a "$2"
    "$maturin" build --quiet --release --locked -m python/Cargo.toml -i "$python" -o "$2" 2>target/log ||
        { cat target/log >&2; exit 1; }
    # The wheel's SBOM contains the name of the source's folder, and RECORD its hash.
    "$python" -m zipfile -e "$2"/*.whl "$2/wheel"
    sed -i "s,$1,,g" "$2"/wheel/*/sboms/*
    sed -i /sboms/d "$2"/wheel/*/RECORD
)

rm -rf "$output"
mkdir -p "$output/cargo"
cd "$root"
git -c safe.directory="$root" ls-files -z | tar -cf "$output/source.tar" --null -T -
# The crates are not downloaded twice.
ln -s "$cargo_home/registry" "$output/cargo/registry"
CARGO_HOME=$cargo_home build "$output/source" "$output/first"
(
    umask 077
    export CARGO_HOME="$output/cargo" HOME="$output" USER=other LOGNAME=other LC_ALL=C.UTF-8 TZ=Asia/Tokyo
    build "$output/another/source-folder" "$output/second"
)

for results in first second; do
    echo "$results:"
    (cd "$output/$results" && sha256sum libemnify.a libemnify.so.*.*.* wheel/*/*.so)
done
diff -rq --no-dereference --exclude='*.whl' "$output/first" "$output/second"
echo "The libraries and all files of the wheel are the same; its SBOM, but for the name of a folder."
