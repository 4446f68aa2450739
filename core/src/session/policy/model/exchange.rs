//! The steps of a sign-in.

use super::*;

impl Model {
    /// As `Session::fetch_another` does, with the lock.
    pub(super) fn send(&self, world: &mut World, thread: usize) -> Result<(), String> {
        let At::Leads { refused, purpose } = world.threads[thread].clone() else { panic!() };
        // Two things never happen at the same instant.
        world.now += Duration::from_millis(1);
        let (now, store) = (world.now, world.store.clone());
        let process = &mut world.processes[PROCESS_OF[thread]];
        process.state = process.state.merged(&store, now);
        let decision = process.state.decide(need(refused.as_ref()), now, || false);
        let usable = process.state.valid(now).cloned();
        let stored = store.cached.as_ref().filter(|cached| now < cached.renew_at);
        let is_refused = |cached: &CachedToken| {
            refused.as_ref().is_some_and(|refused| refused.is(&cached.auth_token))
        };
        let stored_helps = stored.is_some_and(|cached| !is_refused(cached));
        match (decision, usable) {
            (Decision::HandOut, Some(token)) => {
                return self.finish(world, thread, Ok(token), purpose);
            }
            (Decision::HandOutAndRenew, Some(token)) if purpose != Purpose::Renewal => {
                return self.finish(world, thread, Ok(token), purpose);
            }
            (Decision::BackingOff(_), _) => {
                check(
                    !stored_helps,
                    "a caller goes without, although the store holds a token that helps",
                )?;
                let last_error = process.state.backoff.last_error.clone();
                let error = Error::new(ErrorKind::RateLimited, "backing off");
                return self.finish(world, thread, Err(last_error.unwrap_or(error)), purpose);
            }
            _ => {}
        }
        check(
            now >= process.asked.max(world.asked),
            "a sign-in is sent before the server's wait is over",
        )?;
        check(
            !stored_helps,
            "a sign-in is sent although the store holds a token that is not due and got no 401",
        )?;
        let started_at = process.state.backoff.started_at;
        check(
            refused.is_some() || started_at.is_none_or(|at| now >= at + Duration::from_secs(5)),
            "two sign-ins of a process start within 5 s",
        )?;
        check(
            refused.is_none()
                || process.probed_at.is_none_or(|at| now >= at + Duration::from_secs(10)),
            "a process signs in twice within 10 s after 401s",
        )?;
        let before = process.state.clone();
        process.state = before.starting(Some(now));
        world.locked_by = Some(thread);
        world.threads[thread] = At::Sent { sent: Sent { at: now, before }, refused, purpose };
        Ok(())
    }

    /// Returns what a sign-in results in, and what the server asked for.
    pub(super) fn outcome(
        &self,
        world: &mut World,
        reply: Reply,
    ) -> (Result<AuthToken, Error>, Duration) {
        if reply != Reply::Token {
            world.left.failures -= 1;
        }
        if matches!(reply, Reply::Token | Reply::Lost) {
            world.issued += 1;
        }
        let in_100 = Duration::from_secs(100);
        let error = |kind| Error::new(kind, "a fault");
        match reply {
            Reply::Token => (Ok(self.tokens[world.issued - 1].clone()), Duration::ZERO),
            Reply::Limited => {
                (Err(error(ErrorKind::RateLimited).with_retry_after(Some(in_100))), in_100)
            }
            // Ours, not the server's.
            Reply::Refused => (Err(error(ErrorKind::Rejected)), Duration::from_secs(60)),
            Reply::Failed => (Err(error(ErrorKind::Server)), Duration::ZERO),
            Reply::Lost => (Err(error(ErrorKind::Network)), Duration::ZERO),
        }
    }

    pub(super) fn reply(&self, world: &mut World, thread: usize, reply: Reply) {
        let At::Sent { sent, refused, purpose } = world.threads[thread].clone() else { panic!() };
        let (result, asked) = self.outcome(world, reply);
        let process = &mut world.processes[PROCESS_OF[thread]];
        accept(process, &result, sent.at, refused.is_some(), world.now, asked);
        world.threads[thread] = At::Saves { result, before: sent.before, purpose };
    }

    /// As `Session::take_late` does.
    pub(super) fn late(
        &self,
        world: &mut World,
        number: usize,
        reply: Reply,
    ) -> Result<(), String> {
        let (sent, is_after_401) = world.processes[number].late.take().unwrap();
        let (result, asked) = self.outcome(world, reply);
        let (now, store) = (world.now, world.store.clone());
        let process = &mut world.processes[number];
        process.state = process.state.merged(&store, now);
        let newer =
            process.state.cached.as_ref().is_some_and(|cached| cached.requested_at > sent.at);
        if let Some(newer) = process.state.valid(now).filter(|_| newer).cloned() {
            process.end(Some(Ok(newer)));
            return Ok(());
        }
        if result.is_err() {
            process.state = process.state.starting(Some(sent.at));
        }
        accept(process, &result, sent.at, is_after_401, now, asked);
        if result.is_err() {
            process.state = process.state.unreported().unwrap_or_else(|| process.state.clone());
        }
        process.end(Some(result));
        let (state, asked) = (process.state.clone(), process.asked);
        self.save(world, &state, asked)
    }

    pub(super) fn save(
        &self,
        world: &mut World,
        state: &State,
        asked: Duration,
    ) -> Result<(), String> {
        let bytes = snapshot::write(&state.savable(), world.now, &self.clock).unwrap();
        let read = snapshot::read(bytes.as_ref(), NAME, world.now, &self.clock).unwrap();
        let requested_at = |state: &State| state.cached.as_ref().map(|cached| cached.requested_at);
        let is_valid = world.store.valid(world.now).is_some();
        check(
            !is_valid || requested_at(&read) >= requested_at(&world.store),
            "an older token replaces a newer one in the store",
        )?;
        check(
            read.backoff.verdict.at >= world.store.backoff.verdict.at,
            "the store forgets what emnify replied last",
        )?;
        (world.store, world.asked) = (read, asked);
        Ok(())
    }
}

/// As `Session::accept` and `Session::failed` do.
fn accept(
    process: &mut Process,
    result: &Result<AuthToken, Error>,
    requested_at: Duration,
    is_after_401: bool,
    now: Duration,
    asked: Duration,
) {
    process.asked = if asked.is_zero() && result.is_err() { process.asked } else { now + asked };
    if result.is_ok() {
        process.asked = Duration::ZERO;
        process.probed_at = if is_after_401 { Some(now) } else { process.probed_at };
    }
    process.state = match result {
        Ok(token) => {
            let cached = CachedToken::new(token.clone(), NAME, requested_at, 0.0);
            let state = process.state.succeeded(cached, Refresh::default(), now);
            let probe = if is_after_401 { state.probe.unconfirmed(now) } else { state.probe };
            State { probe, ..state }
        }
        Err(error) => process.state.failed(&Failure {
            error,
            now,
            is_user: false,
            fleet_size: None,
            draw: 0.0,
        }),
    };
}
