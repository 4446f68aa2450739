//! A session in a directory survives its client, and continues if the directory cannot be used.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emnify_core::{ErrorKind, EventKind, RotateOptions, RotationState, Store, SystemClock};
use emnify_sandbox::{Fault, FaultKind};

use super::{files, watched, with_store};
use crate::common::{
    AUTHENTICATE, Scratch, TOKENS, builder, builder_without_token, clock, sandbox, sign_ins,
};

#[test]
fn a_stored_session_needs_no_call_and_is_written_once() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("warm"));
    let first = with_store(&sandbox, &scratch.0).authenticate().unwrap();
    let written = fs::metadata(&files(&scratch.0)[0]).unwrap().modified().unwrap();
    for _ in 0..3 {
        let again = with_store(&sandbox, &scratch.0);
        assert_eq!(again.authenticate().unwrap().reveal(), first.reveal());
        assert_eq!(again.status().calls_made, 0);
    }
    assert_eq!(sign_ins(&sandbox), 1);
    assert_eq!(fs::metadata(&files(&scratch.0)[0]).unwrap().modified().unwrap(), written);
}

#[test]
fn the_disk_alone_reveals_no_secret() {
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
fn the_wait_after_a_429_survives_repeated_reboots() {
    let (sandbox, scratch, clock) = (sandbox(), Scratch::new("reboots"), clock());
    sandbox.settings(|settings| settings.authenticate_limit = 0);
    for _ in 0..10 {
        let client = builder(&sandbox).store(Store::directory(&scratch.0)).clock(clock.clone());
        let error = client.build().unwrap().authenticate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
        clock.reboot();
        clock.advance(Duration::from_secs(5));
    }
    assert_eq!(sign_ins(&sandbox), 1);
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
    // The other client reports the 401 later, and takes over the new token.
    other.invalidate(&first);
    assert_eq!(other.authenticate().unwrap().reveal(), second.reveal());
    assert_eq!(sign_ins(&sandbox), 2);
}

/// Damages the directory or the file in it.
type Damage<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn a_damaged_store_is_reported_and_the_session_continues() {
    let damage: &[(&str, Damage<'_>)] = &[
        ("truncated", &|_, file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("emptied", &|_, file| fs::write(file, "").unwrap()),
        ("replaced", &|_, file| fs::write(file, "another program's").unwrap()),
        ("changed", &|_, file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[40] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        #[cfg(unix)]
        ("a link", &|directory, file| {
            fs::rename(file, directory.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink("elsewhere", file).unwrap();
        }),
        ("a directory", &|_, file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
        #[cfg(unix)]
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
        let (sandbox, scratch) = (sandbox(), Scratch::new("damage"));
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
        assert_eq!(sign_ins(&sandbox), 2, "{name}");
        let events = events.lock().unwrap();
        let report = events.iter().find(|event| event.kind() == EventKind::StoreError);
        println!("{name}: {}", report.unwrap_or_else(|| panic!("{name}: {events:?}")));
    }
}

#[cfg(unix)]
#[test]
fn a_users_store_still_belongs_to_that_user_after_root_used_it() {
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
    // Root reads the user's file, and writes it so that the user can read it.
    let client = with_store(&sandbox, &path);
    client.invalidate(&client.authenticate().unwrap());
    assert_eq!(sign_ins(&sandbox), 1);
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 2);
    assert_eq!(fs::metadata(&files(&path)[0]).unwrap().uid(), user);
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_can_write_to_is_not_used_and_rotate_says_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, scratch) = (sandbox(), Scratch::new("others"));
    let set = |mode| fs::set_permissions(&scratch.0, fs::Permissions::from_mode(mode)).unwrap();
    let advice = format!("run: chmod go-w '{}'", scratch.0.display());
    set(0o1777);
    let (client, reports) = watched(builder(&sandbox).store(Store::directory(&scratch.0)));
    client.authenticate().unwrap();
    client.authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 1, "the session continues in memory");
    let reports = reports.lock().unwrap();
    assert!(!reports.is_empty() && reports.iter().all(|r| r.contains(&advice)), "{reports:?}");
    let options = || RotateOptions::new().hand_over(|_| Ok(()));
    let error = client.application_tokens().rotate(&options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&advice), "{error}");
    assert_eq!(sandbox.calls("POST", TOKENS), 0);
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    // After the advised chmod, it works.
    set(0o755);
    let rotation = client.application_tokens().rotate(&options()).unwrap();
    assert_eq!(rotation.state(), RotationState::Done);
}

#[test]
fn the_wait_after_another_processs_429_is_kept_and_not_overwritten() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("cool-down"));
    let (one, other) = (with_store(&sandbox, &scratch.0), with_store(&sandbox, &scratch.0));
    let token = one.authenticate().unwrap();
    other.invalidate(&other.authenticate().unwrap());
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::status(429, "")));
    assert_eq!(other.authenticate().unwrap().reveal(), token.reveal());
    one.invalidate(&token);
    for client in [&one, &other] {
        // The token is still handed out, without another attempt.
        assert_eq!(client.authenticate().unwrap().reveal(), token.reveal());
        let error = client.status().last_error.unwrap();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    }
    assert_eq!(sign_ins(&sandbox), 2);
}

#[test]
fn a_spent_refresh_token_is_spent_for_every_process() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("spent"));
    let client = || {
        let client = builder_without_token(&sandbox).user("user@example.com", "password");
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
    assert_eq!(sign_ins(&sandbox), 2, "the other one takes over the new token");
}

#[test]
fn an_invalidated_token_does_not_come_back_from_a_store_that_cannot_be_written() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("read-only"));
    let client = with_store(&sandbox, &scratch.0);
    let first = client.authenticate().unwrap();
    // Every write fails, since a directory that is not empty has the name of the temporary file.
    let aside = PathBuf::from(format!("{}.new", files(&scratch.0)[0].display()));
    fs::create_dir_all(aside.join("not empty")).unwrap();
    client.invalidate(&first);
    let second = client.authenticate().unwrap();
    assert_ne!(second.reveal(), first.reveal());
    for _ in 0..3 {
        client.invalidate(&first);
        assert_eq!(client.authenticate().unwrap().reveal(), second.reveal());
    }
}

#[test]
fn all_clients_that_share_the_store_wait_for_a_slow_sign_in() {
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
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_session_is_stored_again() {
    let (sandbox, scratch) = (sandbox(), Scratch::new("aside"));
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    let file = files(&scratch.0).remove(0);
    fs::write(&file, "cut off by a power failure").unwrap();
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    with_store(&sandbox, &scratch.0).authenticate().unwrap();
    assert_eq!(sign_ins(&sandbox), 2);
    let aside = file.with_extension("damaged");
    assert_eq!(fs::read(aside).unwrap(), b"cut off by a power failure");
}
