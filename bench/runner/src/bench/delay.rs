use comparison_records::Timers;
use serde::Serialize;

use crate::Design;

/// By how much a design's process was late for its other tasks while it streamed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delay {
    /// Which design ran.
    pub design: Design,
    /// In the run in the middle, by the lateness of all but the worst hundredth of its ticks.
    #[serde(flatten)]
    pub timers: Timers,
}

impl Delay {
    /// `None` of no runs.
    pub(crate) fn of(design: Design, mut runs: Vec<Timers>) -> Option<Self> {
        runs.sort_by(|a, b| a.meanwhile.p99_ms.total_cmp(&b.meanwhile.p99_ms));
        let timers = *runs.get(runs.len() / 2)?;
        Some(Self { design, timers })
    }
}
