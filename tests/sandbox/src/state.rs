//! The sandbox's state, one value behind one lock, and its content at the start. Handlers are
//! functions of the state and a request.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;

use ring::{digest, hmac};
use serde_json::Value;

use crate::application_tokens::{NewToken, TokenRow, claims};
use crate::clock::Clock;
use crate::date::utc;
use crate::fault::Faults;
use crate::limits::{Lockouts, Window};
use crate::log::Log;
use crate::random::{Random, to_hex};
use crate::request::Request;
use crate::settings::{Settings, TokenShape};
use crate::{jwt, seed};

/// The Workspaces. The first one contains the application tokens at the start.
pub(crate) const ORGANISATIONS: [(u64, &str); 2] = [(1234, "Sandbox"), (5678, "Second workspace")];

/// The id of the application token that exists from the start.
const FIRST_TOKEN: u64 = 4711;

/// The password of both users.
pub(crate) const PASSWORD: &str = "password";

pub(crate) struct State {
    /// The base URL of the API, without a slash at the end.
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// The settings that the sandbox was started with; `reset` restores them.
    pub(crate) initial_settings: Settings,
    pub(crate) random: Random,
    pub(crate) signing_key: hmac::Key,
    pub(crate) seeded_token: String,
    /// When it was created.
    seeded_at: i64,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) next_token: u64,
    pub(crate) users: Vec<User>,
    /// The JWT for each opaque auth token.
    pub(crate) opaque: HashMap<String, String>,
    pub(crate) endpoints: Rows,
    pub(crate) sims: Rows,
    pub(crate) events: Rows,
    /// Messages by id, each with its endpoint.
    pub(crate) sms: Rows,
    /// Endpoints, each with an operator of its blacklist.
    pub(crate) blacklists: BTreeSet<(u64, u64)>,
    pub(crate) authenticate_calls: Window,
    pub(crate) all_calls: Window,
    pub(crate) lockouts: Lockouts,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
}

/// Rows of a collection by id, each with its Workspace.
pub(crate) type Rows = BTreeMap<u64, (u64, Value)>;

/// A user who logs in with a password.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) username: &'static str,
    pub(crate) name: &'static str,
    /// The SHA-1 in lower-case hexadecimal digits.
    pub(crate) password: String,
    pub(crate) mfa: bool,
    /// The login that waits for a one-time code.
    pub(crate) pending: Option<Pending>,
    /// The only refresh token that is valid.
    pub(crate) refresh: Option<Refresh>,
    /// Fingerprints of trusted devices, each with the time at which the trust ends.
    pub(crate) trusted: HashMap<String, i64>,
}

/// A login that waits for a one-time code.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) mfa_token: String,
    pub(crate) code: String,
    pub(crate) expires: i64,
}

/// A refresh token.
#[derive(Debug)]
pub(crate) struct Refresh {
    pub(crate) value: String,
    pub(crate) expires: i64,
}

impl State {
    pub(crate) fn new() -> io::Result<State> {
        let mut random = Random::new()?;
        let signing_key = jwt::new_key(&mut random);
        let clock = Clock::new();
        let [(organisation, _), _] = ORGANISATIONS;
        let seeded_at = clock.now();
        let claims = claims(FIRST_TOKEN, organisation, seeded_at, None);
        let seeded_token = jwt::application_token(&mut random, TokenShape::Jwt, claims);
        let mut state = State {
            base_url: String::new(),
            clock,
            settings: Settings::default(),
            initial_settings: Settings::default(),
            random,
            signing_key,
            seeded_token,
            seeded_at,
            tokens: Vec::new(),
            next_token: FIRST_TOKEN,
            users: Vec::new(),
            opaque: HashMap::new(),
            endpoints: Rows::new(),
            sims: Rows::new(),
            events: Rows::new(),
            sms: Rows::new(),
            blacklists: BTreeSet::new(),
            authenticate_calls: Window::default(),
            all_calls: Window::default(),
            lockouts: Lockouts::default(),
            faults: Faults::default(),
            log: Log::default(),
        };
        state.reset();
        Ok(state)
    }

    /// Restores the state at the start. The application token that exists from the start keeps its
    /// value, because a program may have it in its environment. Earlier auth tokens become invalid.
    pub(crate) fn reset(&mut self) {
        self.clock = Clock::new();
        self.settings = self.initial_settings.clone();
        self.signing_key = jwt::new_key(&mut self.random);
        self.tokens.clear();
        self.next_token = FIRST_TOKEN;
        self.users = vec![
            user(42, "user@example.com", "Ford Prefect", false),
            user(43, "mfa@example.com", "Tricia McMillan", true),
        ];
        self.opaque.clear();
        self.sms.clear();
        self.blacklists.clear();
        self.authenticate_calls = Window::default();
        self.all_calls = Window::default();
        self.lockouts = Lockouts::default();
        self.faults.clear();
        self.log.reset();
        let token = NewToken {
            value: Some(self.seeded_token.clone()),
            description: Some("Sandbox".to_owned()),
            // As its value says.
            created: Some(utc(self.seeded_at)),
            ..NewToken::default()
        };
        self.seed_token(token);
        seed::seed(self);
    }

    /// Revokes all auth tokens issued so far.
    pub(crate) fn revoke_auth_tokens(&mut self) {
        self.signing_key = jwt::new_key(&mut self.random);
    }

    /// Returns the address from which the request appears to come.
    pub(crate) fn peer(&self, request: &Request) -> IpAddr {
        self.settings.peer_address.unwrap_or(request.peer)
    }

    /// Returns the one-time code that was last sent to a user, if it is still valid.
    pub(crate) fn one_time_code(&self, username: &str) -> Option<&str> {
        let user = self.users.iter().find(|user| user.username == username)?;
        user.pending.as_ref().map(|pending| pending.code.as_str())
    }
}

fn user(id: u64, username: &'static str, name: &'static str, mfa: bool) -> User {
    let password = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes());
    User {
        id,
        username,
        name,
        password: to_hex(password.as_ref()),
        mfa,
        pending: None,
        refresh: None,
        trusted: HashMap::new(),
    }
}

/// Returns the name of an organisation.
pub(crate) fn organisation_name(id: u64) -> &'static str {
    ORGANISATIONS.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| *name)
}
