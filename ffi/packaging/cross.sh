#!/bin/sh
# Builds the C library for another architecture with Debian 13's compilers, including Rust 1.85, and
# runs the C tests on it in emulation. It needs root, to install a Debian 13 into the folder.
#
#   cross.sh TARGET folder      TARGET: aarch64-unknown-linux-gnu, armv7-unknown-linux-gnueabihf
#
# It needs debootstrap and qemu-user-static, and downloads Debian packages from MIRROR, by default
# the mirror that this machine uses.

set -eu

target=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
case $target in
aarch64-unknown-linux-gnu) arch=arm64 triple=aarch64-linux-gnu qemu=qemu-aarch64-static ;;
armv7-unknown-linux-gnueabihf) arch=armhf triple=arm-linux-gnueabihf qemu=qemu-arm-static ;;
*)
    echo "cross.sh: unknown target $target; use aarch64-unknown-linux-gnu or armv7-unknown-linux-gnueabihf" >&2
    exit 2
    ;;
esac
for program in debootstrap "$qemu"; do
    command -v "$program" >/dev/null || {
        echo "cross.sh: $program is missing; run apt-get install debootstrap qemu-user-static" >&2
        exit 2
    }
done
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)}
debian=$folder/debian13

if [ ! -e "$debian/ready" ]; then
    echo "Installing Debian 13 into $debian; this takes a few minutes."
    rm -rf "$debian"
    debootstrap --variant=minbase trixie "$debian" "$mirror" >"$folder/debootstrap.log"
    touch "$debian/ready"
fi
run() {
    # rustc reads its own path from /proc.
    mountpoint -q "$debian/proc" || mount -t proc proc "$debian/proc"
    chroot "$debian" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}
if [ ! -e "$debian/ready.$arch" ]; then
    run dpkg --add-architecture "$arch"
    run apt-get update -q >"$folder/apt.log"
    run apt-get install -q --yes --no-install-recommends rustc cargo gcc g++ libc6-dev ca-certificates \
        "gcc-$triple" "g++-$triple" "libstd-rust-dev:$arch" "libc6-dev:$arch" >>"$folder/apt.log"
    touch "$debian/ready.$arch"
fi

# Copies the sources and Cargo's downloaded crates, because the build in the chroot is offline.
mkdir -p "$debian/src" "$debian/root/.cargo"
for part in Cargo.toml Cargo.lock README.md LICENSE-MIT LICENSE-APACHE core ffi python include tests; do
    rm -rf "$debian/src/$part"
    cp -r "$root/$part" "$debian/src/$part"
done
(cd "$root" && cargo fetch --locked --quiet)
for part in registry/index registry/cache; do
    mkdir -p "$debian/root/.cargo/$part"
    cp -r "${CARGO_HOME:-$HOME/.cargo}/$part/." "$debian/root/.cargo/$part/"
done

upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
echo "Building for $target with $(run rustc --version)"
run sh -c "cd /src && CARGO_TARGET_${upper}_LINKER=$triple-gcc CC_$(echo "$target" | tr - _)=$triple-gcc \
    cargo build --offline --locked --release -p emnify-ffi --target $target"
out=$folder/$target
rm -rf "$out"
mkdir -p "$debian/out"
run sh -c "cd /src && rm -rf /out/* && CC=$triple-gcc PREFIX=/usr DESTDIR=/out \
    ffi/packaging/install.sh target/$target/release/libemnify.a"
cp -r "$debian/out" "$out"
ls -l "$out"/usr/lib/libemnify.so.*.*

# The tests are linked with the installed libraries and run on this machine's kernel, as the sandbox
# does. Tests that start their own program again are left out, because the kernel cannot run it, and
# so are those that count threads, because the emulator adds some.
tests="working request pages findings rotate threads"
echo "Running the C tests under $qemu"
for test in $tests; do
    run "$triple-gcc" -std=c99 -O1 -D_GNU_SOURCE -I/out/usr/include -I/src/tests/c \
        "/src/tests/c/$test.c" -o "/out/$test" -L/out/usr/lib -lemnify -lpthread -ldl
done
run "$triple-gcc" -std=c99 -O1 -D_GNU_SOURCE -I/out/usr/include -I/src/tests/c \
    /src/tests/c/working.c -o /out/static -L/out/usr/lib -l:libemnify.a -lpthread -lm -ldl
cp -r "$debian/out/." "$out/"
for test in $tests static; do
    "$root/tests/with-sandbox.sh" "$root/target/debug/emnify-sandbox" \
        "$qemu" -L "$debian/usr/$triple" -E LD_LIBRARY_PATH="$out/usr/lib:$debian/usr/lib/$triple" \
        "$out/$test"
done
