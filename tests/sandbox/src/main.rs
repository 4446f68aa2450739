//! The sandbox as a program, for demos and for tests in other languages. It prints variables for a
//! shell on stdout and text for people on stderr.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use emnify_sandbox::Sandbox;
use lexopt::prelude::{Long, Short, ValueExt};
use tokio::sync::oneshot;

const HELP: &str = "\
Plays the emnify API on this machine, for demos and tests.

Usage: emnify-sandbox [options]

  --port N            port of the API; by default a free one
  --plain-http        HTTP instead of HTTPS
  --ca-file PATH      file to write the certificate authority to, in PEM
  --no-limits         never respond with 429 to too many calls
  --exit-with-stdin   end when standard input closes
  -h, --help          show this text

Prints variables that a shell can source:

  EMNIFY_BASE_PATH          base URL of the API
  SSL_CERT_FILE             its certificate authority (not with --plain-http)
  EMNIFY_APPLICATION_TOKEN  a valid application token
  EMNIFY_SANDBOX_CONTROL    URL for faults, clock and counters, under /_sandbox
";

#[derive(Default)]
struct Options {
    plain_http: bool,
    port: u16,
    ca_file: Option<PathBuf>,
    no_limits: bool,
    exit_with_stdin: bool,
    help: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args_os().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("emnify-sandbox: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let ended = if options.help { io::stdout().write_all(HELP.as_bytes()) } else { run(options) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emnify-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("plain-http") => options.plain_http = true,
            Long("port") => options.port = parser.value()?.parse()?,
            Long("ca-file") => options.ca_file = Some(parser.value()?.into()),
            Long("no-limits") => options.no_limits = true,
            Long("exit-with-stdin") => options.exit_with_stdin = true,
            Long("help") | Short('h') => options.help = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn run(options: Options) -> io::Result<()> {
    // Handles signals before it announces itself. Otherwise an early one would leave the CA file.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let until = runtime.block_on(async { Signals::new() })?;
    let mut builder = Sandbox::builder()
        .plain_http(options.plain_http)
        .port(options.port)
        .settings(|settings| settings.limits = !options.no_limits);
    if let Some(path) = options.ca_file {
        builder = builder.ca_file(path);
    }
    let sandbox = builder.start()?;
    announce(&sandbox, options.plain_http)?;
    runtime.block_on(until.wait(options.exit_with_stdin));
    Ok(())
}

fn announce(sandbox: &Sandbox, plain_http: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "EMNIFY_BASE_PATH={}", sandbox.url())?;
    if !plain_http {
        writeln!(out, "SSL_CERT_FILE={}", quoted(&sandbox.ca_file().to_string_lossy()))?;
    }
    writeln!(out, "EMNIFY_APPLICATION_TOKEN={}", sandbox.application_token())?;
    writeln!(out, "EMNIFY_SANDBOX_CONTROL={}", sandbox.control_url())?;
    out.flush()?;
    eprintln!(
        "\nA sandbox of the emnify API runs on this machine. It sends nothing to emnify.\n\
         Export the variables above to point any emnify client to it, for example\n\n\
         \x20 curl{} \"$EMNIFY_BASE_PATH/api/v1/authenticate\" \\\n\
         \x20   -d \"{{\\\"application_token\\\": \\\"$EMNIFY_APPLICATION_TOKEN\\\"}}\"\n\n\
         Its state, with settings and counters: \
         curl \"$EMNIFY_SANDBOX_CONTROL/_sandbox/state\"\n\
         Users: user@example.com and mfa@example.com (one-time code), password \"password\".",
        if plain_http { "" } else { " --cacert \"$SSL_CERT_FILE\"" },
    );
    Ok(())
}

/// Returns a value as a shell reads it. Simple values are not quoted, so that people and simple
/// programs can read them, too.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(not(unix))]
struct Signals;

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    #[cfg(unix)]
    async fn signalled(mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn signalled(self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    async fn wait(self, exit_with_stdin: bool) {
        tokio::select! {
            () = self.signalled() => {}
            () = stdin_closed(), if exit_with_stdin => {}
        }
    }
}

/// Waits until standard input closes. It reads on a thread that is never joined, because a read of
/// a terminal cannot be cancelled.
async fn stdin_closed() {
    let (closed, closing) = oneshot::channel();
    thread::spawn(move || {
        let mut waste = [0; 256];
        while io::stdin().read(&mut waste).is_ok_and(|read| read > 0) {}
        let _ = closed.send(());
    });
    let _ = closing.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let arguments = ["--plain-http", "--port=8080", "--ca-file", "/a"].map(OsString::from);
        let options = parse(arguments.into_iter()).unwrap();
        assert!(options.plain_http && options.port == 8080 && options.ca_file.is_some());
        assert!(parse([OsString::from("--nothing")].into_iter()).is_err());
        assert!(parse([OsString::from("--port=70000")].into_iter()).is_err());
    }

    #[test]
    fn values_for_the_shell() {
        assert_eq!(quoted("/tmp/a-1/ca.pem"), "/tmp/a-1/ca.pem");
        assert_eq!(quoted("/tmp/it's"), r"'/tmp/it'\''s'");
    }
}
