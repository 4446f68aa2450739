# Part of cross.sh, for systems other than Linux.
# shellcheck shell=sh disable=SC2154

windows() {
    cc=x86_64-w64-mingw32-gcc
    install_packages gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix cmake make wine64
    # Debian's Rust lacks these two files of the target.
    inside sh -c "mkdir -p /usr/lib/rustlib/$target/lib && cd /usr/lib/rustlib/src/rust/library/rtstartup &&
        for part in rsbegin rsend; do
            RUSTC_BOOTSTRAP=1 rustc --target $target --emit=obj -o /usr/lib/rustlib/$target/lib/\$part.o \$part.rs
        done"
    cargo build --release -p emnify-ffi --lib
    inside sh -c "cd /src && PREFIX=/usr DESTDIR=/out ffi/packaging/install.sh target/$target/release/emnify.dll &&
        cmake -S tests/c/installed -B /out/build -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=$cc \
            -DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
            -DEmnify_DIR=/out/usr/lib/cmake/Emnify >/dev/null && cmake --build /out/build >/dev/null"
    cp -a "$debian/out" "$out"
    std="$std,test"
    cargo test --no-run -p emnify-core --lib --test main 2>&1 | tee "$folder/$target.build"
    cargo check -p emnify-ffi -p emnify-python
    programs=$(sed -n 's|.*(\(target/.*\.exe\)).*|\1|p' "$folder/$target.build")

    [ -n "$programs" ]
    echo "Running core's tests, and programs in C and C++, under wine"
    failed=0
    : >"$folder/$target.log"
    for program in $programs; do
        windows_program "\$wine $program" >>"$folder/$target.log" || failed=1
    done
    for program in c_emnify cpp_emnify; do
        windows_program "tests/with-sandbox.sh ./emnify-sandbox \$wine /out/build/$program.exe" || failed=1
    done
    windows_program "/usr/lib/wine/wineserver -w"
    grep -E '^test .*(FAILED|\.\.\. ignored)|^test result' "$folder/$target.log"
    echo "$target: $(stat -c %s "$out/usr/bin/emnify.dll") bytes, $(awk '
        /^test result/ { passed += $4; failed += $6 } END { print passed " passed, " failed " failed" }
        ' "$folder/$target.log")"
    [ "$failed" = 0 ]
}

windows_program() {
    inside env WINEDEBUG=-all WINEPREFIX=/wine WINEPATH='Z:\out\usr\bin' wine=/usr/lib/wine/wine64 \
        sh -c "cd /src && $1 2>&1"
}

# Its linker and its system libraries are Apple's, so the code is only type-checked.
apple() {
    cc=aarch64-macos-cc
    install_zig aarch64-macos
    mkdir -p "$debian/sdk"
    std="$std,test"
    cargo check --keep-going -p emnify-core -p emnify-ffi -p emnify-python --all-targets
    echo "$target: no library, types checked"
}
