//! The functions that use a client.

use std::ffi::{c_char, c_void};
use std::ptr;

use emnify_ffi::*;

use super::FUNCTIONS;
use super::arguments::Arguments;
use super::results::{any, call, call_for, check_error, line};

/// Calls a function that uses a client.
pub(super) unsafe fn use_client(
    function: u8,
    client: *const emnify_client,
    arguments: &mut Arguments<'_>,
) {
    match function % FUNCTIONS {
        16 => {
            let (wanted, number) = (arguments.below(16) > 0, arguments.number() as u32);
            let token = call_for(wanted, |out, error| unsafe {
                match function / FUNCTIONS {
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
        17 => fill(client, arguments),
        18 => {
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
        19 => unsafe { request(client, arguments) },
        20 => {
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
        21 => {
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
        22 => {
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
        23 => {
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
        24 => unsafe {
            let number = arguments.number();
            line(emnify_error_name(number as i32)).unwrap();
            line(emnify_error_reason_name(number as i32)).unwrap();
            line(emnify_event_name(number as i32)).unwrap();
            line(emnify_finding_name(number as u32));
            emnify_client_retry_now(client);
            check_status(client);
        },
        25 => {
            let (id, wanted) = (arguments.number(), arguments.below(16) > 0);
            let token = call_for(wanted, |out, error| unsafe {
                match function / FUNCTIONS {
                    0..4 => emnify_token_own(client, out, error),
                    _ => {
                        let (bytes, length) = arguments.counted();
                        emnify_token_identify(client, bytes, length, out, error)
                    }
                }
            });
            unsafe {
                any(emnify_token_creator(token));
                any(emnify_token_ip(token));
                emnify_token_free(token);
            }
            call(|error| unsafe { emnify_token_revoke(client, id, error) });
        }
        26 => {
            let since = arguments.number();
            let failures = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_token_failures(client, since, out, error)
            });
            unsafe {
                let size = emnify_token_failures_size(failures);
                for index in [0, size, arguments.number() as usize] {
                    let failure = emnify_token_failures_at(failures, index);
                    assert_eq!(failure.is_null(), index >= size);
                    line(emnify_failure_description(failure));
                    assert_eq!(emnify_failure_token_id(failure, index), 0);
                }
                emnify_token_failures_free(failures);
            }
        }
        27 => {
            let (id, mut fd) = (arguments.number(), -1);
            let out = if arguments.below(16) > 0 { &raw mut fd } else { ptr::null_mut() };
            let succeeded = call(|error| unsafe { emnify_client_fd(client, out, error) });
            assert_eq!(succeeded, fd >= 0);
            call(|error| unsafe { emnify_client_process(client, error) });
            let switched = call_for(arguments.below(16) > 0, |out, error| unsafe {
                emnify_switch_workspace(client, id, out, error)
            });
            unsafe { emnify_client_free(switched) };
        }
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

pub(super) unsafe fn check_status(client: *const emnify_client) {
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
