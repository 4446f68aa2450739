//! Each public item has an example: its own, or one on the page of its type that shows it.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, mem};

/// A type with its page in the documentation.
#[derive(Default)]
struct Type {
    /// All doc comments on the page.
    page: String,
    /// The methods, each with a `(`, and fields that have no example of their own.
    rest: Vec<String>,
}

#[test]
fn every_public_item_has_an_example() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = fs::read_to_string(src.join("lib.rs")).unwrap();
    let (_, exports) = root.split_once("\npub use ").unwrap();
    let (exports, _) = exports.split_once("// For the C library").unwrap();
    let exports = words(exports);
    let is_public = |name: &str| name.starts_with(char::is_uppercase) && exports.contains(&name);
    let mut types: BTreeMap<&str, Type> = BTreeMap::new();
    let sources = sources(&src);
    for source in &sources {
        read(source, &is_public, &mut types);
    }
    let mut missing = Vec::new();
    for (name, Type { page, rest }) in &types {
        let is_shown =
            |item: &str| page.contains(&format!(".{item}")) || page.contains(&format!("::{item}"));
        let rest = rest.iter().filter(|item| !is_shown(item));
        missing.extend(rest.map(|item| format!("{name}::{item}")));
        if !page.contains("```") {
            missing.push((*name).to_owned());
        }
    }
    assert!(types.len() > 30, "only {} types were found", types.len());
    assert!(missing.is_empty(), "without an example: {missing:#?}");
}

fn sources(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![fs::read_to_string(path).unwrap()],
        })
        .collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

/// Reads the doc comments of a file's public types, methods and fields.
fn read<'a>(
    source: &'a str,
    is_public: &dyn Fn(&str) -> bool,
    types: &mut BTreeMap<&'a str, Type>,
) {
    let (mut owner, mut is_trait) = (None, false);
    let (mut doc, mut is_hidden) = (String::new(), false);
    for line in source.lines() {
        let code = line.trim_start();
        if let Some(text) = code.strip_prefix("///") {
            doc.extend([text, "\n"]);
            continue;
        }
        if code.starts_with("#[") {
            is_hidden |= code.contains("doc(hidden)");
            continue;
        }
        let (doc, is_hidden) = (mem::take(&mut doc), mem::take(&mut is_hidden));
        let words = words(code);
        let name = match (line.len() - code.len(), &*words) {
            (0, ["pub", "struct" | "enum" | "trait" | "type", name, ..]) => {
                is_trait = words[1] == "trait";
                owner = Some(*name);
                None
            }
            (0, ["impl", name, ..]) => {
                is_trait = false;
                owner = Some(*name).filter(|_| !code.contains(" for "));
                None
            }
            (4, ["pub", "fn", name, ..]) => Some(format!("{name}(")),
            (4, ["fn", name, ..]) if is_trait => Some(format!("{name}(")),
            (4, ["pub", name, "", ..]) if !code.starts_with("pub(") => Some((*name).to_owned()),
            _ => continue,
        };
        owner = owner.filter(|owner| is_public(owner) && !(is_hidden && name.is_none()));
        let Some(owner) = owner.filter(|_| !is_hidden) else { continue };
        let page = types.entry(owner).or_default();
        page.page.push_str(&doc);
        page.rest.extend(name.filter(|_| !doc.contains("```")));
    }
}
