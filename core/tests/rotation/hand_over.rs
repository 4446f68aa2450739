//! Rotations whose new application token is stored in another way after the grace period than before
//! it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use emnify_core::{Client, ManualClock, RotateOptions, RotationState};

use crate::common::gateway::{Gateway, rotate};
use crate::common::{self, clock, sandbox};

const GRACE: Duration = Duration::from_secs(60);

/// Rotates until the grace period is over. Returns the client, and the id of the new token.
fn begin(gateway: &Gateway<'_>, clock: &Arc<ManualClock>) -> (Client, u64) {
    let client = gateway.text_builder().clock(clock.clone()).build().unwrap();
    let options = RotateOptions::new().grace(GRACE).hand_over(|_| Ok(()));
    let rotation = client.application_tokens().rotate(&options).unwrap();
    assert_eq!(rotation.state(), RotationState::Grace);
    clock.advance(GRACE);
    (client, rotation.new_id())
}

fn value_of(gateway: &Gateway<'_>, id: u64) -> String {
    let rows = gateway.sandbox.application_tokens();
    rows.into_iter().find(|row| row.id == id).unwrap().value
}

#[test]
fn after_the_grace_period_the_token_is_handed_over_again_before_the_old_one_is_revoked() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "other-function");
    let (client, new_id) = begin(&gateway, &clock);
    let fails = RotateOptions::new().hand_over(|_| Err("no room".into()));
    let error = client.application_tokens().rotate(&fails).unwrap_err();
    assert_eq!(error.rotation_state(), Some(RotationState::Revoking), "{error}");
    assert!(error.to_string().contains("no room"), "{error}");
    assert!(gateway.is_active(gateway.old_id));

    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&taken);
    let works = RotateOptions::new().hand_over(move |token| {
        into.lock().unwrap().push(token.reveal().to_owned());
        Ok(())
    });
    let rotation = client.application_tokens().rotate(&works).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
    assert_eq!(gateway.active(), [new_id]);
    assert_eq!(*taken.lock().unwrap(), [value_of(&gateway, new_id)]);
}

#[test]
fn after_the_grace_period_the_token_is_written_to_a_file_that_replaced_the_function() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "other-file");
    let (_, new_id) = begin(&gateway, &clock);
    rotate(&gateway.builder().clock(clock).build().unwrap()).unwrap();
    assert_eq!(gateway.active(), [new_id]);
    assert_eq!(gateway.held(), value_of(&gateway, new_id));
}

#[test]
fn a_token_that_no_longer_works_after_the_grace_period_is_not_handed_over_again() {
    let (sandbox, clock) = (sandbox(), clock());
    let gateway = Gateway::new(&sandbox, "other-dead");
    let (client, new_id) = begin(&gateway, &clock);
    common::client(&sandbox).application_tokens().revoke(new_id).unwrap();
    let options = RotateOptions::new().hand_over(|_| Err("it was called".into()));
    let error = client.application_tokens().rotate(&options).unwrap_err();
    assert!(!error.to_string().contains("it was called"), "{error}");
    assert_eq!(gateway.active(), [gateway.old_id]);
}
