//! Processes share a session, also if one of them dies. Each process is this program, started again
//! with the test `child`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use emnify_core::{Client, RotateOptions, Store};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

use super::{files, watched, with_store};
use crate::common::{AUTHENTICATE, Scratch, eventually, only, sandbox, sign_ins};

#[test]
#[ignore = "started by the other tests, with an environment that they set"]
fn child() {
    let store = Store::at(&std::env::var("STORE").unwrap()).unwrap();
    let builder = Client::builder().store(store).timeout(Duration::from_secs(60));
    let (client, reports) = watched(builder);
    if std::env::var_os("FORK").is_some() {
        let signing_in = client.clone();
        std::thread::spawn(move || signing_in.authenticate());
        // SAFETY: the child only sleeps and ends.
        match unsafe { nix::unistd::fork() }.unwrap() {
            nix::unistd::ForkResult::Child => {
                std::thread::sleep(Duration::from_secs(20));
                std::process::exit(0);
            }
            nix::unistd::ForkResult::Parent { .. } => {}
        }
    }
    println!("result: {:?}", client.authenticate().map(|token| token.organisation_id()));
    println!("reports: {:?}", reports.lock().unwrap());
    if std::env::var_os("ROTATE").is_some() {
        let options = RotateOptions::new().hand_over(|_| Ok(()));
        let rotation = client.application_tokens().rotate(&options);
        println!("rotation: {:?}", rotation.map(|rotation| rotation.state()));
    }
}

pub(super) fn spawn(sandbox: &Sandbox, store: &Path) -> Child {
    spawn_after(sandbox, store, "true")
}

/// Starts the child after running a line of shell.
pub(super) fn spawn_after(sandbox: &Sandbox, store: &Path, line: &str) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    run_child(shell, sandbox, store)
}

/// Starts the child under `strace`; `None` if that is not installed.
fn spawn_traced(sandbox: &Sandbox, store: &Path, arguments: &[&str]) -> Option<Child> {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: strace is not installed");
        return None;
    }
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(arguments).arg(std::env::current_exe().unwrap());
    Some(run_child(strace, sandbox, store))
}

fn run_child(mut command: Command, sandbox: &Sandbox, store: &Path) -> Child {
    command
        .args(only(module_path!(), "child"))
        .env("STORE", store)
        .env("EMNIFY_BASE_PATH", sandbox.url())
        .env("SSL_CERT_FILE", sandbox.ca_file())
        .env("EMNIFY_APPLICATION_TOKEN", sandbox.application_token())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(super) fn assert_signed_in(child: Child) -> String {
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("result: Ok(Some(1234))"), "{output}");
    output
}

#[test]
fn sixty_processes_with_one_store_sign_in_once() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("sixty"));
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 500 }));
    for expected in [1, 1] {
        let children: Vec<_> = (0..60).map(|_| spawn(&sandbox, &scratch.0)).collect();
        children.into_iter().for_each(|child| drop(assert_signed_in(child)));
        assert_eq!(sign_ins(&sandbox), expected);
    }
}

#[test]
fn a_full_disk_does_not_stop_a_session_and_leaves_no_partial_file() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("full"));
    // Every write to a file fails, as on a full disk. The output is a pipe, which has no limit.
    let child = spawn_after(&sandbox, &scratch.0, "trap '' XFSZ; ulimit -f 0");
    assert_signed_in(child);
    assert_eq!(files(&scratch.0), Vec::<PathBuf>::new());
    assert_signed_in(spawn(&sandbox, &scratch.0));
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn a_killed_holder_of_the_lock_is_replaced_within_a_second() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("killed"));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 60_000 }));
    let mut holder = spawn(&sandbox, &scratch.0);
    eventually("the holder's call", || sandbox.connections() > 0);
    // The holder has taken the lock before its call.
    let waiting = spawn(&sandbox, &scratch.0);
    std::thread::sleep(Duration::from_millis(300));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    assert_signed_in(waiting);
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    assert!(sign_ins(&sandbox) <= 2, "{}", sign_ins(&sandbox));
}

#[test]
fn a_killed_holder_is_replaced_even_while_its_child_lives() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("inherited"));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 60_000 }));
    // The holder forks while it signs in, so the child inherits the open lock file.
    let mut holder = spawn_after(&sandbox, &scratch.0, "export FORK=1");
    eventually("the holder's call", || sandbox.connections() > 0);
    std::thread::sleep(Duration::from_millis(300));
    let waiting = spawn(&sandbox, &scratch.0);
    std::thread::sleep(Duration::from_millis(300));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    assert_signed_in(waiting);
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
}

#[test]
fn without_file_locks_the_session_stays_in_memory_and_reports_that() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("no-locks"));
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    let session = files(&scratch.0).remove(0);
    fs::remove_file(&session).unwrap();
    let lock_file = format!("{}.lock", session.display());
    let inject = ["-o", "/dev/null", "-P", &lock_file, "-e", "inject=fcntl:error=ENOLCK"];
    let Some(child) = spawn_traced(&sandbox, &scratch.0, &inject) else { return };
    let output = assert_signed_in(child);
    assert!(output.contains("cannot lock the store"), "{output}");
    assert!(output.contains("No locks available"), "{output}");
    assert_eq!(files(&scratch.0), Vec::<PathBuf>::new());
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn each_directory_created_for_a_store_is_durable_in_its_parent() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("parents"));
    let log = scratch.0.join("log");
    let trace = ["-y", "-e", "trace=mkdir,mkdirat,fsync", "-o", log.to_str().unwrap()];
    let store = scratch.0.join("made/on/demand");
    let Some(child) = spawn_traced(&sandbox, &store, &trace) else { return };
    assert_signed_in(child);
    let log = fs::read_to_string(log).unwrap();
    let mut lines = log.lines();
    for path in ["made", "made/on", "made/on/demand"].map(|path| scratch.0.join(path)) {
        let made = format!("\"{}\"", path.display());
        let synced = format!("<{}>)", path.parent().unwrap().display());
        assert!(lines.any(|line| line.contains("mkdir") && line.contains(&made)), "{made}: {log}");
        let next = lines.next().unwrap_or_default();
        assert!(next.contains("fsync") && next.contains(&synced), "{synced}: {log}");
    }
}

#[test]
fn a_user_can_use_their_store_after_root_did() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    const USER: u32 = 12_345;
    let (sandbox, scratch) = (sandbox(), Scratch::new("root-and-user"));
    let store = scratch.0.join("store");
    // The user may not be allowed to access the build directory.
    let program = scratch.0.join("program");
    // Copied by another process. A program cannot be started while any process has it open for
    // writing, and a process that another test starts would inherit a file that is open here.
    let copy = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copy.unwrap().success());
    let ca_file = scratch.0.join("ca.pem");
    fs::copy(sandbox.ca_file(), &ca_file).unwrap();
    fs::set_permissions(&ca_file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(&store).unwrap();
    chown(&store, Some(USER), Some(USER)).unwrap();
    // Root signs in and rotates with one credential, the user with the same and with another.
    let root = with_store(&sandbox, &store);
    root.authenticate().unwrap();
    let options = RotateOptions::new().hand_over(|_| Ok(()));
    root.application_tokens().rotate(&options).unwrap();
    let made = sign_ins(&sandbox);
    let output = Command::new(&program)
        .args(only(module_path!(), "child"))
        .env("ROTATE", "1")
        .env("STORE", &store)
        .env("EMNIFY_BASE_PATH", sandbox.url())
        .env("SSL_CERT_FILE", &ca_file)
        .env("EMNIFY_APPLICATION_TOKEN", sandbox.application_token())
        .current_dir("/")
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("result: Ok(Some(1234))"), "{output}");
    assert!(output.contains("reports: []"), "{output}");
    assert!(output.contains("rotation: Ok("), "{output}");
    assert!(sign_ins(&sandbox) > made, "the user's rotation signs in");
}
