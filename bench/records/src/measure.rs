use serde::{Deserialize, Serialize};

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What it is, by a name that does not change.
    pub name: String,
    /// The median.
    pub value: f64,
    /// The least of all rounds.
    pub least: f64,
    /// The most of all rounds.
    pub most: f64,
    /// What it is counted in: `ns`, `ms`, `MiB`, or empty for a ratio.
    pub unit: String,
}
