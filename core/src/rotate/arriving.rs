//! The way from an application token that is proved to work to where only that one does. Each step
//! may be taken again.

use std::time::Duration;

use super::{Rotator, stopped};
use crate::api::UpdateApplicationToken;
use crate::application_token::ApplicationTokenStatus;
use crate::auth_token::AuthToken;
use crate::clock::is_before_release;
use crate::credential::TokenFile;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{self, Arriving, Page};
use crate::listing;
use crate::moment::Moment;
use crate::rotation::Rotation;
use crate::rotation_state::RotationState;
use crate::seal::Seal;
use crate::secret::{Secret, redact};

impl Rotator<'_> {
    /// Goes on from that page of the new application token.
    pub(super) fn arrive(&self, new: &Secret, seal: &Seal, page: Arriving) -> Result<Rotation> {
        let mut page = page;
        loop {
            let state = page.state;
            let stop = |error| stopped(state, error);
            page = match state {
                RotationState::Committed => {
                    self.hand_over(new).map_err(stop)?;
                    self.begin_grace(page)
                }
                RotationState::Grace => match self.grace_left(seal, &mut page).map_err(stop)? {
                    Some(left) => {
                        self.caller.session.use_credential(seal.name());
                        return Ok(Rotation { grace_left: Some(left), ..came_to(&page) });
                    }
                    None => Arriving { state: RotationState::Revoking, ..page },
                },
                RotationState::Revoking => {
                    self.revoke_old(new, seal, &mut page).map_err(stop)?;
                    Arriving { state: RotationState::Done, ..page }
                }
                _ => {
                    self.caller.session.use_credential(seal.name());
                    return Ok(came_to(&page));
                }
            };
            page = self.write_arriving(seal, page).map_err(stop)?;
        }
    }

    /// Puts the new one where the next start finds it.
    fn hand_over(&self, new: &Secret) -> Result<()> {
        match (&self.options.hand_over, self.caller.session.credential_file()) {
            (Some(take), _) => take(new).map_err(|error| {
                let why = redact(&error.to_string(), &[new.reveal()]);
                let message = format!("hand_over did not take the new application token: {why}");
                Error::new(ErrorKind::Rotation, message)
            }),
            (None, Some(file)) => self.put_into(file, new),
            (None, None) => Ok(()), // Refused earlier.
        }
    }

    /// What somebody else put there meanwhile is not overwritten.
    fn put_into(&self, file: &TokenFile, new: &Secret) -> Result<()> {
        match file.read_back() {
            Ok(held) if held == *new => Ok(()),
            Ok(held)
                if journal::newest(self.store(), &held, self.caller.http.base_url())? != *new =>
            {
                let message = "the credential file holds another application token than the one \
                               that was rotated, and was left as it is";
                Err(Error::new(ErrorKind::Conflict, message))
            }
            _ => file.replace(new),
        }
    }

    fn begin_grace(&self, page: Arriving) -> Arriving {
        if page.grace_seconds == 0 {
            return Arriving { state: RotationState::Revoking, ..page };
        }
        Arriving { state: RotationState::Grace, grace_since: Some(self.moment()), ..page }
    }

    /// What is left of the grace period, if anything.
    fn grace_left(&self, seal: &Seal, page: &mut Arriving) -> Result<Option<Duration>> {
        let clock = &*self.caller.clock;
        let grace = Duration::from_secs(page.grace_seconds);
        let now = self.caller.session.now();
        let since = page.grace_since.as_ref();
        let Some(elapsed) = since.and_then(|since| since.elapsed(now, clock)) else {
            // Nobody knows how much has passed. It begins again with a clock that can be trusted.
            if !is_before_release(clock.wall()) {
                page.grace_since = Some(self.moment());
                journal::write(self.store(), seal, &Page::Arriving(page.clone()))?;
            }
            return Ok(Some(grace));
        };
        Ok(grace.checked_sub(elapsed).filter(|left| !left.is_zero()))
    }

    /// Reads the new one back, signs in with it once more, and with that revokes the old one.
    fn revoke_old(&self, new: &Secret, seal: &Seal, page: &mut Arriving) -> Result<()> {
        let session = &self.caller.session;
        let kept = match (&self.options.hand_over, session.credential_file()) {
            (None, Some(file)) => file.read_back()?,
            _ => self.token()?,
        };
        if kept != *new || page.old_id == page.new_id {
            let message = "another application token was read back than the new one; nothing was \
                           revoked";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let requested_at = session.now();
        let auth_token = self.exchange(new, "new")?;
        self.revoke_for_certain(&auth_token, page.old_id)?;
        if !page.lost.is_empty() {
            let rows = self.list_with(&auth_token)?;
            let keep = [page.new_id];
            self.sweep(&mut page.lost, &keep, &rows, |id| {
                self.change_with(&auth_token, id, &UpdateApplicationToken::revoke())
            })?;
        }
        session.go_on_with(&auth_token, seal.name(), requested_at);
        // What the old one's session leaves behind is of no more use, and no harm.
        let _ = self.store().forget(&page.old);
        Ok(())
    }

    /// Where the answer leaves doubt, the list tells.
    fn revoke_for_certain(&self, auth_token: &AuthToken, id: u64) -> Result<()> {
        let Err(error) = self.change_with(auth_token, id, &UpdateApplicationToken::revoke()) else {
            return Ok(());
        };
        let rows = self.list_with(auth_token).map_err(|_| error.clone())?;
        match rows.iter().find(|row| row.id() == id) {
            Some(row) if row.status() != Some(ApplicationTokenStatus::Revoked) => Err(error),
            _ => Ok(()),
        }
    }

    fn list_with(
        &self,
        auth_token: &AuthToken,
    ) -> Result<Vec<crate::application_token::ApplicationToken>> {
        let deadline = self.caller.deadline();
        listing::read(|call| self.caller.send_with(call, auth_token, deadline))
    }

    pub(super) fn write_arriving(&self, seal: &Seal, page: Arriving) -> Result<Arriving> {
        journal::write(self.store(), seal, &Page::Arriving(page.clone()))?;
        Ok(page)
    }

    fn moment(&self) -> Moment {
        Moment::new(self.caller.session.now(), &*self.caller.clock)
    }
}

fn came_to(page: &Arriving) -> Rotation {
    Rotation {
        state: page.state,
        old_id: page.old_id,
        new_id: page.new_id,
        grace_left: None,
        adopted: false,
    }
}
