//! Keeps `include/emnify.h` what the sources say. It is generated in memory and compared with the
//! file, which is committed so that who writes C needs no Rust to read or use it.
//!
//! cbindgen orders a header by what things are: constants, types, functions. A reader wants it by
//! subject, so each source file becomes a section of its own.

#![allow(clippy::unwrap_used, reason = "all of this is a test")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config};

/// A section of the header.
struct Section {
    title: &'static str,
    /// The file in `src` that it is made of.
    source: &'static str,
    /// What Rust cannot express, to stand at the end.
    verbatim: &'static str,
}

const fn section(title: &'static str, source: &'static str) -> Section {
    Section { title, source, verbatim: "" }
}

const TOKEN_OPTIONS: &str = "\
/**
 * What to start from: emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
 */
#define EMNIFY_TOKEN_OPTIONS_INIT { sizeof(emnify_token_options), NULL, NULL, NULL, 0 }
";

const REQUEST_OPTIONS: &str = "\
/**
 * What to start from: emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
 */
#define EMNIFY_REQUEST_OPTIONS_INIT \\
    { sizeof(emnify_request_options), NULL, 0, NULL, 0, NULL, 0 }
";

const AUDIT_OPTIONS: &str = "\
/**
 * What to start from: emnify_audit_options options = EMNIFY_AUDIT_OPTIONS_INIT;
 */
#define EMNIFY_AUDIT_OPTIONS_INIT { sizeof(emnify_audit_options), 0, 0 }
";

const ROTATE_OPTIONS: &str = "\
/**
 * What to start from: emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
 */
#define EMNIFY_ROTATE_OPTIONS_INIT \\
    { sizeof(emnify_rotate_options), 0, NULL, NULL, NULL, 0, 0, NULL, NULL, 0 }
";

/// In the order in which a reader needs them, and C wants its types declared.
const SECTIONS: [Section; 22] = [
    section("What a call returns", "code.rs"),
    section("Errors", "error.rs"),
    section("Configuration", "config.rs"),
    section("Configuration: signing in as a person", "config_user.rs"),
    section("Configuration: being told what happens", "event.rs"),
    section("Client", "client.rs"),
    section("Client: ending its calls", "cancel.rs"),
    section("Auth tokens", "auth_token.rs"),
    section("Status", "status.rs"),
    Section {
        title: "Any other call: what it carries",
        source: "request_options.rs",
        verbatim: REQUEST_OPTIONS,
    },
    section("Any other call", "request.rs"),
    section("Any other call: a collection, row by row", "pages.rs"),
    Section {
        title: "Application tokens: what a new one shall be like",
        source: "token_options.rs",
        verbatim: TOKEN_OPTIONS,
    },
    section("Application tokens: creating one", "created_token.rs"),
    section("Application tokens: one of those that there are", "token.rs"),
    section("Application tokens: the list of them", "token_list.rs"),
    Section {
        title: "Application tokens: from when on one is worth a word",
        source: "audit_options.rs",
        verbatim: AUDIT_OPTIONS,
    },
    section("Application tokens: what there is to say against them", "audit.rs"),
    section("Application tokens: the states of a rotation", "rotation_state.rs"),
    Section {
        title: "Application tokens: how one shall be rotated",
        source: "rotate_options.rs",
        verbatim: ROTATE_OPTIONS,
    },
    section("Application tokens: rotating one", "rotation.rs"),
    Section {
        title: "Version",
        source: "version.rs",
        verbatim: concat!(
            "/**\n * The version of this header, as text.\n */\n#define EMNIFY_VERSION \"",
            env!("CARGO_PKG_VERSION"),
            "\"\n\n",
            "/**\n * The version of this header as a number that grows with each version:\n",
            " * #if EMNIFY_VERSION_NUMBER >= 1002000 asks for 1.2.0 or later.\n */\n",
            "#define EMNIFY_VERSION_NUMBER \\\n",
            "    (EMNIFY_VERSION_MAJOR * 1000000 + EMNIFY_VERSION_MINOR * 1000 + ",
            "EMNIFY_VERSION_PATCH)\n",
        ),
    },
];

const OPENING: &str = "\
#ifndef EMNIFY_H
#define EMNIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif
";

const CLOSING: &str = "\
#ifdef __cplusplus
}
#endif

#endif /* EMNIFY_H */
";

#[test]
fn the_committed_header_is_what_the_sources_say() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = package.join("../include/emnify.h");
    let generated = header(package);
    if env::var_os("EMNIFY_UPDATE_HEADER").is_some_and(|value| value == "1") {
        fs::write(&committed, &generated).unwrap();
    }
    let text = fs::read_to_string(&committed).unwrap_or_default();
    let different = text.lines().zip(generated.lines()).position(|(old, new)| old != new);
    assert!(
        text == generated,
        "include/emnify.h is not what ffi/src says, first in line {}. If the change is meant, run\
         \n\n    EMNIFY_UPDATE_HEADER=1 cargo test -p emnify-ffi --test header\n\nand commit the \
         file.",
        different.unwrap_or(text.lines().count().min(generated.lines().count())) + 1,
    );
}

#[test]
fn every_exported_function_is_in_the_header() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = header(package);
    let sources: Vec<PathBuf> =
        fs::read_dir(package.join("src")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut functions = 0;
    for source in sources {
        for line in fs::read_to_string(&source).unwrap().lines() {
            let Some((_, rest)) = line.split_once("extern \"C\" fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} of {}", source.display());
            functions += 1;
        }
    }
    assert!(functions > 30, "{functions}");
}

fn header(package: &Path) -> String {
    let config = Config::from_file(package.join("cbindgen.toml")).unwrap();
    let overview = config.header.clone().unwrap_or_default();
    let mut text = format!("{}\n\n{OPENING}\n", overview.trim());
    for section in &SECTIONS {
        text.push_str(&heading(section.title));
        text.push_str(&generate(&config, &package.join("src").join(section.source)));
        text.push('\n');
        if !section.verbatim.is_empty() {
            text.push_str(section.verbatim);
            text.push('\n');
        }
    }
    text.push_str(CLOSING);
    text
}

fn heading(title: &str) -> String {
    format!("/* {0:-<94} */\n/* {title:<94} */\n/* {0:-<94} */\n\n", "")
}

/// The declarations of one source file.
fn generate(config: &Config, source: &Path) -> String {
    let config = Config { header: None, ..config.clone() };
    let mut bytes = Vec::new();
    Builder::new().with_config(config).with_src(source).generate().unwrap().write(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    text.trim().lines().map(|line| parenthesised(line) + "\n").collect()
}

/// A negative constant in parentheses, without which a macro may come apart where it is used.
fn parenthesised(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((define, value)) if line.starts_with("#define ") && value.starts_with('-') => {
            format!("{define} ({value})")
        }
        _ => line.to_owned(),
    }
}
