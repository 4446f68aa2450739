//! The clients of a machine, and random calls of them.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{
    ApplicationTokenUpdate, AuditOptions, CheckOptions, Client, ClientBuilder, ErrorKind, Method,
    NewApplicationToken, Result, RotateOptions, RotationState, Store,
};
use fastrand::Rng;

use crate::clock::MachineClock;
use crate::orders::{Report, Settings};

/// Short, because the sandbox sometimes does not respond.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Of a call that must succeed, on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Names application tokens that only one call needs.
pub(crate) const TEMPORARY: &str = "temporary";

pub(crate) struct Clients {
    settings: Settings,
    clock: Arc<MachineClock>,
    all: Vec<(&'static str, Client)>,
}

impl Clients {
    pub(crate) fn new(settings: &Settings, clock: &Arc<MachineClock>) -> Result<Self> {
        let mut clients =
            Clients { settings: settings.clone(), clock: clock.clone(), all: Vec::new() };
        let Settings { application_token, directory, redis, .. } = settings;
        let builder = || clients.builder();
        let in_file = || {
            let store = Store::directory(directory.join("store"));
            builder().application_token_file(credential_file(directory)).store(store)
        };
        let mut all = vec![
            (
                "memory",
                builder()
                    .application_token(application_token.as_str())
                    .cancellable(true)
                    .build()?,
            ),
            ("file", in_file().auto_renew(true).build()?),
            ("second in file", in_file().observer(|event| drop(event.to_string())).build()?),
            (
                "user",
                builder()
                    .user("user@example.com", "password")
                    .store(Store::directory(directory.join("user")))
                    .build()?,
            ),
        ];
        if let Some(url) = redis {
            let builder =
                builder().application_token(application_token.as_str()).store(Store::at(url)?);
            all.push(("Redis", builder.build()?));
        }
        clients.all = all;
        Ok(clients)
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .base_url(&self.settings.url)
            .ca_bundle(&self.settings.ca_file)
            .timeout(TIMEOUT)
            .clock(self.clock.clone())
    }

    /// Whether a sign-in is under way.
    pub(crate) fn are_busy(&self) -> bool {
        self.all.iter().any(|(_, client)| client.is_signing_in())
    }

    /// Makes some random calls, and returns their results.
    pub(crate) fn call(&self, count: u32, random: &mut Rng) -> Report {
        let mut report = Report::default();
        for _ in 0..count {
            let Some((name, client)) = random.choice(&self.all) else { continue };
            count_result(&mut report, name, self.call_one(client, random));
            for event in client.take_events() {
                check_text(&mut report, name, &format!("{event} {event:?}"));
            }
        }
        report
    }

    fn call_one(&self, client: &Client, random: &mut Rng) -> Result<()> {
        let tokens = client.application_tokens();
        match random.u32(..100) {
            0..20 => client.authenticate().map(drop),
            20..25 => client.authenticate_for(Duration::from_secs(random.u64(..20_000))).map(drop),
            25..35 => client.try_authenticate().map(drop),
            35..40 => {
                client.cached_auth_token().iter().for_each(|token| client.invalidate(token));
                Ok(())
            }
            40..50 => tokens.list().map(drop),
            50..60 => client.request(Method::Get, "/api/v1/sim/500001").send().map(drop),
            60..65 => client
                .request(Method::Patch, "/api/v1/endpoint/100001")
                .json(&BTreeMap::from([("name", "gateway")]))
                .send()
                .map(drop),
            65..70 => {
                let rows = client.paginate("/api/v1/sim").take(random.usize(..200));
                rows.collect::<Result<Vec<_>>>().map(drop)
            }
            70..73 => tokens.own().map(drop),
            73..75 => tokens.audit(&AuditOptions::new()).map(drop),
            75..77 => tokens.failures(Duration::from_secs(86_400)).map(drop),
            77..79 => client.check(CheckOptions::new()).map(drop),
            79..81 => {
                let new = NewApplicationToken::new()
                    .description(TEMPORARY)
                    .expires_in(Duration::from_secs(600));
                let id = tokens.create(&new)?.id().unwrap_or_default();
                tokens.update(id, &ApplicationTokenUpdate::new().description(TEMPORARY))?;
                tokens.revoke(id)
            }
            81..84 => {
                client.retry_now();
                drop((client.status(), client.metrics()));
                Ok(())
            }
            84..88 => complete(client.request(Method::Get, "/api/v1/sim").send_async()).map(drop),
            88..92 => complete(client.authenticate_async()).map(drop),
            92..95 => {
                abandon(client.request(Method::Get, "/api/v1/event").send_async(), random);
                Ok(())
            }
            95..97 => {
                abandon(client.authenticate_async(), random);
                Ok(())
            }
            _ => self.short_lived(random),
        }
    }

    /// Cancels a call of a client that is created only for it.
    fn short_lived(&self, random: &mut Rng) -> Result<()> {
        let token = &self.settings.application_token;
        let client = self.builder().application_token(token.as_str()).cancellable(true).build()?;
        let other = client.clone();
        let call = thread::spawn(move || other.application_tokens().list().map(drop));
        thread::sleep(Duration::from_millis(random.u64(..100)));
        client.cancel();
        // A panic is reported by the hook for panics.
        call.join().unwrap_or(Ok(()))
    }

    /// Replaces the application token in the file, or continues to.
    pub(crate) fn rotate(&self) -> Report {
        let mut report = Report::default();
        for (name, client) in self.all.iter().filter(|(name, _)| *name == "file") {
            let rotation = client.application_tokens().rotate(&RotateOptions::new());
            let is_done = |state| state == RotationState::Done;
            report.rotations += u64::from(rotation.as_ref().is_ok_and(|r| is_done(r.state())));
            count_result(&mut report, name, rotation.map(drop));
        }
        report
    }

    /// Checks that all works again.
    pub(crate) fn recover(&self) -> Report {
        let mut report = Report::default();
        for (name, client) in &self.all {
            let client = client.with_timeout(LONG);
            if let Err(error) =
                client.authenticate().and_then(|_| client.application_tokens().list())
            {
                report.broken.push(format!("{name}: {error}"));
            }
        }
        let rotation = self.rotate();
        if rotation.rotations == 0 {
            report.broken.push(format!("the rotation does not end: {:?}", rotation.results));
        }
        report.add(rotation);
        report
    }
}

pub(crate) fn credential_file(directory: &Path) -> std::path::PathBuf {
    directory.join("token")
}

fn count_result(report: &mut Report, name: &str, result: Result<()>) {
    let result = match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => {
            check_text(report, name, &format!("{error} {error:?}"));
            if error.kind() == ErrorKind::Internal {
                report.broken.push(format!("{name}: {error}"));
            }
            error.kind().to_string()
        }
    };
    *report.results.entry(result).or_default() += 1;
}

/// All tokens are JWTs, which begin so.
fn check_text(report: &mut Report, name: &str, text: &str) {
    if text.contains("eyJ") {
        report.broken.push(format!("{name}: a text contains a secret: {text}"));
    }
}

/// Waits for a future, as an asynchronous runtime does.
fn complete<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Drops a future after a while.
fn abandon<T>(future: impl Future<Output = Result<T>>, random: &mut Rng) {
    let mut future = pin!(future);
    let end = Instant::now() + Duration::from_millis(random.u64(..20));
    while Instant::now() < end {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
