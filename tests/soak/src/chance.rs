use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::place::Place;

/// The random choices for one set of solvers or one auction.
///
/// Keyed by the seed and the place, so that any of them can be made again without those before it.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, place: Place) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&place.lane.to_le_bytes());
        key[16..24].copy_from_slice(&place.set.to_le_bytes());
        // A set has no auction: its choices are apart from those of its first auction.
        let auction = place.auction.map_or(0, |auction| auction + 1);
        key[24..].copy_from_slice(&auction.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `bound`; 0 if that is 0. The bias of a remainder of 64 bits is immaterial here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// A number from `least`, which is not 0, to about `most`, of which each doubling is as likely as the next.
    pub(crate) fn scaled(&mut self, least: u64, most: u64) -> u64 {
        let doublings = u64::from((most / least).max(1).ilog2());
        let floor = least << self.below(doublings + 1);
        self.between(floor, (floor * 2).min(most).max(floor))
    }

    /// As [`scaled`](Self::scaled), in milliseconds.
    pub(crate) fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.scaled(least, most))
    }

    /// Whether what happens once in `times` happens now.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn pick<T: Copy, const COUNT: usize>(&mut self, from: [T; COUNT]) -> T {
        const { assert!(COUNT > 0) };
        let index = self.below(COUNT as u64) as usize;
        from[index]
    }

    /// One of these, each as likely as its weight says.
    pub(crate) fn weighted<T: Copy, const COUNT: usize>(&mut self, from: [(u64, T); COUNT]) -> T {
        const { assert!(COUNT > 0) };
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        let mut chosen = 0;
        for (index, (weight, _)) in from.iter().enumerate() {
            chosen = index;
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        from[chosen].1
    }
}
