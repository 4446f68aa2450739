//! A user signs in with a password and, if required, a one-time code. Renewals use a refresh token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use emnify_core::{ErrorKind, NewApplicationToken, Secret, Store, TrustedDevice};
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{
    AUTHENTICATE, Scratch, builder_without_token, client, clock, eventually, sandbox,
};

#[test]
fn a_user_signs_in_and_renews_with_the_refresh_token() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder_without_token(&sandbox).user("user@example.com", "password");
    let client = client.clock(clock.clone()).build().unwrap();
    let first = client.authenticate().unwrap();
    assert_eq!(first.organisation_id(), Some(1234));

    clock.advance(Duration::from_secs(200 * 60));
    sandbox.move_clock(Duration::from_secs(200 * 60));
    eventually("the renewal", || client.authenticate().unwrap().reveal() != first.reveal());
    let bodies: Vec<_> =
        sandbox.requests().into_iter().filter_map(|request| request.body).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies[0].contains("username") && bodies[1].contains("refresh_token"), "{bodies:?}");
}

#[test]
fn a_spent_refresh_token_is_not_sent_again_and_the_password_is_used() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("refresh-token");
    let client = || {
        let client = builder_without_token(&sandbox).user("user@example.com", "password");
        client.clock(clock.clone()).store(Store::directory(&scratch.0)).build().unwrap()
    };
    let first = client().authenticate().unwrap();
    // Signing in elsewhere makes the refresh token invalid.
    let elsewhere = builder_without_token(&sandbox).user("user@example.com", "password");
    elsewhere.build().unwrap().authenticate().unwrap();
    let again = client();
    again.invalidate(&again.authenticate().unwrap());
    assert_ne!(again.authenticate().unwrap().reveal(), first.reveal());
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 1);
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 4);
}

#[test]
fn a_refresh_token_is_kept_if_no_connection_to_send_it_was_made() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("refused-port");
    let client = || {
        let client = builder_without_token(&sandbox).user("user@example.com", "password");
        client.clock(clock.clone()).store(Store::directory(&scratch.0)).build().unwrap()
    };
    client().authenticate().unwrap();
    clock.advance(Duration::from_secs(5 * 3_600));
    sandbox.fault(Fault::new("", FaultKind::Refuse { milliseconds: None }));
    assert_eq!(client().authenticate().unwrap_err().kind(), ErrorKind::Network);
    sandbox.clear_faults();
    client().authenticate().unwrap();
    let requests = sandbox.requests();
    assert!(format!("{:?}", requests.last()).contains("refresh_token"), "{requests:?}");
}

#[test]
fn a_one_time_code_is_requested_except_on_a_trusted_device() {
    let sandbox = Arc::new(sandbox());
    let asked = Arc::new(AtomicU32::new(0));
    let client = || {
        let (portal, asked) = (Arc::clone(&sandbox), Arc::clone(&asked));
        builder_without_token(&sandbox)
            .user("mfa@example.com", "password")
            .trusted_device(TrustedDevice::new("a-device-of-mine", "laptop"))
            .mfa(move || {
                asked.fetch_add(1, Ordering::SeqCst);
                Ok(portal.one_time_code("mfa@example.com").map(Secret::from))
            })
            .build()
            .unwrap()
    };
    client().authenticate().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    client().authenticate().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the device is trusted now");
}

#[test]
fn the_error_says_that_a_code_is_required_and_no_function_supplies_it() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox).user("mfa@example.com", "password");
    let error = client.build().unwrap().authenticate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MfaRequired);
    assert!(error.to_string().contains("mfa"), "{error}");
}

#[test]
fn an_empty_code_counts_as_none() {
    let sandbox = sandbox();
    let client = builder_without_token(&sandbox).user("mfa@example.com", "password");
    let client = client.mfa(|| Ok(Some(Secret::from(" \n")))).build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.authenticate().unwrap_err().kind(), ErrorKind::MfaRequired);
    }
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 0);
}

#[test]
fn the_message_names_the_refused_credential() {
    let sandbox = sandbox();
    let message = |username: &str, password: &str| {
        let client = builder_without_token(&sandbox).user(username, password);
        let client = client.mfa(|| Ok(Some(Secret::from("000000")))).build().unwrap();
        let error = client.authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        error.to_string()
    };
    let password = message("user@example.com", "a wrong one");
    assert!(password.contains("refused the user name or password"), "{password}");
    let code = message("mfa@example.com", "password");
    assert!(code.contains("refused the one-time code"), "{code}");
}

#[test]
fn no_third_refused_login_is_sent_within_five_minutes() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder_without_token(&sandbox).user("user@example.com", "a wrong one");
    let client = client.clock(clock.clone()).build().unwrap();
    for _ in 0..299 {
        client.authenticate().unwrap_err();
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
    // The account was never locked.
    let right = builder_without_token(&sandbox).user("user@example.com", "password");
    right.build().unwrap().authenticate().unwrap();
}

#[test]
fn a_code_is_requested_by_calls_that_wait_and_never_in_the_background() {
    let (sandbox, clock) = (Arc::new(sandbox()), clock());
    sandbox.settings(|settings| settings.refresh_token_renewed = false);
    let asked = Arc::new(AtomicU32::new(0));
    let (portal, count) = (Arc::clone(&sandbox), Arc::clone(&asked));
    let client = builder_without_token(&sandbox)
        .user("mfa@example.com", "password")
        .mfa(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(portal.one_time_code("mfa@example.com").map(Secret::from))
        })
        .clock(clock.clone())
        .build()
        .unwrap();
    client.authenticate().unwrap();
    // The refresh token renews the auth token once in the background. Then there is none.
    for minutes in [200, 200, 60] {
        clock.advance(Duration::from_secs(minutes * 60));
        sandbox.move_clock(Duration::from_secs(minutes * 60));
        client.authenticate().unwrap();
        eventually("a background attempt", || client.status().next_attempt.is_none());
        std::thread::sleep(Duration::from_millis(50));
    }
    client.authenticate().unwrap();
    assert!(
        asked.load(Ordering::SeqCst) >= 2,
        "a call that waits requests a code when the token ends"
    );
    assert!(client.status().last_error.is_none(), "{:?}", client.status());
}

#[test]
fn a_refused_refresh_token_counts_as_one_of_the_two_refusals() {
    let (sandbox, clock) = (sandbox(), clock());
    let client = builder_without_token(&sandbox).user("user@example.com", "password");
    let client = client.clock(clock.clone()).build().unwrap();
    client.authenticate().unwrap();
    sandbox.fault(emnify_sandbox::Fault::new(
        AUTHENTICATE,
        emnify_sandbox::FaultKind::status(401, ""),
    ));
    clock.advance(Duration::from_secs(241 * 60));
    for _ in 0..299 {
        client.authenticate().unwrap_err();
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 2);
}

#[test]
fn a_user_can_work_in_another_workspace_and_in_the_first_at_the_same_time() {
    let (sandbox, clock) = (sandbox(), clock());
    let first = builder_without_token(&sandbox).user("user@example.com", "password");
    let first = first.clock(clock.clone()).build().unwrap();
    let other = first.switch_workspace(5678).unwrap();
    for _ in 0..3 {
        assert_eq!(other.authenticate().unwrap().organisation_id(), Some(5678));
        assert_eq!(first.authenticate().unwrap().organisation_id(), Some(1234));
        // Both renew themselves.
        clock.advance(Duration::from_secs(250 * 60));
        sandbox.move_clock(Duration::from_secs(250 * 60));
    }
    let error = first.switch_workspace(999_999).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden), "{error}");
    assert!(error.to_string().contains("999999"), "{error}");
}

const WORKSPACE: &str = "/api/v1/authenticate/workspace";

#[test]
fn the_server_decides_whether_an_application_token_may_switch() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let error = client.switch_workspace(5678).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Rejected, Some(401)));
    assert!(error.to_string().contains("switch to the workspace 5678"), "{error}");
    assert!(error.to_string().contains("sign in with user credentials"), "{error}");
    assert!(sandbox.calls("POST", WORKSPACE) > 0);
    assert_eq!(client.authenticate().unwrap().organisation_id(), Some(1234));
    let forbidden = FaultKind::status(403, r#"{"message":"not yours"}"#);
    sandbox.fault(Fault::once(WORKSPACE, forbidden));
    let error = client.switch_workspace(7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.to_string().contains("not yours"), "{error}");
}

#[test]
fn a_workspace_session_continues_after_its_application_token_was_replaced() {
    let (sandbox, clock) = (sandbox(), clock());
    let scratch = Scratch::new("workspace");
    let (file, store) = (scratch.0.join("token"), scratch.0.join("store"));
    let client = || {
        let client = builder_without_token(&sandbox).application_token_file(&file);
        client.store(Store::directory(&store)).clock(clock.clone()).build().unwrap()
    };
    // The response of a server that lets application tokens switch.
    let user = builder_without_token(&sandbox).user("user@example.com", "password");
    let there = user.build().unwrap().switch_workspace(5678).unwrap().authenticate().unwrap();
    let response = format!(r#"{{"auth_token":"{}"}}"#, there.reveal());
    sandbox.reset_counters();
    sandbox.fault(Fault::new(WORKSPACE, FaultKind::status(200, response)));

    std::fs::write(&file, sandbox.application_token()).unwrap();
    let first = client();
    let other = first.switch_workspace(5678).unwrap();
    assert_eq!(other.authenticate().unwrap().organisation_id(), Some(5678));
    assert_eq!(first.authenticate().unwrap().organisation_id(), Some(1234));
    assert_eq!(sandbox.calls("POST", WORKSPACE), 1);
    // A second switch, as in a later process, finds the session in the store.
    client().switch_workspace(5678).unwrap();
    assert_eq!(sandbox.calls("POST", WORKSPACE), 1);

    let new = NewApplicationToken::new();
    let created = first.application_tokens().create(&new).unwrap();
    std::fs::write(&file, created.reveal()).unwrap();
    clock.advance(Duration::from_secs(241 * 60));
    sandbox.move_clock(Duration::from_secs(241 * 60));
    other.authenticate().unwrap();
    assert_eq!(sandbox.calls("POST", WORKSPACE), 2);
    // Its session is saved for clients that start with the new application token.
    client().switch_workspace(5678).unwrap();
    assert_eq!(sandbox.calls("POST", WORKSPACE), 2);
}
