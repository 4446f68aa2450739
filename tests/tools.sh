#!/bin/sh
# Checks that the tools for building (`c`, `build`, `cross`), testing (`test`) or measuring (`bench`)
# are installed. As root, or if sudo needs no password, it installs those that are missing as Debian
# packages. Otherwise it prints everything that is missing in one line and fails.
#
#   tests/tools.sh c|build|cross|test|bench [python]

set -eu

group=$1
python=${2:-python3}
packages=
other=

# need <package> <command that succeeds if it is installed>
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 && return
    case " $packages " in
    *" $package "*) ;;
    *) packages="${packages:+$packages }$package" ;;
    esac
}

need build-essential command -v cc
command -v cargo >/dev/null 2>&1 || other="Rust 1.85 or newer: see https://rustup.rs"

if [ "$group" != c ]; then
    need build-essential command -v c++
    need python3 command -v "$python"
    need python3-venv "$python" -c 'import ensurepip, venv'
fi

if [ "$group" = cross ]; then
    need debootstrap command -v debootstrap
    need python3-pip "$python" -m pip --version
fi

if [ "$group" = bench ]; then
    need libcjson-dev pkg-config --exists libcjson
    need libcurl4-openssl-dev pkg-config --exists libcurl
    need nginx-light sh -c 'PATH=$PATH:/usr/sbin command -v nginx'
    need openssl command -v openssl
    need pkg-config command -v pkg-config
fi

if [ "$group" = test ]; then
    need abigail-tools command -v abidiff
    need cmake command -v cmake
    need curl command -v curl
    need libcjson-dev pkg-config --exists libcjson
    need libmosquitto-dev pkg-config --exists libmosquitto
    need mosquitto command -v mosquitto
    need pkg-config command -v pkg-config
    need redis-server command -v redis-server
    need strace command -v strace
    need valgrind command -v valgrind
    for component in clippy rustfmt; do
        command -v cargo >/dev/null 2>&1 || break
        cargo "${component#rust}" --version >/dev/null 2>&1 && continue
        rustup component add "$component" >/dev/null 2>&1 ||
            other="${other:+$other; }$component: rustup component add $component"
    done
fi

[ -n "$packages$other" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    as_root=false
fi

if [ -n "$other" ] || [ "$as_root" = false ] || ! command -v apt-get >/dev/null 2>&1; then
    [ -z "$packages" ] || other="${other:+$other; }Debian packages: apt-get install $packages"
    echo "Missing tools: $other" >&2
    exit 1
fi

echo "Installing the Debian packages $packages."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { $as_root apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get failed to install $packages; its last lines are above" >&2
    exit 1
fi
