//! Owns which blocks are recorded, and for how much each of them stands.
//!
//! Sampling is a Poisson process over allocated bytes: the distance to the next sampled byte is exponential, so a block
//! of `size` bytes is recorded with probability `p = 1 - exp(-size / interval)` whatever came before it, and stands for
//! `1 / p` blocks of its size. The sums are unbiased for every size (Horvitz and Thompson 1952).

use crate::protocol::track::Mode;

/// Blocks are counted in so many parts where they are estimated: a large block stands for 1 to 1.6 of its kind, and
/// whole numbers would make that 1 or 2.
const PARTS: u64 = 1024;

/// What one recorded block adds to its site: estimated bytes, and blocks in units of [`Mode::parts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) bytes: u64,
    pub(super) blocks: u64,
}

impl Mode {
    /// The units of a block in which sites are counted.
    pub(super) const fn parts(self) -> u64 {
        match self {
            Self::Exact => 1,
            Self::Sample { .. } => PARTS,
        }
    }

    /// What a recorded block of `size` stands for: a function of the size alone, so that freeing takes off exactly what
    /// allocating added.
    #[inline]
    pub(super) fn weight(self, size: usize) -> Weight {
        match self {
            Self::Exact => Weight {
                bytes: size as u64,
                blocks: 1,
            },
            Self::Sample { interval_bytes } => estimated(size, interval_bytes),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "estimates: positive, far below 2^63, and not exact to begin with"
)]
fn estimated(size: usize, interval_bytes: u32) -> Weight {
    let size = size.max(1) as f64;
    let recorded = -(-size / f64::from(interval_bytes)).exp_m1();
    Weight {
        bytes: (size / recorded).round() as u64,
        blocks: (PARTS as f64 / recorded).round() as u64,
    }
}

/// A thread's way to its next sampled byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Countdown {
    /// Bytes to go.
    left: i64,
    /// The state of its random numbers; never 0.
    random: u64,
}

impl Countdown {
    /// Holds the place of one that [`Countdown::begin`] draws.
    pub(super) const fn unset() -> Self {
        Self { left: 0, random: 0 }
    }

    /// Draws the first distance.
    pub(super) fn begin(seed: u64, interval_bytes: u32) -> Self {
        let mut countdown = Self {
            left: 0,
            random: seed | 1,
        };
        // A seed is an address and a count: some rounds until its bits are everywhere.
        for _ in 0..8 {
            countdown.next_random();
        }
        countdown.left = countdown.distance(interval_bytes);
        countdown
    }

    /// Whether a block of `size` holds a sampled byte.
    #[inline]
    pub(super) fn hits(&mut self, size: usize, interval_bytes: u32) -> bool {
        // A block without bytes is recorded as if it had one.
        self.left -= i64::try_from(size.max(1)).unwrap_or(i64::MAX);
        if self.left > 0 {
            return false;
        }
        // The process has no memory: how far the block reached past the byte says nothing about the next one.
        self.left = self.distance(interval_bytes);
        true
    }

    /// xorshift64* (Vigna 2016).
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    #[cold]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "53 bits become a fraction, and a distance of some intervals a number of bytes"
    )]
    fn distance(&mut self, interval_bytes: u32) -> i64 {
        // In (0, 1]: the logarithm of 0 is no distance.
        let fraction = ((self.next_random() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        // A block hits when the bytes before its end reach the sampled one; rounding up keeps p as stated for whole bytes.
        (-fraction.ln() * f64::from(interval_bytes)).ceil() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: u32 = 512 * 1024;

    #[test]
    fn estimates_are_unbiased_from_small_blocks_to_large() {
        for (index, size) in [24usize, 1000, 65_536, 524_288, 4 << 20]
            .into_iter()
            .enumerate()
        {
            let mode = Mode::Sample {
                interval_bytes: INTERVAL,
            };
            let weight = mode.weight(size);
            // So many that about 10,000 are recorded.
            let blocks = 10_000 * u64::from(INTERVAL) / (size as u64).min(u64::from(INTERVAL));
            let mut countdown = Countdown::begin(index as u64 + 1, INTERVAL);
            let hits = (0..blocks)
                .filter(|_| countdown.hits(size, INTERVAL))
                .count() as u64;
            let of = |estimate: u64, truth: u64| estimate as f64 / truth as f64 - 1.0;
            // 10,000 of a Poisson count have a standard deviation of 1 %; four of them.
            let bytes = of(hits * weight.bytes, blocks * size as u64);
            let counted = of(hits * weight.blocks, blocks * PARTS);
            assert!(
                bytes.abs() < 0.04,
                "{size}: {hits} hits, {bytes:+.3} of the bytes"
            );
            assert!(
                counted.abs() < 0.04,
                "{size}: {hits} hits, {counted:+.3} of the blocks"
            );
        }
    }

    #[test]
    fn what_was_hit_says_nothing_about_what_is_hit_next() {
        // Two sizes by turns: each must be recorded by its own probability.
        let sizes = [100_000usize, 1000];
        let mut countdown = Countdown::begin(99, INTERVAL);
        let mut hits = [0u32; 2];
        const TURNS: u32 = 400_000;
        for _ in 0..TURNS {
            for (hits, size) in hits.iter_mut().zip(sizes) {
                *hits += u32::from(countdown.hits(size, INTERVAL));
            }
        }
        for (hits, size) in hits.into_iter().zip(sizes) {
            let expected = f64::from(TURNS) * -(-(size as f64) / f64::from(INTERVAL)).exp_m1();
            let off = (f64::from(hits) - expected) / expected.sqrt();
            assert!(
                off.abs() < 4.0,
                "{size}: {hits} hits, {expected:.0} expected"
            );
        }
    }

    #[test]
    fn exact_counts_as_it_is() {
        assert_eq!(
            Mode::Exact.weight(0),
            Weight {
                bytes: 0,
                blocks: 1
            }
        );
        assert_eq!(
            Mode::Exact.weight(77),
            Weight {
                bytes: 77,
                blocks: 1
            }
        );
    }
}
