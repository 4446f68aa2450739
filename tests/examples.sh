#!/bin/sh
# Runs the examples of the Rust crate, with the environment of a sandbox.
#
#   tests/examples.sh <folder that contains the built examples>

set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$(dirname "$0")/axum.sh" "$1"/axum
printf '%s\n' "$EMNIFY_APPLICATION_TOKEN" >"$work/token"
for example in sign_in observe reqwest "fleet $work/session" "rotate $work/token $work/journal"; do
    # shellcheck disable=SC2086 # an example and its arguments
    if ! "$1"/$example >"$work/output" 2>&1; then
        echo "FAILED: the example ${example%% *}; it printed:"
        cat "$work/output"
        exit 1
    fi
done
echo "The Rust crate's examples work."
