use serde::Serialize;

use super::bound::Bound;
use super::verdict::Verdict;

/// Something that is wanted of this project, and what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Its name, which does not change.
    pub name: String,
    /// What is wanted, in words.
    pub what: String,
    /// What was found, in the scenario where it is worst.
    pub found: Option<f64>,
    /// Which scenario that is.
    pub worst_in: Option<String>,
    /// What it must be.
    #[serde(flatten)]
    pub bound: Bound,
    /// Whether it is so.
    pub verdict: Verdict,
    /// Why it is not, as far as that has been found out.
    pub reason: Option<String>,
}
