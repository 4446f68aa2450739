//! Makes the calls that a scenario asks for, with the Rust crate. README.md describes the lines that
//! it reads and writes.

#![allow(clippy::unwrap_used, reason = "a malformed command ends the driver, which fails the test")]

use std::collections::HashMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emnify_core::{
    ApplicationToken, ApplicationTokenUpdate, ApplicationTokens, AuditOptions, AuditedToken,
    CheckOptions, Client, Error, Event, NewApplicationToken, Result, RotateOptions, Secret, Store,
    TrustedDevice,
};
use serde_json::{Value, json};

/// One command, whose fields are the arguments of a call.
struct Command(Value);

impl Command {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn number<N: TryFrom<u64>>(&self, name: &str) -> Option<N> {
        N::try_from(self.0.get(name)?.as_u64()?).ok()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.0.get(name)?.as_f64()?))
    }

    /// Returns the names and values of an object.
    fn pairs(&self, name: &str) -> Vec<(&str, &str)> {
        let object = self.0.get(name).and_then(Value::as_object);
        let pairs = object.into_iter().flatten();
        pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
    }
}

/// Applies a setting to `$builder` with the method of that name if the command contains it.
macro_rules! set {
    ($builder:ident, $command:ident, $($setting:ident: $read:ident),* $(,)?) => {
        $(if let Some(value) = $command.$read(stringify!($setting)) {
            $builder = $builder.$setting(value);
        })*
    };
}

fn main() {
    let mut clients = HashMap::new();
    while let Some(line) = read() {
        let answer = match call(&mut clients, &Command(line)) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error_object(&error) }),
        };
        println!("{answer}");
    }
}

fn read() -> Option<Value> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
}

/// Asks the runner for what a function of the program returns.
fn ask(question: &Value) -> Result<Command, io::Error> {
    println!("{question}");
    let answer = Command(read().unwrap());
    if answer.flag("fail") == Some(true) {
        Err(io::Error::other("the function returned 1"))
    } else {
        Ok(answer)
    }
}

fn call(clients: &mut HashMap<String, Client>, command: &Command) -> Result<Value> {
    let name = command.text("client").unwrap_or("a");
    match command.text("call").unwrap() {
        "new" => {
            clients.insert(name.to_owned(), new(command)?);
            return Ok(Value::Null);
        }
        "close" => {
            clients.remove(name);
            return Ok(Value::Null);
        }
        _ => (),
    }
    let client = clients.get(name).unwrap();
    let tokens = client.application_tokens();
    let id = || command.number("id").unwrap();
    Ok(match command.text("call").unwrap() {
        "authenticate" => {
            let client = command
                .duration("timeout")
                .map_or(client.clone(), |limit| client.with_timeout(limit));
            let auth_token = match command.duration("valid_for") {
                Some(valid_for) => client.authenticate_for(valid_for)?,
                None => client.authenticate()?,
            };
            json!({
                "auth_token": auth_token.reveal(),
                "organisation_id": auth_token.organisation_id(),
                "expires_at": seconds(auth_token.expires_at()),
            })
        }
        "auth_headers" => {
            json!({ "Authorization": client.authenticate()?.authorization().reveal() })
        }
        "try_authenticate" => json!({ "auth_token": client.try_authenticate()?.reveal() }),
        "invalidate" => {
            client.invalidate_text(command.text("auth_token").unwrap());
            Value::Null
        }
        "retry_now" => {
            client.retry_now();
            Value::Null
        }
        "cancel" => {
            client.cancel();
            Value::Null
        }
        "status" => {
            let status = client.status();
            json!({
                "signed_in": status.signed_in,
                "valid_until": status.valid_until.map(seconds),
                "next_attempt": status.next_attempt.map(|time| time.as_secs_f64()),
                "last_error": status.last_error.as_ref().map(error_object),
                "calls_made": status.calls_made,
                "last_change": status.last_change.map(seconds),
            })
        }
        "take_events" => client.take_events().iter().map(event_object).collect(),
        "metrics" => client.metrics().into(),
        "check" => {
            let options = CheckOptions::new().rights(command.flag("rights").unwrap_or_default());
            serde_json::to_value(client.check(options)?).unwrap()
        }
        "switch_workspace" => {
            let switched = client.switch_workspace(id())?;
            clients.insert(command.text("new_client").unwrap().to_owned(), switched);
            Value::Null
        }
        "request" => request(client, command)?,
        "paginate" => return Ok(paginate(client, command)),
        "create" => {
            let mut new = NewApplicationToken::new();
            set!(new, command, description: text, expiry_date: text, expires_in: duration, ip: text);
            let created = tokens.create(&new)?;
            json!({ "id": created.id(), "application_token": created.reveal() })
        }
        "list" => tokens.list()?.iter().map(token_object).collect(),
        "own" => tokens.own()?.as_ref().map_or(Value::Null, token_object),
        "update" => {
            let mut update = ApplicationTokenUpdate::new();
            set!(update, command, description: text);
            tokens.update(id(), &update)?;
            Value::Null
        }
        "revoke" => {
            tokens.revoke(id())?;
            Value::Null
        }
        "audit" => {
            let mut options = AuditOptions::new();
            set!(
                options, command,
                expires_within: duration, older_than: duration, refused_within: duration,
            );
            tokens.audit(&options)?.iter().map(audited_object).collect()
        }
        "failures" => {
            let failures = tokens.failures(command.duration("since").unwrap())?;
            let object = |failure: &emnify_core::SignInFailure| {
                json!({
                    "at": failure.at.map(seconds),
                    "description": failure.description,
                    "token_name": failure.token_name,
                    "token_ids": failure.token_ids,
                    "successor_id": failure.successor_id,
                    "reason": failure.reason,
                    "address": failure.address,
                })
            };
            failures.iter().map(object).collect()
        }
        "identify" => audited_object(&tokens.identify(&value(command))?),
        "inspect" => ApplicationTokens::inspect(&value(command)).map_or(Value::Null, |claims| {
            json!({
                "id": claims.id,
                "organisation_id": claims.organisation_id,
                "issued_at": claims.issued_at.map(seconds),
                "expires_at": claims.expires_at.map(seconds),
                "is_auth_token": claims.is_auth_token,
            })
        }),
        "rotate" => rotate(&tokens, command)?,
        other => json!({ "unknown": other }),
    })
}

fn new(command: &Command) -> Result<Client> {
    let mut builder = Client::builder();
    set!(
        builder, command,
        application_token: text, application_token_file: text, base_url: text, timeout: duration,
        connect_timeout: duration, ca_bundle: text, ca_pem: text, proxy: text, interface: text,
        local_address: text, auto_renew: flag, fleet_size: number, pacing: flag, retries: number,
    );
    if let Some(store) = command.text("store") {
        builder = builder.store(Store::at(store)?);
    }
    if let Some(username) = command.text("username") {
        builder = builder.user(username, command.text("password").unwrap());
    }
    if command.flag("mfa") == Some(true) {
        builder =
            builder.mfa(|| Ok(ask(&json!({ "ask": "mfa" }))?.text("value").map(Secret::from)));
    }
    if let [("fingerprint", fingerprint), ("name", name)] = command.pairs("trusted_device")[..] {
        builder = builder.trusted_device(TrustedDevice::new(fingerprint, name));
    }
    builder.build()
}

fn request(client: &Client, command: &Command) -> Result<Value> {
    let method = command.text("method").unwrap().parse()?;
    let mut request = client.request(method, command.text("path").unwrap());
    for (name, value) in command.pairs("params") {
        request = request.query(name, value);
    }
    for (name, value) in command.pairs("headers") {
        request = request.header(name, value);
    }
    set!(request, command, timeout: duration);
    if let Some(content) = command.text("content") {
        request = request.body(content);
    }
    let response = request.send()?;
    Ok(json!({
        "status": response.status(),
        "content": String::from_utf8_lossy(response.body()),
        "content_type": response.header("content-type"),
    }))
}

fn paginate(client: &Client, command: &Command) -> Value {
    let mut pages = client.paginate(command.text("path").unwrap());
    set!(pages, command, per_page: number);
    let (mut rows, mut failed) = (Vec::new(), None);
    for row in pages.take(command.number("limit").unwrap_or(usize::MAX)) {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => failed = Some(error_object(&error)),
        }
    }
    json!({ "rows": rows, "error": failed })
}

fn rotate(tokens: &ApplicationTokens, command: &Command) -> Result<Value> {
    let mut options = RotateOptions::new();
    set!(
        options, command,
        id: number, description: text, expiry_date: text, expires_in: duration, ip: text,
        grace: duration, keep_old: flag,
    );
    if command.flag("hand_over") == Some(true) {
        options = options.hand_over(|token| {
            ask(&json!({ "ask": "hand_over", "application_token": token.reveal() }))?;
            Ok(())
        });
    }
    if command.flag("read_back") == Some(true) {
        options = options
            .read_back(|| Ok(ask(&json!({ "ask": "read_back" }))?.text("value").unwrap().into()));
    }
    let rotation = tokens.rotate(&options)?;
    Ok(json!({
        "state": rotation.state(),
        "old_id": rotation.old_id(),
        "new_id": rotation.new_id(),
        "grace_left": rotation.grace_left().map(|time| time.as_secs_f64()),
        "is_adopted": rotation.is_adopted(),
        "is_old_kept": rotation.is_old_kept(),
        "ignored_options": rotation.ignored_options(),
    }))
}

fn value(command: &Command) -> Secret {
    Secret::from(command.text("value").unwrap())
}

fn seconds(instant: SystemTime) -> u64 {
    instant.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token_object(token: &ApplicationToken) -> Value {
    json!({
        "id": token.id(),
        "description": token.description(),
        "status": token.status(),
        "created_at": token.created_at().map(seconds),
        "expiry_date": token.expiry_date(),
        "ip": token.ip(),
        "creator": token.creator(),
    })
}

fn audited_object(audited: &AuditedToken) -> Value {
    json!({ "token": token_object(&audited.token), "findings": audited.findings })
}

fn event_object(event: &Event) -> Value {
    json!({
        "kind": event.kind(),
        "level": event.level(),
        "message": event.to_string(),
        "error": event.error().map(error_object),
        "next_attempt": event.next_attempt().map(|time| time.as_secs_f64()),
        "expires_at": event.expires_at().map(seconds),
    })
}

fn error_object(error: &Error) -> Value {
    let api_error = |api: &emnify_core::ApiError| json!({ "code": api.error_code, "name": api.error_name, "message": api.message });
    json!({
        "kind": error.kind(),
        "reason": error.reason(),
        "message": error.to_string(),
        "http_status": error.http_status(),
        "retry_after": error.retry_after().map(|time| time.as_secs_f64()),
        "is_retryable": error.is_retryable(),
        "rotation_state": error.rotation_state(),
        "api_error": error.api_error().map(api_error),
        "nested": error.api_error().map(|api| api.errors.iter().map(api_error).collect::<Value>()),
    })
}
