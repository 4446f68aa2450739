#!/bin/sh
# Prints what the shared library consists of, by crate, beside the limit.
#
#   size.sh libemnify.a
#
# A generic function counts for the crate that defines it, and code that drops a value for the crate
# of its type. Links as link.sh does, and reads the same variables.

set -eu

limit=2600000
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/symbols"
DEBUG_SYMBOLS=0 "$here/link.sh" "$1" "$work"
DEBUG_SYMBOLS=1 "$here/link.sh" "$1" "$work/symbols"
total=$(wc -c <"$(readlink -f "$work/libemnify.so")")

{
    size -A "$work/libemnify.so" | sed 's/^/section /'
    nm --print-size --demangle "$work/symbols/libemnify.so" | sed 's/^/symbol /'
} | awk -v total="$total" '
    function hex(text,    i, number) {
        for (i = 1; i <= length(text); i++)
            number = 16 * number + index("0123456789abcdef", substr(text, i, 1)) - 1
        return number
    }
    function crate(name) {
        if (name ~ /^emnify_[a-z_0-9]* /) return "emnify"
        if (name ~ /^(ring_core|ecp_|ge_|fiat_|nistz384_|[a-z_0-9]*(aes|vpaes|mul4?x)_)/) return "ring"
        sub(/^core::ptr::drop_in_place(::)?</, "", name)
        return match(name, /[a-z_0-9]+::/) ? substr(name, RSTART, RLENGTH - 2) : "(others)"
    }
    $2 ~ /^\.(eh_frame|gcc_except)/ { size["(tables for unwinding)"] += $3 }
    $2 ~ /^\.(rodata|data)/ { unnamed += $3 }
    $1 == "symbol" && $4 ~ /^[tTrRdD]$/ && !seen[$2]++ {
        size[crate($5 " " $6 " " $7)] += hex($3)
        if ($4 !~ /[tT]/) unnamed -= hex($3)
    }
    END {
        size["(constants without a name)"] = unnamed
        for (name in size) {
            named += size[name]
            if (size[name] < total / 200) { size["(others)"] += size[name]; delete size[name] }
        }
        size["(others)"] += total - named
        for (name in size) printf "%9d  %4.1f %%  %s\n", size[name], 100 * size[name] / total, name
    }' | sort -rn
printf '%9d  of %d bytes  libemnify.so\n' "$total" "$limit"
