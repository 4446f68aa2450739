#!/bin/sh
# Runs a command in the environment of a sandbox that lives as long as the command.
#
#   tests/with-sandbox.sh <the sandbox's program> <command> [argument ...]
#
# SANDBOX_OPTIONS are its other options, such as --no-limits.

set -eu

program=$1
shift
work=$(mktemp -d)
trap 'exec 8>&-; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The sandbox ends when its standard input closes: file 8, which this script holds open.
mkfifo "$work/stdin"
: >"$work/variables"
# shellcheck disable=SC2086
"$program" --exit-with-stdin ${SANDBOX_OPTIONS:-} <"$work/stdin" >"$work/variables" 2>"$work/errors" &
sandbox=$!
exec 8>"$work/stdin"
while ! grep -q EMNIFY_SANDBOX_CONTROL "$work/variables"; do
    kill -0 "$sandbox" 2>/dev/null || { cat "$work/errors" >&2; exit 1; }
    sleep 0.05
done
unset EMNIFY_APPLICATION_TOKEN_FILE EMNIFY_USERNAME EMNIFY_PASSWORD REQUESTS_CA_BUNDLE SSL_CERT_DIR
set -a
. "$work/variables"
set +a
"$@" 8>&-
