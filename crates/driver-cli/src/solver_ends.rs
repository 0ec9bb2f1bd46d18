//! Solvers are shown as they end: what is still under way, as an archive in a store that hangs, holds back none of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use driver_streaming::{ArchiveOutcome, Observer, Solver, SolverFailure, SolverOutcome};
use tokio::sync::watch;

use crate::summary::{Table, archive_status, solver_status};

/// Notes which solvers have ended, and hands out the lines of their table.
pub(super) struct SolverEnds {
    lines: Option<Sender<String>>,
    table: Table,
    has_begun: AtomicBool,
    left: watch::Sender<usize>,
}

impl SolverEnds {
    /// For a run to `solvers`. What is sent to `lines` is printed elsewhere: a terminal that is slow stops no run.
    pub(super) fn new(solvers: &[Solver], lines: Option<Sender<String>>) -> Self {
        Self {
            lines,
            table: Table::new(solvers.iter().map(Solver::name)),
            has_begun: AtomicBool::new(false),
            left: watch::Sender::new(solvers.len()),
        }
    }

    pub(super) async fn all(&self) {
        // It fails only when the sender is gone, and that is here.
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
            // Nobody prints any more when standard output is gone.
            let _printed = lines.send(row);
        }
        self.left.send_modify(|left| *left = left.saturating_sub(1));
    }
}

/// Logs a line for each solver and archive that has ended, with its figures, at the level `info`.
pub(super) struct LogEnds;

impl Observer for LogEnds {
    fn solver_ended(&self, _solver: usize, outcome: &SolverOutcome) {
        tracing::info!(
            solver = outcome.name,
            status = solver_status(outcome.status),
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
            status = archive_status(outcome.status),
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
