#!/bin/sh
# The C library beside libcurl with cJSON: the same job on the same server, in turns, in one run.
#
#   against_curl.sh folder     where libemnify.so.0 is; in an environment that points at a sandbox

set -eu

library=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2046
$cc -std=c99 -O2 "$root/tests/bench/call_curl.c" -o "$work/curl" \
    $(pkg-config --cflags --libs libcurl libcjson) 2>"$work/errors" || {
    echo "beside libcurl: left out, since libcurl or cJSON is missing (apt-get install libcurl4-openssl-dev libcjson-dev)"
    exit 0
}
$cc -std=c99 -O2 -Wall -Wextra -I"$root/include" "$root/tests/bench/call_emnify.c" \
    -o "$work/emnify" -L"$library" -lemnify -Wl,-rpath,"$library"

# Seven runs of each, in turns: what disturbs one disturbs the other.
for _ in 1 2 3 4 5 6 7; do
    "$work/emnify" >>"$work/emnify.runs"
    "$work/curl" >>"$work/curl.runs"
done
median() {
    cut -d ' ' -f "$2" "$work/$1.runs" | sort -n | sed -n 4p
}

# What each needs beside the C library and its like, which every program needs.
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

row "C, beside libcurl with cJSON" emnify libcurl ratio
for measure in "a call on a warm TLS connection, microseconds:2" \
    "first call of a process, signing in, milliseconds:1" \
    "memory after it, over that before it, kB:3"; do
    ours=$(median emnify "${measure##*:}")
    theirs=$(median curl "${measure##*:}")
    row "${measure%:*}" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
done
ours=$(size emnify)
theirs=$(size curl)
row "libraries needed beside the C library, bytes" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
