//! Chance, from the operating system: for jitter, and so that no child of a fork draws the same.

use ring::rand::{SecureRandom, SystemRandom};

/// Uniform between 0 and 1. Where the system has no randomness, the middle: late is better than
/// never.
pub(crate) fn draw() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
