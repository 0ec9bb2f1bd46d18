use std::time::Duration;

use super::stall::Stall;

/// How many stalls are kept.
const MOST: usize = 64;
/// What is shorter is no stall.
const SHORTEST: Duration = Duration::from_millis(50);

/// The longest stalls: when there are too many, what counts as one doubles.
#[derive(Clone, Debug)]
pub(super) struct Stalls {
    kept: Vec<Stall>,
    shortest: Duration,
}

impl Stalls {
    pub(super) fn new() -> Self {
        Self {
            kept: Vec::new(),
            shortest: SHORTEST,
        }
    }

    pub(super) fn as_slice(&self) -> &[Stall] {
        &self.kept
    }

    /// What counts as a stall by now.
    pub(super) fn shortest(&self) -> Duration {
        self.shortest
    }

    /// Notes that no byte was taken for this time, if it was long enough.
    pub(super) fn note(&mut self, stall: Stall) {
        if stall.length() < self.shortest {
            return;
        }
        self.kept.push(stall);
        while self.kept.len() > MOST && self.shortest < Duration::MAX {
            self.shortest = self.shortest.saturating_mul(2);
            let shortest = self.shortest;
            self.kept.retain(|stall| stall.length() >= shortest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_longest_stay_in_their_order(
            lengths in proptest::collection::vec(0_u64..10_000, 0..1000),
        ) {
            let mut stalls = Stalls::new();
            let mut at = Duration::ZERO;
            let mut given = Vec::new();
            for length in lengths {
                let stall = Stall { from: at, to: at + Duration::from_millis(length) };
                at = stall.to + Duration::from_millis(1);
                given.push(stall);
                stalls.note(stall);
                prop_assert!(stalls.as_slice().len() <= MOST);
            }
            given.retain(|stall| stall.length() >= stalls.shortest());
            prop_assert_eq!(stalls.as_slice(), &given[..]);
        }
    }
}
