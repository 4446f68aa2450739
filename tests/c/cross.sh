#!/bin/sh
# Builds the C tests for another platform, and runs those that can run there.
#
#   tests/c/cross.sh libemnify.a|libemnify.so      with the environment variables of a sandbox
#
#   CC             the compiler for that platform
#   EMULATOR       runs the tests, such as qemu-arm; empty: they run as they are
#   NATIVE_LIBS    libraries that a program linked with libemnify.a needs in addition
#
# The last line says "N passed, N failed".

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0
# Left out: plugin.c, which repeats working.c; gateway.c, which needs files of this machine; and
# system_calls.c, because the C library of the platform may make others.
tests="working refused faults request pages findings rotate rotate_refused threads events free_user
    user store fork cancel cancel_undone event_loop manners limits wiped"
if [ -n "${EMULATOR:-}" ]; then
    CHECK_EMULATOR=$EMULATOR
    CHECK_SLOWNESS=5
    export CHECK_EMULATOR CHECK_SLOWNESS
else
    # An emulator has a thread and signals of its own.
    tests="$tests signals"
fi
OTHER_CA_FILE=/etc/ssl/certs/ca-certificates.crt
NO_PEM_FILE=$root/tests/c/cross.sh
export OTHER_CA_FILE NO_PEM_FILE

case $library in
*.a) link="$library ${NATIVE_LIBS:--lutil -lrt -lpthread -lm -ldl -lc}" ;;
*)
    link="$library -lpthread -ldl"
    LD_LIBRARY_PATH=$(dirname "$library")
    export LD_LIBRARY_PATH
    ;;
esac

for test in $tests; do
    # shellcheck disable=SC2086
    $CC -std=c99 -O1 -I"$root/include" -I"$root/tests/c" "$root/tests/c/$test.c" $link -o "$work/$test"
    echo "== $test"
    status=0
    ${EMULATOR:-} "$work/$test" >"$work/output" 2>&1 || status=$?
    # Shows the output only of tests that failed.
    summary=$(tail -n 1 "$work/output")
    case $summary in
    *" passed, 0 failed") [ "$status" = 0 ] || echo "ended with status $status" ;;
    *" passed, "*" failed") grep -v '^ok' "$work/output" ;;
    *)
        cat "$work/output"
        summary="0 passed, 1 failed"
        ;;
    esac
    passed=$((passed + ${summary%% passed*}))
    summary=${summary#* passed, }
    failed=$((failed + ${summary%% failed*}))
done
echo "$passed passed, $failed failed"
