//! The boundary to C. Every exported function that does more than name a constant goes through one
//! of these: they look at the pointers, catch panics, and write results only where there is one, so
//! that no function does it its own way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::code::EMNIFY_OK;
use crate::error::emnify_error;

/// What a call comes to before it is a status.
pub(crate) type Outcome<T = ()> = Result<T, Box<emnify_error>>;

/// Runs a fallible call. A failure goes to `*error`, if the caller wants it, and its code is
/// returned; a panic becomes `EMNIFY_ERR_INTERNAL`.
///
/// # Safety
///
/// `error` is NULL or may be written to.
pub(crate) unsafe fn call(error: *mut *mut emnify_error, body: impl FnOnce() -> Outcome) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return EMNIFY_OK,
        Ok(Err(failure)) => failure,
        Err(_) => emnify_error::panicked(),
    };
    let code = failure.code();
    if !error.is_null() {
        // SAFETY: it is not NULL, and so may be written to.
        unsafe { error.write(Box::into_raw(failure)) };
    }
    code
}

/// Runs what cannot fail. Should it panic all the same, `otherwise` is returned.
pub(crate) fn infallible<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Asks a handle something that always has an answer; `absent` is the answer of NULL.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that nobody changes meanwhile.
pub(crate) unsafe fn ask<T, A>(handle: *const T, absent: A, question: impl FnOnce(&T) -> A) -> A
where
    A: Copy,
{
    // SAFETY: as demanded of the caller.
    match unsafe { handle.as_ref() } {
        Some(handle) => infallible(absent, || question(handle)),
        None => absent,
    }
}

/// Frees a handle; NULL is none.
///
/// # Safety
///
/// `handle` is NULL or was given out by [`Place::give`] or [`new`], and is not used any more.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it was made by `Box::into_raw`, and is freed this once.
        infallible((), || drop(unsafe { Box::from_raw(handle) }));
    }
}

/// Frees a handle that others may have too; NULL is none.
///
/// # Safety
///
/// `handle` is NULL or was given out by [`Place::share`], and the caller uses it no more.
pub(crate) unsafe fn release<T>(handle: *const T) {
    if !handle.is_null() {
        // SAFETY: it was made by `Arc::into_raw`, and is freed once for each time.
        infallible((), || drop(unsafe { Arc::from_raw(handle) }));
    }
}

/// A new handle, owned by the caller.
pub(crate) fn new<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The handle that a call cannot do without. `name` is that of the argument.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that lives, and that nobody changes, for as long as `'a`.
pub(crate) unsafe fn needed<'a, T>(name: &str, handle: *const T) -> Outcome<&'a T> {
    // SAFETY: as demanded of the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| emnify_error::null(name))
}

/// The same for a handle that the call changes.
///
/// # Safety
///
/// `handle` is NULL or points to a `T` that lives, and that nobody else uses, for as long as `'a`.
pub(crate) unsafe fn needed_mut<'a, T>(name: &str, handle: *mut T) -> Outcome<&'a mut T> {
    // SAFETY: as demanded of the caller.
    unsafe { handle.as_mut() }.ok_or_else(|| emnify_error::null(name))
}

/// Where a result goes. It is looked at before the call does anything: what was done for nothing
/// could not be undone.
pub(crate) struct Place<T>(*mut *mut T);

impl<T> Place<T> {
    /// # Safety
    ///
    /// `place` is NULL or may be written to for as long as this value is in use.
    pub(crate) unsafe fn new(name: &str, place: *mut *mut T) -> Outcome<Self> {
        if place.is_null() { Err(emnify_error::null(name)) } else { Ok(Place(place)) }
    }

    /// Hands the result over as a handle.
    pub(crate) fn give(self, value: T) {
        self.write(new(value));
    }

    /// The same for a handle that others have too.
    pub(crate) fn share(self, value: Arc<T>) {
        self.write(Arc::into_raw(value).cast_mut());
    }

    fn write(self, handle: *mut T) {
        // SAFETY: it is not NULL, and so may be written to, as demanded of who made it.
        unsafe { self.0.write(handle) };
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::code::{EMNIFY_ERR_INTERNAL, EMNIFY_ERR_INVALID_INPUT};

    #[test]
    fn a_panic_becomes_a_code() {
        let mut error = ptr::null_mut();
        // SAFETY: the pointer is that of a variable.
        let status = unsafe { call(&mut error, || panic!("canary")) };
        assert_eq!(status, EMNIFY_ERR_INTERNAL);
        // SAFETY: `call` made it.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(error.code(), EMNIFY_ERR_INTERNAL);
        assert!(!error.message().to_str().unwrap().contains("canary"));
        assert_eq!(infallible(7, || panic!("a fault")), 7);
    }

    #[test]
    fn nobody_need_take_the_error() {
        // SAFETY: NULL is allowed.
        let status = unsafe { call(ptr::null_mut(), || Err(emnify_error::null("client"))) };
        assert_eq!(status, EMNIFY_ERR_INVALID_INPUT);
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { call(ptr::null_mut(), || Ok(())) }, EMNIFY_OK);
    }

    #[test]
    fn a_success_leaves_the_error_alone() {
        let mut error = ptr::dangling_mut();
        // SAFETY: the pointer is that of a variable.
        unsafe { call(&mut error, || Ok(())) };
        assert_eq!(error, ptr::dangling_mut());
    }
}
