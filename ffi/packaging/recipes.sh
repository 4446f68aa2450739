#!/bin/sh
# Runs the shell and make parts of the recipes for OpenWrt, Buildroot and Yocto on this machine: each
# builds offline from vendored crates, installs, and a program is linked with the result.
#
#   recipes.sh folder      with the environment variables of a sandbox
#
# What these systems define themselves is replaced by a few lines below. The build is not optimised. The
# last line says "N passed, N failed".

set -eu

rm -rf "$1"
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
source=$folder/source
triple=$(rustc -vV | sed -n 's/^host: //p')
passed=0
failed=0
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTFLAGS

check() {
    name=$1
    shift
    if ("$@") >"$folder/log" 2>&1; then
        echo "ok     $name"
        passed=$((passed + 1))
    else
        cat "$folder/log"
        echo "FAILED $name"
        failed=$((failed + 1))
    fi
}

mkdir -p "$source/.cargo"
for part in Cargo.toml Cargo.lock README.md LICENSE-MIT LICENSE-APACHE core ffi python include tests; do
    cp -a "$root/$part" "$source/$part"
done
(cd "$source" && cargo vendor --locked >.cargo/config.toml 2>"$folder/log")
# Without Cargo's downloads, and as fast as possible.
export CARGO_HOME="$folder/cargo-home" CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

# OpenWrt
mkdir -p "$folder/openwrt/include" "$folder/openwrt/feeds/packages/lang/rust"
cat >"$folder/openwrt/rules.mk" <<END
INCLUDE_DIR:=$folder/openwrt/include
PKG_BUILD_DIR:=$source
TARGET_CONFIGURE_OPTS:=AR=ar CC=cc
INSTALL_DIR:=install -d -m0755
END
cat >"$folder/openwrt/feeds/packages/lang/rust/rust-package.mk" <<END
RUSTC_TARGET_ARCH:=$triple
CARGO_PKG_VARS=MAKEFLAGS=
END
cat >"$folder/openwrt/include/package.mk" <<END
define BuildPackage
all:
	\$\$(Build/Compile)
	\$\$(call Build/InstallDev,$folder/openwrt/staging)
	\$\$(call Package/\$(1)/install,$folder/openwrt/package)
endef
END
openwrt() {
    make -f "$here/openwrt/Makefile" TOPDIR="$folder/openwrt" EMNIFY_GIT=none
}

# Buildroot
mkdir -p "$folder/buildroot"
cat >"$folder/buildroot/Makefile" <<END
TARGET_CONFIGURE_OPTS = AR=ar CC=cc
STAGING_DIR = $folder/buildroot/staging
TARGET_DIR = $folder/buildroot/target
RUSTC_TARGET_NAME = $triple
cargo-package =
include $here/buildroot/emnify.mk
$source/.stamp_target_installed:
	cd \$(@D) && \$(TARGET_CONFIGURE_OPTS) CARGO_BUILD_TARGET=$triple cargo build --offline --release \\
		--manifest-path Cargo.toml --locked \$(EMNIFY_CARGO_BUILD_OPTS)
	\$(EMNIFY_INSTALL_STAGING_CMDS)
	\$(EMNIFY_INSTALL_TARGET_CMDS)
END
buildroot() {
    make -f "$folder/buildroot/Makefile" EMNIFY_CHECKOUT="$source"
}

# Yocto
recipe=$(echo "$here"/yocto/*.bb)
sed -n '/^do_install() {/,/^}/p' "$recipe" >"$folder/do_install.sh"
yocto() {
    cd "$source"
    cargo build --frozen --target "$triple" --release --manifest-path="$source/Cargo.toml" \
        "$(sed -n 's/^CARGO_BUILD_FLAGS:append = " \(.*\) .*"/\1/p' "$recipe")" \
        "$(sed -n 's/^CARGO_BUILD_FLAGS:append = ".* \(.*\)"/\1/p' "$recipe")" || return 1
    # shellcheck disable=SC2034
    CC=cc CFLAGS=-O2 LDFLAGS=-Wl,-O1 S=$source B=$source CARGO_TARGET_SUBDIR=$triple/release \
        prefix=/usr libdir=/usr/lib includedir=/usr/include datadir=/usr/share D=$folder/yocto
    # shellcheck disable=SC1091
    . "$folder/do_install.sh" && do_install
}
licenses() {
    sed -n 's|.*file://\([A-Z-]*\);md5=\([0-9a-f]*\).*|\2  \1|p' "$recipe" >"$folder/licenses"
    [ "$(wc -l <"$folder/licenses")" = 2 ] && (cd "$source" && md5sum -c "$folder/licenses")
}

# Builds a program with the files in one folder, and runs it with the library in another.
program() {
    cc -std=c99 -I"$1/usr/include" "$root/tests/c/installed/program.c" -o "$folder/program" \
        -L"$1/usr/lib" -lemnify &&
        LD_LIBRARY_PATH=$2/usr/lib "$folder/program"
}

check "OpenWrt: builds offline and installs" openwrt
check "OpenWrt: a program signs in" program "$folder/openwrt/staging" "$folder/openwrt/package"
check "Buildroot: builds offline and installs" buildroot
check "Buildroot: a program signs in" program "$folder/buildroot/staging" "$folder/buildroot/target"
check "Yocto: builds offline and installs" yocto
check "Yocto: a program signs in" program "$folder/yocto" "$folder/yocto"
check "Yocto: the licenses are unchanged" licenses
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
