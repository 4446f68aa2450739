//! Application tokens that a rotation may have left behind: they are revoked when the list shows
//! them, and forgotten when it should have shown them.

use std::time::Duration;

use super::Rotator;
use super::prepare::is_final;
use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::api::bodies::UpdateApplicationToken;
use crate::store::rotation_journal::Orphan;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};

/// A whole list that does not show an application token so long after its creation was attempted
/// never will: it was not created.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10 * 60);

/// How many application tokens that may have been created, or may not be revoked, are remembered.
const MOST_ORPHANS: usize = 32;

impl Rotator<'_> {
    /// Revokes what shall not stay, and forgets it. What the list does not show yet is remembered
    /// for as long as it may come to light, and what the server does not let be revoked for the
    /// next rotation, which tries again.
    pub(super) fn sweep(
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
                    if is_final(&error) {
                        orphan.id = Some(row.id());
                    } else {
                        failed = Err(error);
                    }
                }
            }
            if found.is_empty() { !self.never_was(orphan) } else { !revoked }
        });
        failed
    }

    /// Whether the list had the time to show it.
    fn never_was(&self, orphan: &mut Orphan) -> bool {
        self.start_time_of(orphan);
        self.age_of(orphan).is_some_and(|age| age >= FORGOTTEN_AFTER)
    }

    /// Starts the time in which the list may come to show it, if that is not running or not known
    /// any more. Returns whether it did.
    pub(super) fn start_time_of(&self, orphan: &mut Orphan) -> bool {
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

/// Keeps the newest of those that may not be revoked. Those that may have been created are all
/// needed, for the time in which the list may come to show them: until then no more are made.
pub(super) fn limit(orphans: &mut Vec<Orphan>) -> Result<()> {
    let mut irrevocable = orphans.iter().filter(|orphan| orphan.id.is_some()).count();
    if orphans.len() - irrevocable > MOST_ORPHANS {
        let message = format!(
            "each of the last {MOST_ORPHANS} attempts may have created an application token that \
             the list does not show yet; rotate again in {} minutes",
            FORGOTTEN_AFTER.as_secs() / 60
        );
        let error = Error::new(ErrorKind::RateLimited, message);
        return Err(error.with_retry_after(Some(FORGOTTEN_AFTER)));
    }
    orphans.retain(|orphan| {
        let is_newest = irrevocable <= MOST_ORPHANS;
        irrevocable -= usize::from(orphan.id.is_some());
        orphan.id.is_none() || is_newest
    });
    Ok(())
}
