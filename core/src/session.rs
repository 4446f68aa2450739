//! Keeps an auth token usable: hands out the cached one while it is valid, fetches one when there
//! is none, once for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::Method;

use crate::api::{self, AUTHENTICATE, Authenticate};
use crate::auth_token::AuthToken;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Call, Http};
use crate::per_process::PerProcess;
use crate::secret::Secret;
use crate::single_flight::{Flight, SingleFlight};

const ACTION: &str = "sign in";

/// A machine that is signed in, or about to be.
#[derive(Debug)]
pub(crate) struct Session {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    credential: Credential,
    /// Read without a lock: a child of a fork finds it whole, whatever the parent was doing.
    held: ArcSwapOption<Held>,
    flight: PerProcess<SingleFlight<Result<AuthToken>>>,
}

/// An auth token and how long it is good for.
#[derive(Debug)]
struct Held {
    auth_token: AuthToken,
    /// On the steady clock.
    valid_until: Duration,
}

impl Session {
    pub(crate) fn new(http: Arc<Http>, clock: Arc<dyn Clock>, credential: Credential) -> Self {
        let (held, flight) = (ArcSwapOption::empty(), PerProcess::new());
        Session { http, clock, credential, held, flight }
    }

    /// The cached auth token while it is valid, else a new one.
    pub(crate) fn authenticate(&self, deadline: Deadline) -> Result<AuthToken> {
        if let Some(token) = self.cached() {
            return Ok(token);
        }
        let flight = self.flight.get_or_init(SingleFlight::new);
        // Who comes just after an attempt ended finds its token in the cache.
        let attempt = || self.cached().map_or_else(|| self.refresh(deadline), Ok);
        match flight.join(deadline.remaining(ACTION)?, attempt) {
            Flight::Landed(outcome) => outcome,
            Flight::Lost => Err(Error::new(ErrorKind::Internal, "the attempt to sign in panicked")),
            Flight::TimedOut => Err(deadline.error(ACTION)),
        }
    }

    /// Forgets the token if it is still the cached one: a caller may come late with an old one.
    pub(crate) fn invalidate(&self, auth_token: &AuthToken) {
        self.held.rcu(|held| held.clone().filter(|held| !held.auth_token.is(auth_token)));
    }

    fn cached(&self) -> Option<AuthToken> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| self.clock.steady() < held.valid_until)?;
        Some(held.auth_token.clone())
    }

    fn refresh(&self, deadline: Deadline) -> Result<AuthToken> {
        let requested_at = self.clock.steady();
        let application_token = self.credential.application_token()?;
        let auth_token = exchange(&self.http, &*self.clock, &application_token, ACTION, deadline)?;
        let valid_until = requested_at + auth_token.claims().lifetime();
        let held = Held { auth_token: auth_token.clone(), valid_until };
        self.held.store(Some(Arc::new(held)));
        Ok(auth_token)
    }
}

/// Exchanges an application token for an auth token.
pub(crate) fn exchange(
    http: &Http,
    clock: &dyn Clock,
    application_token: &Secret,
    action: &str,
    deadline: Deadline,
) -> Result<AuthToken> {
    let requested_at = clock.wall();
    let call = Call {
        action,
        method: Method::POST,
        path: AUTHENTICATE,
        query: &[],
        body: Some(api::body(&Authenticate::new(application_token))?),
        secrets: &[application_token.reveal()],
    };
    let answer = http.send(&call, None, deadline, requested_at)?;
    let auth_token = api::secret_field(action, "auth_token", &answer.body)?;
    Ok(AuthToken::new(auth_token, requested_at))
}
