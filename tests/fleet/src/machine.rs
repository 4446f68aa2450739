//! One machine of a fleet: a client of the library, with a clock and random numbers of its own.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, Clock, ManualClock, Store};

use crate::draws::Draws;
use crate::fleet::Fleet;

/// How often a program on a machine asks for the auth token.
const CALL_EVERY: Duration = Duration::from_secs(60);

/// A machine that is switched on or off.
pub(crate) struct Machine {
    index: usize,
    power: Option<Power>,
    boots: u32,
    /// Whether it has ever had an auth token.
    is_known: bool,
    /// Whether its last call returned an auth token.
    pub(crate) is_signed_in: bool,
}

/// What exists while a machine is switched on.
struct Power {
    client: Client,
    clock: Arc<MachineClock>,
    /// When it was switched on.
    since: Duration,
}

/// What a machine found when it asked for the auth token.
pub(crate) struct Call {
    pub(crate) failed: bool,
    /// Whether it failed although the machine has had a token before.
    pub(crate) lost: bool,
    /// When to call again.
    pub(crate) again_at: Duration,
}

impl Machine {
    pub(crate) fn new(index: usize) -> Self {
        Machine { index, power: None, boots: 0, is_known: false, is_signed_in: false }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.power.is_some()
    }

    pub(crate) fn switch_off(&mut self) {
        self.power = None;
        self.is_signed_in = false;
    }

    /// Switches it on at `now`, while its wall clock shows `wall`.
    pub(crate) fn switch_on(
        &mut self,
        fleet: &Fleet,
        now: Duration,
        wall: SystemTime,
    ) -> Result<(), Box<dyn Error>> {
        self.boots += 1;
        let clock = Arc::new(MachineClock {
            time: ManualClock::new(wall),
            boots: self.boots,
            draws: Mutex::new(Draws::of(fleet.seed, self.boots, self.index)),
        });
        let mut builder = Client::builder()
            .base_url(fleet.sandbox.url())
            // Read much faster than the system's.
            .ca_bundle(fleet.sandbox.ca_file())
            .clock(clock.clone());
        builder = match &fleet.directory {
            None => builder.application_token(fleet.sandbox.application_token()),
            Some(directory) => {
                let own = machine_directory(directory, self.index);
                if self.boots == 1 {
                    fs::create_dir_all(&own)?;
                    write_token(directory, self.index, &fleet.sandbox.application_token())?;
                }
                builder
                    .application_token_file(own.join("token"))
                    .store(Store::directory(own.join("store")))
            }
        };
        if let Some(size) = fleet.hint {
            builder = builder.fleet_size(size);
        }
        self.power = Some(Power { client: builder.build()?, clock, since: now });
        Ok(())
    }

    pub(crate) fn sign_ins(&self) -> u64 {
        self.power.as_ref().map_or(0, |power| power.client.status().calls_made)
    }

    /// Sets its wall clock, as NTP does.
    pub(crate) fn set_wall(&self, wall: SystemTime) {
        if let Some(power) = &self.power {
            power.clock.time.set_wall(wall);
        }
    }

    /// Asks for the auth token at `now`, and waits for a renewal in the background. `None` if the
    /// machine is switched off.
    pub(crate) fn call(&mut self, now: Duration) -> Result<Option<Call>, Box<dyn Error>> {
        let Some(Power { client, clock, since }) = &self.power else { return Ok(None) };
        clock.time.advance((now - *since).saturating_sub(clock.steady()));
        let result = client.authenticate();
        while client.is_signing_in() {
            thread::sleep(Duration::from_micros(50));
        }
        // Later than before if the call waited.
        let now = *since + clock.steady();
        self.is_signed_in = result.is_ok();
        self.is_known |= result.is_ok();
        let wait = client.status().next_attempt.unwrap_or(CALL_EVERY);
        let again_at = now
            + match result {
                Ok(_) => wait.min(CALL_EVERY),
                Err(error) => error.retry_after().filter(|_| error.is_retryable()).ok_or(error)?,
            };
        let failed = !self.is_signed_in;
        Ok(Some(Call { failed, lost: failed && self.is_known, again_at }))
    }
}

/// Puts another application token where the machine reads it.
pub(crate) fn write_token(directory: &Path, index: usize, token: &str) -> std::io::Result<()> {
    let own = machine_directory(directory, index);
    fs::write(own.join("new"), token)?;
    fs::rename(own.join("new"), own.join("token"))
}

fn machine_directory(directory: &Path, index: usize) -> PathBuf {
    directory.join(index.to_string())
}

/// A clock that is moved, with random numbers that the seed determines.
#[derive(Debug)]
struct MachineClock {
    time: ManualClock,
    boots: u32,
    draws: Mutex<Draws>,
}

impl Clock for MachineClock {
    fn steady(&self) -> Duration {
        self.time.steady()
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }

    fn epoch(&self) -> Option<String> {
        Some(format!("boot {}", self.boots))
    }

    fn sleep(&self, duration: Duration) {
        self.time.sleep(duration);
    }

    fn jitter(&self) -> f64 {
        self.draws.lock().unwrap_or_else(PoisonError::into_inner).unit()
    }
}
