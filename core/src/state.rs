//! What a session knows. `decision` judges and changes it, `saved` writes it down; it is replaced
//! as a whole and never changed in place.

use std::time::Duration;

use crate::auth_token::AuthToken;
use crate::error::Error;
use crate::secret::Secret;

/// All that a session knows. Instants are those of the session's steady clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) held: Option<Held>,
    pub(crate) trouble: Trouble,
    pub(crate) refresh: Refresh,
    /// When the newest token was requested that a server refused: a store may still hold it, or an
    /// older one.
    pub(crate) dropped: Option<Duration>,
}

/// An auth token and when to do what about it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) auth_token: AuthToken,
    /// The name of the credential that it was got with.
    pub(crate) credential: String,
    pub(crate) requested_at: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) valid_until: Duration,
}

/// How the attempts with one credential went lately, and until when that keeps us from another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// The name of the credential.
    pub(crate) credential: String,
    /// The last attempt's error, if it failed.
    pub(crate) last_error: Option<Error>,
    /// Failed attempts in a row that may pass by themselves.
    pub(crate) failures: u32,
    /// Refusals in a row.
    pub(crate) refusals: u32,
    /// No attempt before.
    pub(crate) not_before: Duration,
    /// The attempts of the last hour that reached emnify and failed, oldest first.
    pub(crate) recent: Vec<Duration>,
    /// When an attempt last ended, if one did.
    pub(crate) changed_at: Option<Duration>,
}

/// The refresh token of a user: good for one more auth token, once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refresh {
    pub(crate) token: Option<Secret>,
    /// When it was got or spent.
    pub(crate) changed_at: Option<Duration>,
}

impl State {
    /// The token that may be handed out at `now`, if any.
    pub(crate) fn valid(&self, now: Duration) -> Option<&AuthToken> {
        self.held.as_ref().filter(|held| now < held.valid_until).map(|held| &held.auth_token)
    }

    /// When the session last changed: signed in, failed, lost a token.
    pub(crate) fn changed_at(&self) -> Option<Duration> {
        self.trouble.changed_at.max(self.dropped)
    }

    /// The state for a credential of that name. What is known of another one says nothing about
    /// it, save that a live token goes on being served.
    pub(crate) fn with_credential(&self, name: &str) -> Option<State> {
        if self.trouble.credential == name {
            return None;
        }
        let trouble = Trouble { credential: name.to_owned(), ..Trouble::default() };
        Some(State { held: self.held.clone(), trouble, ..State::default() })
    }

    /// What of this state may be saved under the name of its credential.
    pub(crate) fn savable(&self) -> State {
        let own = |held: &Held| held.credential == self.trouble.credential;
        State { held: self.held.clone().filter(own), ..self.clone() }
    }

    /// This state and the one that a store has, of each part the newer: another process may have
    /// signed in, been refused, or spent the refresh token.
    pub(crate) fn merged(&self, stored: &State) -> State {
        let known = self.held.as_ref().map(|held| held.requested_at).max(self.dropped);
        let theirs = stored.held.as_ref().filter(|held| Some(held.requested_at) > known);
        let newer = stored.trouble.changed_at > self.trouble.changed_at;
        let trouble = if newer { &stored.trouble } else { &self.trouble };
        let mut recent = [self.trouble.recent.as_slice(), &stored.trouble.recent].concat();
        recent.sort_unstable();
        recent.dedup();
        let spent = stored.refresh.changed_at > self.refresh.changed_at;
        State {
            held: theirs.or(self.held.as_ref()).cloned(),
            trouble: Trouble { recent, ..trouble.clone() },
            refresh: if spent { stored.refresh.clone() } else { self.refresh.clone() },
            dropped: self.dropped,
        }
    }
}

impl Held {
    /// Whether that state holds the same token.
    pub(crate) fn is_in(&self, state: &State) -> bool {
        state.held.as_ref().is_some_and(|held| held.auth_token.is(&self.auth_token))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn holding(requested_at: u64) -> State {
        let auth_token = AuthToken::new(Secret::from("opaque"), SystemTime::UNIX_EPOCH);
        let held = Held {
            auth_token,
            credential: "one".into(),
            requested_at: at(requested_at),
            renew_at: at(requested_at + 500),
            valid_until: at(requested_at + 1_000),
        };
        State { held: Some(held), ..State::default() }
    }

    fn requested_at(state: &State) -> Option<u64> {
        state.held.as_ref().map(|held| held.requested_at.as_secs())
    }

    #[test]
    fn of_two_tokens_the_newer_is_taken_and_never_one_that_was_dropped() {
        let dropped = |seconds| State { dropped: Some(at(seconds)), ..State::default() };
        for (ours, theirs, merged) in [
            (State::default(), holding(100), Some(100)),
            (holding(200), holding(100), Some(200)),
            (holding(100), holding(200), Some(200)),
            (holding(100), State::default(), Some(100)),
            (dropped(100), holding(100), None),
            (dropped(100), holding(50), None),
            (dropped(100), holding(101), Some(101)),
        ] {
            assert_eq!(requested_at(&ours.merged(&theirs)), merged, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn trouble_and_refresh_token_are_merged_each_by_its_own_time() {
        let state = |trouble, refresh, not_before| State {
            trouble: Trouble {
                not_before: at(not_before),
                recent: vec![at(trouble)],
                changed_at: Some(at(trouble)),
                ..Trouble::default()
            },
            refresh: Refresh { token: None, changed_at: Some(at(refresh)) },
            ..State::default()
        };
        let (ours, theirs) = (state(10, 20, 1), state(20, 10, 2));
        let merged = ours.merged(&theirs);
        assert_eq!(merged.trouble.not_before, at(2));
        assert_eq!(merged.trouble.recent, [at(10), at(20)]);
        assert_eq!(merged.refresh.changed_at, Some(at(20)));
    }

    #[test]
    fn what_is_known_of_one_credential_is_not_held_against_another() {
        let mut state = holding(100);
        state.trouble = Trouble { credential: "one".into(), refusals: 3, ..Trouble::default() };
        assert!(state.with_credential("one").is_none());
        let other = state.with_credential("another").unwrap();
        assert_eq!((other.trouble.refusals, requested_at(&other)), (0, Some(100)));
        assert_eq!(requested_at(&other.savable()), None, "not under the other one's name");
        assert_eq!(requested_at(&state.savable()), Some(100));
    }
}
