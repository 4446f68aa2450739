//! Generates unpredictable text for tokens, codes and keys. The system's generator is used once, at
//! the start, where a failure can be reported. Later calls cannot fail.

use std::io;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Generates from a key that was created at the start.
#[derive(Debug)]
pub(crate) struct Random {
    key: hmac::Key,
    drawn: u64,
}

impl Random {
    pub(crate) fn new() -> io::Result<Self> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| io::Error::other("the system's random number generator failed"))?;
        Ok(Random { key: hmac::Key::new(hmac::HMAC_SHA256, &seed), drawn: 0 })
    }

    /// Returns 32 bytes.
    pub(crate) fn block(&mut self) -> Vec<u8> {
        self.drawn += 1;
        hmac::sign(&self.key, &self.drawn.to_be_bytes()).as_ref().to_vec()
    }

    /// Returns lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&to_hex(&self.block()));
        }
        text.truncate(digits);
        text
    }

    /// Returns six decimal digits, for a one-time code.
    pub(crate) fn code(&mut self) -> String {
        let number =
            self.block().iter().fold(0u64, |sum, byte| (sum * 256 + u64::from(*byte)) % 1_000_000);
        format!("{number:06}")
    }
}

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ() {
        let mut random = Random::new().unwrap();
        assert_ne!(random.hex(40), random.hex(40));
        assert_eq!(random.hex(81).len(), 81);
        assert_eq!(random.code().len(), 6);
    }
}
