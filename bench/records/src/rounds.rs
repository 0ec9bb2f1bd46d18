//! Alternatives that take turns, and what each took.

use std::array::from_fn;

use anyhow::Result;
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
    Ok(taken.map(Series::of))
}

/// The processor time of the process during the work, in nanoseconds. What the work returns is dropped afterwards.
///
/// # Errors
/// The work's.
pub fn cpu_nanoseconds<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = process_cpu_nanoseconds();
    let _result = work()?;
    Ok((process_cpu_nanoseconds() - start) as f64)
}

/// A figure, run by run or round by round, and its middle and ends; these are NaN when there are no runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The value in the middle; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// All values, in their order.
    pub runs: Vec<f64>,
}

impl Series {
    /// Collects values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let runs: Vec<f64> = values.into_iter().collect();
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index| sorted.get(index).copied().unwrap_or(f64::NAN);
        let (count, last) = (runs.len(), runs.len().saturating_sub(1));
        Self {
            median: at(last / 2).midpoint(at(count / 2)),
            min: at(0),
            max: at(last),
            runs,
        }
    }

    /// The quotients round by round: what disturbs one round disturbs both sides of it.
    pub fn over(&self, other: &Self) -> Self {
        let pairs = self.runs.iter().zip(&other.runs);
        Self::of(pairs.map(|(this, other)| this / other))
    }

    /// The figure that is reported.
    pub fn measure(self, name: impl Into<String>) -> Measure {
        let name = name.into();
        Measure { name, rounds: self }
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
            values
                .next()
                .ok_or_else(|| anyhow::anyhow!("asked too often"))
        };
        let mut b = || {
            order.borrow_mut().push('b');
            Ok(7.0)
        };
        let contenders: [&mut dyn FnMut() -> Result<f64>; 2] = [&mut a, &mut b];
        let [of_a, of_b] = by_turns(2, contenders).unwrap();
        assert_eq!(order.borrow().as_str(), "ababab");
        assert_eq!((of_a.runs, of_b.runs), (vec![1.0, 2.0], vec![7.0, 7.0]));
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
        let work = || Ok((0..100_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(cpu_nanoseconds(work).unwrap() > 0.0);
    }

    #[test]
    fn sides_are_compared_within_a_round() {
        let (slow, fast) = (Series::of([4.0, 40.0, 9.0]), Series::of([2.0, 10.0, 3.0]));
        assert_eq!(slow.over(&fast), Series::of([2.0, 4.0, 3.0]));
    }

    #[test]
    fn the_middle_and_the_ends_of_odd_and_even_numbers() {
        let of = |figures: &[f64]| {
            let series = Series::of(figures.iter().copied());
            [series.min, series.median, series.max]
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), [1.0, 2.5, 4.0]);
        assert!(of(&[]).iter().all(|figure| figure.is_nan()));
    }
}
