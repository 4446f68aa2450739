//! Random numbers from the operating system, so that a forked child does not draw the same ones.

use std::io;

use crate::sys::crypto::rand::{SecureRandom, SystemRandom};

/// Returns a uniformly drawn number between 0 and 1, for jitter. It is 0.5 if the system returns no
/// random bytes.
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
/// If the system returns no random bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let failed = |_| io::Error::other("the operating system returned no random bytes");
    SystemRandom::new().fill(bytes).map_err(failed)
}

/// Returns a unique name: 128 random bits as hexadecimal digits.
///
/// # Errors
///
/// If the system returns no random bytes.
pub(crate) fn name() -> io::Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Returns the bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // Allocated once: growing would leave an unwiped copy of a secret.
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
