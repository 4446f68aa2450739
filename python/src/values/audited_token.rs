//! An application token and what an audit says of it, as Python holds it.

use std::fmt::Write;

use emnify_core::Finding;
use pyo3::prelude::*;
use pyo3::types::PyFrozenSet;

use crate::values::application_token::ApplicationToken;

/// An application token and what ApplicationTokens.audit() found.
///
/// It does not change; two are equal if token and findings are.
///
///     >>> [audited] = client.application_tokens.audit()
///     >>> "own" in audited.findings
///     True
#[pyclass(frozen, eq, module = "emnify_auth")]
#[derive(PartialEq)]
pub(crate) struct AuditedToken(pub(crate) emnify_core::AuditedToken);

#[pymethods]
impl AuditedToken {
    /// The row of the list.
    #[getter]
    fn token(&self) -> ApplicationToken {
        ApplicationToken(self.0.token.clone())
    }

    /// What was found; nothing is a good answer:
    ///
    /// "own": it is the one that this client signs in with, as far as its auth token tells.
    /// "revoked": it was revoked. Nothing else is said of such a one.
    /// "expired": it has expired. Nothing else is said of such a one.
    /// "orphan": a rotation made it and did not finish: that goes on with it, or revokes it,
    /// when it is called next. Where nobody will do so, revoke it.
    /// "expires_soon": it expires within the time that was asked for.
    /// "no_expiry": it never expires: a stolen one works until somebody notices.
    /// "no_address_restriction": it may be used from any address.
    /// "old": it was created longer ago than was asked for, and should be rotated.
    /// "unreadable_expiry": it has an expiry date that this library cannot read: look at it.
    /// "other": something that this version has no name for.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrozenSet>> {
        PyFrozenSet::new(py, self.names())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let token = Bound::new(py, self.token())?;
        let mut shown = format!("<AuditedToken token={} findings={{", token.repr()?);
        for (n, name) in self.names().enumerate() {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}'{name}'", if n == 0 { "" } else { ", " });
        }
        shown.push_str("}>");
        Ok(shown)
    }

    fn __hash__(&self) -> u64 {
        self.0.token.id()
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

impl AuditedToken {
    fn names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.0.findings.iter().map(|finding| match finding {
            Finding::Own => "own",
            Finding::Revoked => "revoked",
            Finding::Expired => "expired",
            Finding::Orphan => "orphan",
            Finding::ExpiresSoon => "expires_soon",
            Finding::NoExpiry => "no_expiry",
            Finding::NoAddressRestriction => "no_address_restriction",
            Finding::Old => "old",
            Finding::UnreadableExpiry => "unreadable_expiry",
            _ => "other",
        })
    }
}
