#!/bin/sh
# Runs cross.sh for all targets, and prints a table for README.md.
#
#   cross_all.sh folder

set -eu

here=$(cd "$(dirname "$0")" && pwd)
failed=0
mkdir -p "$1"
: >"$1/table"
# The targets in cross.sh.
# shellcheck disable=SC2013
for target in $(sed -n 's/^\([a-z0-9_-]*\)) \(arch\|zig\|other\)=.*/\1/p' "$here/cross.sh"); do
    "$here/cross.sh" "$target" "$1" >"$1/$target.output" 2>&1 || failed=1
    tail -n 1 "$1/$target.output"
    # shellcheck disable=SC2016
    tail -n 1 "$1/$target.output" | sed 's/^\([^:]*\): /| `\1` | /; s/\( bytes\|no library\), / | /; s/$/ |/' >>"$1/table"
done
printf '\n| target | library, bytes | tests |\n|---|---|---|\n'
cat "$1/table"
[ "$failed" = 0 ]
