//! A fleet: clients without a token that share an address, and so emnify's limit of 100 sign-ins in
//! 300 s. They are clients of the library, which call a sandbox. Time passes as fast as they can
//! sign in: each has a clock of its own, which is set to the time of its next attempt.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use emnify_core::{Client, ManualClock};
use emnify_sandbox::{RetryAfter, Sandbox, Settings};

const AUTHENTICATE: &str = "/api/v1/authenticate";

/// A simulation that takes longer does not converge.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// How a fleet starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) clients: usize,
    /// Whether the clients are told how many they are.
    pub(crate) hint: bool,
    /// Whether sign-ins that the limit refuses count against it.
    pub(crate) count_limited: bool,
}

/// What happened to a fleet.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Sign-ins, refused ones included.
    pub(crate) calls: u64,
    /// When each client was signed in, in order; those that were not signed in are missing.
    pub(crate) signed_in: Vec<Duration>,
}

struct Member {
    client: Client,
    clock: Arc<ManualClock>,
}

impl Scenario {
    /// Starts all clients at once, and lets each try again when it says that it may.
    pub(crate) fn run(self) -> Result<Outcome, Box<dyn Error>> {
        let site = Site::new(self.count_limited)?;
        let mut members = Vec::new();
        for _ in 0..self.clients {
            members.push(Some(site.member(self.hint.then_some(self.clients))?));
        }
        site.run(&mut members)
    }
}

/// Lets `count` clients start one after the other, each when another program has just used up the
/// limit. Returns how long they take to be signed in, in order.
pub(crate) fn alone(
    count: usize,
    fleet_size: Option<usize>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut signed_in = Vec::new();
    for _ in 0..count {
        let site = Site::new(false)?;
        site.sandbox.settings(|settings| settings.authenticate_limit = 1);
        site.member(None)?.client.authenticate()?;
        signed_in.extend(site.run(&mut [Some(site.member(fleet_size)?)])?.signed_in);
    }
    signed_in.sort();
    Ok(signed_in)
}

/// A sandbox that all clients reach from one address.
struct Site {
    sandbox: Sandbox,
    start: SystemTime,
}

impl Site {
    fn new(count_limited: bool) -> Result<Self, Box<dyn Error>> {
        let change = |settings: &mut Settings| {
            settings.retry_after = RetryAfter::None;
            settings.count_limited = count_limited;
            settings.auth_token_lifetime = LONGEST.as_secs() as i64;
        };
        // Without TLS, since a thousand clients each have their own connection.
        let sandbox = Sandbox::builder().plain_http(true).settings(change).start()?;
        Ok(Site { sandbox, start: SystemTime::now() })
    }

    fn member(&self, fleet_size: Option<usize>) -> Result<Member, Box<dyn Error>> {
        let clock = Arc::new(ManualClock::new(self.start));
        let mut builder = Client::builder()
            .base_url(self.sandbox.url())
            // Read much faster than the system's.
            .ca_bundle(self.sandbox.ca_file())
            .application_token(self.sandbox.application_token())
            // Shorter than any wait, so that a call makes one attempt.
            .timeout(Duration::from_secs(20))
            .clock(clock.clone());
        if let Some(size) = fleet_size {
            builder = builder.fleet_size(u32::try_from(size)?);
        }
        Ok(Member { client: builder.build()?, clock })
    }

    fn run(&self, members: &mut [Option<Member>]) -> Result<Outcome, Box<dyn Error>> {
        let start = self.sandbox.now();
        let mut signed_in = Vec::new();
        let mut attempts: BinaryHeap<_> =
            (0..members.len()).map(|index| Reverse((Duration::ZERO, index))).collect();
        while let Some(Reverse((now, index))) = attempts.pop().filter(|next| next.0.0 < LONGEST) {
            let Some(place) = members.get_mut(index) else { continue };
            let Some(member) = place.take() else { continue };
            // Rounded up, since the sandbox counts with fractions of a second. Its clock also runs,
            // by some seconds while a thousand clients call at once.
            let seconds = start + 1 + now.as_secs() as i64;
            if self.sandbox.now() < seconds {
                self.sandbox.set_clock(seconds);
            }
            match member.client.authenticate() {
                // Its connection is closed.
                Ok(_) => signed_in.push(now),
                Err(error) => {
                    let wait = error.retry_after().filter(|_| error.is_retryable()).ok_or(error)?;
                    member.clock.advance(wait);
                    attempts.push(Reverse((now + wait, index)));
                    *place = Some(member);
                }
            }
        }
        Ok(Outcome { calls: self.sandbox.calls("POST", AUTHENTICATE), signed_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_fleet_that_knows_its_size_is_signed_in_at_the_second_attempt() {
        let fleet = Scenario { clients: 250, hint: true, count_limited: true };
        let outcome = fleet.run().unwrap();
        assert_eq!(outcome.signed_in.len(), 250);
        // 100 at once, and the others within 300 s + 4.2 s · 250.
        assert_eq!(outcome.signed_in[99], Duration::ZERO);
        assert!(outcome.signed_in[100] >= 5 * MINUTE, "{outcome:?}");
        assert!(outcome.signed_in[249] <= 23 * MINUTE, "{outcome:?}");
        assert_eq!(outcome.calls, 400);
    }

    #[test]
    fn a_client_alone_is_signed_in_soon_after_the_window() {
        let signed_in = alone(3, Some(1)).unwrap();
        assert!(signed_in.iter().all(|at| (300..=305).contains(&at.as_secs())), "{signed_in:?}");
    }
}
