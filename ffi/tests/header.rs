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
    /// The name of its structure of options, and the initial values of the members after `size`.
    options: Option<(&'static str, &'static str)>,
    /// C code at its end, which Rust cannot express.
    verbatim: &'static str,
}

const fn section(title: &'static str, sources: &'static [&'static str]) -> Section {
    Section { title, sources, options: None, verbatim: "" }
}

impl Section {
    const fn options(self, name: &'static str, members: &'static str) -> Section {
        Section { options: Some((name, members)), ..self }
    }
}

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

/// A part of the header, which the table of contents lists.
struct Part {
    title: &'static str,
    sections: &'static [Section],
}

/// In an order that suits a reader, what most programs need first, and each type before its use.
const PARTS: [Part; 5] = [
    Part {
        title: "Signing in",
        sections: &[
            section("status codes", &["codes/error.rs"]),
            section("errors", &["boundary/failure.rs", "boundary/error.rs"]),
            section("configuration", &["client/config.rs"]),
            section("client", &["client/client.rs"]),
            section("auth tokens", &["client/authenticate.rs", "client/auth_token.rs"]),
        ],
    },
    Part {
        title: "More settings and details",
        sections: &[
            section("details of errors", &["codes/error_reason.rs", "boundary/error_details.rs"]),
            section("connections", &["client/config_network.rs"]),
            section("events", &["client/callback.rs", "client/event.rs"]),
            section("session status", &["client/status.rs"]),
            section("checks", &["client/check.rs"]),
            section("event loops", &["client/event_loop.rs"]),
            section("cancelling calls", &["client/cancel.rs"]),
            section("user credentials", &["client/config_user.rs"]),
            section("other workspaces", &["client/workspace.rs"]),
        ],
    },
    Part {
        title: "Requests to the API",
        sections: &[
            section("one request", &["requests/request.rs"])
                .options("request", "NULL, 0, NULL, 0, NULL, 0, 0"),
            section("collections", &["requests/pages.rs"]),
        ],
    },
    Part {
        title: "Application tokens",
        sections: &[
            section("create", &["tokens/create.rs"]).options("token", "NULL, NULL, NULL, 0"),
            section("properties, update, revoke", &["tokens/token.rs"]),
            section("findings", &["tokens/findings.rs"]),
            section("list", &["tokens/list.rs"]).options("list", "0, 0, 0"),
            section("refused sign-ins", &["tokens/failures.rs"]),
            section("values that were found in public", &["tokens/identify.rs"]),
            section("states of a rotation", &["codes/rotation_state.rs"]),
            section("rotate", &["tokens/rotate.rs"])
                .options("rotate", "0, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, 0"),
        ],
    },
    Part {
        title: "Version",
        sections: &[Section {
            verbatim: VERSION,
            ..section("header and library", &["version.rs"])
        }],
    },
];

/// Where `cbindgen.toml` wants the table of contents.
const CONTENTS: &str = " * CONTENTS\n";

/// The longest line of the table of contents.
const LINE: usize = 100;

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
            let Some(("pub " | "pub unsafe ", rest)) = line.split_once("extern \"C\" fn ") else {
                continue;
            };
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
    assert!(overview.contains(CONTENTS));
    let overview = overview.replace(CONTENTS, &contents());
    let mut text = format!("{}\n\n{OPENING}\n", overview.trim());
    for Part { title, sections } in &PARTS {
        for section in *sections {
            text.push_str(&heading(&format!("{title}: {}", section.title)));
            text.push_str(&body(&config, &package.join("src"), section));
            text.push('\n');
        }
    }
    text.push_str(CLOSING);
    text
}

/// Returns the table of contents, in lines of a comment.
fn contents() -> String {
    let mut text = String::new();
    for Part { title, sections } in &PARTS {
        let titles: Vec<_> = sections.iter().map(|section| section.title).collect();
        let mut line = " * -".to_owned();
        for word in format!("{title}: {}", titles.join("; ")).split(' ') {
            if line.len() + 1 + word.len() > LINE {
                text.push_str(&line);
                text.push('\n');
                line = " *  ".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Returns the text of a section below its title.
fn body(config: &Config, folder: &Path, section: &Section) -> String {
    let mut text = generate(config, folder, section.sources);
    if let Some((name, members)) = section.options {
        let end = format!("}} emnify_{name}_options;\n");
        assert!(text.contains(&end), "{end}");
        text = text.replace(&end, &format!("{end}\n{}", initialiser(name, members)));
    }
    if !section.verbatim.is_empty() {
        text.push('\n');
    }
    text + section.verbatim
}

/// Returns the macro that initialises a structure of options.
fn initialiser(name: &str, members: &str) -> String {
    let (options, macro_name) =
        (format!("emnify_{name}_options"), format!("EMNIFY_{}_OPTIONS_INIT", name.to_uppercase()));
    format!(
        "/**\n * Initialises the options: {options} options = {macro_name};\n */\n\
         #define {macro_name} \\\n    {{ sizeof({options}), {members} }}\n"
    )
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
