#!/bin/sh
# Compares the C library with libcurl and cJSON. Both do the same work on the same server, in turns.
#
#   against_curl.sh folder     contains libemnify.so.0; with the environment variables of a sandbox

set -eu

library=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2046
$cc -std=c99 -O2 "$root/tests/bench/call_curl.c" -o "$work/curl" \
    $(pkg-config --cflags --libs libcurl libcjson) 2>"$work/errors" || {
    echo "Comparison with libcurl left out: run apt-get install libcurl4-openssl-dev libcjson-dev"
    exit 0
}
$cc -std=c99 -O2 -Wall -Wextra -I"$root/include" "$root/tests/bench/call_emnify.c" \
    -o "$work/emnify" -L"$library" -lemnify -Wl,-rpath,"$library"

# Seven runs of each, in turns, so that a disturbance affects both.
for _ in 1 2 3 4 5 6 7; do
    "$work/emnify" >>"$work/emnify.runs"
    "$work/curl" >>"$work/curl.runs"
done
median() {
    cut -d ' ' -f "$2" "$work/$1.runs" | sort -n | sed -n 4p
}

# Returns the size of the libraries that a program needs, without the C library and others that
# every program needs.
size() {
    ldd "$work/$1" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' |
        grep -vE '/(libc|libm|libpthread|libdl|libgcc_s|ld-linux[^/]*)\.so' |
        xargs -r -n 1 readlink -f | xargs -r stat -c %s | awk '{ s += $1 } END { print s + 0 }'
}

ratio() {
    awk "BEGIN { printf \"%.2f\", $1 / $2 }"
}

row() {
    printf '%-52s %10s %10s %8s\n' "$1" "$2" "$3" "$4"
}

row "C, compared with libcurl and cJSON" emnify libcurl ratio
for measure in "a call on a warm TLS connection, microseconds:2" \
    "first call of a process, signing in, milliseconds:1" \
    "memory that the first call adds, kB:3"; do
    ours=$(median emnify "${measure##*:}")
    theirs=$(median curl "${measure##*:}")
    row "${measure%:*}" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
done
ours=$(size emnify)
theirs=$(size curl)
row "libraries needed in addition to the C library, bytes" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
