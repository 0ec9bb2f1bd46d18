use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::axis::Axis;
use crate::page::ticks::Ticks;

/// How many ticks are considered where an end is put on one.
const ROUNDING_TICKS: usize = 6;

/// What an axis shows of its values, as the charting crate wants it.
#[derive(Clone, Debug)]
pub(super) struct AxisRange {
    from: f64,
    to: f64,
    is_logarithmic: bool,
    ticks: Ticks,
}

impl AxisRange {
    /// From the least value to the greatest. `None` without any; values that the axis does not take are not to be among
    /// them.
    pub(super) fn snug(
        axis: &Axis,
        values: impl Iterator<Item = f64>,
        most: usize,
    ) -> Option<Self> {
        let (from, to) = extremes(values)?;
        let (from, to) = apart(axis, from, to);
        Some(Self::between(axis, from, to, most))
    }

    /// From 0, or on a logarithmic axis from below the least value, to above the greatest, so that both ends are round.
    /// `room` is the share that is left empty at the upper end.
    pub(super) fn rounded(
        axis: &Axis,
        values: impl Iterator<Item = f64>,
        room: f64,
        most: usize,
    ) -> Option<Self> {
        let (least, greatest) = extremes(values)?;
        if axis.is_logarithmic {
            let (from, to) = apart(axis, least, greatest);
            let to = to * (to / from).powf(room / (1.0 - room));
            let from = round_down(from * 0.999_999);
            return Some(Self::between(axis, from, to, most));
        }
        let (from, to) = apart(axis, least.min(0.0), greatest.max(0.0));
        let to = to + (to - from) * room / (1.0 - room);
        let ticks = Ticks::linear(from, to, ROUNDING_TICKS);
        let step = match ticks.values[..] {
            [first, second, ..] => second - first,
            _ => to - from,
        };
        let outward = |end: f64, rounded: fn(f64) -> f64| rounded(end / step) * step;
        let (low, high) = (outward(from, f64::floor), outward(to, f64::ceil));
        // Room was asked for, or has come by rounding: not both.
        let high = if room > 0.0 { to } else { high };
        Some(Self::between(axis, low, high, most))
    }

    fn between(axis: &Axis, from: f64, to: f64, most: usize) -> Self {
        let ticks = if !axis.ticks.is_empty() {
            let within: Vec<f64> = axis
                .ticks
                .iter()
                .copied()
                .filter(|value| axis.takes(*value) && (from..=to).contains(value))
                .collect();
            Ticks::chosen(&within, most)
        } else if axis.is_logarithmic {
            Ticks::logarithmic(from, to, most)
        } else {
            Ticks::linear(from, to, most)
        };
        Self {
            from,
            to,
            is_logarithmic: axis.is_logarithmic,
            ticks,
        }
    }

    /// Where bars begin.
    pub(super) fn base(&self) -> f64 {
        if self.is_logarithmic {
            self.from
        } else {
            0.0_f64.clamp(self.from, self.to)
        }
    }

    pub(super) fn label(&self, value: f64) -> String {
        self.ticks.label(value)
    }

    fn share(&self, value: f64) -> f64 {
        let share = if self.is_logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }
}

impl Ranged for AxisRange {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1.saturating_sub(limit.0));
        limit
            .0
            .saturating_add((length * self.share(*value)).round() as i32)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.values.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for AxisRange {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |found, value| {
        let (least, greatest) = found.unwrap_or((value, value));
        Some((least.min(value), greatest.max(value)))
    })
}

/// The ends, a little apart if they were the same, and never so far that their distance is not a number.
fn apart(axis: &Axis, from: f64, to: f64) -> (f64, f64) {
    if axis.is_logarithmic {
        let (from, to) = (from.clamp(1e-150, 1e150), to.clamp(1e-150, 1e150));
        if to / from >= 1.01 {
            (from, to)
        } else {
            (from / 2.0, to * 2.0)
        }
    } else {
        let (from, to) = (from.max(-1e300), to.min(1e300));
        let least = (from.abs().max(to.abs()) * 1e-9).max(1e-300);
        if to - from >= least {
            (from, to)
        } else if to > 0.0 {
            (from, to + least.max(to))
        } else {
            (from, from + 1.0)
        }
    }
}

/// The greatest of 1, 2 and 5 times a power of ten that is not above.
fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0]
        .into_iter()
        .map(|mantissa| mantissa * power)
        .find(|rounded| *rounded <= value)
        .unwrap_or(power.min(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(range: Option<AxisRange>) -> Option<(f64, f64)> {
        range.map(|range| (range.from, range.to))
    }

    #[test]
    fn vertical_axes_begin_at_nothing_and_end_round() {
        let linear = Axis::new("");
        let rounded = |values: &[f64]| {
            let values = values.iter().copied();
            ends(AxisRange::rounded(&linear, values, 0.0, 5)).unwrap()
        };
        assert_eq!(rounded(&[630.0, 10.0]), (0.0, 800.0));
        assert_eq!(rounded(&[-3.0, 7.0]), (-4.0, 8.0));
        assert_eq!(rounded(&[100.0]), (0.0, 100.0));
        assert_eq!(rounded(&[0.0]), (0.0, 1.0));
        let empty = AxisRange::rounded(&linear, std::iter::empty(), 0.0, 5);
        assert!(empty.is_none());
        let logarithmic = Axis::new("").logarithmic();
        let range = AxisRange::rounded(&logarithmic, [6.0, 630.0].into_iter(), 0.0, 5);
        assert_eq!(ends(range), Some((5.0, 630.0)));
    }

    #[test]
    fn values_are_between_the_ends_whatever_they_are() {
        for axis in [Axis::new(""), Axis::new("").logarithmic()] {
            for values in [
                [1e-300, 1e300],
                [5.0, 5.0],
                [f64::MAX, f64::MAX],
                [f64::MIN_POSITIVE, f64::MIN_POSITIVE],
            ] {
                let range = AxisRange::rounded(&axis, values.into_iter(), 0.1, 5).unwrap();
                for value in values {
                    assert!(
                        (0..=100).contains(&range.map(&value, (0, 100))),
                        "{range:?}"
                    );
                }
                assert!(range.key_points(5).len() <= 5, "{range:?}");
            }
        }
    }

    #[test]
    fn a_logarithmic_axis_spreads_decades_evenly() {
        let axis = Axis::new("").logarithmic();
        let range = AxisRange::snug(&axis, [1.0, 100.0].into_iter(), 5).unwrap();
        let at = |value: f64| range.map(&value, (0, 200));
        assert_eq!([at(1.0), at(10.0), at(100.0)], [0, 100, 200]);
        assert_eq!(at(0.5), 0);
    }
}
