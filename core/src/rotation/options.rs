//! The options of a rotation, and its result.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::types::expiry_date::ExpiryDate;
use crate::types::rotation_state::RotationState;
use crate::types::secret::Secret;

/// Stores the new application token where the program finds it at its next start.
type HandOver = Arc<dyn Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// Returns the application token that a [`HandOver`] stored.
type ReadBack = Arc<dyn Fn() -> Result<Secret, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// Options of [`ApplicationTokens::rotate`](crate::ApplicationTokens::rotate). If an option is not
/// set, the new application token gets the description, the IP restriction and the lifetime of the
/// old one.
///
/// ```
/// use std::time::Duration;
/// use emnify_core::RotateOptions;
///
/// let days = |n: u64| Duration::from_secs(n * 86_400);
/// let options = RotateOptions::new()
///     .description("gateway 7")
///     .expires_in(days(365)) // or .expiry_date("2027-05-29")
///     .ip("192.0.2.0/24")
///     // Other programs use the same token: both tokens work for a day.
///     .grace(days(1));
///
/// // The auth token does not contain the application token's id, nor may it revoke itself.
/// let options = RotateOptions::new().id(4711).keep_old(true);
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are passed to `rotate`"]
pub struct RotateOptions {
    pub(crate) id: Option<u64>,
    pub(crate) description: Option<String>,
    pub(crate) expiry_date: Option<ExpiryDate>,
    pub(crate) ip: Option<String>,
    pub(crate) grace: Duration,
    pub(crate) keep_old: bool,
    pub(crate) hand_over: Option<HandOver>,
    pub(crate) read_back: Option<ReadBack>,
}

impl RotateOptions {
    /// Creates options for a new application token like the old one, which is revoked as soon as the
    /// new one has worked.
    pub fn new() -> Self {
        RotateOptions::default()
    }

    /// Sets the id of the application token that this client signs in with. It is needed only if
    /// the auth token does not contain the id. An id that contradicts the auth token is refused.
    /// Without an id in the auth token, a wrong id cannot be detected, and the application token
    /// with that id is revoked.
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets another description, of at most 1,024 bytes, without control characters. An empty one
    /// is replaced by `emnify-auth`.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the date or instant at which the new application token expires. It must be in the
    /// future. By default the new one has the lifetime of the old one (from creation to expiry),
    /// starting now.
    pub fn expiry_date(mut self, expiry_date: impl Into<ExpiryDate>) -> Self {
        self.expiry_date = Some(expiry_date.into());
        self
    }

    /// Sets how long the new application token lives, instead of its expiry date. The time is
    /// counted on emnify's clock.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        self.expiry_date(lifetime)
    }

    /// Restricts the new application token to another IP address, or range in CIDR notation.
    pub fn ip(mut self, ip: impl Into<String>) -> Self {
        self.ip = Some(ip.into());
        self
    }

    /// Sets how long the old application token still works alongside the new one, in whole seconds.
    /// Default: zero, which cuts off other programs that still use the old one. `rotate` does not
    /// wait for the end of this time: call it again afterwards.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Does not revoke the old application token. This is for application tokens without the right
    /// to revoke, which emnify gives only to Administrators. Without this option, a rotation checks
    /// that right before it creates anything, and fails if it is missing. With this option, the
    /// rotation ends in `Done` with the event
    /// [`EventKind::OldTokenKept`](crate::EventKind::OldTokenKept): revoke the old one by other
    /// means, or let it expire. If the application token may not change descriptions either, the
    /// new one's description keeps the marker `[rotation …]`, by which the rotation found it.
    pub fn keep_old(mut self, keep_old: bool) -> Self {
        self.keep_old = keep_old;
        self
    }

    /// Sets a function that stores the new application token, instead of writing it to the
    /// credential file. The token must be durable when the function returns. It is called on the
    /// thread that called `rotate`. It must be idempotent: after an error, a crash or the grace
    /// period it may be called again with the same token. It may use the client, but must not call
    /// `rotate`. If it returns an error, the rotation stops, and the old token is not revoked.
    ///
    /// ```
    /// # fn to_vault(_: &str, _: &str) -> std::io::Result<()> { Ok(()) }
    /// let options = emnify_core::RotateOptions::new()
    ///     .hand_over(|token| Ok(to_vault("emnify/gateway-7", token.reveal())?));
    /// ```
    pub fn hand_over(
        mut self,
        take: impl Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.hand_over = Some(Arc::new(take));
        self
    }

    /// Sets a function that returns the application token that [`hand_over`](Self::hand_over)
    /// stored, as the next start of the program will read it. White space around it is ignored. It
    /// is called before the old application token is revoked, on the thread that called `rotate`.
    /// If it fails or returns another token, the rotation stops and nothing is revoked; the next
    /// call of `rotate` calls `hand_over` again.
    ///
    /// ```
    /// use emnify_core::{RotateOptions, Secret};
    /// use std::fs;
    ///
    /// let options = RotateOptions::new()
    ///     .hand_over(|token| Ok(fs::write("/etc/openvpn/emnify", token.reveal())?))
    ///     .read_back(|| Ok(Secret::from(fs::read_to_string("/etc/openvpn/emnify")?)));
    /// ```
    pub fn read_back(
        mut self,
        read: impl Fn() -> Result<Secret, Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.read_back = Some(Arc::new(read));
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
            .field("read_back", &self.read_back.is_some())
            .finish()
    }
}

/// The result of a rotation. In the state `Done` the old application token is revoked, or was kept
/// because of [`RotateOptions::keep_old`]. In the state `Grace` both work until the grace period
/// ends, and the client uses the new one.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let journal = std::env::temp_dir().join(format!("emnify-rotation-{}", std::process::id()));
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).store(emnify_core::Store::directory(&journal))
/// #     .build()?;
/// # let options = emnify_core::RotateOptions::new().hand_over(|_| Ok(()));
/// use emnify_core::RotationState;
///
/// let rotation = client.application_tokens().rotate(&options)?;
/// match rotation.state() {
///     RotationState::Done => println!("{} replaced {}", rotation.new_id(), rotation.old_id()),
///     _ => println!("both work; call `rotate` again in {:?}", rotation.grace_left()),
/// }
/// assert!(!rotation.is_adopted() && !rotation.is_old_kept());
/// assert!(rotation.ignored_options().is_empty());
/// # assert_eq!(rotation.state(), RotationState::Done);
/// # let _ = std::fs::remove_dir_all(journal);
/// # Ok::<(), emnify_core::Error>(())
/// ```
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
    /// Returns [`RotationState::Done`] or [`RotationState::Grace`].
    #[must_use]
    pub fn state(&self) -> RotationState {
        self.state
    }

    /// Returns the id of the application token that was replaced.
    #[must_use]
    pub fn old_id(&self) -> u64 {
        self.old_id
    }

    /// Returns the id of the new application token.
    #[must_use]
    pub fn new_id(&self) -> u64 {
        self.new_id
    }

    /// Returns how long the grace period still lasts; `None` in the state `Done`. While the clock
    /// cannot be trusted, this time does not decrease.
    #[must_use]
    pub fn grace_left(&self) -> Option<Duration> {
        self.grace_left
    }

    /// Whether another client had already rotated the application token. This call then changed
    /// nothing.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether the old application token still works, because [`RotateOptions::keep_old`] was set in
    /// this call or in the one that began the rotation.
    #[must_use]
    pub fn is_old_kept(&self) -> bool {
        self.old_kept
    }

    /// Returns the names of the options of this call that were ignored (`expiry_date` and so on),
    /// because an earlier call had begun the rotation with other options. Empty if this call began
    /// it.
    #[must_use]
    pub fn ignored_options(&self) -> &[&'static str] {
        &self.ignored_options
    }
}
