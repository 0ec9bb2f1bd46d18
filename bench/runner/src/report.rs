use serde::Serialize;

use crate::{Machine, Row, Target};

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the runs ran on.
    pub machine: Machine,
    /// How often each design ran in each scenario.
    pub runs: u32,
    /// How many designs and scenarios were checked to deliver and archive the right bytes: all or none.
    pub checked: usize,
    /// One for each design and scenario.
    pub rows: Vec<Row>,
    /// What was wanted, and whether it was found.
    pub targets: Vec<Target>,
}
