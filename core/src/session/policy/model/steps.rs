//! The steps of a thread, except its sign-in.

use super::*;

impl Model {
    pub(super) fn take(&self, before: &World, step: Step) -> Result<World, String> {
        let mut world = before.clone();
        match step {
            Step::Call(thread) => {
                world.left.calls[thread] -= 1;
                self.ask(&mut world, thread, Purpose::Call);
            }
            Step::Response(thread) => self.respond(&mut world, thread)?,
            Step::Join(thread) => self.join(&mut world, thread),
            Step::Wake(thread) => self.wake(&mut world, thread)?,
            Step::Send(thread) => self.send(&mut world, thread)?,
            Step::Reply(thread, reply) => self.reply(&mut world, thread, reply),
            Step::Save(thread) => {
                let At::Saves { result, before, purpose } = world.threads[thread].clone() else {
                    panic!()
                };
                let process = &mut world.processes[PROCESS_OF[thread]];
                if process.state.revision() != before.revision() {
                    let (state, asked) = (process.state.clone(), process.asked);
                    self.save(&mut world, &state, asked)?;
                }
                world.locked_by = None;
                self.finish(&mut world, thread, result, purpose)?;
            }
            Step::Cancel(thread) => {
                world.left.cancels -= 1;
                let At::Sent { sent, refused, .. } = world.threads[thread].clone() else {
                    panic!()
                };
                world.threads[thread] = At::Idle;
                world.locked_by = None;
                let process = &mut world.processes[PROCESS_OF[thread]];
                process.state = process.state.starting(sent.before.backoff.started_at);
                process.late = Some((sent, refused.is_some()));
                process.leader = Some(LATE);
            }
            Step::Late(process, reply) => self.late(&mut world, process, reply)?,
            Step::Kill(process) => {
                world.left.kills -= 1;
                for (thread, of) in PROCESS_OF.iter().enumerate().filter(|(_, of)| **of == process)
                {
                    world.threads[thread] = At::Idle;
                    if world.locked_by == Some(thread) {
                        world.locked_by = None;
                    }
                    debug_assert_eq!(*of, process);
                }
                world.processes[process] = Process::new();
            }
            Step::Revoke => {
                world.left.revocations -= 1;
                world.revoked = world.issued;
            }
            Step::Pass(seconds) => {
                world.left.passes -= 1;
                world.now += Duration::from_secs(seconds);
            }
        }
        self.check(&world)?;
        Ok(world)
    }

    /// As `Session::authenticate_as` does.
    pub(super) fn ask(&self, world: &mut World, thread: usize, purpose: Purpose) {
        let process = PROCESS_OF[thread];
        let state = &world.processes[process].state;
        let decision = state.decide(Need::Valid, world.now, || false);
        let token = state.valid(world.now).cloned();
        world.threads[thread] = match (decision, token) {
            (Decision::HandOut | Decision::HandOutAndRenew, Some(token)) => {
                At::Calls { token, purpose }
            }
            _ => At::Needs { refused: None, purpose },
        };
        let background = CALLERS + process;
        let is_free = world.processes[process].leader.is_none();
        if decision == Decision::HandOutAndRenew && is_free {
            world.processes[process].leader = Some(background);
            world.threads[background] = At::Leads { refused: None, purpose: Purpose::Renewal };
        }
    }

    /// As `Transport::send` and `Session::after_401` do.
    pub(super) fn respond(&self, world: &mut World, thread: usize) -> Result<(), String> {
        let At::Calls { token, purpose } = world.threads[thread].clone() else { panic!() };
        let is_401 = self.always_401 == Some(thread) || self.number(&token) < world.revoked;
        let (now, process) = (world.now, &mut world.processes[PROCESS_OF[thread]]);
        world.threads[thread] = At::Idle;
        if let Purpose::ReplayAfterSignIn = purpose {
            let probe = process.state.probe;
            process.state.probe = if is_401 { probe.failed(now) } else { Probe::succeeded(now) };
        }
        if !is_401 || purpose != Purpose::Call {
            return Ok(());
        }
        match process.state.after_401(&token, now) {
            After401::Replay => self.ask(world, thread, Purpose::Replay),
            After401::SignIn => {
                let (refused, purpose) = (Some(token), Purpose::ReplayAfterSignIn);
                world.threads[thread] = At::Needs { refused, purpose };
            }
            After401::GiveUp(until) => {
                check(
                    until <= now + Duration::from_secs(300),
                    "no sign-in after a 401 for more than five minutes",
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn join(&self, world: &mut World, thread: usize) {
        let At::Needs { refused, purpose } = world.threads[thread].clone() else { panic!() };
        let process = &mut world.processes[PROCESS_OF[thread]];
        world.threads[thread] = match process.leader {
            Some(_) => At::Waits { ended: process.ended, refused, purpose },
            None => {
                process.leader = Some(thread);
                At::Leads { refused, purpose }
            }
        };
    }

    /// As `Session::helpful` does.
    pub(super) fn wake(&self, world: &mut World, thread: usize) -> Result<(), String> {
        let At::Waits { refused, purpose, .. } = world.threads[thread].clone() else { panic!() };
        let process = &world.processes[PROCESS_OF[thread]];
        let refused_one =
            |token: &AuthToken| refused.as_ref().is_some_and(|refused| refused.is(token));
        let helpful = match process.result.clone() {
            Some(Ok(token)) => {
                let is_cached =
                    process.state.valid(world.now).is_some_and(|cached| cached.is(&token));
                (is_cached && !refused_one(&token)).then_some(Ok(token))
            }
            Some(Err(error)) if error.is_retryable() && refused.is_none() => None,
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        match helpful {
            Some(result) => self.go_on(world, thread, result, purpose),
            None => world.threads[thread] = At::Needs { refused, purpose },
        }
        Ok(())
    }

    pub(super) fn finish(
        &self,
        world: &mut World,
        thread: usize,
        result: Result<AuthToken, Error>,
        purpose: Purpose,
    ) -> Result<(), String> {
        let process = &mut world.processes[PROCESS_OF[thread]];
        if result.is_err() {
            process.state = process.state.unreported().unwrap_or_else(|| process.state.clone());
        }
        process.end(Some(result.clone()));
        self.go_on(world, thread, result, purpose);
        Ok(())
    }

    /// Continues with a token, or ends the call with an error or its 401.
    pub(super) fn go_on(
        &self,
        world: &mut World,
        thread: usize,
        result: Result<AuthToken, Error>,
        purpose: Purpose,
    ) {
        let process = &world.processes[PROCESS_OF[thread]];
        let token = match (result, &purpose) {
            (Err(_), Purpose::Call) => process.state.valid(world.now).cloned(),
            (result, _) => result.ok(),
        };
        world.threads[thread] = match token {
            Some(token) if purpose != Purpose::Renewal => At::Calls { token, purpose },
            _ => At::Idle,
        };
    }

    pub(super) fn check(&self, world: &World) -> Result<(), String> {
        let sent = world
            .threads
            .iter()
            .filter(|at| matches!(at, At::Sent { .. } | At::Saves { .. }))
            .count();
        check(sent <= 1, "two sign-ins at a time, although the lock is honoured")?;
        for (number, process) in world.processes.iter().enumerate() {
            let decision = process.state.decide(Need::Valid, world.now, || false);
            let is_valid = process.state.valid(world.now).is_some();
            check(
                !is_valid || !matches!(decision, Decision::BackingOff(_) | Decision::Fetch),
                "a process has a valid token and does not hand it out",
            )?;
            let leads =
                |at: &At| matches!(at, At::Leads { .. } | At::Sent { .. } | At::Saves { .. });
            let of_this = world.threads.iter().zip(PROCESS_OF).filter(|(_, of)| *of == number);
            let leaders =
                of_this.filter(|(at, _)| leads(at)).count() + usize::from(process.late.is_some());
            check(
                leaders == usize::from(process.leader.is_some()),
                "a process has two sign-ins under way, or waits for none",
            )?;
        }
        Ok(())
    }
}
