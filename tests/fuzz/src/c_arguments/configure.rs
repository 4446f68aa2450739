//! The functions that change a configuration.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use emnify_ffi::*;

use super::FUNCTIONS;
use super::arguments::Arguments;
use super::results::{call, check_error, line};

type SetText =
    unsafe extern "C" fn(*mut emnify_config, *const c_char, *mut *mut emnify_error) -> i32;
type SetBytes =
    unsafe extern "C" fn(*mut emnify_config, *const c_char, usize, *mut *mut emnify_error) -> i32;
type SetNumber = unsafe extern "C" fn(*mut emnify_config, u32, *mut *mut emnify_error) -> i32;
type SetFlag = unsafe extern "C" fn(*mut emnify_config, bool, *mut *mut emnify_error) -> i32;

const TEXTS: [SetText; 6] = [
    emnify_config_set_application_token_file,
    emnify_config_set_store,
    emnify_config_set_base_url,
    emnify_config_set_proxy,
    emnify_config_set_interface,
    emnify_config_set_local_address,
];
const BYTES: [SetBytes; 2] = [emnify_config_set_application_token, emnify_config_set_ca_pem];
const NUMBERS: [SetNumber; 4] = [
    emnify_config_set_timeout_ms,
    emnify_config_set_connect_timeout_ms,
    emnify_config_set_fleet_size,
    emnify_config_set_retries,
];
const FLAGS: [SetFlag; 3] =
    [emnify_config_set_pacing, emnify_config_set_auto_renew, emnify_config_set_cancellable];

/// Calls a function that changes the configuration.
pub(super) unsafe fn configure(
    function: u8,
    config: *mut emnify_config,
    users: &Users,
    arguments: &mut Arguments<'_>,
) {
    let pick = usize::from(function / FUNCTIONS);
    match function % FUNCTIONS {
        0 => {
            let text = arguments.text();
            call(|error| unsafe { TEXTS[pick % TEXTS.len()](config, text, error) });
        }
        1 => {
            let (bytes, length) = arguments.counted();
            call(|error| unsafe { BYTES[pick % BYTES.len()](config, bytes, length, error) });
        }
        2 => {
            let number = arguments.number() as u32;
            call(|error| unsafe { NUMBERS[pick % NUMBERS.len()](config, number, error) });
        }
        3 => {
            let flag = arguments.flag();
            call(|error| unsafe { FLAGS[pick % FLAGS.len()](config, flag, error) });
        }
        4 => {
            let (name, (bytes, length)) = (arguments.text(), arguments.counted());
            call(|error| unsafe { emnify_config_set_user(config, name, bytes, length, error) });
        }
        5 => {
            let ((bytes, length), name) = (arguments.counted(), arguments.text());
            call(|error| unsafe {
                emnify_config_set_trusted_device(config, bytes, length, name, error)
            });
        }
        6 => {
            let most = arguments.number() as usize;
            call(|error| unsafe { emnify_config_set_max_exchanges(config, most, error) });
        }
        7 | 8 => unsafe { users.set(config, function % FUNCTIONS == 7, arguments) },
        _ => {}
    }
}

/// Counts how often the library frees the pointers of functions that a program sets.
#[derive(Default)]
pub(super) struct Users {
    given: AtomicUsize,
    freed: AtomicUsize,
}

impl Users {
    /// Sets an observer, or the function that asks for a one-time code.
    unsafe fn set(
        &self,
        config: *mut emnify_config,
        is_observer: bool,
        arguments: &mut Arguments<'_>,
    ) {
        let user = ptr::from_ref(&self.freed).cast_mut().cast();
        let (is_set, is_freed) = (arguments.below(16) > 0, arguments.flag());
        let free: emnify_free_user = if is_freed { Some(count) } else { None };
        let succeeded = call(|error| unsafe {
            if is_observer {
                let observer: emnify_observer = if is_set { Some(observe) } else { None };
                emnify_config_set_observer(config, observer, user, free, error)
            } else {
                let mfa: emnify_mfa = if is_set { Some(ask) } else { None };
                emnify_config_set_mfa(config, mfa, user, free, error)
            }
        });
        self.given.fetch_add(usize::from(succeeded && is_freed), Ordering::Relaxed);
    }

    /// Checks that each pointer was freed once. For the end, when all handles are freed.
    pub(super) fn check_freed(&self) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        assert_eq!(count(&self.freed), count(&self.given));
    }
}

unsafe extern "C" fn count(user: *mut c_void) {
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn observe(_user: *mut c_void, event: *const emnify_event) {
    unsafe {
        line(emnify_event_name(emnify_event_kind(event)));
        line(emnify_event_message(event));
        check_error(emnify_event_error(event));
    }
}

unsafe extern "C" fn ask(_user: *mut c_void, _code: *mut c_char, _capacity: usize) -> usize {
    usize::MAX
}
