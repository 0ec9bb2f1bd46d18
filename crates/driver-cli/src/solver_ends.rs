//! Solvers are shown as they end: what is still under way, as an archive in a store that hangs, holds back none of them.

use std::sync::mpsc::Sender;

use driver_streaming::{Observer, Solver, SolverOutcome};
use tokio::sync::watch;

use crate::summary::solver_line;

/// Notes which solvers have ended, and hands out a line for each.
pub(super) struct SolverEnds {
    lines: Option<Sender<String>>,
    widest: usize,
    left: watch::Sender<usize>,
}

impl SolverEnds {
    /// For a run to `solvers`. What is sent to `lines` is printed elsewhere: a terminal that is slow stops no run.
    pub(super) fn new(solvers: &[Solver], lines: Option<Sender<String>>) -> Self {
        let names = solvers.iter().map(|solver| solver.name().chars().count());
        Self {
            lines,
            widest: names.max().unwrap_or(0),
            left: watch::Sender::new(solvers.len()),
        }
    }

    /// Waits until all have ended.
    pub(super) async fn all(&self) {
        // It fails only when the sender is gone, and that is here.
        let mut left = self.left.subscribe();
        let _none_left = left.wait_for(|left| *left == 0).await;
    }
}

impl Observer for SolverEnds {
    fn solver_ended(&self, _solver: usize, outcome: &SolverOutcome) {
        if let Some(lines) = &self.lines {
            // Nobody prints any more when standard output is gone.
            let _printed = lines.send(solver_line(outcome, self.widest));
        }
        self.left.send_modify(|left| *left = left.saturating_sub(1));
    }
}
