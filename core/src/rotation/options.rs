//! What one may ask of a rotation, and what it tells.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::types::expiry_date::ExpiryDate;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// Takes the new application token, and keeps it where the next start finds it.
type HandOver = Arc<dyn Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// How an application token shall be replaced. What is not set is as with the old one: its
/// description, the address that it is bound to, how long it lives.
///
/// ```
/// use std::time::Duration;
/// use emnify_core::RotateOptions;
///
/// let options = RotateOptions::new()
///     .expiry_date("2027-05-29")
///     // For others that use the same token: both work for a day.
///     .grace(Duration::from_secs(86_400));
/// ```
#[derive(Clone, Default)]
#[must_use = "it is a description; `rotate` makes the rotation"]
pub struct RotateOptions {
    pub(crate) id: Option<u64>,
    pub(crate) description: Option<String>,
    pub(crate) expiry_date: Option<ExpiryDate>,
    pub(crate) ip: Option<String>,
    pub(crate) grace: Duration,
    pub(crate) keep_old: bool,
    pub(crate) hand_over: Option<HandOver>,
}

impl RotateOptions {
    /// All as with the old one, which is revoked as soon as the new one is proved to work.
    pub fn new() -> Self {
        RotateOptions::default()
    }

    /// The id of the application token that this client signs in with, where its auth token does
    /// not tell. It is for no other one: what contradicts the auth token is refused. Where that
    /// tells nothing, nobody can find out that the id is wrong, and the token of that id is revoked.
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Another label, at most 1,024 bytes, without control characters. In place of an empty one
    /// stands `emnify-auth`.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Another date or instant of expiry, in the future. Without it the new one lives as long as the
    /// old one was made for, from now on: for the time between that one's creation and expiry.
    pub fn expiry_date(mut self, expiry_date: impl Into<ExpiryDate>) -> Self {
        self.expiry_date = Some(expiry_date.into());
        self
    }

    /// Another address, or range in CIDR notation, that the new one may be used from.
    pub fn ip(mut self, ip: impl Into<String>) -> Self {
        self.ip = Some(ip.into());
        self
    }

    /// How long the old one goes on working beside the new one, in whole seconds. Default: not at
    /// all, which cuts off everybody else who uses it. A rotation does not wait for it: call
    /// `rotate` again when it is over.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Leaves the old one alive, for an application token that may not revoke any: emnify lets only
    /// Administrators do so, and a rotation that finds itself without that right is refused before
    /// it creates anything. The rotation ends in `Done` with the event
    /// [`EventKind::OldTokenKept`](crate::EventKind::OldTokenKept): revoke the old one by other
    /// means, or let it expire. Where the description of the new one may not be changed either, it
    /// keeps the marker by which it was found, `[rotation …]`.
    pub fn keep_old(mut self, keep_old: bool) -> Self {
        self.keep_old = keep_old;
        self
    }

    /// Who takes the new application token, instead of the credential file. What it took must be
    /// durable when it returns. It is called on the thread that rotates, and may be called again
    /// with the same one after a crash; it must not call `rotate` itself. If it fails the rotation
    /// stops, and goes on with it when `rotate` is called again.
    pub fn hand_over(
        mut self,
        take: impl Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.hand_over = Some(Arc::new(take));
        self
    }
}

impl fmt::Debug for RotateOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateOptions")
            .field("id", &self.id)
            .field("description", &self.description)
            .field("expiry_date", &self.expiry_date)
            .field("ip", &self.ip)
            .field("grace", &self.grace)
            .field("keep_old", &self.keep_old)
            .field("hand_over", &self.hand_over.is_some())
            .finish()
    }
}

/// What a rotation came to. `Done`: the old application token is revoked, or was kept as
/// [`RotateOptions::keep_old`] said. `Grace`: both work until the grace period ends, and the client
/// goes on with the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    pub(crate) state: RotationState,
    pub(crate) old_id: u64,
    pub(crate) new_id: u64,
    pub(crate) grace_left: Option<Duration>,
    pub(crate) adopted: bool,
    pub(crate) old_kept: bool,
    pub(crate) ignored_options: Vec<&'static str>,
}

impl Rotation {
    /// [`RotationState::Done`] or [`RotationState::Grace`].
    pub fn state(&self) -> RotationState {
        self.state
    }

    /// The id of the application token that was replaced.
    pub fn old_id(&self) -> u64 {
        self.old_id
    }

    /// The id of the one that replaces it.
    pub fn new_id(&self) -> u64 {
        self.new_id
    }

    /// In the grace period, how long it lasts from now; `None` in `Done`. No time passes for it
    /// while the clock is not to be trusted.
    pub fn grace_left(&self) -> Option<Duration> {
        self.grace_left
    }

    /// Whether another client had rotated the application token already: nothing was changed.
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether the old one is left alive, as [`RotateOptions::keep_old`] said in this call or in the
    /// one that the rotation began with.
    pub fn is_old_kept(&self) -> bool {
        self.old_kept
    }

    /// The options of this call that did not apply, by their names (`expiry_date` and so on), because
    /// the rotation had begun with others, which did. Empty for a rotation that began with this call.
    pub fn ignored_options(&self) -> &[&'static str] {
        &self.ignored_options
    }
}
