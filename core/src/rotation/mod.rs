//! Replaces an application token by a new one, with no moment at which neither works. Each state is
//! in the journal before its step is taken, so that the next run makes good a crash at any point:
//! a working application token is durable at all times, and the old one is revoked only after the
//! new one, read back, has worked.

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
use prepare::New;

/// One rotation at a time in one store, whatever is rotated.
const LOCK: &str = "rotation";

/// A list may lag behind: how long to wait before each look.
const LAG: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];

/// What is refused for so long is refused for good.
const FOR_GOOD: Duration = Duration::from_secs(60);

/// Said of a journal entry that cannot be read any more.
const BEGINS_ANEW: &str = "the rotation continues from the list; an application token that it was \
                           creating is shown by audit";

/// Replaces the application token that the session signs in with.
pub(crate) fn rotate(transport: &Transport, options: &RotateOptions) -> Result<Rotation> {
    let result = Rotator::rotate(transport, options);
    transport.session.deliver_events();
    result
}

/// One run of a rotation, for which it holds the lock.
struct Rotator<'a> {
    tokens: TokenCalls<'a>,
    transport: &'a Transport,
    options: &'a RotateOptions,
    /// What the client was given, which may have been rotated since.
    given: Secret,
    _lock: Locked,
}

impl<'a> Rotator<'a> {
    fn rotate(transport: &'a Transport, options: &'a RotateOptions) -> Result<Rotation> {
        let session = &transport.session;
        let given_before = check(session, options)?;
        // What is damaged is set aside below, with the lock.
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
        // An earlier process may have been told to wait.
        session.catch_up(&transport.wait())?;
        let key = session.entry_key(&token)?;
        let (preparing, orphans) = match this.read_journal(&key)? {
            Some(Entry::Switching(entry)) => {
                let state = entry.state;
                let by_another = has_ended(state) && (entry.old == used || is_under_way);
                if state == RotationState::Done && !by_another {
                    (None, this.left_by(entry.plan))
                } else {
                    let rotation = this.switch(New { token, key, entry, auth_token: None })?;
                    let adopted = by_another && rotation.state == state;
                    return Ok(Rotation { adopted, ..rotation });
                }
            }
            Some(Entry::Preparing(entry)) => (Some(entry), Vec::new()),
            // Nothing succeeds the newest.
            Some(Entry::Successor(_)) | None => (None, Vec::new()),
        };
        this.switch(this.prepare(&token, &key, preparing, orphans)?)
    }

    fn store(&self) -> &Store {
        self.transport.session.store()
    }

    /// The entry of an application token. A damaged one is set aside: there is none then.
    fn read_journal(&self, key: &EntryKey) -> Result<Option<Entry>> {
        rotation_journal::read(self.store(), key, true).or_else(|error| {
            let entry = rotation_journal::read(self.store(), key, true)?;
            let error = error.with_advice(BEGINS_ANEW);
            self.transport.session.report(EventKind::StoreTrouble, error);
            Ok(entry)
        })
    }

    /// The application token that is to be used in place of this one. Unlike the session's own look
    /// at the journal, it is not stopped by a damaged entry.
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

    /// Signs in with an application token of this rotation, within what the session may.
    fn exchange(&self, token: &Secret, which: &str) -> Result<AuthToken> {
        let action = format!("sign in with the {which} application token");
        let name = self.transport.session.entry_key(token)?.name().to_owned();
        self.transport.session.exchange_within_budget(&name, || {
            self.transport.exchange(token, &action, &self.transport.wait())
        })
    }

    /// Signs in with the new one, unless that was done in this run.
    fn sign_in_once(&self, new: &Secret, proof: &mut Option<AuthToken>) -> Result<AuthToken> {
        if let Some(auth_token) = proof {
            return Ok(auth_token.clone());
        }
        let auth_token = self.exchange(new, "new")?;
        *proof = Some(auth_token.clone());
        Ok(auth_token)
    }

    /// All rows, asked for with that auth token and no other.
    fn list_with(&self, auth_token: &AuthToken) -> Result<Vec<ApplicationToken>> {
        let wait = self.transport.wait();
        application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            Ok(self.transport.send_with(&call, auth_token, &wait)?.into_page())
        })
    }

    /// Changes the row with that auth token and no other.
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

    /// What a rotation that is done may have left behind: also a second row with its marker, from a
    /// request that was sent twice, which the list had the time to show by now.
    fn left_by(&self, plan: Plan) -> Vec<Orphan> {
        let long_ago = Timestamp::new(Duration::ZERO, &*self.transport.clock);
        let second = Orphan { since: Some(long_ago), ..Orphan::marked(&plan.marker) };
        plan.orphans.into_iter().chain([second]).collect()
    }

    /// Whether the new one has been refused for so long that it will never do.
    fn is_for_good(&self, error: &Error, plan: &mut Plan) -> bool {
        let (now, clock) = (self.transport.session.now(), &*self.transport.clock);
        let elapsed = plan.refused_since.as_ref().and_then(|since| since.elapsed(now, clock));
        if elapsed.is_none() {
            plan.refused_since = Some(self.timestamp());
        }
        // Our own verdicts on what the caller said, or on two rows, will be no better later.
        let is_ours = match error.kind() {
            ErrorKind::InvalidInput => true,
            kind => kind == ErrorKind::Conflict && error.http_status().is_none(),
        };
        is_ours || elapsed.is_some_and(|time| time >= FOR_GOOD)
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::new(self.transport.session.now(), &*self.transport.clock)
    }
}

/// Refuses what cannot work, before anything is sent. Returns what the client was given.
fn check(session: &Session, options: &RotateOptions) -> Result<Secret> {
    options.description.as_deref().map(validate::description).transpose()?;
    options.ip.as_deref().map(validate::ip).transpose()?;
    // Whether it is past matters only where a rotation begins.
    let date = options.expiry_date.as_ref();
    date.map(|date| validate::expiry_date(date, SystemTime::UNIX_EPOCH)).transpose()?;
    let given = given(session)?;
    if !session.store().is_durable() {
        let problem = "must be a directory: the journal of a rotation must outlive a power failure";
        return Err(Error::invalid_input("store", problem));
    }
    if options.hand_over.is_none() && session.credential_file().is_none() {
        let problem = "is missing: the application token is in no file, so say who takes the new \
                       one";
        return Err(Error::invalid_input("hand_over", problem));
    }
    Ok(given)
}

/// What the client was given, which may have been rotated since.
fn given(session: &Session) -> Result<Secret> {
    session.given_application_token()?.ok_or_else(|| {
        let problem = "is there for application tokens: this client signs in as a user";
        Error::invalid_input("rotate", problem)
    })
}

fn lock(transport: &Transport) -> Result<Locked> {
    let locked = transport.session.store().lock(LOCK, &transport.wait(), transport.timeout)?;
    if matches!(locked, Locked::Busy) {
        let message = "cannot rotate: another rotation has been under way in this store for longer \
                       than the timeout";
        return Err(Error::new(ErrorKind::Timeout, message).unsent());
    }
    Ok(locked)
}

fn has_ended(state: RotationState) -> bool {
    matches!(state, RotationState::Grace | RotationState::Done)
}

/// What the caller hears of a rotation that goes on when it is called again.
fn stopped(state: RotationState, cause: Error) -> Error {
    let message = format!(
        "the rotation stopped in the state {state}: {cause}; it goes on when it is called again"
    );
    cause.stopping_rotation(state, message)
}

/// The same where the new one is refused, but perhaps not for good.
fn refused_for_now(state: RotationState, cause: Error) -> Error {
    stopped(state, cause.with_retry_after(Some(FOR_GOOD))).passing()
}
