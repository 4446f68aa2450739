//! The ways to reach a Redis server: TLS, a Unix socket, users and passwords.

use std::fs;
use std::path::Path;

use emnify_core::{ClientBuilder, Store};
use emnify_sandbox::Sandbox;

use super::processes::{assert_signed_in, spawn_after};
use super::watched;
use crate::common::redis_server::Server;
use crate::common::{Scratch, builder, sandbox, sign_ins};

/// The commands that the documentation of `Store::redis` lists.
const COMMANDS: [&str; 8] =
    ["+select", "+set", "+get", "+getrange", "+del", "+rename", "+pexpire", "+eval"];

/// Signs in twice with this store, and returns the problems that were reported.
fn reports(builder: &ClientBuilder, url: &str) -> Vec<String> {
    let sign_in = || {
        let (client, reports) = watched(builder.clone().store(Store::redis(url).unwrap()));
        client.authenticate().unwrap();
        drop(client);
        let reports = reports.lock().unwrap();
        reports.clone()
    };
    [sign_in(), sign_in()].concat()
}

fn assert_shares(sandbox: &Sandbox, url: &str) {
    assert_eq!(reports(&builder(sandbox), url), [""; 0]);
    assert_eq!(sign_ins(sandbox), 1, "the second client adopts the session");
}

/// Creates a user with the documented rights, and the password `p@ss/canary`.
fn add_user(redis: &Server) {
    let rights = ["SETUSER", "gateway", "on", ">p@ss/canary", "~emnify-auth:*"];
    let () = redis.query("ACL", &[&rights[..], &COMMANDS].concat());
}

#[test]
fn a_user_with_few_rights_and_another_database_are_used() {
    let (sandbox, redis) = (sandbox(), Server::start());
    add_user(&redis);
    let url = format!("redis://gateway:p%40ss%2Fcanary@127.0.0.1:{}/3", redis.port());
    assert_shares(&sandbox, &url);
    assert_eq!(redis.keys(), [""; 0], "nothing is in database 0");
}

#[test]
fn a_wrong_password_is_reported_and_not_repeated() {
    let (sandbox, redis) = (sandbox(), Server::start());
    add_user(&redis);
    let url = format!("redis://gateway:canary@127.0.0.1:{}", redis.port());
    let report = reports(&builder(&sandbox), &url).concat();
    assert!(report.contains("WRONGPASS") && !report.contains("canary"), "{report}");
}

#[test]
fn the_password_comes_from_the_environment_or_a_file() {
    let (redis, scratch) = (Server::start(), Scratch::new("redis-password"));
    add_user(&redis);
    let url = format!("redis://gateway@127.0.0.1:{}", redis.port());
    let file = scratch.0.join("password");
    fs::write(&file, "p@ss/canary\n").unwrap();
    for (number, variable) in [
        "export EMNIFY_STORE_PASSWORD=p@ss/canary".to_owned(),
        format!("export EMNIFY_STORE_PASSWORD_FILE={}", file.display()),
        "export EMNIFY_STORE_PASSWORD_FILE=/nonexistent".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let sandbox = sandbox();
        let output = assert_signed_in(spawn_after(&sandbox, Path::new(&url), variable));
        match number {
            2 => assert!(output.contains("cannot read /nonexistent"), "{output}"),
            _ => assert!(output.contains("reports: []"), "{output}"),
        }
    }
}

#[test]
fn a_unix_socket_is_used() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("redis-socket"));
    let socket = scratch.0.join("redis.sock").display().to_string();
    let redis = Server::start_with(&["--unixsocket", &socket]);
    add_user(&redis);
    let url = format!("redis+unix://{socket}?db=2&user=gateway&pass=p%40ss/canary");
    assert_shares(&sandbox, &url);
}

/// Starts a server that speaks TLS, and returns it with the URL.
fn start_with_tls(scratch: &Path) -> (Server, String) {
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, private) = (scratch.join("redis.pem"), scratch.join("redis.key"));
    fs::write(&certificate, key.cert.pem()).unwrap();
    fs::write(&private, key.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let [certificate, private] = [certificate, private].map(|path| path.display().to_string());
    let redis = Server::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &private,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ]);
    (redis, format!("rediss://127.0.0.1:{port}"))
}

#[test]
fn a_server_with_tls_is_verified_with_the_clients_certificates() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("redis-tls"));
    let (_redis, url) = start_with_tls(&scratch.0);
    let report = reports(&builder(&sandbox), &url).concat();
    assert!(report.contains("the certificate of 127.0.0.1:"), "{report}");
    assert!(report.contains("ca_bundle"), "{report}");

    let before = sign_ins(&sandbox);
    fs::remove_file(scratch.0.join("redis.key")).unwrap();
    fs::copy(sandbox.ca_file(), scratch.0.join("emnify.pem")).unwrap();
    assert_eq!(reports(&builder(&sandbox).ca_bundle(&scratch.0), &url), [""; 0]);
    assert_eq!(sign_ins(&sandbox), before + 1, "the second client adopts the session");
}
