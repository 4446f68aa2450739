//! What the C library, the Python package and the tests need, and other programs do not: methods
//! behind the feature `__faces`, which may change in any version.

use std::sync::Arc;
use std::time::Duration;

use crate::calls::pages::Pages;
use crate::calls::retry::Transport;
use crate::client::Client;
use crate::http::request_log::RequestRecord;
use crate::session::replacement::Replacement;
use crate::sys::interrupt::Interrupt;
use crate::types::auth_token::AuthToken;
use crate::types::error::Result;
use crate::types::event::Event;

#[doc(hidden)]
impl Client {
    /// Returns the descriptor that an event loop of this process watches, and keeps the session
    /// signed in from now on. It is readable when an auth token arrived, an attempt failed or an
    /// event waits, until `process`. It is closed with the last clone of this
    /// client. A forked child has none, and creates its own.
    ///
    /// # Errors
    ///
    /// `Resource` if no descriptor or thread can be created.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd> {
        self.transport.session.descriptor()
    }

    /// Makes the descriptor of the event loop unreadable for ever. It is closed when the last call of
    /// this session has ended.
    pub fn retire_descriptor(&self) {
        self.transport.session.retire_descriptor();
    }

    /// Clears the descriptor of the event loop and passes the events to the observer.
    pub fn process(&self) {
        self.transport.session.process();
    }

    /// Returns another auth token for a call that got a 401. `None` if there is none; then the 401
    /// is the result of the call. It signs in if that may help; other calls use the cached token
    /// meanwhile. For adapters, which do not make the call through this library.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub fn replacement_of(&self, refused: &AuthToken) -> Result<Option<Replacement>> {
        let Transport { session, mode, .. } = &*self.transport;
        Ok(session.after_401(*mode, refused, &self.transport.wait())?.ok())
    }

    /// Passes the events to `receive`, on this thread, until it returns false; none if it is called
    /// from within `receive`.
    pub fn deliver_events(&self, receive: impl FnMut(&Event) -> bool) {
        self.transport.session.deliver_events_to(receive);
    }

    /// Whether a sign-in of this process is under way, also in the background.
    #[must_use]
    pub fn is_signing_in(&self) -> bool {
        self.transport.session.is_signing_in()
    }

    /// Sets whether the requests of this session are recorded from now on, for `take_request`.
    pub fn record_requests(&self, wanted: bool) {
        self.transport.http.record_requests(wanted);
    }

    /// Returns the oldest record of a request and removes it.
    #[must_use]
    pub fn take_request(&self) -> Option<RequestRecord> {
        self.transport.http.take_request()
    }

    /// Returns the time limit of a call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.transport.timeout
    }

    /// Returns the name of the setting that the client signs in with.
    #[must_use]
    pub fn credential(&self) -> &'static str {
        self.transport.session.credential()
    }

    /// Returns where the session is kept, without a password; `None` if it is in memory.
    #[must_use]
    pub fn store(&self) -> Option<String> {
        self.transport.session.store().location()
    }

    /// Returns a client of the same session whose calls end when `interrupt` is triggered. `waited`
    /// counts towards the timeout of each call.
    #[must_use]
    pub fn interruptible(&self, interrupt: Interrupt, waited: Duration) -> Client {
        let transport =
            Transport { interrupt: Some(interrupt), waited, ..self.transport.as_ref().clone() };
        Client { transport: Arc::new(transport), ..self.clone() }
    }

    /// Returns the next row of `pages`, which this client created, like [`Pages::next_text`]. If
    /// that fails with `Cancelled`, the next call returns the row.
    pub fn next_text(&self, pages: &mut Pages) -> Option<Result<String>> {
        pages.next_text_by(&self.transport)
    }
}
