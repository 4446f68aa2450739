//! Entries of a directory, and the owners and modes of its files.

#[cfg(unix)]
use std::path::Path;

use super::*;

/// A directory for one test, removed at its end.
struct Scratch(Directory);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("emnify-{}-{name}", std::process::id()));
        Scratch(Directory::new(path.join("made/on/demand")))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let top = self.0.path.ancestors().nth(3).unwrap();
        fs::remove_dir_all(top).unwrap();
    }
}

#[test]
fn a_saved_entry_is_loaded_and_leaves_no_other_file() {
    let scratch = Scratch::new("save");
    assert_eq!(scratch.0.load("a").unwrap(), None);
    scratch.0.save("a", b"one").unwrap();
    scratch.0.save("a", b"two").unwrap();
    assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"two");
    assert_eq!(fs::read_dir(&scratch.0.path).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_access_the_files() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new("mode");
    scratch.0.save("a", b"one").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&scratch.0.path.join("a")), 0o600);
    assert_eq!(mode(&scratch.0.path), 0o700);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_in_place_of_an_entry_is_not_followed() {
    let scratch = Scratch::new("link");
    scratch.0.save("target", b"precious").unwrap();
    std::os::unix::fs::symlink("target", scratch.0.path.join("a")).unwrap();
    assert!(scratch.0.load("a").is_err());
    scratch.0.save("a", b"ours").unwrap();
    assert_eq!(scratch.0.load("target").unwrap().unwrap(), b"precious");
    assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"ours");
}

#[test]
fn a_lock_is_held_once_and_freed_with_its_holder() {
    let scratch = Scratch::new("lock");
    let lock = scratch.0.try_lock("a").unwrap();
    assert!(lock.is_some());
    assert!(scratch.0.try_lock("a").unwrap().is_none());
    assert!(scratch.0.try_lock("b").unwrap().is_some());
    drop(lock);
    assert!(scratch.0.try_lock("a").unwrap().is_some());
}

#[test]
fn removing_an_entry_keeps_its_lock_file() {
    let scratch = Scratch::new("remove");
    let lock = scratch.0.try_lock("a").unwrap();
    scratch.0.save("a", b"one").unwrap();
    scratch.0.remove("a").unwrap();
    assert_eq!(scratch.0.load("a").unwrap(), None);
    assert!(scratch.0.try_lock("a").unwrap().is_none());
    drop(lock);
}

#[test]
fn an_entry_that_is_too_long_is_not_read() {
    let scratch = Scratch::new("long");
    scratch.0.save("a", &vec![0; LONGEST_ENTRY]).unwrap();
    assert_eq!(scratch.0.load("a").unwrap().unwrap().len(), LONGEST_ENTRY);
    scratch.0.save("a", &vec![0; LONGEST_ENTRY + 1]).unwrap();
    assert_eq!(scratch.0.load("a").unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("others");
    scratch.0.save("a", b"one").unwrap();
    let set = |mode| fs::set_permissions(&scratch.0.path, fs::Permissions::from_mode(mode));
    for mode in [0o777, 0o1777, 0o2775, 0o702] {
        set(mode).unwrap();
        let refusals = [
            scratch.0.load("a").map(drop),
            scratch.0.save("a", b"two"),
            scratch.0.remove("a"),
            scratch.0.set_aside("a"),
            scratch.0.try_lock("a").map(drop),
        ];
        for refusal in refusals {
            let message = refusal.unwrap_err().to_string();
            let advice = format!("run: chmod go-w '{}'", scratch.0.path.display());
            assert!(message.ends_with(&advice), "{mode:o}: {message}");
        }
        assert_eq!(fs::read_dir(&scratch.0.path).unwrap().count(), 1, "{mode:o}");
    }
    for mode in [0o700, 0o755] {
        set(mode).unwrap();
        assert_eq!(scratch.0.load("a").unwrap().unwrap(), b"one");
    }
}

#[cfg(unix)]
#[test]
fn root_gives_away_only_its_own_files_with_a_single_link() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    const USER: u32 = 12_345;
    let scratch = Scratch::new("owner");
    let at = |name: &str| scratch.0.path.join(name);
    let owner = |name: &str| fs::metadata(at(name)).unwrap().uid();
    for name in ["mine", "linked", "other", "mine.lock", "linked.lock", "other.lock"] {
        scratch.0.save(name, b"one").unwrap();
    }
    for name in ["linked", "linked.lock"] {
        fs::hard_link(at(name), at(&format!("{name}.twin"))).unwrap();
    }
    for name in ["other", "other.lock"] {
        chown(at(name), Some(54_321), None).unwrap();
    }
    chown(&scratch.0.path, Some(USER), Some(USER)).unwrap();
    for (name, expected) in [("mine", USER), ("linked", 0), ("other", 54_321), ("new", USER)] {
        let _ = scratch.0.load(name).unwrap();
        assert!(scratch.0.try_lock(name).unwrap().is_some());
        assert_eq!(owner(&format!("{name}.lock")), expected, "{name}");
        if name != "new" {
            assert_eq!(owner(name), expected, "{name}");
        }
    }
    scratch.0.save("new", b"one").unwrap();
    assert_eq!(owner("new"), USER);
    let names = fs::read_dir(&scratch.0.path).unwrap().count();
    assert_eq!(names, 10, "no other file remains");
}
