//! Rejects imports that go up: a folder of `src` imports only from itself and from the floors
//! below.

#![allow(clippy::unwrap_used, reason = "all of this is a test")]

use std::fs;
use std::path::Path;

/// The folders of `src`, from the bottom up. Those on one floor do not import each other.
const FLOORS: [&[&str]; 4] = [&["codes"], &["boundary"], &["client"], &["requests", "tokens"]];

#[test]
fn no_folder_imports_from_above() {
    let mut imports = 0;
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap();
        let floor = floor(name).unwrap_or_else(|| panic!("{name} is on no floor"));
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("super::super"), "{}: write crate::", file.display());
            for (_, path) in text.match_indices("crate::").map(|(at, _)| text.split_at(at + 7)) {
                let imported =
                    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let below = self::floor(imported).is_some_and(|imported| imported < floor);
                assert!(below || imported == name, "{}: crate::{imported}", file.display());
                imports += 1;
            }
        }
    }
    assert!(imports > 20, "{imports}");
}

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|folders| folders.contains(&folder))
}
