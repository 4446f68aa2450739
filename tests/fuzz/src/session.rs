//! A session between a hostile server and a hostile clock: it signs in no more often than it may,
//! returns no expired token, and reveals nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use emnify_core::{
    AuditOptions, AuthToken, Client, Clock, Error, ErrorKind, ManualClock, Method, RotateOptions,
    parsers,
};

use crate::client::{builder, clock, user_builder};
use crate::emnify::{Emnify, PASSWORD, TOKEN, USERNAME, is_sign_in};
use crate::memory::Memory;
use crate::server::{Received, Reply, Run};
use crate::text::{check_secrets, check_shown};

/// The most steps of one run.
const MOST_STEPS: usize = 64;

/// The least time between two sign-ins with one credential, in seconds.
const INTERVAL: u64 = 5;

/// Three refused logins of a user within this time lock the account.
const LOCKOUT: Duration = Duration::from_secs(300);

/// The secrets that a client of the checks gets.
const SECRETS: [&str; 2] = [TOKEN, PASSWORD];

/// Checks the steps in `data`, one on each line: see [`Machine::step`]. The client has an application
/// token.
pub fn check(data: &[u8]) {
    check_steps(data, false);
}

/// Like [`check`], but the client signs in as a user. That is slower: the key for a store is derived
/// from the password.
pub fn check_user(data: &[u8]) {
    check_steps(data, true);
}

fn check_steps(data: &[u8], is_user: bool) {
    let text = String::from_utf8_lossy(data);
    let mut machine = Machine::new(is_user);
    for line in text.split('\n').take(MOST_STEPS) {
        let mut chars = line.chars();
        if let Some(step) = chars.next() {
            machine.take(step, chars.as_str());
        }
    }
    machine.check_sign_ins();
    machine.check_refusals();
    for event in machine.client.take_events() {
        check_shown(&event, &SECRETS);
    }
    assert!(machine.server.emnify.active() > 0, "the last application token was revoked");
}

/// What the server does, and what it saw.
struct Server {
    emnify: Emnify,
    clock: Arc<ManualClock>,
    is_user: bool,
    /// The next responses, as text.
    next: Mutex<VecDeque<String>>,
    /// The response to everything, as text.
    always: Mutex<Option<String>>,
    sign_ins: Mutex<u64>,
    /// When it plainly refused a sign-in with the client's credential.
    refused: Mutex<Vec<Duration>>,
    /// The responses of this boot, and when they were sent.
    sent: Mutex<Vec<(Duration, Vec<u8>)>>,
}

impl Server {
    fn respond(&self, request: &Received) -> Reply {
        let is_sign_in = is_sign_in(request);
        let credential = if self.is_user { USERNAME } else { TOKEN };
        let is_counted = is_sign_in && contains(&request.body, credential);
        let scripted = self.next.lock().unwrap().pop_front();
        let scripted = scripted.or_else(|| self.always.lock().unwrap().clone());
        if is_counted {
            *self.sign_ins.lock().unwrap() += 1;
            if scripted.as_ref().is_some_and(|text| text == "401||") {
                self.refused.lock().unwrap().push(self.clock.steady());
            }
        }
        let reply = match scripted {
            Some(text) => scripted_reply(&text),
            None => self.emnify.respond(request),
        };
        if let (true, Reply::Keep(bytes) | Reply::Close(bytes)) = (is_sign_in, &reply) {
            self.sent.lock().unwrap().push((self.clock.steady(), bytes.clone()));
        }
        reply
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Reads a response: a status, headers and the body, separated by `|`. Without a status, the bytes
/// themselves, with `|` for a line break.
fn scripted_reply(text: &str) -> Reply {
    let (status, rest) = text.split_once('|').unwrap_or((text, ""));
    let Ok(status) = status.parse::<u16>() else {
        return Reply::Close(text.replace('|', "\r\n").into_bytes());
    };
    let (headers, body) = rest.rsplit_once('|').unwrap_or(("", rest));
    let headers: String = headers.split('|').map(|header| format!("{header}\r\n")).collect();
    let head = format!("HTTP/1.1 {status:03} X\r\nContent-Length: {}\r\n", body.len());
    let headers = headers.trim_start_matches("\r\n");
    Reply::Close(format!("{head}Connection: close\r\n{headers}\r\n{body}").into_bytes())
}

/// When a step was taken, on a clock that never goes back, and what it caused.
struct Taken {
    started: Duration,
    ended: Duration,
    sign_ins: u64,
    /// How many sign-ins it may cause before the interval has passed.
    exempt: u64,
}

struct Machine {
    server: Arc<Server>,
    run: Run,
    memory: Memory,
    client: Client,
    last: Option<AuthToken>,
    /// The time before the last reboot.
    earlier: Duration,
    taken: Vec<Taken>,
    /// Whether tokens are judged by the wall clock, because the machine rebooted.
    by_wall: bool,
}

impl Machine {
    fn new(is_user: bool) -> Self {
        let server = Arc::new(Server {
            emnify: Emnify::new(),
            clock: clock(),
            is_user,
            next: Mutex::default(),
            always: Mutex::default(),
            sign_ins: Mutex::default(),
            refused: Mutex::default(),
            sent: Mutex::default(),
        });
        let run = Run::new({
            let server = Arc::clone(&server);
            move |request| server.respond(request)
        });
        let memory = Memory::default();
        let client = start(&run, &server, &memory);
        Machine {
            server,
            run,
            memory,
            client,
            last: None,
            earlier: Duration::ZERO,
            taken: Vec::new(),
            by_wall: false,
        }
    }

    fn now(&self) -> Duration {
        self.earlier + self.server.clock.steady()
    }

    fn take(&mut self, step: char, argument: &str) {
        let (started, before) = (self.now(), *self.server.sign_ins.lock().unwrap());
        let exempt = self.step(step, argument);
        let sign_ins = *self.server.sign_ins.lock().unwrap() - before;
        self.taken.push(Taken { started, ended: self.now(), sign_ins, exempt });
        check_secrets(&format!("{:?}", self.client.status()), &SECRETS);
    }

    /// Takes a step. Returns how many sign-ins it may cause before the interval has passed.
    fn step(&mut self, step: char, argument: &str) -> u64 {
        let number = || argument.parse::<u64>().unwrap_or(0);
        let clock = &self.server.clock;
        let tokens = self.client.application_tokens();
        match step {
            'a' => self.ask(Client::authenticate),
            't' => self.ask(Client::try_authenticate),
            'f' => self.ask(|client| client.authenticate_for(Duration::from_secs(number()))),
            'T' => thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| self.client.authenticate().map_err(check_error));
                }
            }),
            'c' => drop(self.client.cached_auth_token()),
            'm' => check_secrets(&self.client.metrics(), &SECRETS),
            'n' => self.client.retry_now(),
            'p' => clock.advance(Duration::from_secs(number() % 100_000_000)),
            'w' => clock.set_wall(UNIX_EPOCH + Duration::from_secs(number() % 100_000_000_000)),
            '=' => self.server.next.lock().unwrap().push_back(argument.to_owned()),
            '*' => *self.server.always.lock().unwrap() = Some(argument.to_owned()),
            '+' => *self.server.always.lock().unwrap() = None,
            // From here on, steps that may sign in once more.
            'i' => {
                if let Some(token) = self.last.take() {
                    self.client.invalidate(&token);
                }
                return 1;
            }
            'g' => {
                let _ = self.client.request(Method::Get, argument).send().map_err(check_error);
                return 1;
            }
            'P' => {
                for row in self.client.paginate(argument).take(8) {
                    let _ = row.map_err(check_error);
                }
                return 1;
            }
            'l' => {
                let _ = tokens.list().map_err(check_error);
                return 1;
            }
            'A' => {
                let _ = tokens.audit(&AuditOptions::new()).map_err(check_error);
                return 1;
            }
            'F' => {
                let _ = tokens.failures(Duration::from_secs(number())).map_err(check_error);
                return 1;
            }
            'I' => {
                let _ = tokens.identify(&argument.into()).map_err(check_error);
                return 1;
            }
            'R' => {
                let options = RotateOptions::new().grace(Duration::from_secs(number()));
                let _ = tokens.rotate(&options).map_err(check_error);
                return 2;
            }
            'r' | 'b' if self.server.is_user => {}
            'r' => {
                self.client = start(&self.run, &self.server, &self.memory);
                return 1;
            }
            'b' => {
                self.earlier = self.now();
                self.by_wall = true;
                clock.reboot();
                self.client = start(&self.run, &self.server, &self.memory);
                return 1;
            }
            _ => {}
        }
        0
    }

    fn ask(&mut self, authenticate: impl Fn(&Client) -> Result<AuthToken, Error>) {
        let started = self.server.clock.steady();
        match authenticate(&self.client) {
            Ok(token) => {
                self.check_token(&token, started);
                self.last = Some(token);
            }
            Err(error) => drop(check_error(error)),
        }
    }

    /// Checks that a token was still valid at this time, if it is known when it was sent.
    fn check_token(&self, token: &AuthToken, at: Duration) {
        let text = token.reveal();
        check_secrets(&format!("{token:?}"), &[text]);
        let sent = self.server.sent.lock().unwrap();
        let last = sent.iter().rev().find(|(_, bytes)| contains(bytes, text));
        if let (false, Some((sent_at, _))) = (self.by_wall, last) {
            let age = at.saturating_sub(*sent_at);
            assert!(age < parsers::lifetime(text), "{age:?} old");
        }
    }

    /// Checks that sign-ins are far enough apart. One may be under way in the background, and the
    /// first is not delayed.
    fn check_sign_ins(&self) {
        for (index, from) in self.taken.iter().enumerate() {
            let (mut sign_ins, mut most) = (0, 2);
            for step in &self.taken[index..] {
                sign_ins += step.sign_ins;
                most += step.exempt;
                let intervals = (step.ended - from.started).as_secs() / INTERVAL;
                assert!(
                    sign_ins <= most + intervals,
                    "{sign_ins} sign-ins in {intervals} intervals"
                );
            }
        }
    }

    /// Checks that a user's account is never locked.
    fn check_refusals(&self) {
        let refused = self.server.refused.lock().unwrap();
        for three in refused.windows(3).filter(|_| self.server.is_user) {
            assert!(three[2] - three[0] >= LOCKOUT, "refused at {three:?}");
        }
    }
}

/// Returns a client. A user's has no store, since no step restarts it.
fn start(run: &Run, server: &Server, memory: &Memory) -> Client {
    let builder = match server.is_user {
        true => user_builder(&run.url, &server.clock),
        false => builder(&run.url, &server.clock).store(memory.store()),
    };
    builder.build().unwrap()
}

fn check_error(error: Error) -> Error {
    check_shown(&error, &SECRETS);
    assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
    error
}
