//! Random numbers that a seed determines, so that a simulation can be repeated.

/// The random number generator SplitMix64.
#[derive(Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// Returns the numbers of one machine from this start of it on.
    pub(crate) fn of(seed: u64, start: u32, index: usize) -> Self {
        let mut seeds = Draws(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        seeds.0 ^= u64::from(start) << 32 | index as u64;
        Draws(seeds.next())
    }

    /// Returns a number that is uniform between 0 and 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
