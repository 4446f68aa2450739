//! The functions of the C library, called with any arguments that the header allows.

#![allow(clippy::undocumented_unsafe_blocks, reason = "each argument is NULL or valid, see below")]

mod arguments;
mod calls;
mod configure;
mod results;

use std::ffi::CString;
use std::ptr;
use std::sync::OnceLock;

use emnify_ffi::*;

use self::arguments::Arguments;
use self::calls::{check_status, use_client};
use self::configure::{Users, configure};
use self::results::{call, call_for};
use crate::client::CA;
use crate::emnify::{Emnify, TOKEN};
use crate::server::{Reply, Run};

/// The most calls of one run.
const MOST_CALLS: usize = 32;

/// More than there are functions to choose from.
const FUNCTIONS: u8 = 32;

/// Checks the calls in `data`: the number of a function, followed by its arguments.
pub fn check(data: &[u8]) {
    let mut arguments = Arguments::new(data);
    let (config, users) = (emnify_config_new(), Users::default());
    // Every pointer is NULL, or that of a handle or text that is not freed yet; every length is that
    // of the bytes there, or longer than the address space.
    for _ in 0..MOST_CALLS {
        let Some(function) = arguments.next() else { break };
        let is_null = arguments.below(32) == 31;
        let config = if is_null { ptr::null_mut() } else { config };
        let client = if is_null { ptr::null() } else { client() };
        unsafe {
            configure(function, config, &users, &mut arguments);
            use_client(function, client, &mut arguments);
        }
    }
    let client = call_for(true, |out, error| unsafe { emnify_client_new(config, out, error) });
    unsafe {
        if !client.is_null() {
            check_status(client);
            emnify_client_cancel(client);
            call(|error| emnify_client_process(client, error));
        }
        emnify_client_free(client);
        emnify_config_free(config);
    }
    users.check_freed();
}

/// Returns the client of this process, whose server is not hostile.
fn client() -> *const emnify_client {
    static CLIENT: OnceLock<(Run, usize)> = OnceLock::new();
    let (_, client) = CLIENT.get_or_init(|| {
        let emnify = Emnify::new();
        // The client's own token stays, or all later calls would fail.
        let run = Run::new(move |request| match request.line.as_str() {
            "PATCH /api/v1/application_token/0 HTTP/1.1" => Reply::json(403, "{}"),
            _ => emnify.respond(request),
        });
        let url = CString::new(run.url.as_str()).unwrap();
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
