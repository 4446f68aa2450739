#!/bin/sh
# Runs the service of the example `axum` with the environment of a sandbox, and calls it.
#
#   tests/axum.sh <service>

set -eu

output=$(mktemp)
"$1" 0 >"$output" 2>&1 &
service=$!
trap 'kill "$service"; rm -f "$output"' EXIT
until grep -q '^http://' "$output"; do
    kill -0 "$service" || { cat "$output" >&2; exit 1; }
    sleep 0.05
done
url=$(cat "$output")

expect() {
    found=$(curl --silent --show-error --noproxy '*' --write-out ' HTTP %{http_code}' "$url$1")
    case "$found" in
        *$2*) ;;
        *) echo "FAILED: $1 returned: $found" >&2; cat "$output" >&2; exit 1 ;;
    esac
}

expect /health "workspace Some(1234)"
expect /sims/500001 iccid
expect /sims/1 "HTTP 404"
