//! Events: what happens to a session, told to a function of the caller's.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use emnify_core::{Event, EventKind, Level};

use super::callback::{Callback, function};
use super::config::{emnify_config, set};
use crate::boundary::{c_text, emnify_error, milliseconds, read, unix_seconds};

/// Something that this version has no number for; also the answer of NULL.
pub const EMNIFY_EVENT_OTHER: i32 = 0;
/// Signed in. emnify_event_expires_at() is when the auth token expires.
pub const EMNIFY_EVENT_AUTHENTICATED: i32 = 1;
/// Another process signed in, and its auth token was taken from the store.
/// emnify_event_expires_at() is when it expires.
pub const EMNIFY_EVENT_ADOPTED: i32 = 2;
/// An attempt to sign in failed. An auth token that is still valid goes on being handed out;
/// emnify_event_next_attempt_ms() is when the next attempt may be made.
pub const EMNIFY_EVENT_REFRESH_FAILED: i32 = 3;
/// The credentials were refused. They are not sent again before the next attempt, unless they
/// change: somebody should look.
pub const EMNIFY_EVENT_REFUSED: i32 = 4;
/// Too many calls, or a locked account: no attempt is made before the next one.
pub const EMNIFY_EVENT_COOLING_DOWN: i32 = 5;
/// The application token expires within 30 days, at emnify_event_expires_at(). Told at most once a
/// day.
pub const EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES: i32 = 6;
/// The store could not be read or written. The session goes on in memory.
pub const EMNIFY_EVENT_STORE_TROUBLE: i32 = 7;
/// The credential file could not be read. Its last good content is used, if there was one.
pub const EMNIFY_EVENT_CREDENTIAL_TROUBLE: i32 = 8;
/// The application token was rotated, by an earlier or another process, and its successor is used.
pub const EMNIFY_EVENT_SUCCESSOR_FOUND: i32 = 9;
/// The application token was rotated and the old one goes on working, as `keep_old` said; the message
/// names its id.
pub const EMNIFY_EVENT_OLD_TOKEN_KEPT: i32 = 10;

/// How much an event matters: all is well. The levels are numbered as the priorities of syslog() are.
pub const EMNIFY_LEVEL_INFO: i32 = 6;
/// Something went wrong that the session copes with, or that passes by itself.
pub const EMNIFY_LEVEL_WARNING: i32 = 4;
/// It does not pass by itself: somebody should look.
pub const EMNIFY_LEVEL_ERROR: i32 = 3;

/// Something that happened to a session. It holds no secret. Borrowed: it ends with the call of the
/// function that it was passed to.
pub struct emnify_event {
    kind: i32,
    level: i32,
    message: CString,
    error: Option<Box<emnify_error>>,
    next_attempt_ms: i64,
    expires_at: i64,
}

/// A function of yours that is told what happens to a session. `user` is what you gave to
/// emnify_config_set_observer(); `event`, with what is borrowed from it, is gone when the function
/// returns.
///
/// It is called on a thread of yours, from within a call that you made with the client or with pages
/// of it (emnify_authenticate(), emnify_status_new(), emnify_pages_next(), ...), shortly before that
/// returns: never on a thread of the library's, never after these are freed. What happens in the
/// background waits for the next call; the last 64 events are kept. No lock is held, so it may call
/// the client. Where several threads use the client it may run on several at once.
///
/// It must return: neither throw an exception nor jump out.
pub type emnify_observer =
    Option<unsafe extern "C" fn(user: *mut c_void, event: *const emnify_event)>;

/// Sets the function that is told what happens: see emnify_observer. `user` is passed to it and not
/// looked at. It may be NULL; else it must be good on each thread that uses a client made from
/// `config`, or what came of one by emnify_paginate() or emnify_switch_workspace(), until the last
/// of these is freed.
///
/// Default: nobody is told. Fails with EMNIFY_ERR_INVALID_INPUT if `config` or `observer` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_config_set_observer(
    config: *mut emnify_config,
    observer: emnify_observer,
    user: *mut c_void,
    error: *mut *mut emnify_error,
) -> i32 {
    // SAFETY: the contract, and what is demanded of `user` above.
    unsafe {
        set(config, error, |builder| {
            let observer = Callback::new(function("observer", observer)?, user);
            Ok(builder.observer(move |event| {
                let event = emnify_event::new(event);
                observer.call(|observer, user| observer(user, &event));
            }))
        })
    }
}

/// What happened: one of the constants EMNIFY_EVENT_....
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_kind(event: *const emnify_event) -> i32 {
    // SAFETY: the contract.
    unsafe { read(event, EMNIFY_EVENT_OTHER, |event| event.kind) }
}

/// The name of a kind, such as "EMNIFY_EVENT_REFUSED": for logs.
///
/// Never NULL; a number that this version does not know gives "EMNIFY_EVENT_OTHER". The string is
/// constant and never freed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn emnify_event_name(kind: i32) -> *const c_char {
    name(kind).as_ptr()
}

/// How much it matters: EMNIFY_LEVEL_INFO, _WARNING or _ERROR; EMNIFY_LEVEL_INFO if `event` is NULL.
/// These are LOG_INFO, LOG_WARNING and LOG_ERR of <syslog.h>, so that an observer which logs is
///
///     static void log_event(void *user, const emnify_event *event)
///     {
///         (void)user;
///         syslog(emnify_event_level(event), "%s", emnify_event_message(event));
///     }
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_level(event: *const emnify_event) -> i32 {
    // SAFETY: the contract.
    unsafe { read(event, EMNIFY_LEVEL_INFO, |event| event.level) }
}

/// What happened, and why: one line for a log, UTF-8, without a line break.
///
/// Borrowed from `event`. NULL if `event` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_message(event: *const emnify_event) -> *const c_char {
    // SAFETY: the contract.
    unsafe { read(event, ptr::null(), |event| event.message.as_ptr()) }
}

/// Why, where something went wrong.
///
/// Borrowed from `event`; emnify_error_copy() makes one of your own. NULL where nothing did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_error(event: *const emnify_event) -> *const emnify_error {
    // SAFETY: the contract.
    unsafe {
        read(event, ptr::null(), |event| event.error.as_deref().map_or(ptr::null(), ptr::from_ref))
    }
}

/// How many milliseconds after the event the next attempt to sign in may be made, where one failed;
/// -1 where none did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_event_next_attempt_ms(event: *const emnify_event) -> i64 {
    // SAFETY: the contract.
    unsafe { read(event, -1, |event| event.next_attempt_ms) }
}

/// When that expires which the event is about, the auth token or the application token, in seconds
/// of Unix time on the server's clock; 0 where it is about neither.
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
        EventKind::CoolingDown => EMNIFY_EVENT_COOLING_DOWN,
        EventKind::ApplicationTokenExpires => EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES,
        EventKind::StoreTrouble => EMNIFY_EVENT_STORE_TROUBLE,
        EventKind::CredentialTrouble => EMNIFY_EVENT_CREDENTIAL_TROUBLE,
        EventKind::SuccessorFound => EMNIFY_EVENT_SUCCESSOR_FOUND,
        EventKind::OldTokenKept => EMNIFY_EVENT_OLD_TOKEN_KEPT,
        // One that the core has a name for and this file does not know yet.
        _ => EMNIFY_EVENT_OTHER,
    }
}

fn priority(level: Level) -> i32 {
    match level {
        Level::Info => EMNIFY_LEVEL_INFO,
        Level::Warning => EMNIFY_LEVEL_WARNING,
        // The highest that this file knows, for one that the core has and it does not know yet.
        _ => EMNIFY_LEVEL_ERROR,
    }
}

fn name(kind: i32) -> &'static CStr {
    match kind {
        EMNIFY_EVENT_AUTHENTICATED => c"EMNIFY_EVENT_AUTHENTICATED",
        EMNIFY_EVENT_ADOPTED => c"EMNIFY_EVENT_ADOPTED",
        EMNIFY_EVENT_REFRESH_FAILED => c"EMNIFY_EVENT_REFRESH_FAILED",
        EMNIFY_EVENT_REFUSED => c"EMNIFY_EVENT_REFUSED",
        EMNIFY_EVENT_COOLING_DOWN => c"EMNIFY_EVENT_COOLING_DOWN",
        EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES => c"EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES",
        EMNIFY_EVENT_STORE_TROUBLE => c"EMNIFY_EVENT_STORE_TROUBLE",
        EMNIFY_EVENT_CREDENTIAL_TROUBLE => c"EMNIFY_EVENT_CREDENTIAL_TROUBLE",
        EMNIFY_EVENT_SUCCESSOR_FOUND => c"EMNIFY_EVENT_SUCCESSOR_FOUND",
        EMNIFY_EVENT_OLD_TOKEN_KEPT => c"EMNIFY_EVENT_OLD_TOKEN_KEPT",
        _ => c"EMNIFY_EVENT_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_stay_what_they_are() {
        use EventKind::*;
        for (expected, kind) in [
            (1, Authenticated),
            (2, Adopted),
            (3, RefreshFailed),
            (4, Refused),
            (5, CoolingDown),
            (6, ApplicationTokenExpires),
            (7, StoreTrouble),
            (8, CredentialTrouble),
            (9, SuccessorFound),
            (10, OldTokenKept),
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
