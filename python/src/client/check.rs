//! The method of the client that checks what it needs.

use emnify_core::CheckOptions;
use pyo3::prelude::*;

use crate::client::Client;
use crate::convert::arguments::Timeout;
use crate::values::plain;

#[pymethods]
impl Client {
    /// Checks what the client needs, and returns one Check for each, in this order: the
    /// environment variables, the lookup of names, the proxy, the connection, the clock, the
    /// certificate, the credential, where it may be used from, its rights, and the store. It raises
    /// no exception for what does not work: that is a result.
    ///
    /// rights: whether to check the right to revoke application tokens, which a rotation needs.
    /// This writes to emnify: it sets the description of the client's application token to what it
    /// is.
    /// timeout: how long all checks together may take, in seconds or as a timedelta. Default: the
    /// client's timeout.
    ///
    /// It makes a request without credentials, signs in unless a cached auth token is valid, and
    /// reads the list of application tokens, and the refused sign-ins if the application token is
    /// limited to an address. It writes an entry to the store and removes it.
    ///
    ///     >>> {check.subject for check in client.check() if check.verdict == "failed"}
    ///     set()
    #[pyo3(signature = (*, rights=false, timeout=None))]
    fn check<'py>(
        &self,
        py: Python<'py>,
        rights: bool,
        timeout: Option<Timeout>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let options = CheckOptions::new().rights(rights);
        let checks = self.call(py, timeout, |client| client.check(options))?;
        checks.iter().map(|check| plain::check(py, check)).collect()
    }
}
