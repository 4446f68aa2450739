//! A proxy that refuses or fails is told from emnify, with its status and what to do.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use emnify_core::{Client, Error, ErrorKind};

use crate::common::clock;

/// What a call through a proxy fails with that answers each CONNECT with that.
fn through(answer: &'static str) -> (Error, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            assert_eq!(first, "CONNECT cdn.example:443 HTTP/1.1");
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (fail(&format!("http://user:canary@{proxy}")), proxy)
}

fn fail(proxy: &str) -> Error {
    let client = Client::builder()
        .application_token("application-token")
        .base_url("https://cdn.example")
        .proxy(proxy)
        .timeout(Duration::from_secs(20))
        .clock(clock())
        .build()
        .unwrap();
    client.authenticate().unwrap_err()
}

#[test]
fn a_proxy_that_refuses_is_named_with_its_status_and_what_to_do() {
    for (answer, status, retryable, advice) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Some(403), false, "NO_PROXY"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(407), false, "password"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", Some(502), true, "later"),
        ("HTTP/1.0 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy", Some(503), true, "later"),
        ("<html>what?</html>\r\n\r\n", None, true, ""),
        ("", None, true, ""),
    ] {
        let (error, proxy) = through(answer);
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Proxy, "{message}");
        assert_eq!(error.http_status(), status, "{message}");
        assert_eq!(error.is_retryable(), retryable, "{message}");
        assert!(message.contains(&proxy) && message.contains(advice), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_not_taken_for_emnify() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    drop(listener);
    let error = fail(&format!("http://{proxy}"));
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Proxy, None), "{error}");
    assert!(error.to_string().contains(&proxy.to_string()), "{error}");
}
