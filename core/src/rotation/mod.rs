//! Replaces an application token by a new one, so that one of them works at any time. Each state is
//! written to the journal before its step is taken, so that the next run can recover from a crash
//! at any point. A working application token is durable at all times, and the old one is revoked
//! only after the new one, as read back, has worked.

pub(crate) mod options;
mod orphans;
mod plan;
mod prepare;
mod switch;

use std::time::{Duration, SystemTime};

use reqwest::Method;

use crate::api::application_token::{self, ApplicationToken, LIST};
use crate::api::bodies::{APPLICATION_TOKEN, UpdateApplicationToken};
use crate::api::validate;
use crate::calls::application_tokens::{self, TokenCalls};
use crate::calls::retry::Transport;
use crate::http::Call;
use crate::rotation::options::{RotateOptions, Rotation};
use crate::session::Session;
use crate::store::encryption::EntryKey;
use crate::store::rotation_journal::{self, Entry, Orphan, Plan, Switching};
use crate::store::{Locked, Store};
use crate::sys::timestamp::Timestamp;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::EventKind;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;
pub(crate) use plan::check_right_to_revoke;
use prepare::Successor;

/// The name of the lock that allows one rotation at a time in a store, of whatever token.
const LOCK: &str = "rotation";

/// The list may show a new row late: how long to wait before each of the attempts to find it.
const LIST_DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];

/// How long the new application token may be refused before the rotation is given up.
const MAX_REFUSED: Duration = Duration::from_secs(60);

/// Added to the error about a damaged journal entry.
const STARTS_AGAIN: &str = "the rotation starts again; if it had already created an application \
                            token, an audit reports that as an orphan";

/// Replaces the application token that the session signs in with, or continues to do so.
pub(crate) fn rotate(transport: &Transport, options: &RotateOptions) -> Result<Rotation> {
    let result = Rotator::rotate(transport, options);
    transport.session.deliver_events();
    result
}

/// One run of a rotation. It holds the lock.
struct Rotator<'a> {
    tokens: TokenCalls<'a>,
    transport: &'a Transport,
    options: &'a RotateOptions,
    /// The application token that the client was given. It may have been rotated since.
    given: Secret,
    _lock: Locked,
}

impl<'a> Rotator<'a> {
    fn rotate(transport: &'a Transport, options: &'a RotateOptions) -> Result<Rotation> {
        let session = &transport.session;
        let given_before = check(session, options)?;
        // Damaged entries are ignored here; under the lock they are set aside.
        let key = session.entry_key(&session.newest(&given_before).unwrap_or(given_before))?;
        let used = match session.credential_in_use() {
            name if name.is_empty() => key.name().to_owned(),
            name => name,
        };
        let is_under_way = match rotation_journal::read(session.store(), &key, false) {
            Ok(Some(Entry::Switching(entry))) => !has_ended(entry.state),
            _ => false,
        };
        let _lock = lock(transport)?;
        let tokens = TokenCalls::new(transport);
        let this = Rotator { tokens, transport, options, given: given(session)?, _lock };
        let token = this.newest(&this.given)?;
        // After a 429 or a refusal, an earlier process may have stored a time to wait.
        session.catch_up(&transport.wait())?;
        let key = session.entry_key(&token)?;
        let (preparing, orphans) = match this.read_journal(&key)? {
            Some(Entry::Switching(entry)) => {
                let state = entry.state;
                let by_another = has_ended(state) && (entry.old == used || is_under_way);
                if state == RotationState::Done && !by_another {
                    (None, this.orphans_of(entry.plan))
                } else {
                    let rotation =
                        this.switch(Successor { token, key, entry, auth_token: None })?;
                    let adopted = by_another && rotation.state == state;
                    return Ok(Rotation { adopted, ..rotation });
                }
            }
            Some(Entry::Preparing(entry)) => (Some(entry), Vec::new()),
            // The newest token has no successor.
            Some(Entry::Successor(_)) | None => (None, Vec::new()),
        };
        this.switch(this.prepare(&token, &key, preparing, orphans)?)
    }

    fn store(&self) -> &Store {
        self.transport.session.store()
    }

    /// Returns the journal entry of an application token. A damaged one is set aside and reported,
    /// and counts as missing.
    fn read_journal(&self, key: &EntryKey) -> Result<Option<Entry>> {
        rotation_journal::read(self.store(), key, true).or_else(|error| {
            let entry = rotation_journal::read(self.store(), key, true)?;
            let error = error.with_advice(STARTS_AGAIN);
            self.transport.session.report(EventKind::StoreError, error);
            Ok(entry)
        })
    }

    /// Returns the newest successor of the application token, or the token itself if it was not
    /// rotated. A damaged entry is set aside, while [`Session::newest`] would fail on it.
    fn newest(&self, token: &Secret) -> Result<Secret> {
        let session = &self.transport.session;
        rotation_journal::follow(
            token,
            |token| session.entry_key(token),
            |key| self.read_journal(key),
        )
    }

    fn write_switching(&self, key: &EntryKey, entry: Switching) -> Result<Switching> {
        rotation_journal::write(self.store(), key, &Entry::Switching(entry.clone()))?;
        Ok(entry)
    }

    /// Signs in with an application token of this rotation, unless the session must wait.
    fn exchange(&self, token: &Secret, which: &str) -> Result<AuthToken> {
        let action = format!("sign in with the {which} application token");
        let name = self.transport.session.entry_key(token)?.name().to_owned();
        self.transport.session.exchange_within_budget(&name, || {
            self.transport.exchange(token, &action, &self.transport.wait())
        })
    }

    /// Signs in with the new application token, unless this run has already done so.
    fn sign_in_once(&self, new: &Secret, proof: &mut Option<AuthToken>) -> Result<AuthToken> {
        if let Some(auth_token) = proof {
            return Ok(auth_token.clone());
        }
        let auth_token = self.exchange(new, "new")?;
        *proof = Some(auth_token.clone());
        Ok(auth_token)
    }

    /// Returns the whole list, as read with exactly that auth token.
    fn list_with(&self, auth_token: &AuthToken) -> Result<Vec<ApplicationToken>> {
        let wait = self.transport.wait();
        application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            Ok(self.transport.send_with(&call, auth_token, &wait)?.into_page())
        })
    }

    /// Changes the row of an application token with exactly that auth token.
    fn change_with(
        &self,
        auth_token: &AuthToken,
        id: u64,
        body: &UpdateApplicationToken<'_>,
    ) -> Result<()> {
        application_tokens::change(id, body, |call| {
            self.transport.send_with(call, auth_token, &self.transport.wait())
        })
    }

    /// Returns the orphans that a finished rotation may have left. One of them is a second row with
    /// its marker, if the request to create was sent twice. The list should show that one by now.
    fn orphans_of(&self, plan: Plan) -> Vec<Orphan> {
        let long_ago = Timestamp::new(Duration::ZERO, &*self.transport.clock);
        let second = Orphan { since: Some(long_ago), ..Orphan::marked(&plan.marker) };
        plan.orphans.into_iter().chain([second]).collect()
    }

    /// Whether the refusal of the new application token is permanent. Remembers when it was first
    /// refused.
    fn is_permanent(&self, error: &Error, plan: &mut Plan) -> bool {
        let (now, clock) = (self.transport.session.now(), &*self.transport.clock);
        let elapsed = plan.refused_since.as_ref().and_then(|since| since.elapsed(now, clock));
        if elapsed.is_none() {
            plan.refused_since = Some(self.timestamp());
        }
        // Errors about the caller's options, or about two rows with one marker, do not go away.
        let is_ours = match error.kind() {
            ErrorKind::InvalidInput => true,
            kind => kind == ErrorKind::Conflict && error.http_status().is_none(),
        };
        is_ours || elapsed.is_some_and(|time| time >= MAX_REFUSED)
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::new(self.transport.session.now(), &*self.transport.clock)
    }
}

/// Refuses what cannot work, before anything is sent. Returns the application token that the client
/// was given.
fn check(session: &Session, options: &RotateOptions) -> Result<Secret> {
    options.description.as_deref().map(validate::description).transpose()?;
    options.ip.as_deref().map(validate::ip).transpose()?;
    // A date in the past matters only when a rotation begins.
    let date = options.expiry_date.as_ref();
    date.map(|date| validate::expiry_date(date, SystemTime::UNIX_EPOCH)).transpose()?;
    let given = given(session)?;
    if !session.store().is_durable() {
        let problem = "must be a directory, where a rotation keeps its progress";
        return Err(Error::invalid_input("store", problem));
    }
    if options.hand_over.is_none() && session.credential_file().is_none() {
        let problem = "is missing: the client has no credential file to write the new application \
                       token to, so pass a function that stores it";
        return Err(Error::invalid_input("hand_over", problem));
    }
    if options.read_back.is_some() && options.hand_over.is_none() {
        let problem = "needs hand_over: a credential file is read back anyway";
        return Err(Error::invalid_input("read_back", problem));
    }
    Ok(given)
}

/// Returns the application token that the client was given. It may have been rotated since.
fn given(session: &Session) -> Result<Secret> {
    session.given_application_token()?.ok_or_else(|| {
        let problem = "this client signs in as a user, so it has no application token to replace";
        Error::invalid_input("rotate", problem)
    })
}

fn lock(transport: &Transport) -> Result<Locked> {
    let locked = transport.session.store().lock(LOCK, &transport.wait(), transport.timeout)?;
    if matches!(locked, Locked::Busy) {
        let message = "cannot rotate: another rotation in this store has taken longer than the \
                       timeout; try again later";
        return Err(Error::new(ErrorKind::Timeout, message).unsent());
    }
    Ok(locked)
}

fn has_ended(state: RotationState) -> bool {
    matches!(state, RotationState::Grace | RotationState::Done)
}

/// Returns the error for a rotation that stopped and continues with the next call.
fn stopped(state: RotationState, cause: Error) -> Error {
    let message =
        format!("the rotation stopped in the state {state}: {cause}; rotate again to continue");
    cause.stopping_rotation(state, message)
}

/// Returns the error for a rotation that stopped because the new application token is refused,
/// perhaps not permanently.
fn refused_for_now(state: RotationState, cause: Error) -> Error {
    stopped(state, cause.with_retry_after(Some(MAX_REFUSED))).passing()
}
