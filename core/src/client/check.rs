//! The public method that checks what the client needs, from the environment to the store, so that
//! a technician knows what to repair.

mod connection;
mod credential;
mod environment;

use crate::calls::retry::Transport;
use crate::client::Client;
use crate::types::check::Check;
use crate::types::error::Result;

pub(crate) use environment::Given;

/// What to check, in addition to what [`Client::check`] always checks.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::{CheckOptions, CheckSubject, Verdict};
///
/// // Before a rotation is planned: may the token revoke another one?
/// let checks = client.check(CheckOptions::new().rights(true))?;
/// let rights = checks.iter().find(|check| check.subject == CheckSubject::Rights);
/// assert!(rights.is_some_and(|check| check.verdict == Verdict::Ok));
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "they have no effect unless they are passed to `check`"]
pub struct CheckOptions {
    rights: bool,
}

impl CheckOptions {
    /// Creates the default options: nothing is changed at emnify.
    pub fn new() -> Self {
        CheckOptions::default()
    }

    /// Sets whether to check the right to revoke application tokens, which a rotation needs. This
    /// writes to emnify: it sets the description of the client's application token to what it is.
    /// The check is skipped if that token has none.
    pub fn rights(mut self, wanted: bool) -> Self {
        self.rights = wanted;
        self
    }
}

impl Client {
    /// Checks what the client needs: the environment variables, the lookup of names, the proxy, the
    /// connection, the clock, the certificate, the credential, where it may be used from, its
    /// rights, and the store. Returns one result for each, in this order. All together take at most
    /// the timeout.
    ///
    /// It makes a request without credentials, signs in unless a cached auth token is valid, and
    /// reads the list of application tokens, and the refused sign-ins if the application token is
    /// limited to an address. It writes an entry to the store and removes it.
    ///
    /// ```
    /// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
    /// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    /// #     .application_token(sandbox.application_token()).build()?;
    /// use emnify_core::{CheckOptions, Verdict};
    ///
    /// let checks = client.check(CheckOptions::new())?;
    /// for check in &checks {
    ///     println!("{check}");
    /// }
    /// let worst = checks.iter().map(|check| check.verdict).max();
    /// assert_eq!(worst, Some(Verdict::Ok));
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Only `Cancelled`. Everything else is a result.
    pub fn check(&self, options: CheckOptions) -> Result<Vec<Check>> {
        let transport: &Transport = &self.transport;
        let wait = transport.wait();
        let session = &transport.session;
        let key = session.key_material().and_then(|material| session.entry_key(&material));
        // First, since a network that hangs takes all the time.
        let store = session.store().check(key.as_ref().ok(), &wait)?;
        let mut checks = vec![environment::check(transport, self.given)];
        let problem = connection::check(transport, &wait, &mut checks)?;
        credential::check(transport, &wait, key.err(), problem, options.rights, &mut checks)?;
        checks.push(store);
        Ok(checks)
    }
}
