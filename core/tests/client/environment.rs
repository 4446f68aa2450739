//! A client that is set up from the environment. Each case runs in its own process, since all
//! threads of a process share its environment.

use std::process::Command;

use emnify_core::Client;

use crate::common::{AUTHENTICATE, Scratch, only, sandbox};

const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// Signs in and prints the result. The other tests run this in a child process.
#[test]
#[ignore = "started by the other tests, with an environment that they set"]
fn child() {
    match Client::from_env().and_then(|client| client.authenticate()) {
        Ok(_) => println!("signed in"),
        Err(error) => println!("{:?} {error}", error.kind()),
    }
}

fn run(environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(only(module_path!(), "child"));
    command.env_clear().envs(environment.iter().copied());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn the_environment_alone_can_set_up_a_client() {
    let sandbox = sandbox();
    let (token, ca) = (sandbox.application_token(), sandbox.ca_file().to_str().unwrap().to_owned());
    for ca_variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
        let output = run(&[
            ("EMNIFY_APPLICATION_TOKEN", &token),
            ("EMNIFY_BASE_PATH", sandbox.url()),
            (ca_variable, &ca),
        ]);
        assert!(output.contains("signed in"), "{output}");
    }
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
}

#[test]
fn programs_share_a_session_through_the_store_that_the_environment_names() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("environment"));
    let (token, ca) = (sandbox.application_token(), sandbox.ca_file().to_str().unwrap().to_owned());
    let store = scratch.0.join("state").to_str().unwrap().to_owned();
    let home = scratch.0.to_str().unwrap();
    for (variable, location) in [("EMNIFY_STORE", "~/state"), ("EMNIFY_STORE", &store), ("TZ", "")]
    {
        let output = run(&[
            ("EMNIFY_APPLICATION_TOKEN", &token),
            ("EMNIFY_BASE_PATH", sandbox.url()),
            ("SSL_CERT_FILE", &ca),
            (HOME, home),
            (variable, location),
        ]);
        assert!(output.contains("signed in"), "{output}");
    }
    // One for the store, and one without it.
    assert_eq!(sandbox.calls("POST", AUTHENTICATE), 2);
}

#[test]
fn the_error_names_the_variable_that_is_missing_or_invalid() {
    let home = format!("{HOME} is not set");
    for (environment, expected) in [
        (vec![], "EMNIFY_APPLICATION_TOKEN_FILE"),
        (vec![("EMNIFY_APPLICATION_TOKEN", "two words")], "EMNIFY_APPLICATION_TOKEN: "),
        (
            vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_BASE_PATH", "http://cdn.emnify.net")],
            "EMNIFY_BASE_PATH: ",
        ),
        (
            vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("SSL_CERT_FILE", "/nonexistent")],
            "SSL_CERT_FILE: ",
        ),
        (vec![("EMNIFY_APPLICATION_TOKEN_FILE", "/nonexistent")], "/nonexistent"),
        (
            vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_STORE", "http://localhost")],
            "EMNIFY_STORE: ",
        ),
        (vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_STORE", "redis://")], "EMNIFY_STORE: "),
        (vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_STORE", "~/state")], &home),
        (vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_STORE", "~a/state")], "EMNIFY_STORE: "),
        (
            vec![("EMNIFY_APPLICATION_TOKEN", "t"), ("EMNIFY_FLEET_SIZE", "many")],
            "EMNIFY_FLEET_SIZE: ",
        ),
    ] {
        let output = run(&environment);
        assert!(output.contains("InvalidInput") && output.contains(expected), "{output}");
    }
}

#[test]
fn the_error_names_another_librarys_variable_if_ours_are_missing() {
    for name in ["EMNIFY_TOKEN", "EMNIFY_APP_TOKEN", "EMNIFY_API_TOKEN"] {
        let output = run(&[(name, "canary")]);
        assert!(output.contains(&format!("{name} is set")), "{output}");
        assert!(output.contains("EMNIFY_APPLICATION_TOKEN"), "{output}");
        assert!(!output.contains("canary"), "{output}");
        let output = run(&[(name, "canary"), ("EMNIFY_APPLICATION_TOKEN", "two words")]);
        assert!(!output.contains(&format!("{name} is set")), "{output}");
    }
    assert!(!run(&[("EMNIFY_TOKEN", "")]).contains("EMNIFY_TOKEN"));
}
