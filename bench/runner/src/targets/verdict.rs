use serde::Serialize;

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Wherever it was measured.
    Met,
    /// Not in the place that is named.
    Missed,
    /// Nothing that was run tells.
    NotMeasured,
}
