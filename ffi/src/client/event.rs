//! Events of a session, and the function of the user's that gets them.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use emnify_core::{Event, EventKind, Level};

use super::callback::{Users, emnify_free_user, set_function};
use super::config::emnify_config;
use crate::boundary::{c_text, emnify_error, milliseconds, read, unix_seconds};

/// A kind of event that this version does not know.
pub const EMNIFY_EVENT_OTHER: i32 = 0;
/// The client signed in. emnify_event_expires_at() returns when the auth token expires.
pub const EMNIFY_EVENT_AUTHENTICATED: i32 = 1;
/// The client took a valid auth token from the store, where an earlier or another process had put
/// it. emnify_event_expires_at() returns when it expires.
pub const EMNIFY_EVENT_ADOPTED: i32 = 2;
/// An attempt to sign in failed. The cached auth token is used as long as it is valid.
/// emnify_event_next_attempt_ms() returns how long until the next attempt is possible.
pub const EMNIFY_EVENT_REFRESH_FAILED: i32 = 3;
/// emnify refused the credentials, which are not sent again for a while unless they change; or it
/// requires a one-time code and no function was set with emnify_config_set_mfa(). A person must
/// act.
pub const EMNIFY_EVENT_REFUSED: i32 = 4;
/// emnify received too many calls or locked the account. No attempt is made for a while.
pub const EMNIFY_EVENT_BACKING_OFF: i32 = 5;
/// The application token expires within 30 days, at emnify_event_expires_at(). Reported at most
/// once a day.
pub const EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES: i32 = 6;
/// The store could not be read or written. The session continues without it.
pub const EMNIFY_EVENT_STORE_ERROR: i32 = 7;
/// The credential file could not be read. Its last valid content is used, if there is any.
pub const EMNIFY_EVENT_CREDENTIAL_ERROR: i32 = 8;
/// An earlier or another process rotated the application token. The new token is used.
pub const EMNIFY_EVENT_SUCCESSOR_FOUND: i32 = 9;
/// The application token was rotated and the old one keeps working, as requested with `keep_old`.
/// The message contains the id of the old one.
pub const EMNIFY_EVENT_OLD_TOKEN_KEPT: i32 = 10;
/// emnify_token_create() created an application token that never expires: if it is stolen, it works
/// until it is revoked.
pub const EMNIFY_EVENT_CREATED_WITHOUT_EXPIRY: i32 = 11;
/// emnify_token_create() created an application token that may be used from any address.
pub const EMNIFY_EVENT_CREATED_WITHOUT_ADDRESS_RESTRICTION: i32 = 12;
/// The refused sign-ins could not be read, or there are too many, so a list of application tokens
/// or of refused sign-ins has only what could be read.
pub const EMNIFY_EVENT_AUDIT_INCOMPLETE: i32 = 13;

/// Severity: nothing is wrong. The levels are the priorities of syslog().
pub const EMNIFY_LEVEL_INFO: i32 = 6;
/// Severity: something failed, but the session recovers from it or works around it.
pub const EMNIFY_LEVEL_WARNING: i32 = 4;
/// Severity: something failed and will not recover without a change. A person must act.
pub const EMNIFY_LEVEL_ERROR: i32 = 3;

/// An event of a session. It contains no secret. Borrowed: it is valid until the observer returns.
pub struct emnify_event {
    kind: i32,
    level: i32,
    message: CString,
    error: Option<Box<emnify_error>>,
    next_attempt_ms: i64,
    expires_at: i64,
}

/// A function of yours that gets the events of a session. `user` is the pointer given to
/// emnify_config_set_observer(). `event` and everything borrowed from it are valid until the
/// function returns.
///
/// It runs shortly before a call of the client or of its pages returns, such as
/// emnify_authenticate(), emnify_status_new() or emnify_pages_next(), and in
/// emnify_client_process(); never in emnify_try_authorization_header(). Events from the background
/// wait for the next call; the last 64 are kept. It may call the client: the events of these calls
/// wait for the next call, and those that repeat what it was just told are dropped. If several
/// threads use the client, it may run on several threads at the same time.
pub type emnify_observer =
    Option<unsafe extern "C" fn(user: *mut c_void, event: *const emnify_event)>;

/// Sets the function that gets the events, and the pointer that is passed to it, which may be NULL.
/// `free_user` frees the pointer; NULL: the library does not free it. If this call fails, the
/// pointer remains yours. Default: no observer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_observer(
    config: *mut emnify_config,
    observer: emnify_observer,
    user: *mut c_void,
    free_user: emnify_free_user,
    error: *mut *mut emnify_error,
) -> i32 {
    let keep = |users: &mut Users, user| users.observer = user;
    let (observer, user) = (("observer", observer), (user, free_user));
    // SAFETY: the contract, and the rules for `user` in the header.
    unsafe {
        set_function(config, error, observer, user, keep, |builder, observer| {
            builder.observer(move |event| {
                let event = emnify_event::new(event);
                observer.call(|observer, user| observer(user, &event));
            })
        })
    }
}

/// Returns what happened, one of EMNIFY_EVENT_....
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_kind(event: *const emnify_event) -> i32 {
    // SAFETY: the contract.
    unsafe { read(event, EMNIFY_EVENT_OTHER, |event| event.kind) }
}

/// Returns the name of a kind of event, such as "EMNIFY_EVENT_REFUSED", for a log. A number that
/// this version does not know returns "EMNIFY_EVENT_OTHER". Never NULL; the string is constant.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_event_name(kind: i32) -> *const c_char {
    name(kind).as_ptr()
}

/// Returns the severity: EMNIFY_LEVEL_INFO, _WARNING or _ERROR, which equal LOG_INFO, LOG_WARNING
/// and LOG_ERR of <syslog.h>. An observer that logs to syslog:
///
///     static void log_event(void *user, const emnify_event *event)
///     {
///         (void)user;
///         syslog(emnify_event_level(event), "%s", emnify_event_message(event));
///     }
///
/// EMNIFY_LEVEL_INFO for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_level(event: *const emnify_event) -> i32 {
    // SAFETY: the contract.
    unsafe { read(event, EMNIFY_LEVEL_INFO, |event| event.level) }
}

/// Returns what happened and why: one line for a log, without a line break.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_message(event: *const emnify_event) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(event, ptr::null(), |event| event.message.as_ptr()) }
}

/// Returns the error, borrowed from `event`, if something failed; NULL if not. emnify_error_copy()
/// copies it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_error(event: *const emnify_event) -> *const emnify_error {
    // SAFETY: the contract.
    unsafe {
        read(event, ptr::null(), |event| event.error.as_deref().map_or(ptr::null(), ptr::from_ref))
    }
}

/// Returns how many milliseconds after the event the next attempt to sign in is possible; -1 if no
/// attempt failed, or if the next one need not wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_next_attempt_ms(event: *const emnify_event) -> i64 {
    // SAFETY: the contract.
    unsafe { read(event, -1, |event| event.next_attempt_ms) }
}

/// Returns when the token expires that the event reports, in seconds of Unix time on the server's
/// clock: the new auth token, or the application token that expires soon. 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_expires_at(event: *const emnify_event) -> i64 {
    // SAFETY: the contract.
    unsafe { read(event, 0, |event| event.expires_at) }
}

impl emnify_event {
    fn new(event: &Event) -> Self {
        emnify_event {
            kind: number(event.kind()),
            level: priority(event.level()),
            message: c_text(&event.to_string()),
            error: event.error().cloned().map(Into::into),
            next_attempt_ms: milliseconds(event.next_attempt()),
            expires_at: event.expires_at().map_or(0, unix_seconds),
        }
    }
}

fn number(kind: EventKind) -> i32 {
    match kind {
        EventKind::Authenticated => EMNIFY_EVENT_AUTHENTICATED,
        EventKind::Adopted => EMNIFY_EVENT_ADOPTED,
        EventKind::RefreshFailed => EMNIFY_EVENT_REFRESH_FAILED,
        EventKind::Refused => EMNIFY_EVENT_REFUSED,
        EventKind::BackingOff => EMNIFY_EVENT_BACKING_OFF,
        EventKind::ApplicationTokenExpires => EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES,
        EventKind::StoreError => EMNIFY_EVENT_STORE_ERROR,
        EventKind::CredentialError => EMNIFY_EVENT_CREDENTIAL_ERROR,
        EventKind::SuccessorFound => EMNIFY_EVENT_SUCCESSOR_FOUND,
        EventKind::OldTokenKept => EMNIFY_EVENT_OLD_TOKEN_KEPT,
        EventKind::CreatedWithoutExpiry => EMNIFY_EVENT_CREATED_WITHOUT_EXPIRY,
        EventKind::CreatedWithoutAddressRestriction => {
            EMNIFY_EVENT_CREATED_WITHOUT_ADDRESS_RESTRICTION
        }
        EventKind::AuditIncomplete => EMNIFY_EVENT_AUDIT_INCOMPLETE,
        // Added to the core, but not yet to this file.
        _ => EMNIFY_EVENT_OTHER,
    }
}

fn priority(level: Level) -> i32 {
    match level {
        Level::Info => EMNIFY_LEVEL_INFO,
        Level::Warning => EMNIFY_LEVEL_WARNING,
        // Also for a level that is added to the core, but not yet to this file.
        _ => EMNIFY_LEVEL_ERROR,
    }
}

fn name(kind: i32) -> &'static CStr {
    match kind {
        EMNIFY_EVENT_AUTHENTICATED => c"EMNIFY_EVENT_AUTHENTICATED",
        EMNIFY_EVENT_ADOPTED => c"EMNIFY_EVENT_ADOPTED",
        EMNIFY_EVENT_REFRESH_FAILED => c"EMNIFY_EVENT_REFRESH_FAILED",
        EMNIFY_EVENT_REFUSED => c"EMNIFY_EVENT_REFUSED",
        EMNIFY_EVENT_BACKING_OFF => c"EMNIFY_EVENT_BACKING_OFF",
        EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES => c"EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES",
        EMNIFY_EVENT_STORE_ERROR => c"EMNIFY_EVENT_STORE_ERROR",
        EMNIFY_EVENT_CREDENTIAL_ERROR => c"EMNIFY_EVENT_CREDENTIAL_ERROR",
        EMNIFY_EVENT_SUCCESSOR_FOUND => c"EMNIFY_EVENT_SUCCESSOR_FOUND",
        EMNIFY_EVENT_OLD_TOKEN_KEPT => c"EMNIFY_EVENT_OLD_TOKEN_KEPT",
        EMNIFY_EVENT_CREATED_WITHOUT_EXPIRY => c"EMNIFY_EVENT_CREATED_WITHOUT_EXPIRY",
        EMNIFY_EVENT_CREATED_WITHOUT_ADDRESS_RESTRICTION => {
            c"EMNIFY_EVENT_CREATED_WITHOUT_ADDRESS_RESTRICTION"
        }
        EMNIFY_EVENT_AUDIT_INCOMPLETE => c"EMNIFY_EVENT_AUDIT_INCOMPLETE",
        _ => c"EMNIFY_EVENT_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        use EventKind::*;
        for (expected, kind) in [
            (1, Authenticated),
            (2, Adopted),
            (3, RefreshFailed),
            (4, Refused),
            (5, BackingOff),
            (6, ApplicationTokenExpires),
            (7, StoreError),
            (8, CredentialError),
            (9, SuccessorFound),
            (10, OldTokenKept),
            (11, CreatedWithoutExpiry),
            (12, CreatedWithoutAddressRestriction),
            (13, AuditIncomplete),
        ] {
            assert_eq!(number(kind), expected, "{kind:?}");
            // The name in C is the name in Rust, in capitals and with underscores.
            let shown = name(expected).to_str().unwrap().replace('_', "");
            assert_eq!(shown, format!("EMNIFYEVENT{kind:?}").to_uppercase());
        }
        assert_eq!(name(EMNIFY_EVENT_OTHER), c"EMNIFY_EVENT_OTHER");
        assert_eq!(name(-1), c"EMNIFY_EVENT_OTHER");
        for (expected, level) in [(6, Level::Info), (4, Level::Warning), (3, Level::Error)] {
            assert_eq!(priority(level), expected, "{level:?}");
        }
    }
}
