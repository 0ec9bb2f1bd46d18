use serde::Serialize;

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "bound", content = "target")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    /// The limit itself.
    pub fn limit(self) -> f64 {
        match self {
            Self::AtLeast(limit) | Self::AtMost(limit) => limit,
        }
    }

    /// Whether a figure keeps to it. What is not a number does not.
    pub fn holds(self, found: f64) -> bool {
        match self {
            Self::AtLeast(limit) => found >= limit,
            Self::AtMost(limit) => found <= limit,
        }
    }

    /// The worst of several figures. What is not a number is worse than any.
    pub(super) fn worst<P>(self, found: impl IntoIterator<Item = (P, f64)>) -> Option<(P, f64)> {
        let badness = |figure: f64| match self {
            _ if figure.is_nan() => f64::INFINITY,
            Self::AtLeast(_) => -figure,
            Self::AtMost(_) => figure,
        };
        found
            .into_iter()
            .max_by(|a, b| badness(a.1).total_cmp(&badness(b.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Bound::{AtLeast, AtMost};

    #[test]
    fn the_limit_itself_is_within() {
        assert!(AtLeast(2.0).holds(2.0) && AtMost(2.0).holds(2.0));
        assert!(!AtLeast(2.0).holds(1.9) && !AtMost(2.0).holds(2.1));
        assert!(!AtLeast(2.0).holds(f64::NAN) && !AtMost(2.0).holds(f64::NAN));
    }

    #[test]
    fn nothing_is_worse_than_no_number() {
        let worst = |bound: super::Bound, found: &[f64]| {
            let found = found.iter().map(|figure| ((), *figure));
            bound.worst(found).map(|(_, figure)| figure)
        };
        assert_eq!(worst(AtMost(2.0), &[1.0, 3.0, 2.0]), Some(3.0));
        assert_eq!(worst(AtLeast(2.0), &[1.0, 3.0, 2.0]), Some(1.0));
        assert!(worst(AtLeast(2.0), &[f64::NAN, 0.0]).unwrap().is_nan());
        assert_eq!(worst(AtMost(2.0), &[]), None);
    }
}
