use super::number::number;

/// Values to read an axis by, and how they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    pub(super) values: Vec<f64>,
    step: f64,
}

impl Ticks {
    /// At most `most` multiples of 1, 2 or 5 times a power of ten, from `from` to `to`.
    pub(super) fn linear(from: f64, to: f64, most: usize) -> Self {
        let most = most.max(2);
        let mut step = step_above((to - from) / most as f64);
        let count = |step: f64| (to / step).floor() - (from / step).ceil() + 1.0;
        while step.is_normal() && count(step) > most as f64 {
            step = step_above(step * 1.5);
        }
        // Nothing round between the ends, or nothing that numbers of this precision could tell apart.
        if !step.is_normal()
            || count(step) < 1.0
            || (from / step).abs() > 1e12
            || (to / step).abs() > 1e12
        {
            return Self {
                values: vec![from],
                step: 0.0,
            };
        }
        // Multiples of the step, never sums: sums drift.
        let first = (from / step).ceil();
        let values = (0..count(step) as usize).map(|index| (first + index as f64) * step);
        Self {
            values: values.collect(),
            step,
        }
    }

    /// At most `most` of 1, 2 and 5 times powers of ten from `from` to `to`, which are more than nothing; of the powers
    /// alone if there are many.
    pub(super) fn logarithmic(from: f64, to: f64, most: usize) -> Self {
        let most = most.max(2);
        let (low, high) = (from.log10().floor() as i32, to.log10().ceil() as i32);
        let within = |mantissas: &[f64]| -> Vec<f64> {
            let values = (low..=high).flat_map(|decade| {
                mantissas
                    .iter()
                    .map(move |mantissa| mantissa * 10_f64.powi(decade))
            });
            // What an end is computed from may be a hair beyond it.
            values
                .filter(|value| *value >= from * 0.999_999 && *value <= to * 1.000_001)
                .collect()
        };
        let choices = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]];
        let found = choices
            .into_iter()
            .map(&within)
            .find(|values| values.len() <= most);
        let values = found.unwrap_or_else(|| {
            let decades = within(&[1.0]);
            let every = decades.len().div_ceil(most);
            decades.into_iter().step_by(every.max(1)).collect()
        });
        // Where not even two of them are, those of a linear axis say more.
        if values.len() < 2 {
            return Self::linear(from, to, most);
        }
        Self { values, step: 0.0 }
    }

    /// These, but each second, third, … only, if there are more than `most`.
    pub(super) fn chosen(values: &[f64], most: usize) -> Self {
        let every = values.len().div_ceil(most.max(1)).max(1);
        Self {
            values: values.iter().copied().step_by(every).collect(),
            step: 0.0,
        }
    }

    /// A value as it is written beside the axis.
    pub(super) fn label(&self, value: f64) -> String {
        if self.step > 0.0 {
            number(value, decimals(self.step))
        } else {
            super::number::brief(value)
        }
    }
}

/// The least of 1, 2 and 5 times a power of ten that is no less than `least`.
fn step_above(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let found = [1.0, 2.0, 5.0]
        .into_iter()
        .map(|mantissa| mantissa * power)
        .find(|step| *step >= least * 0.999_999);
    found.unwrap_or(10.0 * power)
}

fn decimals(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &Ticks) -> Vec<String> {
        let values = ticks.values.iter();
        values.map(|value| ticks.label(*value)).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_few() {
        let found = |from, to, most| labels(&Ticks::linear(from, to, most));
        assert_eq!(found(0.0, 10.0, 6), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(found(0.0, 0.7, 5), ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(
            found(0.0, 2345.0, 5),
            ["0", "500", "1,000", "1,500", "2,000"]
        );
        assert_eq!(found(-30.0, 31.0, 5), ["-20", "0", "20"]);
        assert_eq!(found(5.0, 5.0, 5), ["5"]);
    }

    #[test]
    fn logarithmic_ticks_are_of_the_decades() {
        let found = |from, to, most| labels(&Ticks::logarithmic(from, to, most));
        assert_eq!(
            found(1.0, 100.0, 8),
            ["1", "2", "5", "10", "20", "50", "100"]
        );
        assert_eq!(found(3.3, 1024.0, 6), ["10", "30", "100", "300", "1,000"]);
        assert_eq!(
            found(0.001, 1e5, 5),
            ["0.001", "0.1", "10", "1,000", "100,000"]
        );
        assert_eq!(found(6.0, 8.0, 5), ["6.0", "6.5", "7.0", "7.5", "8.0"]);
    }

    #[test]
    fn chosen_ticks_are_thinned() {
        let values = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
        assert_eq!(labels(&Ticks::chosen(&values, 7)).len(), 7);
        assert_eq!(labels(&Ticks::chosen(&values, 4)), ["1", "4", "16", "64"]);
        assert_eq!(labels(&Ticks::chosen(&[], 4)), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn ticks_are_within_and_no_more_than_asked_for(
            from in -1e12_f64..1e12,
            span in 1e-6_f64..1e12,
            most in 2_usize..12,
        ) {
            let to = from + span;
            let ticks = Ticks::linear(from, to, most);
            proptest::prop_assert!(ticks.values.len() <= most);
            let slack = span * 1e-6 + from.abs() * 1e-12;
            proptest::prop_assert!(ticks.values.iter().all(|value| *value >= from - slack && *value <= to + slack));
        }

        #[test]
        fn logarithmic_ticks_too(from in 1e-9_f64..1e9, factor in 1.001_f64..1e12, most in 2_usize..12) {
            let ticks = Ticks::logarithmic(from, from * factor, most);
            proptest::prop_assert!(!ticks.values.is_empty() && ticks.values.len() <= most);
            let slack = from * 1e-3;
            proptest::prop_assert!(ticks.values.iter().all(|value| *value >= from - slack && *value <= from * factor * 1.001));
        }
    }
}
