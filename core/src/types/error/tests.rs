//! Tests of an error's properties and its text.

use super::*;

#[test]
fn only_temporary_faults_are_retryable() {
    for (kind, retryable) in [
        (ErrorKind::Network, true),
        (ErrorKind::Timeout, true),
        (ErrorKind::Server, true),
        (ErrorKind::RateLimited, true),
        (ErrorKind::Locked, true),
        (ErrorKind::Resource, true),
        (ErrorKind::Proxy, true),
        (ErrorKind::Pending, true),
        (ErrorKind::Rejected, false),
        (ErrorKind::InvalidInput, false),
        (ErrorKind::Tls, false),
        (ErrorKind::Validation, false),
    ] {
        assert_eq!(Error::new(kind, "").is_retryable(), retryable, "{kind:?}");
    }
}

#[test]
fn a_wrong_clock_is_temporary_and_a_wrong_certificate_is_not() {
    for (reason, retryable) in [
        (ErrorReason::Clock, true),
        (ErrorReason::CertificateExpired, false),
        (ErrorReason::CertificateUntrusted, false),
        (ErrorReason::CertificateName, false),
    ] {
        let error = Error::new(ErrorKind::Tls, "").with_reason(reason);
        assert_eq!((error.reason(), error.is_retryable()), (Some(reason), retryable));
    }
}

#[test]
fn a_message_is_one_line_without_hidden_characters() {
    let error = Error::invalid_input("store", "/a\u{202e}b\nc\u{200b}d\u{9b}\"");
    assert_eq!(error.to_string(), "store: /a b c d \"");
}

#[test]
fn an_api_error_is_shown_with_what_is_nested_in_it() {
    let nested = ApiError {
        error_code: Some(1402),
        error_name: Some("Required".into()),
        message: Some("name".into()),
        errors: Vec::new(),
    };
    let error = ApiError {
        error_code: Some(1400),
        error_name: Some("InputValidationFailed".into()),
        message: Some("Invalid input".into()),
        errors: vec![nested],
    };
    assert_eq!(
        error.to_string(),
        "Invalid input (InputValidationFailed, 1400) [name (Required, 1402)]"
    );
}

#[test]
fn kinds_are_written_with_the_same_names_in_logs_and_in_json() {
    assert_eq!(format!("{:>8}", ErrorKind::Tls), "     tls");
    let json = serde_json::to_string(&(ErrorKind::InvalidInput, ErrorReason::Dns)).unwrap();
    assert_eq!(json, r#"["invalid_input","dns"]"#);
}
