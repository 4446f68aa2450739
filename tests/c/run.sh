#!/bin/sh
# Builds the C and C++ tests, links them with a library and runs them against sandboxes.
#
#   tests/c/run.sh [folder]     contains libemnify.so and libemnify.a; default target/debug
#
#   CC, CXX        compilers
#   CFLAGS         further flags for both
#   SANDBOX        the sandbox's program; default target/debug/emnify-sandbox
#   VALGRIND=1     runs the tests under valgrind, where any error or leak fails them. Leaves out
#                  those that only repeat others. They are linked with libemnify.a, so that
#                  valgrind knows the names of its functions. Set CHECK_SLOWNESS=20 if the
#                  library is not optimised
#   SANITIZE       builds the tests with these sanitizers: address,undefined, or thread, with
#                  which only tests with many threads run. Unless tests/sanitizers.sh has built
#                  the library, it is built without them, so they check the tests, and the
#                  library's use of the allocator (leaks, double frees)
#   NATIVE_LIBS    libraries that a program linked with libemnify.a needs in addition
#
# The last line says "N passed, N failed". Each header check and each example counts as one.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
library=$(cd "${1:-$root/target/debug}" && pwd)
sandbox=${SANDBOX:-$root/target/debug/emnify-sandbox}
cc=${CC:-cc}
cxx=${CXX:-c++}
warnings="-Wall -Wextra -Wpedantic -Werror"
# As in ffi/packaging/link.sh.
native_libs=${NATIVE_LIBS:--lutil -lrt -lpthread -lm -ldl -lc}
passed=0
failed=0
tests="working refused faults request pages findings failures checks rotate rotate_refused threads events
    free_user user store fork signals cancel cancel_undone event_loop manners limits plugin gateway"
tests_cpp="working calls rotate errors"

if [ ! -x "$sandbox" ]; then
    echo "$sandbox is missing; run cargo build -p emnify-sandbox" >&2
    exit 2
fi
work=$(mktemp -d)
# The sandboxes end when their standard input closes, at the end of this script.
trap 'exec 8>&- 9>&-; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "FAILED $1"
    failed=$((failed + 1))
}

# Runs a command that must succeed. Shows its output only if it fails.
check() {
    name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok     $name"
        passed=$((passed + 1))
    else
        cat "$work/output"
        fail "$name"
    fi
}

# Runs a test program, which counts its own tests. Its exit status counts, too, because only that
# shows a crash or a leak.
run() {
    name=$1
    shift
    echo "== $name"
    status=0
    $under "$@" >"$work/output" 2>"$work/errors" || status=$?
    sed '$d' "$work/output"
    cat "$work/errors"
    summary=$(tail -n 1 "$work/output")
    case $summary in
    *" passed, "*" failed")
        tests_failed=${summary#* passed, }
        tests_failed=${tests_failed% failed}
        passed=$((passed + ${summary%% passed*}))
        failed=$((failed + tests_failed))
        if [ "$status" -ne 0 ] && [ "$tests_failed" -eq 0 ]; then
            fail "$name: ended with status $status"
        fi
        ;;
    *) fail "$name: ended with status $status before its last test" ;;
    esac
}

# Starts a sandbox that writes its variables to a file.
start() {
    "$sandbox" --exit-with-stdin >"$2" 2>"$2.errors" <"$1" 8>&- 9>&- &
}

wait_for() {
    tries=0
    until grep -q '^EMNIFY_SANDBOX_CONTROL=' "$1"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ]; then
            cat "$1.errors" >&2
            echo "$sandbox did not start within 10 s; its errors are above" >&2
            exit 1
        fi
        sleep 0.05
    done
}

mkfifo "$work/in" "$work/in.other"
start "$work/in" "$work/variables"
exec 8>"$work/in"
start "$work/in.other" "$work/variables.other"
exec 9>"$work/in.other"
wait_for "$work/variables"
wait_for "$work/variables.other"

# The other sandbox has another certificate authority, which did not issue the certificate of the
# first. shellcheck disable=SC1091
OTHER_CA_FILE=$(. "$work/variables.other" && echo "$SSL_CERT_FILE")
NO_PEM_FILE=$root/tests/c/run.sh
set -a
# shellcheck disable=SC1091
. "$work/variables"
set +a
export OTHER_CA_FILE NO_PEM_FILE
unset HTTPS_PROXY https_proxy ALL_PROXY all_proxy EMNIFY_APPLICATION_TOKEN_FILE EMNIFY_USERNAME \
    EMNIFY_PASSWORD

# Programs look for the library by its SONAME at run time.
if [ -e "$library/libemnify.so" ]; then
    ln -s "$library/libemnify.so" "$work/libemnify.so.0"
fi
LD_LIBRARY_PATH=$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# Tests are told if the library is not built as for users.
if [ -n "${SANITIZE:-}" ] || readelf -S "$library/libemnify.so" | grep -q '\.debug_'; then
    CHECK_DEBUG=1
    export CHECK_DEBUG
fi

shared="-L$library -lemnify -lpthread -ldl"
static="$library/libemnify.a $native_libs"
under=
linked=$shared
if [ "${VALGRIND:-}" = 1 ]; then
    # A forked child must print nothing: see fork.c. Threads take turns, so that a busy one does not
    # keep the others from running.
    under="valgrind --quiet --fair-sched=try --error-exitcode=9 --leak-check=full --num-callers=40 \
        --child-silent-after-fork=yes --suppressions=$root/ffi/packaging/valgrind.supp"
    linked=$static
    # Left out: fork.c, whose children print nothing; signals.c, because valgrind changes signal
    # masks; plugin.c, which repeats working.c with the shared library; gateway.c, which runs
    # another program.
    tests=$(echo "$tests" | sed 's/fork//; s/signals//; s/plugin//; s/gateway//')
    CHECK_SLOWNESS=${CHECK_SLOWNESS:-5}
    export CHECK_SLOWNESS
fi
case ${SANITIZE:-} in
'') ;;
thread)
    CFLAGS="${CFLAGS:-} -fsanitize=thread"
    # The sanitizer cannot see the synchronisation in code that was built without it.
    TSAN_OPTIONS=${TSAN_OPTIONS:-ignore_noninstrumented_modules=1}
    export TSAN_OPTIONS
    tests="threads cancel cancel_undone user events"
    tests_cpp=calls
    ;;
*) CFLAGS="${CFLAGS:-} -fsanitize=$SANITIZE -fno-sanitize-recover=all -fno-omit-frame-pointer" ;;
esac

# Compiles both headers, once and twice, with every standard that the compilers support. emnify.h is
# also compiled as C++.
headers() {
    for standard in c99 c11 c17 c2x c++11 c++14 c++17 c++20 c++23; do
        case $standard in
        c++*) compiler=$cxx language=c++ ;;
        *) compiler=$cc language=c ;;
        esac
        for header in emnify.h emnify.hpp; do
            if [ "$language $header" = "c emnify.hpp" ]; then continue; fi
            printf '#include "%s"\n' $header >"$work/once"
            printf '#include "%s"\n#include "%s"\n' $header $header >"$work/twice"
            if ! $compiler -x $language -std=$standard -fsyntax-only /dev/null 2>/dev/null; then
                continue
            fi
            for times in once twice; do
                check "$header $times as $standard" $compiler -x $language -std=$standard \
                    $warnings -I"$root/include" -fsyntax-only "$work/$times"
            done
        done
    done
    # Each part of emnify.hpp must include what it needs.
    for part in "$root"/include/emnify/*.hpp; do
        check "emnify/${part##*/} alone" compile_cxx -x c++ -fsyntax-only -include "$part" /dev/null
    done
}

compile_c() {
    # shellcheck disable=SC2086
    $cc -std=c99 -g $warnings ${CFLAGS:-} -I"$root/include" -I"$root/tests/c" "$@"
}

compile_cxx() {
    # shellcheck disable=SC2086
    $cxx -std=c++11 -g $warnings ${CFLAGS:-} -I"$root/include" -I"$root/tests/c" "$@"
}

# Checks that compilers warn about a status that a program ignores.
ignored_status() {
    printf '#include "emnify.h"\nvoid f(void) { emnify_authenticate(NULL, NULL, NULL); }\n' \
        >"$work/ignored.c"
    ! compile_c -c "$work/ignored.c" -o "$work/ignored.o"
}

# Checks that the shared library exports exactly the functions that the header declares.
exports() {
    nm -D --defined-only "$library/libemnify.so" | awk '{ print $3 }' | sort >"$work/exported"
    $cc -E -P "$root/include/emnify.h" | grep -o 'emnify_[a-z0-9_]* *(' | tr -d ' (' | sort -u \
        >"$work/declared"
    diff "$work/declared" "$work/exported"
}

# Checks the SONAME, and that the library is never unloaded, because its threads may still run.
dynamic() {
    readelf -d "$library/libemnify.so" >"$work/dynamic"
    grep -q 'SONAME.*\[libemnify\.so\.0\]' "$work/dynamic" && grep -q NODELETE "$work/dynamic"
}

headers
check "the library has its SONAME and stays loaded" dynamic
check "an ignored status is a warning" ignored_status
check "the library exports what emnify.h declares" exports

echo "== examples"
# Prints the program in the comment at the top of a header.
example_in() {
    sed -n '/^ \*\/$/q; s/^ \*     //p' "$root/include/$1" | grep -v '^cc '
}
example_in emnify.h >"$work/in_header.c"
# shellcheck disable=SC2086
check "the program in emnify.h compiles" compile_c "$work/in_header.c" $linked -o "$work/in_header"
check "the program in emnify.h works" $under "$work/in_header"
example_in emnify.hpp >"$work/in_header.cpp"
# shellcheck disable=SC2086
check "the program in emnify.hpp compiles" compile_cxx "$work/in_header.cpp" $linked \
    -o "$work/in_header_cpp"
check "the program in emnify.hpp works" $under "$work/in_header_cpp"

# shellcheck disable=SC2086
compile_c "$root/ffi/examples/c/sign_in.c" $linked -o "$work/sign_in"
# shellcheck disable=SC2086
compile_cxx "$root/ffi/examples/cpp/sign_in.cpp" $linked -o "$work/sign_in.cpp"
refused() { ! EMNIFY_APPLICATION_TOKEN=wrong "$1"; }
for example in sign_in sign_in.cpp; do
    check "$example works" $under "$work/$example"
    check "$example fails with a wrong token" refused "$work/$example"
    if ! grep -q "emnify refused the application token" "$work/output"; then
        fail "$example does not say what went wrong"
    fi
done

# shellcheck disable=SC2086
compile_c "$root/ffi/examples/gateway/gateway.c" $linked -o "$work/emnify-gateway"
GATEWAY=$work/emnify-gateway
export GATEWAY

if [ -z "$under${SANITIZE:-}" ]; then
    compile_c "$root/ffi/examples/event_loop/daemon.c" $shared -o "$work/daemon"
    mqtt=
    if command -v mosquitto >/dev/null && pkg-config --exists libmosquitto; then
        compile_c "$root/ffi/examples/event_loop/mqtt.c" $shared -lmosquitto -o "$work/mqtt"
        mqtt=$work/mqtt
    fi
    # shellcheck disable=SC2086
    check "the examples for event loops work" "$root/tests/c/event_loop_examples.sh" \
        "$work/daemon" $mqtt
fi

for test in $tests; do
    # shellcheck disable=SC2086
    if [ "$test" = plugin ]; then
        compile_c "$root/tests/c/plugin.c" -ldl -o "$work/plugin"
    else
        compile_c "$root/tests/c/$test.c" $linked -o "$work/$test"
    fi
    run "tests/c/$test.c" "$work/$test"
done
if [ -z "$under${SANITIZE:-}" ]; then
    # shellcheck disable=SC2086
    compile_c "$root/tests/c/wiped.c" $shared -o "$work/wiped"
    run "tests/c/wiped.c" "$work/wiped"
    # The system calls in the README that this architecture has.
    sed -n '/^## System calls/,/^A process/p' "$root/ffi/packaging/README.md" |
        grep -o '`[a-z_0-9]*`' | tr -d '`' | sort -u |
        sed 's/.*/#ifdef __NR_&\n__NR_&,\n#endif/' >"$work/listed.h"
    # shellcheck disable=SC2086
    compile_c -I"$work" "$root/tests/c/system_calls.c" $shared -o "$work/system_calls"
    run "tests/c/system_calls.c" "$work/system_calls"
    # shellcheck disable=SC2086
    compile_c "$root/tests/c/working.c" $static -o "$work/static"
    run "tests/c/working.c, linked with libemnify.a" "$work/static"
fi

for test in $tests_cpp; do
    # shellcheck disable=SC2086
    compile_cxx "$root/tests/cpp/$test.cpp" $linked -o "$work/$test.cpp"
    run "tests/cpp/$test.cpp" "$work/$test.cpp"
done
if [ -z "$under${SANITIZE:-}" ]; then
    # shellcheck disable=SC2086
    compile_cxx -fno-exceptions -DEXPECT_NO_EXCEPTIONS "$root/tests/cpp/errors.cpp" $shared \
        -o "$work/errors_as_values"
    run "tests/cpp/errors.cpp, without exceptions" "$work/errors_as_values"
    compile_cxx -fno-exceptions -c "$root/tests/cpp/both.cpp" -o "$work/without.o"
    # shellcheck disable=SC2086
    compile_cxx "$work/without.o" "$root/tests/cpp/both.cpp" $shared -o "$work/both"
    run "tests/cpp/both.cpp" "$work/both"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
