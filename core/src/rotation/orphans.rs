//! Application tokens that a rotation may have left behind. They are revoked when the list shows
//! them, and forgotten if it does not show them in time.

use std::time::Duration;

use super::Rotator;
use super::prepare::is_refusal;
use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::bodies::UpdateApplicationToken;
use crate::store::rotation_journal::Orphan;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};

/// If the list does not show an application token this long after the attempt to create it, it was
/// not created.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10 * 60);

/// How many application tokens are remembered that may have been created, and how many that could
/// not be revoked.
const MAX_ORPHANS: usize = 32;

impl Rotator<'_> {
    /// Revokes the orphans and forgets them. An orphan that is not in the list is remembered until
    /// the list had enough time to show it. One that the server does not allow to revoke is
    /// remembered for the next rotation, which tries again.
    pub(super) fn revoke_orphans(
        &self,
        orphans: &mut Vec<Orphan>,
        keep: u64,
        rows: &[ApplicationToken],
        auth_token: &AuthToken,
    ) -> Result<()> {
        let mut failed = Ok(());
        orphans.retain_mut(|orphan| {
            let is_it = |row: &&ApplicationToken| {
                let is_marked =
                    |marker: &String| row.description().is_some_and(|d| d.ends_with(marker));
                row.id() != keep
                    && (Some(row.id()) == orphan.id
                        || orphan.marker.as_ref().is_some_and(is_marked))
            };
            let found: Vec<_> = rows.iter().filter(is_it).collect();
            let mut revoked = true;
            for row in &found {
                if row.status() == Some(ApplicationTokenStatus::Revoked) {
                    continue;
                }
                let revoke = UpdateApplicationToken::revoke();
                if let Err(error) = self.change_with(auth_token, row.id(), &revoke) {
                    revoked = false;
                    if is_refusal(&error) {
                        orphan.id = Some(row.id());
                    } else {
                        failed = Err(error);
                    }
                }
            }
            if found.is_empty() { !self.was_never_created(orphan) } else { !revoked }
        });
        failed
    }

    /// Whether the list had enough time to show the orphan.
    fn was_never_created(&self, orphan: &mut Orphan) -> bool {
        self.start_waiting_for(orphan);
        self.age_of(orphan).is_some_and(|age| age >= FORGOTTEN_AFTER)
    }

    /// Starts the time in which the list may come to show the orphan, unless it has already started.
    /// After a reboot without a clock it starts again. Returns whether it was started.
    pub(super) fn start_waiting_for(&self, orphan: &mut Orphan) -> bool {
        let is_unknown = self.age_of(orphan).is_none();
        if is_unknown {
            orphan.since = Some(self.timestamp());
        }
        is_unknown
    }

    fn age_of(&self, orphan: &Orphan) -> Option<Duration> {
        let since = orphan.since.as_ref()?;
        since.elapsed(self.transport.session.now(), &*self.transport.clock)
    }
}

/// Forgets the oldest of too many orphans that could not be revoked. Those that may have been created
/// are all needed until the list had enough time to show them. If these are too many, no more are
/// created.
///
/// # Errors
///
/// `RateLimited` if too many orphans may have been created.
pub(super) fn limit(orphans: &mut Vec<Orphan>) -> Result<()> {
    let mut irrevocable = orphans.iter().filter(|orphan| orphan.id.is_some()).count();
    if orphans.len() - irrevocable > MAX_ORPHANS {
        let message = format!(
            "cannot rotate: each of the last {MAX_ORPHANS} attempts may have created an application \
             token that the list does not show yet; rotate again in {} minutes",
            FORGOTTEN_AFTER.as_secs() / 60
        );
        let error = Error::new(ErrorKind::RateLimited, message);
        return Err(error.with_retry_after(Some(FORGOTTEN_AFTER)));
    }
    orphans.retain(|orphan| {
        let is_newest = irrevocable <= MAX_ORPHANS;
        irrevocable -= usize::from(orphan.id.is_some());
        orphan.id.is_none() || is_newest
    });
    Ok(())
}
