use super::bound::Bound;
use super::target::Target;
use super::verdict::Verdict;

const UNKNOWN: &str = "not known to miss: look into it";

/// A target before anything was measured.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    name: String,
    what: String,
    bound: Bound,
    reason: Option<String>,
}

impl Wanted {
    /// `what` is the figure in words, without its bound.
    pub(crate) fn new(name: impl Into<String>, what: impl Into<String>, bound: Bound) -> Self {
        Self {
            name: name.into(),
            what: what.into(),
            bound,
            reason: None,
        }
    }

    /// Why it is missed, where that was looked into. Told only when it is.
    pub(crate) fn known_to_miss(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Judges it by the worst figure, each with the place where it was found.
    pub(crate) fn judge(self, found: impl IntoIterator<Item = (String, f64)>) -> Target {
        let worst = self.bound.worst(found);
        let verdict = match &worst {
            None => Verdict::NotMeasured,
            Some((_, found)) if self.bound.holds(*found) => Verdict::Met,
            Some(_) => Verdict::Missed,
        };
        let reason = match verdict {
            Verdict::Met => None,
            Verdict::Missed => Some(self.reason.unwrap_or_else(|| UNKNOWN.to_owned())),
            Verdict::NotMeasured => Some("not measured in this run".to_owned()),
        };
        let bound = match self.bound {
            Bound::AtLeast(limit) => format!("at least {limit}"),
            Bound::AtMost(limit) => format!("at most {limit}"),
        };
        Target {
            name: self.name,
            what: format!("{}: {bound}", self.what),
            found: worst.as_ref().map(|(_, found)| *found),
            worst_in: worst.map(|(place, _)| place),
            bound: self.bound,
            verdict,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(found: &[f64]) -> Target {
        let found = found.iter().map(|figure| (figure.to_string(), *figure));
        Wanted::new("name", "what", Bound::AtMost(2.0))
            .known_to_miss("because")
            .judge(found)
    }

    #[test]
    fn a_reason_is_given_only_when_it_is_missed() {
        let met = judged(&[1.0, 2.0]);
        assert_eq!((met.verdict, met.reason), (Verdict::Met, None));
        let missed = judged(&[1.0, 3.0]);
        assert_eq!(missed.verdict, Verdict::Missed);
        assert_eq!(missed.reason.as_deref(), Some("because"));
        assert_eq!(missed.worst_in.as_deref(), Some("3"));
        assert_eq!(missed.what, "what: at most 2");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let target = judged(&[]);
        assert_eq!((target.verdict, target.found), (Verdict::NotMeasured, None));
        assert!(target.reason.is_some());
    }
}
