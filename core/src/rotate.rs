//! Replaces an application token by a new one, with no moment at which neither works. Each state is
//! in the journal before its step is taken, so that the next run makes good a crash at any point:
//! a working application token is durable at all times, and the old one is revoked only after the
//! new one, read back, has worked.

mod arriving;
mod leaving;
#[cfg(all(test, unix))]
mod matrix;

use std::time::Duration;

use crate::api::UpdateApplicationToken;
use crate::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::auth_token::AuthToken;
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::input;
use crate::journal::{self, Lost, Page};
use crate::rotation::{RotateOptions, Rotation};
use crate::rotation_state::RotationState;
use crate::seal::Seal;
use crate::secret::Secret;
use crate::store::{Locked, Store};
use crate::tokens::{self, ApplicationTokens};

/// One rotation at a time in one store, whatever is rotated.
const LOCK: &str = "rotation";

/// What a list or an exchange may lag behind: how long to wait before another look.
const LAG: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

impl ApplicationTokens<'_> {
    /// Replaces the application token that this client signs in with by a new one: creates that,
    /// proves that it works, puts it into the credential file or hands it to
    /// [`RotateOptions::hand_over`], and revokes the old one, after the grace period if one was
    /// asked for. The client goes on with the new one.
    ///
    /// All of it is kept in a journal in the client's store, which must be a directory. After a
    /// crash or an error call it again, with the same options: it goes on where it stopped, with
    /// what it began with. A client that starts with the old one finds the new one there, too. At
    /// most one rotation runs in a store; who waits for another one's adopts what that came to.
    ///
    /// Each of its calls may take as long as the client's timeout.
    ///
    /// ```no_run
    /// use emnify_core::{Client, RotateOptions, RotationState, Store};
    ///
    /// let client = Client::builder()
    ///     .application_token_file("/var/lib/gateway/token")
    ///     .store(Store::directory("/var/lib/gateway/emnify"))
    ///     .build()?;
    /// let options = RotateOptions::new().expiry_date("2027-05-29");
    /// let rotation = client.application_tokens().rotate(&options)?;
    /// assert_eq!(rotation.state(), RotationState::Done);
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the store is no directory, the application token came as text and there
    /// is no `hand_over`, the client signs in as a person, or it cannot be told which of the rows
    /// is its own. As for any call, before anything was begun. From then on `Rotation`, with
    /// [`Error::rotation_state`]: the client goes on with an application token that works.
    pub fn rotate(&self, options: &RotateOptions) -> Result<Rotation> {
        Rotator { tokens: *self, caller: self.caller, options }.rotate()
    }
}

/// One run of a rotation.
struct Rotator<'a> {
    tokens: ApplicationTokens<'a>,
    caller: &'a Caller,
    options: &'a RotateOptions,
}

impl Rotator<'_> {
    fn rotate(&self) -> Result<Rotation> {
        let session = &self.caller.session;
        let token = self.check()?;
        let used = match session.credential_in_use() {
            name if name.is_empty() => session.seal(&token)?.name().to_owned(),
            name => name,
        };
        let _lock = self.lock()?;
        let token = self.token()?;
        let seal = session.seal(&token)?;
        let mut lost = Vec::new();
        let page = match self.read_journal(&seal)? {
            Some(Page::Arriving(page)) => {
                let ended = matches!(page.state, RotationState::Grace | RotationState::Done);
                let adopted = ended && page.old == used;
                if adopted || page.state != RotationState::Done {
                    let rotation = self.arrive(&token, &seal, page)?;
                    return Ok(Rotation { adopted, ..rotation });
                }
                lost = page.lost;
                None
            }
            Some(Page::Leaving(page)) => Some(page),
            // Nothing succeeds the newest.
            Some(Page::Successor(_)) | None => None,
        };
        let (new, seal, page) = self.leave(&token, &seal, page, lost)?;
        self.arrive(&new, &seal, page)
    }

    /// Refuses what cannot work, before anything is sent. Returns the application token.
    fn check(&self) -> Result<Secret> {
        let RotateOptions { description, ip, expiry_date, hand_over, .. } = self.options;
        description.as_deref().map(input::description).transpose()?;
        ip.as_deref().map(input::ip).transpose()?;
        let now = self.caller.clock.wall();
        expiry_date.as_ref().map(|date| input::expiry_date(date, now)).transpose()?;
        let session = &self.caller.session;
        let token = self.token()?;
        if !session.store().is_durable() {
            let problem = "must be a directory: the journal of a rotation must outlive a power \
                           failure";
            return Err(Error::invalid_input("store", problem));
        }
        if hand_over.is_none() && session.credential_file().is_none() {
            let problem = "is missing: the application token is in no file, so say who takes the \
                           new one";
            return Err(Error::invalid_input("hand_over", problem));
        }
        Ok(token)
    }

    /// The newest application token.
    fn token(&self) -> Result<Secret> {
        self.caller.session.application_token()?.ok_or_else(|| {
            let problem = "is there for application tokens: this client signs in as a user";
            Error::invalid_input("rotate", problem)
        })
    }

    fn lock(&self) -> Result<Locked> {
        let locked = self.store().lock(LOCK, self.caller.timeout)?;
        if matches!(locked, Locked::Busy) {
            let message = "cannot rotate: another rotation has been under way in this store for \
                           longer than the timeout";
            return Err(Error::new(ErrorKind::Timeout, message).unsent());
        }
        Ok(locked)
    }

    /// A damaged page was set aside: there is none then.
    fn read_journal(&self, seal: &Seal) -> Result<Option<Page>> {
        journal::read(self.store(), seal).or_else(|error| {
            let page = journal::read(self.store(), seal)?;
            self.caller.session.report(EventKind::StoreTrouble, error);
            Ok(page)
        })
    }

    fn store(&self) -> &Store {
        self.caller.session.store()
    }

    /// Signs in with an application token of this rotation.
    fn exchange(&self, token: &Secret, which: &str) -> Result<AuthToken> {
        let action = format!("sign in with the {which} application token");
        self.caller.exchange(token, &action, self.caller.deadline())
    }

    /// Changes the row with that auth token and no other.
    fn change_with(
        &self,
        auth_token: &AuthToken,
        id: u64,
        body: &UpdateApplicationToken<'_>,
    ) -> Result<()> {
        tokens::change(id, body, |call| {
            self.caller.send_with(call, auth_token, self.caller.deadline())
        })
    }

    /// Revokes what shall not stay, and forgets it. What the list does not show may still come to
    /// light, and is kept in mind.
    fn sweep(
        &self,
        lost: &mut Vec<Lost>,
        keep: &[u64],
        rows: &[ApplicationToken],
        revoke: impl Fn(u64) -> Result<()>,
    ) -> Result<()> {
        let mut failed = Ok(());
        lost.retain(|lost| {
            let is_it = |row: &&ApplicationToken| {
                Some(row.id()) == lost.id
                    || row.description().is_some_and(|text| text.ends_with(&lost.mark))
            };
            let mut found = false;
            for row in rows.iter().filter(is_it).filter(|row| !keep.contains(&row.id())) {
                found = true;
                if row.status() != Some(ApplicationTokenStatus::Revoked) {
                    if let Err(error) = revoke(row.id()) {
                        failed = Err(error);
                        return true;
                    }
                }
            }
            !found
        });
        failed
    }
}

/// What the caller hears of a rotation that goes on when it is called again.
fn stopped(state: RotationState, cause: Error) -> Error {
    let message = format!(
        "the rotation stopped in the state {state}: {cause}; it goes on when it is called again"
    );
    cause.stopping_rotation(state, message)
}
