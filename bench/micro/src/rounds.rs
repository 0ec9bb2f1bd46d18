//! Alternatives that take turns, and what each took.

use std::array::from_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bench_records::{Measure, median, process_cpu_nanoseconds};
use futures_util::Stream;

use crate::Result;

/// Something to measure: does it once and says what that took.
pub(crate) type Contender<'a> = &'a mut dyn FnMut() -> Result<f64>;

/// Runs the contenders by turns, A B A B …: one round to warm up, which does not count, and then so many that do.
///
/// # Errors
/// The first failure of a contender.
pub(crate) fn by_turns<const N: usize>(
    rounds: usize,
    mut contenders: [Contender<'_>; N],
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
    Ok(taken.map(Series::new))
}

/// What the work returns, and the processor time of the process meanwhile, in nanoseconds.
///
/// # Errors
/// The work's.
pub(crate) fn cpu_nanoseconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let start = process_cpu_nanoseconds();
    let result = work()?;
    Ok((result, (process_cpu_nanoseconds() - start) as f64))
}

/// What one contender took, round by round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn new(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// The quotients round by round: what disturbs one round disturbs both sides of it.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(this, other)| this / other).collect())
    }

    /// The differences round by round.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(this, other)| this - other).collect())
    }

    /// The middle of the values. NaN when there are none.
    pub(crate) fn median(&self) -> f64 {
        median(self.0.iter().copied())
    }

    /// The one of several whose median is the greatest.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn worst(of: impl IntoIterator<Item = Self>) -> Result<Self> {
        of.into_iter()
            .max_by(|one, other| one.median().total_cmp(&other.median()))
            .ok_or_else(|| "nothing was measured".into())
    }

    /// The figure that is reported: its median, its least and its most.
    pub(crate) fn measure(&self, name: impl Into<String>, unit: &str) -> Measure {
        Measure {
            name: name.into(),
            value: self.median(),
            least: self.0.iter().copied().fold(f64::INFINITY, f64::min),
            most: self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            unit: unit.to_owned(),
        }
    }
}

/// The next item of a stream that waits for nothing outside of this process: polls until it is there, without a runtime.
pub(crate) fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(item) = Pin::new(&mut *stream).poll_next(&mut context) {
            return item;
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
            values.next().ok_or_else(|| "asked too often".into())
        };
        let mut b = || {
            order.borrow_mut().push('b');
            Ok(7.0)
        };
        let [of_a, of_b] = by_turns(2, [&mut a, &mut b]).unwrap();
        assert_eq!(order.borrow().as_str(), "ababab");
        assert_eq!(of_a, Series::new(vec![1.0, 2.0]));
        assert_eq!(of_b, Series::new(vec![7.0, 7.0]));
    }

    #[test]
    fn a_failure_ends_the_rounds() {
        let mut turns = 0;
        let mut fails = || Err("broken".into());
        let mut counts = || {
            turns += 1;
            Ok(0.0)
        };
        assert!(by_turns(3, [&mut counts, &mut fails]).is_err());
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
        Series::new(values.to_vec())
    }

    #[test]
    fn sides_are_compared_within_a_round() {
        let (slow, fast) = (series(&[4.0, 40.0, 9.0]), series(&[2.0, 10.0, 3.0]));
        assert_eq!(slow.over(&fast), series(&[2.0, 4.0, 3.0]));
        assert_eq!(slow.minus(&fast), series(&[2.0, 30.0, 6.0]));
    }

    #[test]
    fn a_measure_has_the_median_and_the_ends() {
        let measure = series(&[3.0, 9.0, 1.0]).measure("name", "ns");
        assert_eq!(
            (measure.value, measure.least, measure.most),
            (3.0, 1.0, 9.0)
        );
        assert_eq!(
            (measure.name.as_str(), measure.unit.as_str()),
            ("name", "ns")
        );
    }

    #[test]
    fn the_worst_is_found_by_its_median() {
        let steady = series(&[5.0, 5.0, 5.0]);
        let disturbed_once = series(&[1.0, 99.0, 1.0]);
        let worst = Series::worst([disturbed_once, steady.clone()]).unwrap();
        assert_eq!(worst, steady);
        assert!(Series::worst([]).is_err());
    }
}
