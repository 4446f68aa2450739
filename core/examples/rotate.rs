//! Replaces the application token in a file, and continues a rotation that was interrupted.
//!
//! `cargo run -p emnify-core --example rotate -- /var/lib/gateway/token /var/lib/gateway/emnify`

use std::env;
use std::time::Duration;

use emnify_core::{Client, RotateOptions, RotationState, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: rotate <file with the application token> <directory for the journal>";
    let mut arguments = env::args_os().skip(1);
    let (Some(file), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err(usage.into());
    };

    // The journal outlives a power failure, so keep the directory. All programs that use the file
    // must use the same directory.
    let client = Client::builder()
        .application_token_file(file)
        .store(Store::directory(directory.to_string_lossy().into_owned()))
        .build()?;

    // The new token gets the description, the IP restriction and the lifetime of the old one.
    // Without a grace period the old one is revoked at once.
    let options = RotateOptions::new().grace(Duration::ZERO);
    match client.application_tokens().rotate(&options) {
        Ok(rotation) if rotation.state() == RotationState::Done => {
            println!("The token {} replaced {}.", rotation.new_id(), rotation.old_id());
        }
        Ok(rotation) => {
            println!("Both tokens work; run this again in {:?}.", rotation.grace_left())
        }
        // A working token is in the file at all times. The next run continues from this state.
        Err(error) => {
            let state = error.rotation_state();
            eprintln!("{error}");
            eprintln!("state {state:?}; run this again: {}", error.is_retryable());
            return Err(error.into());
        }
    }
    Ok(())
}
