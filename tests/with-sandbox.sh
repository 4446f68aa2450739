#!/bin/sh
# Starts a sandbox, runs a command with the environment variables that point to it, and stops it.
#
#   tests/with-sandbox.sh <emnify-sandbox> <command> [argument ...]
#
# SANDBOX_OPTIONS contains further options for the sandbox, such as --no-limits.

set -eu

program=$1
shift
work=$(mktemp -d)
trap 'exec 8>&-; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The sandbox ends when its standard input closes. This script holds it open as file descriptor 8.
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
unset EMNIFY_APPLICATION_TOKEN_FILE EMNIFY_STORE EMNIFY_USERNAME EMNIFY_PASSWORD REQUESTS_CA_BUNDLE SSL_CERT_DIR
set -a
. "$work/variables"
set +a
"$@" 8>&-
