//! No message and no `Debug` output contains a secret, even if a server quotes it.

use emnify_core::NewApplicationToken;
use emnify_sandbox::{Fault, FaultKind};

use crate::common::{self, AUTHENTICATE, TOKENS, builder, sandbox};

#[test]
fn neither_errors_nor_debug_output_contain_a_secret_that_a_server_quotes() {
    let sandbox = sandbox();
    let application_token = sandbox.application_token();
    let mut shown = Vec::new();

    let builder = builder(&sandbox);
    shown.push(format!("{builder:?}"));
    let client = builder.build().unwrap();
    shown.push(format!("{client:?}"));

    for status in [400, 401, 403, 422] {
        sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::EchoSecrets { status }));
        // A new client each time, since the refusal would delay the next attempt of the first.
        let error = common::client(&sandbox).authenticate().unwrap_err();
        assert!(error.api_error().is_some(), "the fault must have quoted something");
        shown.push(format!("{error} {error:?}"));
    }

    let auth_token = client.authenticate().unwrap();
    shown.push(format!("{auth_token:?} {client:?}"));
    for status in [400, 422] {
        sandbox.fault(Fault::once(TOKENS, FaultKind::EchoSecrets { status }));
        let error = client.application_tokens().list().unwrap_err();
        assert!(error.to_string().contains("[redacted]"), "{error}");
        shown.push(format!("{error} {error:?}"));
    }

    let created = client.application_tokens().create(&NewApplicationToken::new()).unwrap();
    shown.push(format!("{created:?}"));

    for text in shown {
        for secret in [application_token.as_str(), auth_token.reveal(), created.reveal()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
