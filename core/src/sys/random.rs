//! Randomness from the operating system, so that no child of a fork draws the same.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// Returns a number between 0 and 1, uniformly drawn, for jitter. Where the system has no randomness,
/// it is the middle: late is better than never.
pub(crate) fn draw() -> f64 {
    let mut bytes = [0; 4];
    match fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

/// Fills the buffer with random bytes.
///
/// # Errors
///
/// Where the system has no randomness.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let failed = |_| io::Error::other("the system has no randomness");
    SystemRandom::new().fill(bytes).map_err(failed)
}

/// Returns a name that nobody else has: 128 random bits as hexadecimal digits.
///
/// # Errors
///
/// Where the system has no randomness.
pub(crate) fn name() -> io::Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Returns the bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // At once as long as it gets: a secret must leave no copies behind.
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            digits.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_are_hexadecimal() {
        let name = name().unwrap();
        assert_eq!(name.len(), 32);
        assert_ne!(name, super::name().unwrap());
        assert_eq!(hex(&[0x00, 0x5a, 0xff]), "005aff");
    }
}
