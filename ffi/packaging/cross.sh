#!/bin/sh
# Builds the C library for another platform in a Debian 13, with its compilers, including Rust 1.85,
# and runs the tests on the result, in an emulator if the platform needs one.
#
#   cross.sh TARGET folder
#
# The folder gets the Debian 13, which all targets share, and a folder TARGET with what is installed.
# The last line says "TARGET: N bytes, N passed, N failed". It needs root and debootstrap, for musl also
# Python's pip. Debian's packages come from MIRROR, by default the mirror that this machine uses. The
# sandbox runs there, too, so this machine's glibc must not be newer than 2.41.

set -eu

target=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
debian=$folder/debian13
out=$folder/$target
emulator=
zig=
other=
case $target in
aarch64-unknown-linux-gnu) arch=arm64 triple=aarch64-linux-gnu emulator=qemu-aarch64 ;;
armv7-unknown-linux-gnueabihf) arch=armhf triple=arm-linux-gnueabihf emulator=qemu-arm ;;
riscv64gc-unknown-linux-gnu) arch=riscv64 triple=riscv64-linux-gnu emulator=qemu-riscv64 ;;
armv5te-unknown-linux-gnueabi) arch=armel triple=arm-linux-gnueabi emulator=qemu-arm ;;
x86_64-unknown-linux-musl) zig=x86_64-linux-musl ;;
aarch64-unknown-linux-musl) zig=aarch64-linux-musl emulator=qemu-aarch64 ;;
mips-unknown-linux-musl) zig=mips-linux-musleabi emulator=qemu-mips ;;
mipsel-unknown-linux-musl) zig=mipsel-linux-musleabi emulator=qemu-mipsel ;;
x86_64-pc-windows-gnu) other=windows ;;
aarch64-apple-darwin) other=apple ;;
*)
    echo "cross.sh: unknown target $target; ffi/packaging/README.md lists them" >&2
    exit 2
    ;;
esac

# Runs a command in the Debian 13.
inside() {
    chroot "$debian" /usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
install_packages() {
    inside apt-get install -q --yes --no-install-recommends "$@" >>"$folder/apt.log"
}

if [ ! -e "$debian/ready" ]; then
    echo "Installing Debian 13 into $debian; this takes a few minutes."
    # shellcheck disable=SC2016
    mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)}
    ! mountpoint -q "$debian/proc" || umount "$debian/proc"
    rm -rf "$debian"
    debootstrap --variant=minbase trixie "$debian" "$mirror" >"$folder/debootstrap.log"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$debian/etc/hosts"
fi
# rustc reads its own path from /proc.
if ! mountpoint -q "$debian/proc"; then
    mount -t proc proc "$debian/proc"
    trap 'umount "$debian/proc"' EXIT
    trap 'exit 1' HUP INT TERM
fi
if [ ! -e "$debian/ready" ]; then
    for foreign in arm64 armhf riscv64; do
        inside dpkg --add-architecture $foreign
    done
    inside apt-get update -q >"$folder/apt.log"
    install_packages rustc cargo rust-src gcc libc6-dev ca-certificates qemu-user
    touch "$debian/ready"
fi

# The sources, and all crates, including those of Rust's standard library: the build is offline.
mkdir -p "$debian/src" "$debian/root/.cargo"
for part in Cargo.toml Cargo.lock README.md LICENSE-MIT LICENSE-APACHE core ffi python include tests; do
    if ! diff -rq "$root/$part" "$debian/src/$part" >/dev/null 2>&1; then
        rm -rf "$debian/src/$part"
        cp -a "$root/$part" "$debian/src/$part"
    fi
done
cp "$root/target/debug/emnify-sandbox" "$debian/src/"
if ! cmp -s "$root/Cargo.lock" "$debian/vendor/Cargo.lock"; then
    rm -rf "$debian/vendor"
    (cd "$root" && RUSTC_BOOTSTRAP=1 cargo vendor --quiet --locked --versioned-dirs \
        --sync "$debian/usr/src/rustc-"*/library/Cargo.toml "$debian/vendor" >/dev/null)
    cp "$root/Cargo.lock" "$debian/vendor/"
fi
cat >"$debian/root/.cargo/config.toml" <<'END'
[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "/vendor"
END

# Cargo with the standard library built from its sources, if Debian has none for the target. Without
# the feature "backtrace" it has no code that reads debug symbols, which is 136 kB.
std="-Zbuild-std-features=panic-unwind -Zbuild-std=std,panic_unwind"
cargo() {
    command=$1
    shift
    inside sh -c "cd /src && RUSTC_BOOTSTRAP=1 PYO3_NO_PYTHON=1 SDKROOT=/sdk CC_$(echo "$target" | tr - _)=$cc AR_$(echo "$target" | tr - _)=ar \
        cargo $command --offline --locked --target $target $std $*"
}

# Installs zig, which contains musl, and a compiler that calls it.
install_zig() {
    if [ ! -e "$debian/opt/zig" ]; then
        install_packages lld binutils-multiarch
        python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
            --root-user-action ignore --target "$debian/opt/zig" ziglang==0.17.1
    fi
    cat >"$debian/usr/local/bin/$1-cc" <<END
#!/bin/sh
skip=
for argument do
    shift
    [ -z "\$skip" ] || { skip= && continue; }
    case \$argument in
    # What cc-rs adds, with Rust's and Apple's names of the target.
    --target=* | -mmacosx-version-min=*) ;;
    -arch | -isysroot) skip=1 ;;
    # zig does not pass all options for this to the linker.
    -r) exec ld.lld -r \$(echo "\$*" | sed 's/-nostdlib//; s/-Wl,//g; s/,/ /g') ;;
    *) set -- "\$@" "\$argument" ;;
    esac
done
exec /opt/zig/ziglang/zig cc -target $1 "\$@"
END
    chmod +x "$debian/usr/local/bin/$1-cc"
}

echo "Building for $target with $(inside rustc --version)"
rm -rf "$out" "$debian/out"
mkdir "$debian/out"
if [ -n "$other" ]; then
    # shellcheck source=ffi/packaging/cross_others.sh
    . "$root/ffi/packaging/cross_others.sh"
    "$other"
    exit
fi

if [ -n "$zig" ]; then
    cc=$zig-cc
    native_libs="-lunwind -lc"
    install_zig "$zig"
else
    cc=$triple-gcc
    native_libs="-lutil -lrt -lpthread -lm -ldl -lc"
    install_packages "gcc-$triple"
    if [ "$arch" = armel ]; then
        install_packages libc6-dev-armel-cross
    else
        std=
        install_packages "libstd-rust-dev:$arch" "libc6-dev:$arch"
    fi
fi
cargo rustc --release -p emnify-ffi --crate-type staticlib
inside sh -c "cd /src && CC=$cc NATIVE_LIBS='$native_libs' PREFIX=/usr DESTDIR=/out \
    ffi/packaging/install.sh target/$target/release/libemnify.a"
cp -a "$debian/out" "$out"

# musl's loader is not in Debian, so for musl the tests are linked statically.
if [ -n "$zig" ]; then
    library=libemnify.a native_libs="-static $native_libs"
else
    library=libemnify.so
fi
echo "Running the C tests${emulator:+ under $emulator}"
inside sh -c "cd /src && CC=$cc NATIVE_LIBS='$native_libs' EMULATOR=$emulator CHECK_RUST_1_85=1 QEMU_LD_PREFIX=/usr/${triple:-} \
    tests/with-sandbox.sh ./emnify-sandbox tests/c/cross.sh /out/usr/lib/$library" | tee "$folder/$target.log"
echo "$target: $(stat -L -c %s "$out/usr/lib/libemnify.so") bytes, $(tail -n 1 "$folder/$target.log")"
grep -q '^[0-9]* passed, 0 failed$' "$folder/$target.log"
