SUMMARY = "Keeps a machine signed in to emnify and manages its application tokens"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE-MIT;md5=a57bc58fa396345c4ac72e75ceb8f8b8 \
                    file://LICENSE-APACHE;md5=22a53954e4e0ec258dfce4391e905dac"

# The repository, to be set in local.conf: EMNIFY_GIT = "git:///home/me/emnify-auth;protocol=file"
EMNIFY_GIT ?= ""
SRC_URI = "${EMNIFY_GIT};branch=main;tag=v${PV}"
# Lists the crates of Cargo.lock with their checksums; `bitbake -c update_crates emnify` writes it.
require ${BPN}-crates.inc

S = "${WORKDIR}/git"

inherit cargo cargo-update-recipe-crates

# Builds only the C library, not the tests or the Python package.
CARGO_BUILD_FLAGS:append = " --package emnify-ffi"
# bitbake moves the debug symbols to emnify-dbg.
export CARGO_PROFILE_RELEASE_DEBUG = "1"

do_install() {
    CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" DEBUG_SYMBOLS=1 \
    PREFIX="${prefix}" LIBDIR="${libdir}" INCLUDEDIR="${includedir}" DATADIR="${datadir}" DESTDIR="${D}" \
        "${S}/ffi/packaging/install.sh" "${B}/target/${CARGO_TARGET_SUBDIR}/libemnify.a"
}

FILES:${PN}-dev += "${libdir}/cmake ${datadir}/emnify"
