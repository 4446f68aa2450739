//! An error of a proxy is not mistaken for one of emnify, and its message says what to do.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use emnify_core::{Client, Error, ErrorKind};

use crate::common::clock;

/// Returns the error of a call through a proxy that responds like this to CONNECT, and its address.
fn through(response: &'static str) -> (Error, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            assert_eq!(first, "CONNECT cdn.example:443 HTTP/1.1");
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(response.as_bytes()).unwrap();
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
fn the_message_names_a_proxy_that_refuses_its_status_and_what_to_do() {
    for (response, status, retryable, advice) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Some(403), false, "NO_PROXY"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(407), false, "password"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", Some(502), true, "later"),
        ("HTTP/1.0 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy", Some(503), true, "later"),
        ("<html>what?</html>\r\n\r\n", None, true, ""),
        ("", None, true, ""),
    ] {
        let (error, proxy) = through(response);
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Proxy, "{message}");
        assert_eq!(error.http_status(), status, "{message}");
        assert_eq!(error.is_retryable(), retryable, "{message}");
        assert!(message.contains(&proxy) && message.contains(advice), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_not_mistaken_for_emnify() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    drop(listener);
    let error = fail(&format!("http://{proxy}"));
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Proxy, None), "{error}");
    assert!(error.to_string().contains(&proxy.to_string()), "{error}");
}
