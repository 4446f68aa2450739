//! Keeps `pthread_cancel()` from ending a thread in the middle of a call. It would unwind through
//! Rust's frames, which aborts the process, or leave locks behind.

/// Runs `body`, which must not panic. A cancellation of the calling thread takes effect afterwards,
/// at its next cancellation point.
// Miri does not know the function.
#[cfg(all(target_os = "linux", not(miri)))]
pub(super) fn postponed<T>(body: impl FnOnce() -> T) -> T {
    use std::ffi::c_int;
    use std::ptr;

    /// The same number in glibc, musl and uClibc.
    const PTHREAD_CANCEL_DISABLE: c_int = 1;

    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, previous: *mut c_int) -> c_int;
    }

    let mut previous = PTHREAD_CANCEL_DISABLE;
    // SAFETY: the state is a valid one, and the pointer is that of a variable.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut previous) };
    let value = body();
    // SAFETY: it was the state before, and NULL is allowed.
    unsafe { pthread_setcancelstate(previous, ptr::null_mut()) };
    value
}

/// Runs `body`. Where threads can be cancelled, the header forbids it during a call.
#[cfg(any(not(target_os = "linux"), miri))]
pub(super) fn postponed<T>(body: impl FnOnce() -> T) -> T {
    body()
}
