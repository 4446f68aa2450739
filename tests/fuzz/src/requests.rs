//! Requests that a program composes: what arrives at the server is that request and nothing else.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};

use emnify_core::{Client, ErrorKind, Method};

use crate::client::{builder, clock};
use crate::emnify::{Emnify, TOKEN, is_sign_in};
use crate::server::{Received, Reply, Run};
use crate::text::check_shown;

/// The path of the base URL, which every request keeps.
const BASE: &str = "/base/";

/// Checks the request in `data`. The first line is the method and the path. Further lines are headers
/// `name: value` or parameters `name=value`. The body follows an empty line.
pub fn check(data: &[u8]) {
    let (client, received) = &mut *client().lock().unwrap();
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.split('\n');
    let (method, path) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    let method = match method {
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    };
    let mut request = client.request(method, path);
    let mut given = 0;
    for line in lines {
        let is_header = line.find(':').unwrap_or(usize::MAX) < line.find('=').unwrap_or(usize::MAX);
        let (name, value) = line.split_at(line.find([':', '=']).unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default();
        given += usize::from(is_header);
        request = if is_header { request.header(name, value) } else { request.query(name, value) };
    }
    if !body.is_empty() {
        request = request.body(body);
    }
    let result = request.send();
    let mut arrived = received.try_iter();
    match result {
        Ok(_) => check_received(&arrived.next().unwrap(), given, body),
        Err(error) => {
            check_shown(&error, &[TOKEN]);
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }
    assert!(arrived.next().is_none(), "another request arrived");
}

/// Checks that a request is below the base URL, and has the headers of this library once.
fn check_received(request: &Received, given: usize, body: &str) {
    let line = &request.line;
    let target = line.split(' ').nth(1).unwrap();
    assert!(line.split(' ').count() == 3 && line.ends_with(" HTTP/1.1"), "{line}");
    assert!(target.starts_with(BASE), "{line}");
    let path = target.split('?').next().unwrap();
    assert!(path.split('/').all(|part| part != ".." && part != "."), "{line}");
    assert!(!target.contains('#') && target.is_ascii(), "{line}");
    for name in ["Authorization", "Host"] {
        assert_eq!(request.header(name).count(), 1, "{:?}", request.headers);
    }
    let authorization = request.header("Authorization").next().unwrap();
    assert!(authorization.starts_with("Bearer canary."), "{authorization}");
    assert!(request.header("Transfer-Encoding").next().is_none(), "{:?}", request.headers);
    assert!(request.headers.len() <= given + 9, "{:?}", request.headers);
    assert_eq!(request.body, body.as_bytes());
}

type Recorded = (Client, Receiver<Received>);

/// Returns the client of this process, which is signed in, and the requests that its server got.
fn client() -> &'static Mutex<Recorded> {
    static CLIENT: OnceLock<(Run, Mutex<Recorded>)> = OnceLock::new();
    let (_, client) = CLIENT.get_or_init(|| {
        let (sender, received) = channel();
        let emnify = Emnify::new();
        let run = Run::new(move |request| {
            if let Some(path) =
                request.line.find(BASE).filter(|_| request.line.contains("/authenticate "))
            {
                let mut sign_in = Received {
                    line: request.line.clone(),
                    headers: Vec::new(),
                    body: request.body.clone(),
                };
                sign_in.line.drain(path..path + BASE.len() - 1);
                if is_sign_in(&sign_in) && request.header("Authorization").next().is_none() {
                    return emnify.respond(&sign_in);
                }
            }
            let _ = sender.send(Received {
                line: request.line.clone(),
                headers: request.headers.clone(),
                body: request.body.clone(),
            });
            Reply::json(200, "{}")
        });
        let client = builder(&format!("{}{BASE}", run.url), &clock()).build().unwrap();
        client.authenticate().unwrap();
        (run, Mutex::new((client, received)))
    });
    client
}
