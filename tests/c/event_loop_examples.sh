#!/bin/sh
# Runs the examples for event loops against the sandbox: the daemon, and the MQTT client with a
# broker. A broker that accepts any password shows in its log when the client connects again.
#
#   tests/c/event_loop_examples.sh <daemon> [mqtt]

set -eu

work=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; rm -rf "$work"' EXIT

# Waits until `file` has at least `count` lines that contain `text`.
wait_for() {
    file=$1 text=$2 count=$3 tries=0
    until [ "$(grep -c "$text" "$file")" -ge "$count" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            echo "no \"$text\" within 30 s in:" && cat "$file"
            exit 1
        fi
        sleep 0.1
    done
}

control() {
    "${PYTHON:-python3}" - "$EMNIFY_SANDBOX_CONTROL/_sandbox/$1" "$2" <<'END'
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode(), method="POST"))
END
}

control reset ''
# Renewed after 5 to 8 seconds.
control settings '{"auth_token_lifetime": 10}'

"$1" >"$work/daemon" 2>&1 &
daemon=$!
pids=$daemon
if [ $# -gt 1 ]; then
    printf 'user %s\nlistener 0 %s/broker\nallow_anonymous true\n' "$(id -un)" "$work" >"$work/conf"
    mosquitto -c "$work/conf" >"$work/log" 2>&1 &
    pids="$pids $!"
    wait_for "$work/log" running 1
    BROKER=$work/broker BROKER_PORT=0 "$2" >"$work/mqtt" 2>&1 &
    pids="$pids $!"
    wait_for "$work/mqtt" connected 2
    wait_for "$work/log" "u'emnify'" 2
fi
wait_for "$work/daemon" 'new auth token' 2
kill -TERM "$daemon"
wait "$daemon"
wait_for "$work/daemon" 'longest round' 1
grep 'longest round' "$work/daemon"
