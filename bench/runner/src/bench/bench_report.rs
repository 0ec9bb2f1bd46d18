use comparison_records::MicroReport;
use serde::Serialize;

use super::delay::Delay;
use super::floor::Floor;
use super::memory_curve::MemoryCurve;
use super::ratio::Ratio;
use super::scenario_record::ScenarioRecord;
use super::stalled::Stalled;
use crate::{Machine, Row};

/// Everything that was found, as `report.json` has it.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// The command, as it was given in the root of the repository.
    pub command: String,
    /// When it was given, in UTC.
    pub date: String,
    /// How long it took once everything was built, in seconds.
    pub seconds: f64,
    /// What it ran on.
    pub machine: Machine,
    /// How many designs and scenarios were checked to deliver and archive the right bytes.
    pub checked: usize,
    /// Whole processes.
    pub scenarios: Vec<ScenarioRecord>,
    /// Every target, met or not, and figures of which nothing is demanded.
    pub ratios: Vec<Ratio>,
    /// The least that one auction to 32 solvers can take, and what it takes.
    pub floors: Vec<Floor>,
    /// Memory over time.
    pub memory: Vec<MemoryCurve>,
    /// What healthy solvers had when others stalled.
    pub stalled: Vec<Stalled>,
    /// How late timers were.
    pub delays: Vec<Delay>,
    /// What was measured within one process.
    pub micro: MicroReport,
    /// What the scenarios are made of, for plots.
    #[serde(skip)]
    pub rows: Vec<Row>,
}

impl BenchReport {
    /// The targets that are missed, or that nothing that was run tells of.
    pub fn missed(&self) -> impl Iterator<Item = &Ratio> {
        self.ratios.iter().filter(|ratio| ratio.is_missed())
    }
}
