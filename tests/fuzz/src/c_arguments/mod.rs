//! The functions of the C library, called with any arguments that the header allows.

#![allow(clippy::undocumented_unsafe_blocks, reason = "each argument is NULL or valid, see below")]

mod arguments;
mod results;

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use emnify_ffi::*;

use self::arguments::Arguments;
use self::results::{any, call, call_for, check_error, line};
use crate::client::CA;
use crate::emnify::{Emnify, TOKEN};
use crate::server::Run;

/// The most calls of one run.
const MOST_CALLS: usize = 32;

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

/// Checks the calls in `data`: the number of a function, followed by its arguments.
pub fn check(data: &[u8]) {
    let mut arguments = Arguments::new(data);
    let config = emnify_config_new();
    // Every pointer is NULL, or that of a handle or text that is not freed yet; every length is that
    // of the bytes there, or longer than the address space.
    for _ in 0..MOST_CALLS {
        let Some(function) = arguments.next() else { break };
        let config = if arguments.below(32) == 31 { ptr::null_mut() } else { config };
        unsafe { configure(function, config, &mut arguments) };
        let client = if arguments.below(32) == 31 { ptr::null() } else { client() };
        unsafe { use_client(function, client, &mut arguments) };
    }
    let client = call_for(true, |out, error| unsafe { emnify_client_new(config, out, error) });
    unsafe {
        if !client.is_null() {
            check_status(client);
        }
        emnify_client_free(client);
        emnify_config_free(config);
    }
}

/// Calls a function that changes the configuration.
unsafe fn configure(function: u8, config: *mut emnify_config, arguments: &mut Arguments<'_>) {
    let pick = usize::from(function / 16);
    match function % 16 {
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
        _ => {}
    }
}

/// Calls a function that uses a client.
unsafe fn use_client(function: u8, client: *const emnify_client, arguments: &mut Arguments<'_>) {
    match function % 16 {
        7 => {
            let (wanted, number) = (arguments.below(16) > 0, arguments.number() as u32);
            let token = call_for(wanted, |out, error| unsafe {
                match function / 16 {
                    0 => emnify_authenticate_within(client, number, out, error),
                    1 => emnify_authenticate_for(client, number, out, error),
                    _ => emnify_authenticate(client, out, error),
                }
            });
            unsafe {
                assert_eq!(any(emnify_auth_token_reveal(token)).is_none(), token.is_null());
                emnify_auth_token_expires_at(token);
                emnify_auth_token_valid_for_ms(token);
                emnify_auth_token_organisation_id(token);
                emnify_auth_token_free(token);
            }
        }
        8 => fill(client, arguments),
        9 => {
            let (bytes, length) = arguments.counted();
            let inspected = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_token_inspect(bytes, length, out, error)
            });
            unsafe {
                emnify_token_claims_id(inspected);
                emnify_token_claims_issued_at(inspected);
                emnify_token_claims_expires_at(inspected);
                emnify_token_claims_is_auth_token(inspected);
                emnify_token_claims_free(inspected);
                emnify_invalidate_text(client, bytes, length);
            }
        }
        10 => unsafe { request(client, arguments) },
        11 => {
            let (path, per_page) = (arguments.text(), arguments.number());
            let pages = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_paginate(client, path, per_page, out, error)
            });
            let (mut row, mut length) = (ptr::null(), 0);
            call(|error| unsafe { emnify_pages_next(pages, &mut row, &mut length, error) });
            unsafe {
                assert!(any(row).is_none_or(|row| row.len() == length));
                emnify_pages_free(pages);
            }
        }
        12 => {
            let mut options = emnify_token_options { size: 0, ..unsafe { std::mem::zeroed() } };
            options.size = size_of_val(&options);
            options.description = optional(arguments);
            options.expiry_date = optional(arguments);
            options.ip = optional(arguments);
            options.expires_in_s = arguments.number();
            let options = arguments.options(options);
            let created = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_token_create(client, options, out, error)
            });
            unsafe {
                assert_eq!(any(emnify_created_token_reveal(created)).is_none(), created.is_null());
                emnify_created_token_id(created);
                emnify_created_token_free(created);
            }
        }
        13 => {
            let mut options = emnify_list_options { size: 0, ..unsafe { std::mem::zeroed() } };
            options.size = size_of_val(&options);
            options.expires_within_s = arguments.number();
            options.older_than_s = arguments.number();
            options.refused_within_s = arguments.number();
            let options = arguments.options(options);
            let list = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_token_list(client, options, out, error)
            });
            unsafe {
                let size = emnify_token_list_size(list);
                for index in [0, size, arguments.number() as usize] {
                    let token = emnify_token_list_at(list, index);
                    assert_eq!(token.is_null(), index >= size);
                    any(emnify_token_description(token));
                    any(emnify_token_expiry_date(token));
                    emnify_token_findings(token);
                }
                emnify_token_list_free(list);
            }
        }
        14 => {
            let (id, text) = (arguments.number(), arguments.text());
            call(|error| unsafe { emnify_token_update(client, id, text, error) });
            let options = emnify_rotate_options {
                size: size_of::<emnify_rotate_options>(),
                description: text,
                ip: optional(arguments),
                grace_s: arguments.number(),
                keep_old: arguments.number(),
                ..unsafe { std::mem::zeroed() }
            };
            let options = arguments.options(options);
            let rotation = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_token_rotate(client, options, out, error)
            });
            unsafe { emnify_rotation_free(rotation) };
        }
        15 => unsafe {
            let number = arguments.number();
            line(emnify_error_name(number as i32)).unwrap();
            line(emnify_error_reason_name(number as i32)).unwrap();
            line(emnify_event_name(number as i32)).unwrap();
            line(emnify_finding_name(number as u32));
            emnify_client_retry_now(client);
            check_status(client);
        },
        _ => {}
    }
}

/// Calls a function that fills a buffer, and checks that it stays within.
fn fill(client: *const emnify_client, arguments: &mut Arguments<'_>) {
    let (capacity, with_length) = (usize::from(arguments.next().unwrap_or(0)), arguments.flag());
    let mut buffer = [0x7f_u8; 256];
    let at = if arguments.below(16) == 0 { ptr::null_mut() } else { buffer.as_mut_ptr().cast() };
    let mut length = 0;
    let out = if with_length { &raw mut length } else { ptr::null_mut() };
    let function = arguments.below(3);
    let filled = call(|error| unsafe {
        match function {
            0 => emnify_client_metrics(client, at, capacity, out, error),
            1 => emnify_try_authorization_header(client, at, capacity, out, error),
            _ => emnify_authorization_header(client, at, capacity, out, error),
        }
    });
    let end = if filled { capacity } else { 0 };
    assert!(buffer[end..].iter().all(|byte| *byte == 0x7f));
    assert!(!filled || buffer[..end].contains(&0));
}

/// Makes a request with any options.
unsafe fn request(client: *const emnify_client, arguments: &mut Arguments<'_>) {
    let methods = [c"GET", c"POST", c"PUT", c"DELETE", c"PATCH", c"HEAD"];
    let method = match arguments.below(8) {
        index @ 0..6 => methods[usize::from(index)].as_ptr(),
        _ => arguments.text(),
    };
    let path = arguments.text();
    let mut pairs = || {
        let count = usize::from(arguments.below(4));
        let pair = |arguments: &mut Arguments<'_>| emnify_pair {
            name: arguments.text(),
            value: arguments.text(),
        };
        let pairs: Vec<_> = (0..count).map(|_| pair(arguments)).collect();
        let huge = count == 3 && arguments.below(8) == 7;
        (pairs, if huge { usize::MAX / 2 } else { count })
    };
    let ((query, query_size), (headers, headers_size)) = (pairs(), pairs());
    let (body, body_length) = arguments.counted();
    let options = emnify_request_options {
        size: size_of::<emnify_request_options>(),
        query: if query.is_empty() { ptr::null() } else { query.as_ptr() },
        query_size,
        headers: if headers.is_empty() { ptr::null() } else { headers.as_ptr() },
        headers_size,
        body: body.cast::<c_void>(),
        body_length,
        timeout_ms: arguments.number(),
    };
    let options = arguments.options(options);
    let response = call_for(arguments.below(16) > 0, |out, error| unsafe {
        emnify_request(client, method, path, options, out, error)
    });
    let mut length = 0;
    unsafe {
        let body = any(emnify_response_body(response, &mut length));
        assert!(body.is_none_or(|body| body.len() == length));
        emnify_response_status(response);
        any(emnify_response_header(response, arguments.text()));
        emnify_response_free(response);
    }
}

/// Returns a text, more often NULL than [`Arguments::text`] does.
fn optional(arguments: &mut Arguments<'_>) -> *const c_char {
    if arguments.flag() { arguments.text() } else { ptr::null() }
}

unsafe fn check_status(client: *const emnify_client) {
    let status = call_for(true, |out, error| unsafe { emnify_status_new(client, out, error) });
    unsafe {
        check_error(emnify_status_last_error(status));
        emnify_status_signed_in(status);
        emnify_status_valid_until(status);
        emnify_status_next_attempt_ms(status);
        emnify_status_last_change(status);
        emnify_status_free(status);
    }
}

/// Returns the client of this process, whose server is not hostile.
fn client() -> *const emnify_client {
    static CLIENT: OnceLock<(Run, usize)> = OnceLock::new();
    let (_, client) = CLIENT.get_or_init(|| {
        let emnify = Emnify::new();
        let run = Run::new(move |request| emnify.respond(request));
        let url = std::ffi::CString::new(run.url.as_str()).unwrap();
        let config = emnify_config_new();
        let (token, ca) = (TOKEN.as_ptr().cast(), CA.as_ptr().cast());
        let set = |ok: bool| assert!(ok);
        let client = unsafe {
            set(call(|e| emnify_config_set_application_token(config, token, TOKEN.len(), e)));
            set(call(|e| emnify_config_set_ca_pem(config, ca, CA.len(), e)));
            set(call(|e| emnify_config_set_base_url(config, url.as_ptr(), e)));
            set(call(|e| emnify_config_set_pacing(config, false, e)));
            // A call that waits until it may sign in again gives up soon.
            set(call(|e| emnify_config_set_timeout_ms(config, 300, e)));
            let client = call_for(true, |out, error| emnify_client_new(config, out, error));
            emnify_config_free(config);
            client
        };
        (run, client as usize)
    });
    *client as *const emnify_client
}
