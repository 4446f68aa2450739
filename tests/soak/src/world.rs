//! What surrounds the machine: the sandbox with its faults, a server of Redis, and the true time.

use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use emnify_sandbox::{Fault, FaultKind, NewToken, RetryAfter, Sandbox};
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::calls::{TEMPORARY, credential_file};
use crate::orders::{Round, Settings};

const PATHS: [&str; 6] = [
    "/api/v1/authenticate",
    "/api/v1/authenticate",
    "/api/v1/application_token",
    "/api/v1/application_token*",
    "/api/v1/sim*",
    "",
];
const STATUSES: [u16; 12] = [204, 302, 400, 401, 401, 403, 404, 409, 429, 429, 500, 503];
const LIFETIMES: [i64; 4] = [240 * 60, 240 * 60, 600, 5];

const HOUR: u64 = 3_600;
const YEAR: i64 = 365 * 86_400;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    redis: Option<Redis>,
    directory: PathBuf,
}

impl World {
    pub(crate) fn new(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let sandbox = Sandbox::start()?;
        sandbox.stop_clock();
        Ok(World { sandbox, redis: None, directory: directory.to_owned() })
    }

    /// Restores the state at the start, and returns what the clients of a new life are created with.
    pub(crate) fn begin(&mut self) -> Result<Settings, Box<dyn Error>> {
        self.sandbox.reset();
        self.sandbox.reset_counters();
        self.sandbox.stop_clock();
        let _ = fs::remove_dir_all(&self.directory);
        fs::create_dir_all(&self.directory)?;
        let new = NewToken { expiry_date: Some("2040-01-01".to_owned()), ..NewToken::default() };
        let (_, token) = self.sandbox.add_application_token(new);
        fs::write(credential_file(&self.directory), token)?;
        self.redis = None;
        self.redis = Redis::start();
        Ok(Settings {
            url: self.sandbox.url().to_owned(),
            ca_file: self.sandbox.ca_file().to_owned(),
            application_token: self.sandbox.application_token(),
            directory: self.directory.clone(),
            redis: self.redis.as_ref().map(|redis| redis.url.clone()),
            wall: self.sandbox.now(),
        })
    }

    /// Lets something happen, and returns what the machine shall do meanwhile.
    pub(crate) fn round(&self, random: &mut Rng) -> Round {
        if random.bool() {
            self.sandbox.clear_faults();
        }
        for _ in 0..random.u32(..3) {
            let path = random.choice(PATHS).unwrap_or_default();
            let fault = Fault::new(path, fault_kind(random));
            let times = (random.u32(..8) > 0).then(|| random.u32(1..6));
            let fault = Fault { times, side_effect: random.bool(), ..fault };
            self.sandbox.fault(fault);
        }
        if random.u32(..8) == 0 {
            self.sandbox.revoke_auth_tokens();
        }
        if random.u32(..8) == 0 {
            let lifetime = random.choice(LIFETIMES).unwrap_or_default();
            let kinds = [RetryAfter::Seconds, RetryAfter::HttpDate, RetryAfter::None];
            let retry_after = random.choice(kinds).unwrap_or(RetryAfter::None);
            let (gzip, limits) = (random.bool(), random.u32(..4) > 0);
            self.sandbox.settings(|settings| {
                settings.auth_token_lifetime = lifetime;
                settings.retry_after = retry_after;
                (settings.gzip, settings.limits) = (gzip, limits);
            });
        }
        if let Some(redis) = &self.redis {
            redis.suspend(random.u32(..12) == 0);
        }
        let wall = (random.u32(..10) == 0).then(|| match random.u32(..4) {
            0 => 0,
            1 => self.sandbox.now() + random.i64(-30..30) * YEAR,
            2 => self.sandbox.now() + random.i64(-300..300),
            _ => self.sandbox.now(),
        });
        Round {
            seed: random.u64(..),
            pass: match random.u32(..10) {
                0..5 => random.u64(..120),
                5..9 => random.u64(..4 * HOUR),
                _ => random.u64(..24 * HOUR),
            },
            wall,
            restart: random.u32(..10) == 0,
            reboot: random.u32(..20) == 0,
            rotate: random.u32(..4) == 0,
            children: if random.u32(..3) == 0 { random.u32(1..4) } else { 0 },
        }
    }

    /// Lets all faults end.
    pub(crate) fn recover(&self) {
        self.sandbox.clear_faults();
        self.sandbox.settings(|settings| *settings = Default::default());
        if let Some(redis) = &self.redis {
            redis.suspend(false);
        }
    }

    /// Returns what is wrong after the last rotation: one application token has replaced another,
    /// and the one of the start has stayed.
    pub(crate) fn wrong_tokens(&self) -> Option<String> {
        let tokens = self.sandbox.application_tokens();
        let is_temporary = |description: Option<&str>| description == Some(TEMPORARY);
        let active = tokens
            .iter()
            .filter(|token| !token.revoked && !is_temporary(token.description.as_deref()));
        let ids = active.map(|token| token.id).collect::<Vec<_>>();
        (ids.len() != 2).then(|| format!("these application tokens are active: {ids:?}"))
    }
}

fn fault_kind(random: &mut Rng) -> FaultKind {
    match random.u32(..16) {
        0..5 => {
            let status = random.choice(STATUSES).unwrap_or_default();
            let mut headers = std::collections::BTreeMap::new();
            if random.bool() {
                headers.insert("Retry-After".to_owned(), random.u32(..4_000).to_string());
            }
            let body = if random.bool() { "{}" } else { "" }.to_owned();
            FaultKind::Status { status, body, content_type: "application/json".to_owned(), headers }
        }
        5 => FaultKind::Delay { milliseconds: random.u64(..1_500) },
        6 => FaultKind::Refuse { milliseconds: Some(random.u64(1..300)) },
        7 => FaultKind::ResetBefore,
        8 => FaultKind::ResetAfter,
        9 => FaultKind::CutBody,
        10 => FaultKind::EndlessBody { fast: random.bool() },
        11 => FaultKind::InvalidJson,
        12 => FaultKind::Html { status: random.choice([200, 502]).unwrap_or_default() },
        13 => FaultKind::DateOff { seconds: random.i64(-YEAR..YEAR) },
        14 => match random.u32(..3) {
            0 => FaultKind::WrongContentType,
            1 => FaultKind::NoAuthToken,
            _ => FaultKind::TokenNotJwt,
        },
        _ => FaultKind::EchoSecrets { status: 422 },
    }
}

/// A server that ends with this value.
struct Redis {
    process: Child,
    url: String,
}

impl Redis {
    /// Returns `None` if it is not installed.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Redis { process, url: format!("redis://127.0.0.1:{port}") })
    }

    /// Lets it hang: the system still accepts connections for it.
    fn suspend(&self, is_suspended: bool) {
        let signal = if is_suspended { Signal::SIGSTOP } else { Signal::SIGCONT };
        let _ = kill(Pid::from_raw(self.process.id() as i32), signal);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
