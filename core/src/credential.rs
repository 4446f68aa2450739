//! What a machine signs in with, and where it comes from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::input;
use crate::secret::Secret;

/// A token and some white space around it; more is not read.
const LONGEST_FILE: u64 = 64 * 1024;

/// The source of the application token.
#[derive(Debug)]
pub(crate) enum Credential {
    /// Given as text.
    ApplicationToken(Secret),
    /// The path of a file that holds it, read at each sign-in: it may have been rotated.
    ApplicationTokenFile(PathBuf),
}

impl Credential {
    /// The application token as it is now.
    pub(crate) fn application_token(&self) -> Result<Secret> {
        match self {
            Credential::ApplicationToken(token) => Ok(token.clone()),
            Credential::ApplicationTokenFile(path) => read(path),
        }
    }
}

fn read(path: &Path) -> Result<Secret> {
    const NAME: &str = "application_token_file";
    let refuse = |problem: &dyn std::fmt::Display| {
        Error::invalid_input(NAME, format_args!("{}: {problem}", path.display()))
    };
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_FILE as usize));
    File::open(path)
        .and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text))
        .map_err(|e| refuse(&e))?;
    let token = Secret::from(text.trim());
    input::application_token(&format!("{NAME}: {}", path.display()), &token)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_no_token_is_named() {
        for path in ["/nonexistent/token", "/dev/null", "Cargo.toml"] {
            let error = Credential::ApplicationTokenFile(path.into()).application_token();
            let message = error.unwrap_err().to_string();
            assert!(message.starts_with("application_token_file: "), "{message}");
            assert!(message.contains(path), "{message}");
        }
    }
}
