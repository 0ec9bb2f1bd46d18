//! Prints and logs each solver as soon as it has ended, even if the archive's store hangs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use driver_streaming::{ArchiveOutcome, Observer, Solver, SolverFailure, SolverOutcome};
use tokio::sync::watch;

use crate::summary::Table;

/// Counts the solvers that have not ended, and formats the lines of their table.
pub(super) struct SolverEnds {
    lines: Option<Sender<String>>,
    table: Table,
    has_begun: AtomicBool,
    left: watch::Sender<usize>,
}

impl SolverEnds {
    /// Sends each line to `lines`, so that a slow terminal does not stop the run.
    pub(super) fn new(solvers: &[Solver], lines: Option<Sender<String>>) -> Self {
        Self {
            lines,
            table: Table::new(solvers.iter().map(Solver::name)),
            has_begun: AtomicBool::new(false),
            left: watch::Sender::new(solvers.len()),
        }
    }

    /// Waits until all solvers have ended.
    pub(super) async fn all(&self) {
        // Fails only without a sender, which is here.
        let mut left = self.left.subscribe();
        let _none_left = left.wait_for(|left| *left == 0).await;
    }
}

impl Observer for SolverEnds {
    fn solver_ended(&self, _solver: usize, outcome: &SolverOutcome) {
        if let Some(lines) = &self.lines {
            let row = self.table.row(outcome);
            let row = match self.has_begun.swap(true, Ordering::Relaxed) {
                false => format!("{}\n{row}", self.table.header()),
                true => row,
            };
            // Fails when standard output is gone.
            let _printed = lines.send(row);
        }
        self.left.send_modify(|left| *left = left.saturating_sub(1));
    }
}

/// Logs the figures of each solver and archive that has ended, at the level `info`.
pub(super) struct LogEnds;

impl Observer for LogEnds {
    fn solver_ended(&self, _solver: usize, outcome: &SolverOutcome) {
        tracing::info!(
            solver = outcome.name,
            status = %outcome.status,
            http_status = outcome.http_status,
            attempts = outcome.attempts,
            bytes_sent = outcome.bytes_sent,
            sending_ms = outcome.sending_ms,
            waiting_for_data_ms = outcome.waiting_for_data_ms,
            waiting_for_solver_ms = outcome.waiting_for_solver_ms,
            delivered_ms = outcome.delivered_ms,
            thinking_ms = outcome.thinking_ms,
            waited_ms = outcome.waited_ms,
            waited_for_ms = outcome.waited_for_ms,
            total_ms = outcome.total_ms,
            failure = outcome.failure.as_ref().map(SolverFailure::kind),
            error = outcome.error,
            "a solver has ended"
        );
    }

    fn archive_ended(&self, outcome: &ArchiveOutcome) {
        tracing::info!(
            status = %outcome.status,
            location = outcome.location,
            codec = outcome.codec,
            raw_bytes = outcome.raw_bytes,
            stored_bytes = outcome.stored_bytes,
            write_ms = outcome.write_ms,
            total_ms = outcome.total_ms,
            waited_ms = outcome.waited_ms,
            waited_for_ms = outcome.waited_for_ms,
            error = outcome.error,
            "the archive has ended"
        );
    }
}
