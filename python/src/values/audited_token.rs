//! An application token with the findings of an audit.

use std::fmt::Write;

use emnify_core::Finding;
use pyo3::prelude::*;
use pyo3::types::PyFrozenSet;

use crate::values::application_token::ApplicationToken;

/// An application token with the findings of ApplicationTokens.audit().
///
/// It is immutable. Two are equal if their tokens and findings are.
///
///     >>> [audited] = client.application_tokens.audit()
///     >>> "own" in audited.findings
///     True
#[pyclass(frozen, eq, module = "emnify_auth")]
#[derive(PartialEq)]
pub(crate) struct AuditedToken(pub(crate) emnify_core::AuditedToken);

#[pymethods]
impl AuditedToken {
    /// The application token, as in the list.
    #[getter]
    fn token(&self) -> ApplicationToken {
        ApplicationToken(self.0.token.clone())
    }

    /// The findings. If there are none, no risks are known.
    ///
    /// "own": this client signs in with the token, according to its auth token. It is not a risk.
    /// "revoked": the token was revoked. It is not checked for risks.
    /// "expired": the token has expired. It is not checked for risks.
    /// "orphan": a rotation created the token and did not finish. The next rotation uses the token
    /// or revokes it. If there will be no other rotation, revoke it.
    /// "expires_soon": the token expires within expires_within.
    /// "no_expiry": the token never expires: if it is stolen, it works until it is revoked.
    /// "no_address_restriction": the token may be used from any address.
    /// "old": the token is older than older_than and should be rotated.
    /// "unreadable_expiry": the expiry date has an unknown format. Check it by hand.
    /// "other": a finding that this version has no name for.
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
