//! The folders of `src` are the floors of the core: each imports only from itself and from those
//! below it.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// From the top down.
const FLOORS: [&str; 10] =
    ["client", "rotation", "calls", "session", "sign_in", "store", "http", "api", "sys", "types"];

#[test]
fn each_floor_imports_only_from_those_below() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    for path in files(&src).unwrap() {
        let floor = path.strip_prefix(&src).unwrap().iter().next().unwrap().to_str().unwrap();
        if floor == "lib.rs" {
            continue; // It re-exports from all floors.
        }
        let rank = |name: &str| FLOORS.iter().position(|floor| *floor == name);
        let above = rank(floor).unwrap_or_else(|| panic!("{floor} is not a floor"));
        let is_upward = |import: &&String| rank(import).is_none_or(|rank| rank < above);
        let imports = imports(&fs::read_to_string(&path).unwrap());
        upward.extend(imports.iter().filter(is_upward).map(|i| format!("{}: {i}", path.display())));
    }
    assert!(upward.is_empty(), "imports that lead upwards: {upward:#?}");
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// The first names of all paths that start at the crate's root: `a` and `b` of `crate::{a::c, b}`.
fn imports(source: &str) -> Vec<String> {
    let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("super::super::", "crate::above::");
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for path in code.split("crate::").skip(1) {
        let Some(group) = path.strip_prefix('{') else {
            names.push(name(path));
            continue;
        };
        let (mut depth, mut first) = (1, true);
        for (at, c) in group.char_indices().take_while(|(_, c)| *c != ';') {
            if depth == 1 && (first || c == ',') {
                names.push(name(group.get(at..).unwrap_or_default().trim_start_matches(',')));
            }
            (first, depth) = (false, depth + i32::from(c == '{') - i32::from(c == '}'));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn all_forms_of_a_path_are_seen() {
    let source = "use crate::{\n    api::{a, b},\n    sys,\n};\n// crate::client\nlet x = \
                  crate::http::y();\nuse super::super::z;";
    assert_eq!(imports(source), ["api", "sys", "http", "above"]);
}
