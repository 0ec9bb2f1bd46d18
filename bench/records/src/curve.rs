use serde::{Deserialize, Serialize};

/// One line of a plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The plot that it belongs to, by a name that does not change.
    pub plot: String,
    /// What the line is.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}
