use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

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
}

/// Where in a soak something is: in which lane, in which of its sets of solvers, with which auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) lane: u64,
    pub(crate) set: u64,
    /// `None`: the set as a whole.
    pub(crate) auction: Option<u64>,
}

impl Place {
    pub(crate) fn of_set(lane: u64, set: u64) -> Self {
        Self {
            lane,
            set,
            auction: None,
        }
    }

    pub(crate) fn with_auction(self, auction: u64) -> Self {
        Self {
            auction: Some(auction),
            ..self
        }
    }
}

/// `LANE.SET` or `LANE.SET.AUCTION`.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.lane, self.set)?;
        match self.auction {
            Some(auction) => write!(formatter, ".{auction}"),
            None => Ok(()),
        }
    }
}

/// `LANE.SET`.
impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const REFUSED: &str = "a set is written LANE.SET, as in 2.17";
        let (lane, set) = text.split_once('.').ok_or(REFUSED)?;
        let number = |text: &str| text.parse().map_err(|_| REFUSED);
        Ok(Self::of_set(number(lane)?, number(set)?))
    }
}
