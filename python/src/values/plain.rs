//! The plain values that calls return. Their classes are defined in Python, as dataclasses, and are
//! imported at the first use, since the import takes time.

use std::time::SystemTime;

use emnify_core::{ApplicationTokenStatus, EventKind, Finding, Level};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyModule, PyTuple};

use crate::convert::{errors, time};

const MODULE: &str = "emnify_auth._values";

/// A value as a Python object.
type Value<'py> = PyResult<Bound<'py, PyAny>>;

/// Converts a row of the list of application tokens.
pub(crate) fn application_token<'py>(
    py: Python<'py>,
    token: &emnify_core::ApplicationToken,
) -> Value<'py> {
    let status = token.status().map(|status| match status {
        ApplicationTokenStatus::Activated => "activated",
        ApplicationTokenStatus::Revoked => "revoked",
        _ => "other",
    });
    let fields = PyDict::new(py);
    fields.set_item("id", token.id())?;
    fields.set_item("description", token.description())?;
    fields.set_item("status", status)?;
    fields.set_item("created_at", instant(py, token.created_at())?)?;
    fields.set_item("expiry_date", token.expiry_date())?;
    fields.set_item("expires_at", instant(py, token.expires_at())?)?;
    fields.set_item("ip", token.ip())?;
    fields.set_item("creator", token.creator())?;
    new("ApplicationToken", &fields)
}

/// Converts an application token with its findings.
pub(crate) fn audited_token<'py>(
    py: Python<'py>,
    audited: &emnify_core::AuditedToken,
) -> Value<'py> {
    let names = audited.findings.iter().map(|finding| match finding {
        Finding::Own => "own",
        Finding::Revoked => "revoked",
        Finding::Expired => "expired",
        Finding::Orphan => "orphan",
        Finding::ExpiresSoon => "expires_soon",
        Finding::NoExpiry => "no_expiry",
        Finding::NoAddressRestriction => "no_address_restriction",
        Finding::Old => "old",
        Finding::UnreadableExpiry => "unreadable_expiry",
        Finding::RefusedLately => "refused_lately",
        _ => "other",
    });
    let fields = PyDict::new(py);
    fields.set_item("token", application_token(py, &audited.token)?)?;
    fields.set_item("findings", PyFrozenSet::new(py, names)?)?;
    new("AuditedToken", &fields)
}

/// Converts a refused sign-in.
pub(crate) fn sign_in_failure<'py>(
    py: Python<'py>,
    failure: &emnify_core::SignInFailure,
) -> Value<'py> {
    let fields = PyDict::new(py);
    fields.set_item("at", instant(py, failure.at)?)?;
    fields.set_item("description", &failure.description)?;
    fields.set_item("token_name", failure.token_name.as_deref())?;
    fields.set_item("token_ids", PyTuple::new(py, &failure.token_ids)?)?;
    fields.set_item("successor_id", failure.successor_id)?;
    fields.set_item("reason", failure.reason.as_deref())?;
    fields.set_item("address", failure.address.map(|address| address.to_string()))?;
    new("SignInFailure", &fields)
}

/// Converts what a token says about itself.
pub(crate) fn token_claims<'py>(py: Python<'py>, claims: &emnify_core::TokenClaims) -> Value<'py> {
    let fields = PyDict::new(py);
    fields.set_item("id", claims.id)?;
    fields.set_item("organisation_id", claims.organisation_id)?;
    fields.set_item("issued_at", instant(py, claims.issued_at)?)?;
    fields.set_item("expires_at", latest(py, claims.expires_at)?)?;
    fields.set_item("is_auth_token", claims.is_auth_token)?;
    new("TokenClaims", &fields)
}

/// Converts the result of a rotation.
pub(crate) fn rotation<'py>(py: Python<'py>, rotation: &emnify_core::Rotation) -> Value<'py> {
    let grace_left = rotation.grace_left().map(|left| time::to_timedelta(py, left)).transpose()?;
    let fields = PyDict::new(py);
    fields.set_item("state", rotation.state().to_string())?;
    fields.set_item("old_id", rotation.old_id())?;
    fields.set_item("new_id", rotation.new_id())?;
    fields.set_item("grace_left", grace_left)?;
    fields.set_item("is_adopted", rotation.is_adopted())?;
    fields.set_item("is_old_kept", rotation.is_old_kept())?;
    fields.set_item("ignored_options", PyTuple::new(py, rotation.ignored_options())?)?;
    new("Rotation", &fields)
}

/// Converts an event.
pub(crate) fn event<'py>(py: Python<'py>, event: &emnify_core::Event) -> Value<'py> {
    let kind = match event.kind() {
        EventKind::Authenticated => "authenticated",
        EventKind::Adopted => "adopted",
        EventKind::RefreshFailed => "refresh_failed",
        EventKind::Refused => "refused",
        EventKind::BackingOff => "backing_off",
        EventKind::ApplicationTokenExpires => "application_token_expires",
        EventKind::SuccessorFound => "successor_found",
        EventKind::OldTokenKept => "old_token_kept",
        EventKind::StoreError => "store_error",
        EventKind::CredentialError => "credential_error",
        EventKind::CreatedWithoutExpiry => "created_without_expiry",
        EventKind::CreatedWithoutAddressRestriction => "created_without_address_restriction",
        EventKind::AuditIncomplete => "audit_incomplete",
        _ => "other",
    };
    let level = match event.level() {
        Level::Info => "info",
        Level::Warning => "warning",
        _ => "error",
    };
    let fields = PyDict::new(py);
    fields.set_item("kind", kind)?;
    fields.set_item("level", level)?;
    fields.set_item("message", event.to_string())?;
    fields.set_item("error", error(py, event.error()))?;
    fields.set_item("next_attempt", event.next_attempt().map(|wait| wait.as_secs_f64()))?;
    fields.set_item("expires_at", latest(py, event.expires_at())?)?;
    new("Event", &fields)
}

/// Converts a check.
pub(crate) fn check<'py>(py: Python<'py>, check: &emnify_core::Check) -> Value<'py> {
    let fields = PyDict::new(py);
    fields.set_item("subject", check.subject.to_string())?;
    fields.set_item("verdict", check.verdict.to_string())?;
    fields.set_item("tried", &check.tried)?;
    fields.set_item("found", &check.found)?;
    fields.set_item("advice", &check.advice)?;
    new("Check", &fields)
}

/// Converts the status of a session.
pub(crate) fn status<'py>(py: Python<'py>, status: &emnify_core::Status) -> Value<'py> {
    let fields = PyDict::new(py);
    fields.set_item("signed_in", status.signed_in)?;
    fields.set_item("valid_until", latest(py, status.valid_until)?)?;
    fields.set_item("next_attempt", status.next_attempt.map(|wait| wait.as_secs_f64()))?;
    fields.set_item("last_error", error(py, status.last_error.as_ref()))?;
    fields.set_item("calls_made", status.calls_made)?;
    fields.set_item("last_change", latest(py, status.last_change)?)?;
    new("Status", &fields)
}

fn new<'py>(class: &str, fields: &Bound<'py, PyDict>) -> Value<'py> {
    static CLASSES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let py = fields.py();
    let classes = CLASSES.get_or_try_init(py, || py.import(MODULE).map(Bound::unbind))?;
    classes.bind(py).getattr(class)?.call((), Some(fields))
}

fn error(py: Python<'_>, error: Option<&emnify_core::Error>) -> Option<Py<PyAny>> {
    error.map(|error| errors::exception(py, error).into_value(py).into_any())
}

/// Converts an instant. `None` if `datetime` cannot express it.
fn instant(py: Python<'_>, instant: Option<SystemTime>) -> PyResult<Option<Bound<'_, PyAny>>> {
    instant.map_or(Ok(None), |instant| time::to_datetime(py, instant))
}

/// Converts an instant. One that `datetime` cannot express, such as the expiry of a token that never
/// expires, becomes the last one that it can.
fn latest(py: Python<'_>, at: Option<SystemTime>) -> PyResult<Option<Bound<'_, PyAny>>> {
    instant(py, at.map(|at| at.min(time::end_of_time())))
}
