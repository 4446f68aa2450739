//! A session outlives its process, is shared by processes, and goes on whatever becomes of its
//! store.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{AUTHENTICATE, Scratch, builder, clock, eventually, sandbox};
use emnify_core::{
    Client, ClientBuilder, ErrorKind, EventKind, RotateOptions, RotationState, Store, SystemClock,
};
use emnify_sandbox::{Fault, FaultKind, Sandbox};

fn calls(sandbox: &Sandbox) -> u64 {
    sandbox.calls("POST", AUTHENTICATE)
}

#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn with_store(sandbox: &Sandbox, path: &Path) -> Client {
    builder(sandbox).store(Store::directory(path)).clock(Arc::new(SystemClock)).build().unwrap()
}

/// A client, and what it reports about its store.
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn watched(builder: ClientBuilder) -> (Client, Arc<Mutex<Vec<String>>>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reports);
    let client = builder.observer(move |event| {
        if event.kind() == EventKind::StoreTrouble {
            seen.lock().unwrap().push(event.to_string());
        }
    });
    (client.build().unwrap(), reports)
}

/// What the store's directory holds, locks aside.
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn files(path: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_none_or(|e| e != "lock")).collect()
}

#[test]
fn a_warm_store_saves_the_call_and_is_written_once() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("warm"));
    let first = with_store(&sandbox, &scratch.0).authenticate().unwrap();
    let written = fs::metadata(&files(&scratch.0)[0]).unwrap().modified().unwrap();
    for _ in 0..3 {
        let again = with_store(&sandbox, &scratch.0);
        assert_eq!(again.authenticate().unwrap().reveal(), first.reveal());
        assert_eq!(again.status().calls_made, 0);
    }
    assert_eq!(calls(&sandbox), 1);
    assert_eq!(fs::metadata(&files(&scratch.0)[0]).unwrap().modified().unwrap(), written);
}

#[test]
fn who_has_the_disk_and_not_the_credential_learns_nothing() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("sealed"));
    let auth_token = with_store(&sandbox, &scratch.0).authenticate().unwrap();
    for path in fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        for secret in [auth_token.reveal(), &sandbox.application_token()] {
            assert!(!bytes.windows(16).any(|w| secret.as_bytes().windows(16).any(|s| s == w)));
            assert!(!secret.contains(&name));
        }
    }
}

#[test]
fn a_cool_down_outlives_a_reboot_loop() {
    let (sandbox, scratch, clock) = (sandbox(), Scratch::new("reboots"), clock());
    sandbox.settings(|settings| settings.authenticate_limit = 0);
    for _ in 0..10 {
        let client = builder(&sandbox).store(Store::directory(&scratch.0)).clock(clock.clone());
        let error = client.build().unwrap().authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
        clock.reboot();
        clock.advance(Duration::from_secs(5));
    }
    assert_eq!(calls(&sandbox), 1);
}

#[test]
fn an_invalidated_token_does_not_come_back_from_the_store() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("invalidated"));
    let (one, other) = (with_store(&sandbox, &scratch.0), with_store(&sandbox, &scratch.0));
    let first = one.authenticate().unwrap();
    assert_eq!(other.authenticate().unwrap().reveal(), first.reveal());
    one.invalidate(&first);
    let second = one.authenticate().unwrap();
    assert_ne!(second.reveal(), first.reveal());
    // The other hears of it later, and takes what the first one got.
    other.invalidate(&first);
    assert_eq!(other.authenticate().unwrap().reveal(), second.reveal());
    assert_eq!(calls(&sandbox), 2);
}

/// Does something to the directory or the file in it.
type Damage<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn whatever_is_wrong_with_the_store_the_session_goes_on_and_reports_it() {
    let damage: &[(&str, Damage<'_>)] = &[
        ("truncated", &|_, file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("emptied", &|_, file| fs::write(file, "").unwrap()),
        ("foreign", &|_, file| fs::write(file, "this is another program's").unwrap()),
        ("flipped", &|_, file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[40] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("a link", &|directory, file| {
            fs::rename(file, directory.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink("elsewhere", file).unwrap();
        }),
        ("a directory", &|_, file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
        ("a pipe", &|_, file| {
            fs::remove_file(file).unwrap();
            let mode = nix::sys::stat::Mode::S_IRUSR;
            nix::unistd::mkfifo(file, mode).unwrap();
        }),
        ("no directory", &|directory, _| {
            fs::remove_dir_all(directory).unwrap();
            fs::write(directory, "a file in its place").unwrap();
        }),
    ];
    for (name, damage) in damage {
        let (sandbox, scratch) = (sandbox(), Scratch::new(&format!("damage-{}", name.len())));
        let path = scratch.0.join("store");
        with_store(&sandbox, &path).authenticate().unwrap();
        damage(&path, &files(&path)[0]);

        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let client = builder(&sandbox)
            .store(Store::directory(&path))
            .observer(move |event| seen.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        client.authenticate().unwrap_or_else(|e| panic!("{name}: {e}"));
        client.authenticate().unwrap();
        assert_eq!(calls(&sandbox), 2, "{name}");
        let events = events.lock().unwrap();
        let trouble = events.iter().find(|event| event.kind() == EventKind::StoreTrouble);
        println!("{name}: {}", trouble.unwrap_or_else(|| panic!("{name}: {events:?}")));
    }
}

#[test]
fn what_root_does_with_a_users_store_stays_that_users() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (sandbox, scratch) = (sandbox(), Scratch::new("owner"));
    let path = scratch.0.join("store");
    with_store(&sandbox, &path).authenticate().unwrap();
    let user = 12_345;
    chown(&path, Some(user), Some(user)).unwrap();
    chown(&files(&path)[0], Some(user), Some(user)).unwrap();
    // Its seal tells whose a file is: it is read, and written so that the user can read it.
    let client = with_store(&sandbox, &path);
    client.invalidate(&client.authenticate().unwrap());
    assert_eq!(calls(&sandbox), 1);
    client.authenticate().unwrap();
    assert_eq!(calls(&sandbox), 2);
    assert_eq!(fs::metadata(&files(&path)[0]).unwrap().uid(), user);
}

#[test]
fn a_directory_that_others_can_write_to_is_not_used_and_rotation_says_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, scratch) = (sandbox(), Scratch::new("others"));
    let set = |mode| fs::set_permissions(&scratch.0, fs::Permissions::from_mode(mode)).unwrap();
    let advice = format!("run: chmod go-w '{}'", scratch.0.display());
    set(0o1777);
    let (client, reports) = watched(builder(&sandbox).store(Store::directory(&scratch.0)));
    client.authenticate().unwrap();
    client.authenticate().unwrap();
    assert_eq!(calls(&sandbox), 1, "the session continues in memory");
    let reports = reports.lock().unwrap();
    assert!(!reports.is_empty() && reports.iter().all(|r| r.contains(&advice)), "{reports:?}");
    let options = || RotateOptions::new().hand_over(|_| Ok(()));
    let error = client.application_tokens().rotate(&options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&advice), "{error}");
    assert_eq!(sandbox.calls("POST", common::TOKENS), 0);
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    // The advice helps.
    set(0o755);
    let rotation = client.application_tokens().rotate(&options()).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
}

#[test]
fn a_cool_down_of_another_process_is_kept_and_not_overwritten() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("cool-down"));
    let (one, other) = (with_store(&sandbox, &scratch.0), with_store(&sandbox, &scratch.0));
    let token = one.authenticate().unwrap();
    other.invalidate(&other.authenticate().unwrap());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(429, "")));
    assert_eq!(other.authenticate().unwrap().reveal(), token.reveal());
    one.invalidate(&token);
    for client in [&one, &other] {
        // The token goes on being served, without another attempt.
        assert_eq!(client.authenticate().unwrap().reveal(), token.reveal());
        let error = client.status().last_error.unwrap();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    }
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn a_spent_refresh_token_is_spent_for_every_process() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("spent"));
    let client = || {
        let client = common::builder_without_token(&sandbox).user("user@example.com", "password");
        let client = client.store(Store::directory(&scratch.0)).clock(Arc::new(SystemClock));
        client.build().unwrap()
    };
    let (one, other) = (client(), client());
    let (first, second) = (one.authenticate().unwrap(), other.authenticate().unwrap());
    for (client, token) in [(&one, first), (&other, second)] {
        client.invalidate(&token);
        client.authenticate().unwrap();
    }
    assert_eq!(sandbox.calls_with_status("POST", AUTHENTICATE, 401), 0);
    assert_eq!(calls(&sandbox), 2, "the other one takes what the first one got");
}

#[test]
fn a_dropped_token_does_not_come_back_from_a_store_that_cannot_be_written() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("read-only"));
    let client = with_store(&sandbox, &scratch.0);
    let first = client.authenticate().unwrap();
    // In the way of every write: a directory that is not empty, where the new file would be made.
    let aside = PathBuf::from(format!("{}.new", files(&scratch.0)[0].display()));
    fs::create_dir_all(aside.join("in the way")).unwrap();
    client.invalidate(&first);
    let second = client.authenticate().unwrap();
    assert_ne!(second.reveal(), first.reveal());
    for _ in 0..3 {
        client.invalidate(&first);
        assert_eq!(client.authenticate().unwrap().reveal(), second.reveal());
    }
}

#[test]
fn a_slow_sign_in_is_waited_for_by_all_who_share_the_store() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("slow"));
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 1_500 }));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let client = builder(&sandbox).store(Store::directory(&scratch.0));
                let client = client.timeout(Duration::from_secs(4)).build().unwrap();
                client.authenticate().unwrap();
            });
        }
    });
    assert_eq!(calls(&sandbox), 1);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_next_start_is_warm_again() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("aside"));
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    let file = files(&scratch.0).remove(0);
    fs::write(&file, "cut off by a power failure").unwrap();
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    assert_eq!(calls(&sandbox), 2);
    let aside = file.with_extension("damaged");
    assert_eq!(fs::read(aside).unwrap(), b"cut off by a power failure");
}

// What follows needs processes of their own: this same program, run again as `child`.

#[test]
#[ignore = "run by the other tests, in an environment that they set"]
fn child() {
    let store = Store::directory(std::env::var_os("STORE").unwrap());
    let builder = Client::builder().store(store).timeout(Duration::from_secs(60));
    let (client, reports) = watched(builder);
    if std::env::var_os("FORK").is_some() {
        let signing_in = client.clone();
        std::thread::spawn(move || signing_in.authenticate());
        // SAFETY: the child does nothing but sleep and end.
        match unsafe { nix::unistd::fork() }.unwrap() {
            nix::unistd::ForkResult::Child => {
                std::thread::sleep(Duration::from_secs(20));
                std::process::exit(0);
            }
            nix::unistd::ForkResult::Parent { .. } => {}
        }
    }
    println!("outcome: {:?}", client.authenticate().map(|token| token.organisation_id()));
    println!("reports: {:?}", reports.lock().unwrap());
    if std::env::var_os("ROTATE").is_some() {
        let options = RotateOptions::new().hand_over(|_| Ok(()));
        let rotation = client.application_tokens().rotate(&options);
        println!("rotation: {:?}", rotation.map(|rotation| rotation.state()));
    }
}

#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn spawn(sandbox: &Sandbox, store: &Path) -> Child {
    spawn_after(sandbox, store, "true")
}

/// Runs the child after a line of shell.
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn spawn_after(sandbox: &Sandbox, store: &Path, line: &str) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    run_child(shell, sandbox, store)
}

/// Runs the child under `strace`; `None` where it is not installed.
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn spawn_traced(sandbox: &Sandbox, store: &Path, arguments: &[&str]) -> Option<Child> {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: strace is not installed");
        return None;
    }
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(arguments).arg(std::env::current_exe().unwrap());
    Some(run_child(strace, sandbox, store))
}

#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn run_child(mut command: Command, sandbox: &Sandbox, store: &Path) -> Child {
    command
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env("STORE", store)
        .env("EMNIFY_BASE_PATH", sandbox.url())
        .env("SSL_CERT_FILE", sandbox.ca_file())
        .env("EMNIFY_APPLICATION_TOKEN", sandbox.application_token())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn assert_signed_in(child: Child) -> String {
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("outcome: Ok(Some(1234))"), "{output}");
    output
}

#[test]
fn sixty_processes_with_one_store_sign_in_once_and_with_a_warm_one_not_at_all() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("sixty"));
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 500 }));
    for expected in [1, 1] {
        let children: Vec<_> = (0..60).map(|_| spawn(&sandbox, &scratch.0)).collect();
        children.into_iter().for_each(|child| drop(assert_signed_in(child)));
        assert_eq!(calls(&sandbox), expected);
    }
}

#[test]
fn a_disk_that_takes_no_byte_stops_nobody_and_nothing_half_written_stays() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("full"));
    // Every write fails, as on a full disk; the output goes to a pipe, which has no limit.
    let child = spawn_after(&sandbox, &scratch.0, "trap '' XFSZ; ulimit -f 0");
    assert_signed_in(child);
    assert_eq!(files(&scratch.0), Vec::<PathBuf>::new());
    assert_signed_in(spawn(&sandbox, &scratch.0));
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn a_holder_of_the_lock_that_is_killed_is_replaced_within_a_second() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("killed"));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 60_000 }));
    let mut holder = spawn(&sandbox, &scratch.0);
    eventually("the holder's call", || sandbox.connections() > 0);
    // It holds the lock from before its call.
    let waiting = spawn(&sandbox, &scratch.0);
    std::thread::sleep(Duration::from_millis(300));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    assert_signed_in(waiting);
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    assert!(calls(&sandbox) <= 2, "{}", calls(&sandbox));
}

#[test]
fn a_killed_holder_is_replaced_even_while_a_child_of_it_lives() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("inherited"));
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds: 60_000 }));
    // It forks while it signs in: the child inherits the lock's open file.
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
fn a_file_system_without_locks_leaves_the_session_in_memory_and_says_so() {
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
    assert_eq!(calls(&sandbox), 2);
}

#[test]
fn each_directory_that_is_made_for_a_store_is_durable_in_the_one_above() {
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
fn what_root_leaves_in_a_users_store_works_for_that_user() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    const USER: u32 = 12_345;
    let (sandbox, scratch) = (sandbox(), Scratch::new("root-and-user"));
    let store = scratch.0.join("store");
    // The user may not get to where the tests are built.
    let program = scratch.0.join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
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
    let made = calls(&sandbox);
    let output = Command::new(&program)
        .args(["child", "--exact", "--ignored", "--nocapture"])
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
    assert!(output.contains("outcome: Ok(Some(1234))"), "{output}");
    assert!(output.contains("reports: []"), "{output}");
    assert!(output.contains("rotation: Ok("), "{output}");
    assert!(calls(&sandbox) > made, "the user's rotation");
}
