//! The binary, used as from C or a shell: its output, its control path over plain sockets, and that
//! it removes its files.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    variables: HashMap<String, String>,
}

#[cfg(test)]
impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_emnify-sandbox"))
            .args(arguments)
            .arg("--exit-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut variables = HashMap::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            variables.insert(name.to_owned(), value.to_owned());
            if name == "EMNIFY_SANDBOX_CONTROL" {
                break;
            }
        }
        Program { child, stdin, variables }
    }

    fn ended(&mut self) {
        self.stdin = None;
        assert!(self.child.wait().unwrap().success());
    }

    /// Sends one request over a socket, without an HTTP library. Returns status line and body.
    fn raw(&self, listener: &str, method: &str, path: &str, body: &str) -> (String, String) {
        let address = self.variables[listener].strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn control(&self, method: &str, path: &str, body: &str) -> String {
        let path = format!("/_sandbox{path}");
        let (status, body) = self.raw("EMNIFY_SANDBOX_CONTROL", method, &path, body);
        assert_eq!(status, "HTTP/1.1 200 OK", "{body}");
        body
    }
}

#[test]
fn plain_http_and_control() {
    let mut program = Program::start(&["--plain-http"]);
    assert!(!program.variables.contains_key("SSL_CERT_FILE"));
    let token = &program.variables["EMNIFY_APPLICATION_TOKEN"];
    let login = format!(r#"{{"application_token":"{token}"}}"#);
    let authenticate = || program.raw("EMNIFY_BASE_PATH", "POST", "/api/v1/authenticate", &login).0;
    assert_eq!(authenticate(), "HTTP/1.1 200 OK");
    let fault =
        r#"{"method":"POST","path":"/api/v1/authenticate","times":1,"kind":"status","status":503}"#;
    program.control("POST", "/fault", fault);
    assert_eq!(authenticate(), "HTTP/1.1 503 Service Unavailable");
    let calls = "/calls?method=POST&path=/api/v1/authenticate";
    assert_eq!(program.control("GET", calls, ""), "2");
    assert_eq!(program.control("GET", &format!("{calls}&status=503"), ""), "1");
    program.control("POST", "/settings", r#"{"authenticate_limit":1}"#);
    assert_eq!(authenticate(), "HTTP/1.1 429 Too Many Requests");
    program.control("POST", "/clock", r#"{"move":300}"#);
    assert_eq!(authenticate(), "HTTP/1.1 200 OK");
    assert!(program.control("GET", "/requests", "").contains("***"));
    assert!(!program.control("GET", "/requests", "").contains(token));
    program.control("POST", "/reset_counters", "");
    assert_eq!(program.control("GET", calls, ""), "0");
    assert!(program.control("POST", "/application_token", "{}").contains("\"id\":4712"));
    assert!(program.control("GET", "/state", "").contains(token));
    program.control("POST", "/revoke_auth_tokens", "");
    program.control("POST", "/reset", "");
    program.control("DELETE", "/faults", "");
    // The API listener serves the control path, too; the control listener does not serve the API.
    let (status, _) = program.raw("EMNIFY_BASE_PATH", "GET", "/_sandbox/state", "");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let (status, _) = program.raw("EMNIFY_SANDBOX_CONTROL", "GET", "/api/v1/sim", "");
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    program.ended();
}

#[test]
fn the_api_listener_can_be_told_to_refuse_connections() {
    let mut program = Program::start(&["--plain-http"]);
    let refuse = r#"{"kind":"refuse"}"#;
    let (status, _) = program.raw("EMNIFY_BASE_PATH", "POST", "/_sandbox/fault", refuse);
    assert_eq!(status, "HTTP/1.1 200 OK");
    let address = program.variables["EMNIFY_BASE_PATH"].strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).is_err());
    program.control("DELETE", "/faults", "");
    assert!(TcpStream::connect(address).is_ok());
    program.ended();
}

#[test]
fn reset_keeps_the_options() {
    let mut program = Program::start(&["--plain-http", "--no-limits"]);
    program.control("POST", "/settings", r#"{"limits":true,"create_status":201}"#);
    program.control("POST", "/reset", "");
    let state = program.control("GET", "/state", "");
    assert!(state.contains(r#""limits":false"#) && state.contains(r#""create_status":200"#));
    program.ended();
}

#[test]
fn the_ca_file_is_removed_when_the_program_ends() {
    let path = std::env::temp_dir().join(format!("emnify-sandbox-test-{}.pem", std::process::id()));
    let mut program = Program::start(&["--ca-file", path.to_str().unwrap()]);
    assert!(program.variables["EMNIFY_BASE_PATH"].starts_with("https://127.0.0.1:"));
    assert_eq!(Path::new(&program.variables["SSL_CERT_FILE"]), path);
    assert!(path.exists());
    program.ended();
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_and_removes_the_ca_file() {
    let mut program = Program::start(&[]);
    let ca = Path::new(&program.variables["SSL_CERT_FILE"]).to_owned();
    assert!(ca.exists());
    let id = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(program.child.wait().unwrap().success());
    assert!(!ca.exists() && !ca.parent().unwrap().exists());
}

#[test]
fn wrong_options_are_refused() {
    let program = env!("CARGO_BIN_EXE_emnify-sandbox");
    let run = |argument: &str| Command::new(program).arg(argument).output().unwrap();
    assert_eq!(run("--nonsense").status.code(), Some(2));
    let help = run("--help");
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--exit-with-stdin"));
}
