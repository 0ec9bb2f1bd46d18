use comparison_records::Measure;

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

    /// The middle of the values; of an even number, the mean of the two in the middle. NaN when there are none.
    pub(crate) fn median(&self) -> f64 {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match (values.len() % 2, values.get(middle)) {
            (_, None) => f64::NAN,
            (1, Some(value)) => *value,
            (_, Some(value)) => values[middle - 1].midpoint(*value),
        }
    }

    /// The one of several whose median is the greatest.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn worst(of: impl IntoIterator<Item = Self>) -> crate::Result<Self> {
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

#[cfg(test)]
mod tests {
    use super::Series;

    fn series(values: &[f64]) -> Series {
        Series::new(values.to_vec())
    }

    #[test]
    fn the_middle_of_odd_and_even_numbers() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(series(&[]).median().is_nan());
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
