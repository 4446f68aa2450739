//! By what two worlds are told apart.

use super::*;

/// What a world depends on.
pub(super) fn key(model: &Model, world: &World) -> (Vec<u64>, [Probe; 2]) {
    let millis = |at: Duration| at.saturating_sub(START).as_millis() as u64;
    let maybe = |value: Option<u64>| value.map_or(0, |value| value + 1);
    let token = |token: &AuthToken| model.number(token) as u64;
    let result = |result: &Result<AuthToken, Error>| match result {
        Ok(auth_token) => token(auth_token),
        Err(error) => 100 + error.kind() as u64,
    };
    let Left { calls, kills, cancels, revocations, failures, passes } = world.left;
    let mut key = vec![millis(world.now), millis(world.asked)];
    key.extend([kills, cancels, revocations, failures, passes].map(u64::from));
    key.extend(calls.map(u64::from));
    key.extend([world.issued as u64, world.revoked as u64]);
    key.push(maybe(world.locked_by.map(|thread| thread as u64)));
    for state in [&world.store, &world.processes[0].state, &world.processes[1].state] {
        let Backoff { started_at, doublings, retry_at, verdict, .. } = &state.backoff;
        key.extend([maybe(started_at.map(millis)), u64::from(*doublings), millis(*retry_at)]);
        key.extend([maybe(verdict.at.map(millis)), u64::from(verdict.rate_limits)]);
        key.extend([millis(verdict.limited_until), millis(verdict.refused_until)]);
        let cached = state.cached.as_ref();
        key.push(maybe(cached.map(|cached| token(&cached.auth_token))));
        key.push(cached.map_or(0, |cached| millis(cached.requested_at)));
    }
    for process in &world.processes {
        key.push(process.leader.map_or(0, |leader| leader.wrapping_add(2) as u64));
        key.extend([u64::from(process.ended), maybe(process.result.as_ref().map(result))]);
        key.push(maybe(
            process
                .late
                .as_ref()
                .map(|(sent, after_401)| 2 * millis(sent.at) + u64::from(*after_401)),
        ));
        key.extend([millis(process.asked), maybe(process.probed_at.map(millis))]);
    }
    for at in &world.threads {
        let refused_one = |refused: &Option<AuthToken>| maybe(refused.as_ref().map(token));
        key.extend(match at {
            At::Idle => [0; 4],
            At::Calls { token: with, purpose } => [1, token(with), 0, *purpose as u64],
            At::Needs { refused, purpose } => [2, refused_one(refused), 0, *purpose as u64],
            At::Waits { ended, refused, purpose } => {
                [3, refused_one(refused), u64::from(*ended), *purpose as u64]
            }
            At::Leads { refused, purpose } => [4, refused_one(refused), 0, *purpose as u64],
            At::Sent { sent, refused, purpose } => {
                [5, refused_one(refused), millis(sent.at), *purpose as u64]
            }
            At::Saves { result: saved, purpose, .. } => [6, result(saved), 0, *purpose as u64],
        });
    }
    (key, [world.processes[0].state.probe, world.processes[1].state.probe])
}
