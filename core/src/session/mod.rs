//! Carries out what `policy` decides: hands out the cached auth token, renews it in the
//! background, or lets one caller sign in while the others wait, once for all threads and for all
//! processes that share a store.

pub(crate) mod event_queue;
pub(crate) mod expiry_notice;
pub(crate) mod policy;
pub(crate) mod probe;
mod refresh;
pub(crate) mod single_flight;
pub(crate) mod snapshot;
pub(crate) mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::http::Http;
use crate::session::event_queue::Events;
use crate::session::expiry_notice::ExpiryNotice;
use crate::session::policy::Decision;
use crate::session::probe::{After401, Probe};
use crate::session::single_flight::{Flight, SingleFlight};
use crate::session::state::{CachedToken, Refresh, State};
use crate::sign_in::credential::{Credential, Current, SendAs, TokenFile, Workspace};
use crate::sign_in::exchange::{SIGN_IN, SignInMode};
use crate::store::Store;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal;
use crate::sys::clock::Clock;
use crate::sys::per_process::PerProcess;
use crate::sys::random;
use crate::sys::signal_mask;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorClass, ErrorKind, Result};
use crate::types::event::Event;
use crate::types::secret::Secret;
use crate::types::status::Status;
use refresh::{SignIn, backing_off};

/// A refresh needs a TLS handshake and some JSON.
const REFRESH_STACK: usize = 256 * 1024;

/// Added to the steady clock, so that no instant before a boot is out of its reach.
const ORIGIN: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What a session is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) credential: Credential,
    pub(crate) store: Store,
    pub(crate) events: Events,
    /// For a refresh that nobody waits for.
    pub(crate) timeout: Duration,
}

/// The auth token to replay a call with whose own token got a 401.
#[derive(Debug)]
pub struct Replacement {
    auth_token: AuthToken,
    /// Set if a sign-in was made for it, so that the replay tells what caused the 401.
    session: Option<Weak<Session>>,
}

impl Replacement {
    /// The token for the replay.
    pub fn auth_token(&self) -> &AuthToken {
        &self.auth_token
    }

    /// Reports whether the replay got a 401, too. A replay that is not reported counts as one that
    /// did, until the new token is 15 minutes old.
    pub fn replayed(&self, is_401: bool) {
        let Some(session) = self.session.as_ref().and_then(Weak::upgrade) else { return };
        let now = session.now();
        session
            .update_probe(|probe| if is_401 { probe.failed(now) } else { Probe::succeeded(now) });
    }
}

/// A machine that is signed in, or about to be.
#[derive(Debug)]
pub(crate) struct Session {
    parts: Parts,
    /// Replaced as a whole and read without a lock: a child of a fork finds it whole, whatever the
    /// parent was doing.
    state: ArcSwap<State>,
    flight: PerProcess<Arc<SingleFlight<Result<AuthToken>>>>,
    calls_made: AtomicU64,
    calls_saved: AtomicU64,
    /// Since when another process has kept us waiting, in seconds; zero if none does.
    kept_waiting_since: AtomicU64,
    expiry: ExpiryNotice,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Self {
        Session {
            parts,
            state: ArcSwap::default(),
            flight: PerProcess::new(),
            calls_made: AtomicU64::new(0),
            calls_saved: AtomicU64::new(0),
            kept_waiting_since: AtomicU64::new(0),
            expiry: ExpiryNotice::default(),
        }
    }

    /// The cached auth token, where one can be handed out at once: without a lock, and with no
    /// system call but the clock's.
    pub(crate) fn cached(self: &Arc<Self>) -> Option<AuthToken> {
        let state = self.state.load();
        let now = self.now();
        let auth_token = match state.decide(now, || self.parts.credential.changed()) {
            Decision::HandOut => state.valid(now)?.clone(),
            Decision::HandOutAndRenew => {
                self.renew_in_background(&state);
                state.valid(now)?.clone()
            }
            _ => return None,
        };
        self.calls_saved.fetch_add(1, Ordering::Relaxed);
        self.parts.events.deliver();
        Some(auth_token)
    }

    /// An auth token that is valid now.
    pub(crate) fn authenticate(self: &Arc<Self>, wait: impl FnOnce() -> Wait) -> Result<AuthToken> {
        if let Some(auth_token) = self.cached() {
            return Ok(auth_token);
        }
        let result = self.wait_for_one(&wait(), None).or_else(|error| match error.kind() {
            // The caller is not interested in a token any more.
            ErrorKind::Cancelled => Err(error),
            // What is still good goes before an error: in its last minute, or after a 401.
            _ => self.state.load().valid(self.now()).cloned().ok_or(error),
        });
        self.parts.events.deliver();
        result
    }

    /// Returns the token to replay a call with whose own token got a 401, or why there is none within
    /// the deadline. Other calls go on with the cached token meanwhile.
    ///
    /// # Errors
    ///
    /// `Cancelled`, which is the caller's and not the server's.
    pub(crate) fn after_401(
        self: &Arc<Self>,
        refused: &AuthToken,
        wait: &Wait,
    ) -> Result<std::result::Result<Replacement, String>> {
        let now = self.now();
        let (result, session) = match self.state.load().after_401(refused, now) {
            After401::Replay => (self.authenticate(|| wait.clone()), None),
            After401::SignIn => {
                let result = self.wait_for_one(wait, Some(refused));
                self.parts.events.deliver();
                (result, Some(Arc::downgrade(self)))
            }
            After401::GiveUp(until) => {
                let wait = until.saturating_sub(now).as_secs().max(1);
                return Ok(Err(format!(
                    "not signing in for it, since that was done after another 401 a short while \
                     ago; the next sign-in after a 401 is possible in {wait} s"
                )));
            }
        };
        match result {
            Ok(auth_token) => Ok(Ok(Replacement { auth_token, session })),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) => Ok(Err(format!("signing in anew failed: {error}"))),
        }
    }

    fn update_probe(&self, change: impl Fn(Probe) -> Probe) {
        self.state.rcu(|state| State { probe: change(state.probe), ..State::clone(state) });
    }

    /// Takes a report of a 401 for the token. If it is still the cached one, and no sign-in after
    /// another 401 was made lately, callers wait for one attempt to replace it.
    pub(crate) fn invalidate(&self, auth_token: &AuthToken) {
        let now = self.now();
        self.state.rcu(|state| match state.reported(auth_token, now) {
            Some(changed) => Arc::new(changed),
            None => Arc::clone(state),
        });
    }

    /// Takes such a report from a caller that has only the text.
    pub(crate) fn invalidate_text(&self, auth_token: &str) {
        let state = self.state.load_full();
        if let Some(cached) = state.cached.as_ref().filter(|c| c.auth_token.reveal() == auth_token)
        {
            self.invalidate(&cached.auth_token);
        }
    }

    /// Ends all waits before the next attempt but those that emnify asked for.
    pub(crate) fn retry_now(&self) {
        self.state.rcu(|state| state.retrying_now());
    }

    /// A session in another workspace, which this one switches to.
    pub(crate) fn in_workspace(self: &Arc<Self>, id: u64, send: SendAs) -> Session {
        let (parts, first) = (&self.parts, Arc::clone(self));
        let key_material = Arc::new(move || first.key_material());
        Session::new(Parts {
            http: Arc::clone(&parts.http),
            clock: Arc::clone(&parts.clock),
            credential: Credential::Workspace(Workspace { id, send, key_material }),
            store: parts.store.clone(),
            events: parts.events.for_another(),
            timeout: parts.timeout,
        })
    }

    /// What the store's key is derived from: of an application token its newest successor.
    fn key_material(&self) -> Result<Secret> {
        match self.parts.credential.current()? {
            (Current::ApplicationToken(token), _) => Ok(self.newest(&token).unwrap_or(token)),
            (credential, _) => Ok(credential.key_material()),
        }
    }

    /// The application token that the client was given, which may have been rotated since. `None`
    /// for a person.
    pub(crate) fn given_application_token(&self) -> Result<Option<Secret>> {
        match self.parts.credential.current()? {
            (Current::ApplicationToken(token), _) => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    /// The application token that is to be used in place of this one: itself, unless it was rotated.
    pub(crate) fn newest(&self, token: &Secret) -> Result<Secret> {
        rotation_journal::newest(&self.parts.store, token, self.parts.http.base_url())
    }

    /// The auth token that is held, if it was got with the credential of that name, and when it was
    /// requested.
    pub(crate) fn auth_token_of(&self, name: &str) -> Option<(AuthToken, Duration)> {
        let state = self.state.load();
        let cached = state.cached.as_ref().filter(|cached| cached.credential == name)?;
        Some((state.valid(self.now())?.clone(), cached.requested_at))
    }

    /// Makes an exchange that is not the session's own, with the credential of that name, unless it
    /// is not the time for one; what it says about the time for the next is remembered.
    pub(crate) fn exchange_within_budget(
        &self,
        name: &str,
        exchange: impl FnOnce() -> Result<AuthToken>,
    ) -> Result<AuthToken> {
        let state = self.state.load_full();
        let is_its_own = state.backoff.credential == name;
        let concerns_all = |error: &Error| error.class() == ErrorClass::Limited;
        let now = self.now();
        let until = match is_its_own {
            true => state.backoff.backing_off(now, || self.parts.credential.changed()),
            false => Some(state.backoff.verdict.limited_until).filter(|until| now < *until),
        };
        if let Some(until) = until {
            return Err(backing_off(&state, until.saturating_sub(now)));
        }
        self.calls_made.fetch_add(1, Ordering::Relaxed);
        exchange().inspect_err(|error| {
            let is_refused = matches!(error.kind(), ErrorKind::Rejected);
            if concerns_all(error) || (is_its_own && is_refused) {
                self.failed(error);
            }
        })
    }

    /// The file that the application token is in, if it is in one.
    pub(crate) fn credential_file(&self) -> Option<&TokenFile> {
        match &self.parts.credential {
            Credential::ApplicationTokenFile(file) => Some(file),
            _ => None,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The key and the name of a credential.
    pub(crate) fn entry_key(&self, credential: &Secret) -> Result<EntryKey> {
        EntryKey::new(credential, self.parts.http.base_url())
    }

    /// The name of the credential that was used last; empty if none was.
    pub(crate) fn credential_in_use(&self) -> String {
        self.state.load().backoff.credential.clone()
    }

    /// Turns to the credential of that name. What is known of another one does not count for it,
    /// save that a live auth token goes on being served.
    pub(crate) fn use_credential(&self, name: &str) {
        self.state.rcu(|state| match state.with_credential(name) {
            Some(fresh) => Arc::new(fresh),
            None => Arc::clone(state),
        });
    }

    /// Goes on with an auth token that was got elsewhere, with the credential of that name.
    pub(crate) fn go_on_with(&self, auth_token: &AuthToken, name: &str, requested_at: Duration) {
        self.use_credential(name);
        let cached = CachedToken::new(auth_token.clone(), name, requested_at, random::draw());
        let now = self.now();
        self.state.rcu(|state| state.succeeded(cached.clone(), Refresh::default(), now));
    }

    /// Takes the oldest event, unless an observer gets them.
    pub(crate) fn take_event(&self) -> Option<Event> {
        self.parts.events.take()
    }

    /// Hands the events to the observer, on this thread.
    pub(crate) fn deliver_events(&self) {
        self.parts.events.deliver();
    }

    /// How the session stands.
    pub(crate) fn status(&self) -> Status {
        self.parts.events.deliver();
        let (now, wall) = (self.now(), self.parts.clock.wall());
        let state = self.state.load();
        let in_use = |cached: &&CachedToken| now < cached.valid_until && !cached.is_reported;
        let cached = state.cached.as_ref().filter(in_use);
        let backing_off = state.backoff.backing_off(now, || self.parts.credential.changed());
        let ahead = |at: Duration| at.saturating_sub(now);
        Status {
            signed_in: cached.is_some(),
            valid_until: cached.and_then(|cached| wall.checked_add(ahead(cached.valid_until))),
            next_attempt: backing_off.map(ahead),
            last_error: state.backoff.last_error.clone(),
            calls_made: self.calls_made.load(Ordering::Relaxed),
            calls_saved: self.calls_saved.load(Ordering::Relaxed),
            last_change: state
                .backoff
                .changed_at
                .and_then(|at| wall.checked_sub(now.saturating_sub(at))),
        }
    }

    /// The steady clock.
    pub(crate) fn now(&self) -> Duration {
        self.parts.clock.steady() + ORIGIN
    }

    fn flight(&self) -> &Arc<SingleFlight<Result<AuthToken>>> {
        self.flight.get_or_init(SingleFlight::new)
    }

    /// Signs in, or waits for the sign-in under way, to get a token other than `instead_of`. What
    /// another caller's attempt came to is only taken over if it helps: its time may have been
    /// shorter than ours, and its token reported since.
    fn wait_for_one(
        self: &Arc<Self>,
        wait: &Wait,
        instead_of: Option<&AuthToken>,
    ) -> Result<AuthToken> {
        let is_other = |token: &AuthToken| !instead_of.is_some_and(|refused| refused.is(token));
        loop {
            match self.flight().join(wait, SIGN_IN)? {
                Flight::Ours(attempt) => {
                    let mode = SignInMode::Interactive;
                    let result = self.fetch(SignIn { mode, instead_of, wait, attempt: &attempt });
                    let is_cancelled = |error: &Error| error.kind() == ErrorKind::Cancelled;
                    if !result.as_ref().is_err_and(is_cancelled) {
                        attempt.land(result.clone());
                    }
                    // Otherwise it is the caller's alone: another one takes over, unless the
                    // response still comes, which lands the attempt.
                    return result;
                }
                Flight::Awaited(Ok(auth_token)) => {
                    let state = self.state.load();
                    let is_cached = state.valid(self.now()).is_some_and(|c| c.is(&auth_token));
                    if is_cached && is_other(&auth_token) {
                        return Ok(auth_token);
                    }
                }
                Flight::Awaited(Err(error)) if !error.is_retryable() || instead_of.is_some() => {
                    return Err(error);
                }
                Flight::Awaited(Err(_)) | Flight::Lost => {}
                Flight::TimedOut => return Err(wait.timed_out(SIGN_IN)),
            }
        }
    }

    fn renew_in_background(self: &Arc<Self>, state: &State) {
        if !self.parts.credential.works_unattended() && state.refresh.token.is_none() {
            // In the last minute there will be a caller, who can be asked for a code.
            return;
        }
        let Some(attempt) = self.flight().begin() else { return };
        let session = Arc::clone(self);
        let renew = move || {
            let wait = Wait::new(session.parts.timeout);
            // A failure is in the state and among the events; whoever calls last waits for another.
            let sign_in = SignIn {
                mode: SignInMode::Background,
                instead_of: None,
                wait: &wait,
                attempt: &attempt,
            };
            let result = session.fetch(sign_in);
            attempt.land(result.clone());
            if let Ok(auth_token) = result {
                session.watch_expiry(&auth_token, &wait);
            }
        };
        // No thread to be had: the next caller tries again, and in the last minute itself.
        let _ = signal_mask::start("emnify-refresh", REFRESH_STACK, Box::new(renew));
    }
}
