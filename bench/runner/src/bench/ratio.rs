use serde::Serialize;

use crate::{Bound, Target, Verdict};

/// A target as the report has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Its name, which does not change.
    pub name: String,
    /// What was found where it is worst; `None` when it was not measured.
    pub value: Option<f64>,
    /// What it must be, at least or at most; `None` where nothing is demanded.
    pub target: Option<f64>,
    /// Whether `target` is the least or the most.
    pub bound: Option<&'static str>,
    /// Whether it is so. What was not measured is not met; `None` where nothing is demanded.
    pub met: Option<bool>,
    /// What it is, in words.
    pub what: String,
    /// Where it is worst.
    pub worst_in: Option<String>,
    /// Why it is not met, as far as that has been found out.
    pub reason: Option<String>,
}

impl Ratio {
    /// A figure of which nothing is demanded.
    pub(crate) fn informational(name: &str, what: &str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value),
            target: None,
            bound: None,
            met: None,
            what: what.to_owned(),
            worst_in: None,
            reason: None,
        }
    }

    /// Whether it must be mended.
    pub fn is_missed(&self) -> bool {
        self.met == Some(false)
    }
}

impl From<Target> for Ratio {
    fn from(target: Target) -> Self {
        Self {
            name: target.name,
            // JSON has no other way of saying that it is not a number.
            value: target.found.filter(|found| found.is_finite()),
            target: Some(target.bound.limit()),
            bound: Some(match target.bound {
                Bound::AtLeast(_) => "at_least",
                Bound::AtMost(_) => "at_most",
            }),
            met: Some(target.verdict == Verdict::Met),
            what: target.what,
            worst_in: target.worst_in,
            reason: target.reason,
        }
    }
}
