//! Checks that `include/emnify.h` matches the sources. The header is generated in memory and
//! compared with the committed file. It is committed so that C programmers need no Rust to read or
//! use it.
//!
//! cbindgen sorts a header into constants, types and functions. Readers want it sorted by subject,
//! so each section is generated from the source files for one subject.

#![allow(clippy::unwrap_used, reason = "all of this is a test")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config};

/// A section of the header.
struct Section {
    title: &'static str,
    /// The files in `src` that it is generated from.
    sources: &'static [&'static str],
    /// C code that Rust cannot express.
    verbatim: &'static str,
    /// The text that `verbatim` follows; empty if it comes at the end.
    after: &'static str,
}

const fn section(title: &'static str, sources: &'static [&'static str]) -> Section {
    Section { title, sources, verbatim: "", after: "" }
}

impl Section {
    const fn with(self, verbatim: &'static str, after: &'static str) -> Section {
        Section { verbatim, after, ..self }
    }
}

const TOKEN_OPTIONS: &str = "\
/**
 * Initialises the options: emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
 */
#define EMNIFY_TOKEN_OPTIONS_INIT { sizeof(emnify_token_options), NULL, NULL, NULL, 0 }
";

const REQUEST_OPTIONS: &str = "\
/**
 * Initialises the options: emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
 */
#define EMNIFY_REQUEST_OPTIONS_INIT \\
    { sizeof(emnify_request_options), NULL, 0, NULL, 0, NULL, 0 }
";

const LIST_OPTIONS: &str = "\
/**
 * Initialises the options: emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;
 */
#define EMNIFY_LIST_OPTIONS_INIT { sizeof(emnify_list_options), 0, 0 }
";

const ROTATE_OPTIONS: &str = "\
/**
 * Initialises the options: emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
 */
#define EMNIFY_ROTATE_OPTIONS_INIT \\
    { sizeof(emnify_rotate_options), 0, NULL, NULL, NULL, 0, NULL, NULL, 0, 0 }
";

const VERSION: &str = concat!(
    "/**\n * Version of this header, as text.\n */\n#define EMNIFY_VERSION \"",
    env!("CARGO_PKG_VERSION"),
    "\"\n\n",
    "/**\n * Version of this header as a number that grows with each version:\n",
    " * #if EMNIFY_VERSION_NUMBER >= 1002000 is true for 1.2.0 and later.\n */\n",
    "#define EMNIFY_VERSION_NUMBER \\\n",
    "    (EMNIFY_VERSION_MAJOR * 1000000 + EMNIFY_VERSION_MINOR * 1000 + ",
    "EMNIFY_VERSION_PATCH)\n",
);

/// In an order that suits a reader and declares each type before its use.
const SECTIONS: [Section; 21] = [
    section("Status codes", &["codes/error.rs"]),
    section("Reasons of errors", &["codes/error_reason.rs"]),
    section("Error objects", &["boundary/failure.rs", "boundary/error.rs"]),
    section("Configuration", &["client/config.rs"]),
    section("Configuration: connections", &["client/config_network.rs"]),
    section("Configuration: events", &["client/callback.rs", "client/event.rs"]),
    section("Configuration: user credentials", &["client/config_user.rs"]),
    section("Client", &["client/client.rs"]),
    section("Client: cancelling its calls", &["client/cancel.rs"]),
    section("Auth tokens", &["client/authenticate.rs", "client/auth_token.rs"]),
    section("Event loops", &["client/event_loop.rs"]),
    section("Session status", &["client/status.rs"]),
    section("Requests to the API", &["requests/request.rs"])
        .with(REQUEST_OPTIONS, "} emnify_request_options;\n"),
    section("Requests to the API: collections", &["requests/pages.rs"]),
    section("Application tokens: create", &["tokens/create.rs"])
        .with(TOKEN_OPTIONS, "} emnify_token_options;\n"),
    section("Application tokens: properties, update, revoke", &["tokens/token.rs"]),
    section("Application tokens: findings", &["tokens/findings.rs"]),
    section("Application tokens: list", &["tokens/list.rs"])
        .with(LIST_OPTIONS, "} emnify_list_options;\n"),
    section("Application tokens: states of a rotation", &["codes/rotation_state.rs"]),
    section("Application tokens: rotate", &["tokens/rotate.rs"])
        .with(ROTATE_OPTIONS, "} emnify_rotate_options;\n"),
    section("Version", &["version.rs"]).with(VERSION, ""),
];

const OPENING: &str = "\
#ifndef EMNIFY_H
#define EMNIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Marks calls that can fail: compilers warn if their status is ignored. A program that ignores one
 * on purpose may define this as nothing before it includes the header.
 */
#ifndef EMNIFY_NODISCARD
#if (defined(__cplusplus) && __cplusplus >= 201703L) || \\
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define EMNIFY_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define EMNIFY_NODISCARD __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define EMNIFY_NODISCARD _Check_return_
#else
#define EMNIFY_NODISCARD
#endif
#endif

#ifdef __cplusplus
extern \"C\" {
#endif
";

/// The last argument of a function that can fail.
const ERROR: &str = "emnify_error **error);";

const CLOSING: &str = "\
#ifdef __cplusplus
}
#endif

#endif /* EMNIFY_H */
";

#[test]
fn the_committed_header_matches_the_sources() {
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
        "include/emnify.h differs from ffi/src, first in line {}. If the change is intended, run\
         \n\n    EMNIFY_UPDATE_HEADER=1 cargo test -p emnify-ffi --test header\n\nand commit the \
         file.",
        different.unwrap_or(text.lines().count().min(generated.lines().count())) + 1,
    );
}

#[test]
fn every_exported_function_is_in_the_header() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = header(package);
    let mut functions = 0;
    for source in sources(&package.join("src")) {
        for line in fs::read_to_string(&source).unwrap().lines() {
            let Some((_, rest)) = line.split_once("extern \"C\" fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} of {}", source.display());
            functions += 1;
        }
    }
    assert!(functions > 30, "{functions}");
}

/// Returns all files in `folder` and its subfolders.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

fn header(package: &Path) -> String {
    let config = Config::from_file(package.join("cbindgen.toml")).unwrap();
    let overview = config.header.clone().unwrap_or_default();
    let mut text = format!("{}\n\n{OPENING}\n", overview.trim());
    for section in &SECTIONS {
        text.push_str(&heading(section.title));
        text.push_str(&body(&config, &package.join("src"), section));
        text.push('\n');
    }
    text.push_str(CLOSING);
    text
}

/// Returns the text of a section below its title.
fn body(config: &Config, folder: &Path, section: &Section) -> String {
    let declarations = generate(config, folder, section.sources);
    let Section { verbatim, after, .. } = section;
    if after.is_empty() {
        let gap = if verbatim.is_empty() { "" } else { "\n" };
        return declarations + gap + verbatim;
    }
    assert!(declarations.contains(after), "{after}");
    declarations.replace(after, &format!("{after}\n{verbatim}"))
}

fn heading(title: &str) -> String {
    format!("/* {0:-<94} */\n/* {title:<94} */\n/* {0:-<94} */\n\n", "")
}

/// Returns the declarations in some source files.
fn generate(config: &Config, folder: &Path, sources: &[&str]) -> String {
    let config = Config { header: None, ..config.clone() };
    let builder = sources
        .iter()
        .fold(Builder::new(), |builder, source| builder.with_src(folder.join(source)));
    let mut bytes = Vec::new();
    builder.with_config(config).generate().unwrap().write(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let lines: String = text.trim().lines().map(|line| parenthesised(line) + "\n").collect();
    lines.split("\n\n").map(checked).collect::<Vec<_>>().join("\n\n")
}

/// Marks a declaration, which may follow its comment, if it is of a function that can fail.
fn checked(declaration: &str) -> String {
    match declaration.rsplit_once("\nint32_t emnify_") {
        Some((comment, function)) if function.trim_end().ends_with(ERROR) => {
            format!("{comment}\nEMNIFY_NODISCARD\nint32_t emnify_{function}")
        }
        _ => declaration.to_owned(),
    }
}

/// Puts a negative constant into parentheses, so that the macro is safe in any expression.
fn parenthesised(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((define, value)) if line.starts_with("#define ") && value.starts_with('-') => {
            format!("{define} ({value})")
        }
        _ => line.to_owned(),
    }
}
