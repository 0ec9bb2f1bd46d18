use std::fmt;
use std::str::FromStr;

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
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (lane, set) = text.split_once('.').ok_or(PlaceError)?;
        let number = |text: &str| text.parse().map_err(|_| PlaceError);
        Ok(Self::of_set(number(lane)?, number(set)?))
    }
}

/// A text that names no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a set is written LANE.SET, as in 2.17")]
pub(crate) struct PlaceError;
