//! One sign-in for all callers that need one: one of them makes it, the others wait for its result.
//! Threads and asynchronous tasks wait for the same sign-in.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use crate::http::worker::spawn_apart;
use crate::session::Session;
use crate::session::policy::Need;
use crate::session::refresh::SignIn;
use crate::session::single_flight::{Flight, Start};
use crate::sign_in::exchange::{SIGN_IN, SignInMode};
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};

impl Session {
    /// Signs in, or waits for the sign-in that is under way, to get the token that the caller needs.
    pub(super) fn sign_in_or_wait(
        self: &Arc<Self>,
        mode: SignInMode,
        wait: &Wait,
        need: Need<'_>,
    ) -> Result<AuthToken> {
        loop {
            match self.flight().join(wait, SIGN_IN)? {
                Flight::Ours(attempt) => {
                    return self.lead(SignIn { mode, need, wait, attempt: &attempt });
                }
                Flight::Awaited(result) => {
                    if let Some(result) = self.helpful(result, need) {
                        return result;
                    }
                }
                Flight::TimedOut => {
                    let phase = "waiting for another thread to sign in";
                    return Err(wait.timed_out_while(SIGN_IN, phase));
                }
            }
        }
    }

    /// Returns an auth token that is valid now, without blocking the thread that polls. A sign-in
    /// is made by one thread, which calls the program's functions, for all tasks together.
    pub(crate) async fn authenticate_async(self: Arc<Self>, wait: Wait) -> Result<AuthToken> {
        loop {
            if let Some(auth_token) = self.cached() {
                return Ok(auth_token);
            }
            if let Err(error) = wait.remaining(SIGN_IN) {
                return self.or_usable(Err(error), Need::Valid);
            }
            match self.flight().start() {
                Start::Ours(attempt) => {
                    let (session, wait) = (Arc::clone(&self), wait.clone());
                    let sign_in = move || {
                        let (mode, need) = (SignInMode::Interactive, Need::Valid);
                        let sign_in = SignIn { mode, need, wait: &wait, attempt: &attempt };
                        let result = session.lead(sign_in);
                        session.parts.events.deliver();
                        result
                    };
                    // None of the client's threads, which may all wait for this sign-in.
                    let result = spawn_apart("emnify-refresh", sign_in).await;
                    return self.or_usable(result.and_then(|result| result), Need::Valid);
                }
                Start::UnderWay(attempt) => {
                    let ended = poll_fn(|context| {
                        let flight = self.flight();
                        // In this order: a cancellation wakes those that wait.
                        match (flight.poll(attempt, context.waker()), wait.remaining(SIGN_IN)) {
                            (Some(result), _) => Poll::Ready(Ok(result)),
                            (None, Err(error)) => Poll::Ready(Err(error)),
                            (None, Ok(_)) => {
                                flight.wake_at(wait.deadline());
                                Poll::Pending
                            }
                        }
                    });
                    let result = match ended.await {
                        Ok(result) => self.helpful(result, Need::Valid),
                        Err(error) => Some(Err(error)),
                    };
                    if let Some(result) = result {
                        return self.or_usable(result, Need::Valid);
                    }
                }
            }
        }
    }

    /// Makes the attempt that this caller began, and ends it with its result.
    fn lead(self: &Arc<Self>, sign_in: SignIn<'_>) -> Result<AuthToken> {
        let SignIn { mode, attempt, .. } = sign_in;
        let result = self.fetch(sign_in);
        // What concerns this caller only, a cancellation or that it cannot be asked for a code, ends
        // no attempt: one that waits takes over, unless the response still arrives and finishes the
        // attempt.
        let is_its_own = |error: &Error| match error.kind() {
            ErrorKind::Cancelled => true,
            ErrorKind::MfaRequired => mode != SignInMode::Interactive,
            _ => false,
        };
        if !result.as_ref().is_err_and(is_its_own) {
            attempt.finish(result.clone());
        }
        result
    }

    /// Returns the result of another caller's attempt if it helps: that caller may have had less
    /// time, and its token may have got a 401 since.
    fn helpful(
        &self,
        result: Option<Result<AuthToken>>,
        need: Need<'_>,
    ) -> Option<Result<AuthToken>> {
        match result? {
            Ok(auth_token) => {
                let state = self.state.load();
                let is_cached = state.usable(need, self.now()).is_some_and(|c| c.is(&auth_token));
                let is_refused =
                    matches!(need, Need::InsteadOf(refused) if refused.is(&auth_token));
                (is_cached && !is_refused).then_some(Ok(auth_token))
            }
            Err(error) if error.is_retryable() && !matches!(need, Need::InsteadOf(_)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Returns the result; instead of an error a token that is still valid, in its last minute or
    /// after a 401.
    pub(super) fn or_usable(&self, result: Result<AuthToken>, need: Need<'_>) -> Result<AuthToken> {
        result.or_else(|error| match error.kind() {
            // The caller no longer wants a token.
            ErrorKind::Cancelled => Err(error),
            _ => self.state.load().usable(need, self.now()).cloned().ok_or(error),
        })
    }
}
