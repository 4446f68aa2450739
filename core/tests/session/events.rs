//! Status and events report what happened.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, EventKind};
use emnify_sandbox::{Fault, FaultKind};

use super::MINUTE;
use crate::common::{AUTHENTICATE, builder, builder_without_token, clock, eventually, sandbox};

#[test]
fn status_and_events_report_what_happened_without_a_secret() {
    let (sandbox, clock) = (sandbox(), clock());
    let (events, main) = (Arc::new(Mutex::new(Vec::new())), thread::current().id());
    let seen = Arc::clone(&events);
    let client = builder(&sandbox)
        .clock(clock.clone())
        .observer(move |event| {
            assert_eq!(thread::current().id(), main, "only on the caller's thread");
            seen.lock().unwrap().push(event.clone());
        })
        .build()
        .unwrap();

    let status = client.status();
    assert!(!status.signed_in && status.last_change.is_none() && status.calls_made == 0);

    client.authenticate().unwrap();
    client.authenticate().unwrap();
    let status = client.status();
    assert!(status.signed_in && status.last_error.is_none());
    assert_eq!(status.calls_made, 1);
    let left = status.valid_until.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(left > 239 * MINUTE, "{left:?}");

    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::EchoSecrets { status: 422 }));
    clock.advance(200 * MINUTE);
    client.authenticate().unwrap();
    eventually("the failure", || client.status().last_error.is_some());
    eventually("its event", || {
        let _ = client.status();
        events.lock().unwrap().len() > 1
    });
    let events = events.lock().unwrap();
    assert!(events[0].kind() == EventKind::Authenticated, "{events:?}");
    assert!(events[1].kind() == EventKind::RefreshFailed, "{events:?}");
    let shown = format!("{:?} {:?} {}", client.status(), events, events[1]);
    assert!(!shown.contains(&sandbox.application_token()), "{shown}");
}

#[test]
fn events_are_taken_once_unless_an_observer_receives_them() {
    let sandbox = sandbox();
    let client = builder(&sandbox).build().unwrap();
    assert!(client.take_events().is_empty());
    client.authenticate().unwrap();
    let kinds: Vec<_> = client.take_events().iter().map(emnify_core::Event::kind).collect();
    assert_eq!(kinds, [EventKind::Authenticated]);
    assert!(client.take_events().is_empty());
    let observed = builder(&sandbox).observer(|_| {}).build().unwrap();
    observed.authenticate().unwrap();
    assert!(observed.take_events().is_empty());
}

#[test]
fn an_observer_may_call_the_client() {
    let sandbox = sandbox();
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let client = builder(&sandbox)
        .observer(move |_| {
            let client = inner.lock().unwrap().clone().unwrap();
            assert!(client.status().signed_in);
            client.authenticate().unwrap();
        })
        .build()
        .unwrap();
    *slot.lock().unwrap() = Some(client.clone());
    client.authenticate().unwrap();
    slot.lock().unwrap().take();
}

#[test]
fn an_observer_that_tries_again_after_each_failure_is_not_called_within_itself() {
    let (sandbox, count) = (sandbox(), Arc::new(AtomicU32::new(0)));
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let (inner, counted) = (Arc::clone(&slot), Arc::clone(&count));
    // A missing file delays no attempt.
    let client = builder_without_token(&sandbox)
        .application_token_file("/nonexistent/token")
        .observer(move |_| {
            assert!(counted.fetch_add(1, Ordering::SeqCst) < 10, "it is called without end");
            let client = inner.lock().unwrap().clone().unwrap();
            client.authenticate().unwrap_err();
        })
        .build()
        .unwrap();
    *slot.lock().unwrap() = Some(client.clone());
    for calls in 1..=3 {
        client.authenticate().unwrap_err();
        assert_eq!(count.load(Ordering::SeqCst), calls);
    }
    slot.lock().unwrap().take();
}

#[test]
fn an_application_token_that_expires_soon_is_announced_once_a_day() {
    use base64::Engine;
    let (sandbox, clock) = (sandbox(), clock());
    let expiry = sandbox.now() + 10 * 86_400;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(format!(r#"{{"iat":1,"exp":{expiry}}}"#));
    let value = format!("eyJhbGciOiJIUzM4NCJ9.{claims}.c2ln");
    sandbox.add_application_token(emnify_sandbox::NewToken {
        value: Some(value.clone()),
        ..Default::default()
    });
    let warnings = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&warnings);
    let client = builder_without_token(&sandbox)
        .application_token(value)
        .clock(clock.clone())
        .observer(move |event| {
            if event.kind() == EventKind::ApplicationTokenExpires {
                assert!(event.expires_at().is_some());
                seen.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    for (hours, told) in [(0, 1), (0, 1), (25, 2)] {
        sandbox.move_clock(Duration::from_secs(hours * 3_600));
        clock.advance(300 * MINUTE);
        client.authenticate().unwrap();
        assert_eq!(warnings.load(Ordering::Relaxed), told);
    }
}
