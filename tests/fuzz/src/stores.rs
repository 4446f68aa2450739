//! Entries of a store: sessions and the journal of a rotation, damaged or written by someone else.

use std::sync::Arc;

use emnify_core::{ErrorKind, RotateOptions, Secret, parsers};

use crate::client::{builder, clock};
use crate::emnify::{Emnify, TOKEN};
use crate::memory::Memory;
use crate::server::Run;
use crate::text::{check_secrets, check_shown};

/// Set in the first byte: the entry is that of a rotation, not of a session.
const ROTATION: u8 = 1;
/// Set in the first byte: the entry is not encrypted, so it is damaged.
const DAMAGED: u8 = 2;
/// Set in the first byte: the wall clock was never set.
const UNSET: u8 = 4;
/// Set in the first byte: the machine has rebooted since.
const REBOOTED: u8 = 8;

/// Checks the entry in `data`, after a byte that tells what it is.
pub fn check(data: &[u8]) {
    let Some((kind, plain)) = data.split_first() else { return };
    let emnify = Arc::new(Emnify::new());
    let run = Run::new({
        let emnify = Arc::clone(&emnify);
        move |request| emnify.respond(request)
    });
    let (memory, clock) = (Memory::default(), clock());
    clock.advance(std::time::Duration::from_secs(86_400));
    let purpose = if kind & ROTATION != 0 { "rotation" } else { "session" };
    // The port of the server differs in each process, but the key depends on it.
    let client = builder(&run.url, &clock).store(memory.store()).build().unwrap();
    let (token, url) = (Secret::from(TOKEN), client.base_url());
    parsers::write_entry(&memory.store(), &token, url, purpose, plain).unwrap();
    if kind & DAMAGED != 0 {
        for entry in memory.0.lock().unwrap().values_mut() {
            *entry = plain.to_vec();
        }
    }
    if kind & UNSET != 0 {
        clock.set_wall(std::time::SystemTime::UNIX_EPOCH);
    }
    if kind & REBOOTED != 0 {
        clock.reboot();
    }

    let check_error = |error: emnify_core::Error| {
        check_shown(&error, &[TOKEN]);
        assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
    };
    let _ = client.authenticate().map_err(check_error);
    check_secrets(&format!("{:?}", client.status()), &[TOKEN]);
    let _ = client.application_tokens().rotate(&RotateOptions::new()).map_err(check_error);
    let _ = client.authenticate().map_err(check_error);
    for event in client.take_events() {
        check_shown(&event, &[TOKEN]);
    }
    assert!(emnify.active() > 0, "the last application token was revoked");
}
