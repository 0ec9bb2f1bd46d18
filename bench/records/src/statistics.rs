//! Medians, percentiles and extremes.

use serde::{Deserialize, Serialize};

/// By how much a timer that is due each millisecond was late, in milliseconds.
///
/// tokio's timers are never finer than a millisecond, so about one is no sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// At the tick in the middle.
    pub median_ms: f64,
    /// At all but the worst hundredth.
    pub p99_ms: f64,
    /// At the worst.
    pub most_ms: f64,
}

impl Lateness {
    /// Sums up ticks, in milliseconds and in any order. `None` of none.
    pub fn of(mut late_ms: Vec<f64>) -> Option<Self> {
        late_ms.sort_by(f64::total_cmp);
        let last = late_ms.len().checked_sub(1)?;
        let at = |share: f64| late_ms.get((last as f64 * share).round() as usize).copied();
        Some(Self {
            median_ms: at(0.5)?,
            p99_ms: at(0.99)?,
            most_ms: at(1.0)?,
        })
    }
}

/// One figure of several runs or rounds; NaN when there are none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Sums up figures in any order.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index| figures.get(index).copied().unwrap_or(f64::NAN);
        let (count, last) = (figures.len(), figures.len().saturating_sub(1));
        Self {
            median: at(last / 2).midpoint(at(count / 2)),
            min: at(0),
            max: at(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends_of_odd_and_even_numbers() {
        let of = |figures: &[f64]| {
            let spread = Spread::of(figures.iter().copied());
            [spread.min, spread.median, spread.max]
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), [1.0, 2.5, 4.0]);
        assert!(of(&[]).iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn the_worst_tick_is_not_lost_among_many() {
        let mut late_ms: Vec<f64> = (0..200).map(|_| 1.0).collect();
        late_ms[3] = 50.0;
        late_ms[7] = 2.0;
        let found = Lateness::of(late_ms).unwrap();
        assert_eq!(found.median_ms, 1.0);
        assert_eq!((found.p99_ms, found.most_ms), (1.0, 50.0));
        assert_eq!(Lateness::of(Vec::new()), None);
    }
}
