#!/bin/sh
# Builds the tests of the C and C++ faces against a library and runs them against the sandbox.
#
#   tests/c/run.sh [folder]     where libemnify.so and libemnify.a are; target/debug by default
#
#   CC, CXX        compilers
#   CFLAGS         more flags for both
#   SANDBOX        the sandbox's program; target/debug/emnify-sandbox by default
#   VALGRIND=1     runs the tests under valgrind, where any error and any leak fails them, save those
#                  that only repeat what others cover. They are linked with libemnify.a, which tells
#                  valgrind the names of its functions; an optimised one is fast enough, and else
#                  CHECK_SLOWNESS=20 is needed
#   SANITIZE       builds the tests with these sanitizers: address,undefined, or thread, with which
#                  only those run that have many threads. The library itself is not built with them:
#                  they see what the tests do, and what the library does with the allocator (leaks,
#                  double frees) and, with address, what the tests do with its memory
#   NATIVE_LIBS    what a program that is linked with libemnify.a needs besides
#
# The last line says "N passed, N failed". Each header check and each example counts as one.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
library=$(cd "${1:-$root/target/debug}" && pwd)
sandbox=${SANDBOX:-$root/target/debug/emnify-sandbox}
cc=${CC:-cc}
cxx=${CXX:-c++}
warnings="-Wall -Wextra -Wpedantic -Werror"
# As `cargo rustc -p emnify-ffi --crate-type staticlib -- --print native-static-libs` says.
native_libs=${NATIVE_LIBS:--lgcc_s -lutil -lrt -lpthread -lm -ldl -lc}
passed=0
failed=0
tests="working refused faults request pages audit rotate rotate_refused threads events user store fork
    signals cancel cancel_undone manners plugin gateway"
tests_cpp="working calls rotate errors"

if [ ! -x "$sandbox" ]; then
    echo "there is no $sandbox: cargo build -p emnify-sandbox" >&2
    exit 2
fi
work=$(mktemp -d)
# The sandboxes end when their standard input closes, which it does when this script ends.
trap 'exec 8>&- 9>&-; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "FAILED $1"
    failed=$((failed + 1))
}

# Runs a command that must succeed, quietly unless it does not.
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

# Runs a test program, which counts for itself; how it ends counts too, as a crash or a leak shows
# only there.
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
    *) fail "$name: ended with status $status before its end" ;;
    esac
}

# Starts a sandbox whose variables go to a file.
start() {
    "$sandbox" --exit-with-stdin >"$2" 2>"$2.errors" <"$1" 8>&- 9>&- &
}

wait_for() {
    tries=0
    until grep -q '^EMNIFY_SANDBOX_CONTROL=' "$1"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ]; then
            cat "$1.errors" >&2
            echo "$sandbox did not start" >&2
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

# Another sandbox has another authority, which does not vouch for ours.
# shellcheck disable=SC1091
OTHER_CA_FILE=$(. "$work/variables.other" && echo "$SSL_CERT_FILE")
NO_PEM_FILE=$root/tests/c/run.sh
set -a
# shellcheck disable=SC1091
. "$work/variables"
set +a
export OTHER_CA_FILE NO_PEM_FILE
unset HTTPS_PROXY https_proxy ALL_PROXY all_proxy EMNIFY_APPLICATION_TOKEN_FILE EMNIFY_USERNAME \
    EMNIFY_PASSWORD

# The library under the name that programs look for at run time.
if [ -e "$library/libemnify.so" ]; then
    ln -s "$library/libemnify.so" "$work/libemnify.so.0"
fi
LD_LIBRARY_PATH=$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# Whether it is the library that users get.
if [ -n "${SANITIZE:-}" ] || readelf -S "$library/libemnify.so" | grep -q '\.debug_'; then
    CHECK_DEBUG=1
    export CHECK_DEBUG
fi

shared="-L$library -lemnify -lpthread -ldl"
static="$library/libemnify.a $native_libs"
under=
linked=$shared
if [ "${VALGRIND:-}" = 1 ]; then
    # A child that a test forks is silent: see fork.c.
    under="valgrind --quiet --error-exitcode=9 --leak-check=full --num-callers=40 \
        --child-silent-after-fork=yes --suppressions=$root/tests/c/valgrind.supp"
    linked=$static
    # The children of fork.c are silent, and valgrind keeps the masks that signals.c looks at;
    # plugin.c repeats working.c with the shared library, and gateway.c runs a program of its own.
    tests=$(echo "$tests" | sed 's/fork//; s/signals//; s/plugin//; s/gateway//')
    CHECK_SLOWNESS=${CHECK_SLOWNESS:-5}
    export CHECK_SLOWNESS
fi
case ${SANITIZE:-} in
'') ;;
thread)
    CFLAGS="${CFLAGS:-} -fsanitize=thread"
    # What is not built with it orders its accesses in ways that it cannot see.
    TSAN_OPTIONS=${TSAN_OPTIONS:-ignore_noninstrumented_modules=1}
    export TSAN_OPTIONS
    tests="threads cancel cancel_undone user events"
    tests_cpp=calls
    ;;
*) CFLAGS="${CFLAGS:-} -fsanitize=$SANITIZE -fno-sanitize-recover=all -fno-omit-frame-pointer" ;;
esac

# Both headers, alone and twice, by every standard that the compilers know. emnify.h is for C++ too.
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
    # Each part of emnify.hpp includes what it needs.
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

# What the shared library exports is what the header declares, nothing less and nothing more.
exports() {
    nm -D --defined-only "$library/libemnify.so" | awk '{ print $3 }' | sort >"$work/exported"
    $cc -E -P "$root/include/emnify.h" | grep -o 'emnify_[a-z0-9_]* *(' | tr -d ' (' | sort -u \
        >"$work/declared"
    diff "$work/declared" "$work/exported"
}

# A program asks for the version of the ABI, and the code stays where our threads find it.
dynamic() {
    readelf -d "$library/libemnify.so" >"$work/dynamic"
    grep -q 'SONAME.*\[libemnify\.so\.0\]' "$work/dynamic" && grep -q NODELETE "$work/dynamic"
}

headers
check "the library has its name and stays loaded" dynamic
check "the library exports what emnify.h declares" exports

echo "== examples"
# The programs in the comments at the top of the headers.
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
    check "$example fails by name" refused "$work/$example"
    if ! grep -q "emnify refused the application token" "$work/output"; then
        fail "$example does not say what went wrong"
    fi
done

# shellcheck disable=SC2086
compile_c "$root/ffi/examples/gateway/gateway.c" $linked -o "$work/emnify-gateway"
GATEWAY=$work/emnify-gateway
export GATEWAY

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
