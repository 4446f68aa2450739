//! Makes calls with the session's auth token. A call whose token is refused is repeated once with a
//! new one. Temporary failures are retried if the call is safe to repeat.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use crate::calls::rate_limiter::RateLimiter;
use crate::http::{Call, Http, Response};
use crate::session::Session;
use crate::session::policy::Need;
use crate::sign_in::exchange::{Exchange, SignInMode};
use crate::sys::clock::Clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

/// The longest wait before the second attempt. It doubles with each attempt, up to 32 s; the actual
/// wait is random, between half of it and all of it.
const BACK_OFF: Duration = Duration::from_millis(500);
const MOST_DOUBLED: u32 = 6;

/// The parts of a client that every call needs.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) session: Arc<Session>,
    /// The time limit of one call with all its attempts and waits.
    pub(crate) timeout: Duration,
    /// How often a call is repeated after temporary failures.
    pub(crate) retries: u32,
    /// `None` if calls are not limited locally.
    pub(crate) rate_limiter: Option<Arc<RateLimiter>>,
    /// Ends waits early.
    pub(crate) interrupt: Option<Interrupt>,
    /// Time that a call has already taken before it starts.
    pub(crate) waited: Duration,
    /// How the session signs in for a call.
    pub(crate) mode: SignInMode,
}

impl Transport {
    /// Starts the time of a call.
    pub(crate) fn wait(&self) -> Wait {
        Wait::new(self.timeout).less(self.waited).interrupted_by(self.interrupt.clone())
    }

    /// Returns a transport whose calls cannot be interrupted.
    pub(crate) fn uninterrupted(&self) -> Self {
        Transport { interrupt: None, waited: Duration::ZERO, ..self.clone() }
    }

    /// Returns a transport for an asynchronous call, which runs on a thread of its own: its interrupt
    /// is triggered when the call's future is dropped.
    pub(crate) fn asynchronous(&self) -> Self {
        Transport { interrupt: Some(Interrupt::within(self.interrupt.clone())), ..self.clone() }
    }

    /// Returns a transport for work in the background, which cannot be interrupted and calls no
    /// function of the program.
    pub(crate) fn unattended(&self) -> Self {
        Transport { mode: SignInMode::Unattended, ..self.uninterrupted() }
    }

    /// Makes the call with the session's auth token.
    pub(crate) fn send(&self, call: &Call<'_>, wait: &Wait) -> Result<Response> {
        let mut attempts = 1;
        loop {
            self.pace(call, wait)?;
            let auth_token = match self.mode {
                SignInMode::Interactive => self.session.authenticate(Need::Valid, || wait.clone()),
                mode => self.session.authenticate_as(mode, Need::Valid, || wait.clone()),
            }?;
            let result = match self.send_with(call, &auth_token, wait) {
                Err(error) if is_401(&error) => self.replay(call, &auth_token, error, wait),
                result => result,
            };
            let error = match result {
                Err(error) if attempts <= self.retries && may_repeat(&call.method, &error) => error,
                result => return result,
            };
            let back_off = BACK_OFF * (1 << (attempts - 1).min(MOST_DOUBLED));
            let pause = back_off.mul_f64(0.5 + self.clock.jitter() / 2.0);
            let pause = pause.max(error.retry_after().unwrap_or_default());
            if wait.has_time_after(pause) {
                wait.pause(&*self.clock, pause, call.action)?;
                attempts += 1;
            } else {
                return Err(error);
            }
        }
    }

    /// Repeats the call after a 401, if another auth token may help; otherwise returns the 401.
    fn replay(
        &self,
        call: &Call<'_>,
        refused: &AuthToken,
        error: Error,
        wait: &Wait,
    ) -> Result<Response> {
        let replacement = match self.session.after_401(self.mode, refused, wait)? {
            Ok(replacement) => replacement,
            Err(why_not) => return Err(error.with_advice(&why_not)),
        };
        let result = self.send_with(call, replacement.auth_token(), wait);
        // Without a response it is unknown whether the new token is refused, too.
        if !result.as_ref().is_err_and(|error| error.http_status().is_none()) {
            replacement.replayed(result.as_ref().is_err_and(is_401));
        }
        result
    }

    /// Exchanges an application token, which may be another one than the session's.
    pub(crate) fn exchange(
        &self,
        application_token: &Secret,
        action: &str,
        wait: &Wait,
    ) -> Result<AuthToken> {
        let exchange =
            Exchange { http: &self.http, clock: &*self.clock, action, wait, on_late: None };
        exchange.application_token(application_token).map(|grant| grant.auth_token)
    }

    /// Waits until the rate limits allow the call.
    fn pace(&self, call: &Call<'_>, wait: &Wait) -> Result<()> {
        let Some(rate_limiter) = &self.rate_limiter else { return Ok(()) };
        let patience = wait.remaining(call.action)?;
        match rate_limiter.reserve(&call.method, call.path, self.clock.steady(), patience) {
            Ok(pause) if pause.is_zero() => Ok(()),
            Ok(pause) => wait.pause(&*self.clock, pause, call.action),
            Err(pause) => {
                let message = format!(
                    "cannot {}: rate-limited locally: the next slot within emnify's limits is \
                     after the timeout",
                    call.action
                );
                let error = Error::new(ErrorKind::RateLimited, message);
                Err(error.unsent().with_retry_after(Some(pause)))
            }
        }
    }

    /// Makes the call once, with `token`.
    pub(crate) fn send_with(
        &self,
        call: &Call<'_>,
        token: &AuthToken,
        wait: &Wait,
    ) -> Result<Response> {
        self.http.send(call, Some(token.secret()), wait, self.clock.wall())
    }
}

/// Whether the server refused the auth token.
fn is_401(error: &Error) -> bool {
    error.http_status() == Some(401)
}

/// Whether another attempt may help and does no harm. Idempotent methods (RFC 9110, section 9.2.2)
/// may be repeated; other methods only if the request did not reach the server.
fn may_repeat(method: &Method, error: &Error) -> bool {
    error.is_retryable() && (!error.was_sent() || method.is_idempotent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_are_safe_to_repeat_are_repeated() {
        let error = |kind| Error::new(kind, "a fault");
        for (method, error, repeated) in [
            (Method::GET, error(ErrorKind::Network), true),
            (Method::PUT, error(ErrorKind::Server), true),
            (Method::DELETE, error(ErrorKind::RateLimited), true),
            (Method::GET, error(ErrorKind::NotFound), false),
            (Method::GET, error(ErrorKind::Protocol), false),
            (Method::GET, error(ErrorKind::Proxy).with_http_status(407), false),
            (Method::GET, error(ErrorKind::Proxy).with_http_status(502), true),
            (Method::POST, error(ErrorKind::Resource).local(), true),
            (Method::POST, error(ErrorKind::Network), false),
            (Method::PATCH, error(ErrorKind::Server), false),
            (Method::POST, error(ErrorKind::RateLimited), false),
            (Method::POST, error(ErrorKind::Network).unsent(), true),
            (Method::PATCH, error(ErrorKind::Timeout).unsent(), true),
        ] {
            assert_eq!(may_repeat(&method, &error), repeated, "{method} {error}");
        }
    }
}
