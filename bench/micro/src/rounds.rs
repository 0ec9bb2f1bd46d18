use std::array::from_fn;

use comparison_records::process_cpu_nanoseconds;

use crate::Result;
use crate::series::Series;

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
}
