//! Alternatives that take turns, and what each took.

use std::array::from_fn;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{Measure, process_cpu_nanoseconds};

/// Runs the contenders by turns, A B A B …: one round to warm up, which does not count, and then so many that do. Each
/// says what it took.
///
/// # Errors
/// The first failure of a contender.
pub fn by_turns<const N: usize>(
    rounds: usize,
    mut contenders: [impl FnMut() -> Result<f64>; N],
) -> Result<[Series; N]> {
    let mut taken: [Vec<f64>; N] = from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..=rounds {
        for (contender, taken) in contenders.iter_mut().zip(&mut taken) {
            let took = contender()?;
            if round > 0 {
                taken.push(took);
            }
        }
    }
    Ok(taken.map(Series))
}

/// What the work returns, and the processor time of the process meanwhile, in nanoseconds.
///
/// # Errors
/// The work's.
pub fn cpu_nanoseconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let start = process_cpu_nanoseconds();
    let result = work()?;
    Ok((result, (process_cpu_nanoseconds() - start) as f64))
}

/// What one contender took, round by round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series(Vec<f64>);

impl Series {
    /// Of what was found elsewhere.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self(values.into_iter().collect())
    }

    /// The middle and the ends of the values.
    pub fn spread(&self) -> Spread {
        Spread::of(self.0.iter().copied())
    }

    /// The quotients round by round: what disturbs one round disturbs both sides of it.
    pub fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(this, other)| this / other).collect())
    }

    /// The middle of the values. NaN when there are none.
    pub fn median(&self) -> f64 {
        self.spread().median
    }

    /// The one of several whose median is the greatest.
    ///
    /// # Errors
    /// When there are none.
    pub fn worst(of: impl IntoIterator<Item = Self>) -> Result<Self> {
        of.into_iter()
            .max_by(|one, other| one.median().total_cmp(&other.median()))
            .context("nothing was measured")
    }

    /// The figure that is reported.
    pub fn measure(self, name: impl Into<String>) -> Measure {
        Measure {
            name: name.into(),
            rounds: Spread::of(self.0),
        }
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
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn contenders_take_turns_and_the_first_round_does_not_count() {
        let order = RefCell::new(String::new());
        let mut values = [100.0, 1.0, 2.0].into_iter();
        let mut a = || {
            order.borrow_mut().push('a');
            values.next().context("asked too often")
        };
        let mut b = || {
            order.borrow_mut().push('b');
            Ok(7.0)
        };
        let contenders: [&mut dyn FnMut() -> Result<f64>; 2] = [&mut a, &mut b];
        let [of_a, of_b] = by_turns(2, contenders).unwrap();
        assert_eq!(order.borrow().as_str(), "ababab");
        assert_eq!(of_a, Series(vec![1.0, 2.0]));
        assert_eq!(of_b, Series(vec![7.0, 7.0]));
    }

    #[test]
    fn a_failure_ends_the_rounds() {
        let mut turns = 0;
        let mut fails = || anyhow::bail!("broken");
        let mut counts = || {
            turns += 1;
            Ok(0.0)
        };
        let contenders: [&mut dyn FnMut() -> Result<f64>; 2] = [&mut counts, &mut fails];
        assert!(by_turns(3, contenders).is_err());
        assert_eq!(turns, 1);
    }

    #[test]
    fn work_costs_processor_time() {
        let (sum, took) =
            cpu_nanoseconds(|| Ok((0..100_000_u64).map(std::hint::black_box).sum::<u64>()))
                .unwrap();
        assert_eq!(sum, 4_999_950_000);
        assert!(took > 0.0);
    }

    fn series(values: &[f64]) -> Series {
        Series(values.to_vec())
    }

    #[test]
    fn sides_are_compared_within_a_round() {
        let (slow, fast) = (series(&[4.0, 40.0, 9.0]), series(&[2.0, 10.0, 3.0]));
        assert_eq!(slow.over(&fast), series(&[2.0, 4.0, 3.0]));
    }

    #[test]
    fn a_measure_has_the_median_and_the_ends() {
        let measure = series(&[3.0, 9.0, 1.0]).measure("name");
        let found = measure.rounds;
        assert_eq!((found.median, found.min, found.max), (3.0, 1.0, 9.0));
        assert_eq!(measure.name, "name");
    }

    #[test]
    fn the_worst_is_found_by_its_median() {
        let steady = series(&[5.0, 5.0, 5.0]);
        let disturbed_once = series(&[1.0, 99.0, 1.0]);
        let worst = Series::worst([disturbed_once, steady.clone()]).unwrap();
        assert_eq!(worst, steady);
        assert!(Series::worst([]).is_err());
    }

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
}
