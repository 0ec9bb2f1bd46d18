use serde::{Deserialize, Serialize};

/// By how much a timer that is due each millisecond was late, in milliseconds.
///
/// tokio's timers are never finer than a millisecond, so about one is no sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// How often it was due.
    pub ticks: usize,
    /// At the tick in the middle.
    pub median_ms: f64,
    /// At all but the worst hundredth.
    pub p99_ms: f64,
    /// At the worst.
    pub most_ms: f64,
}

impl Lateness {
    /// Of these, in milliseconds and in any order. `None` of none.
    pub fn of(mut late_ms: Vec<f64>) -> Option<Self> {
        late_ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = late_ms.len().checked_sub(1)?;
            late_ms.get((last as f64 * share).round() as usize).copied()
        };
        Some(Self {
            ticks: late_ms.len(),
            median_ms: at(0.5)?,
            p99_ms: at(0.99)?,
            most_ms: at(1.0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Lateness;

    #[test]
    fn the_worst_tick_is_not_lost_among_many() {
        let mut late_ms: Vec<f64> = (0..200).map(|_| 1.0).collect();
        late_ms[3] = 50.0;
        late_ms[7] = 2.0;
        let found = Lateness::of(late_ms).unwrap();
        assert_eq!((found.ticks, found.median_ms), (200, 1.0));
        assert_eq!((found.p99_ms, found.most_ms), (1.0, 50.0));
        assert_eq!(Lateness::of(Vec::new()), None);
    }
}
