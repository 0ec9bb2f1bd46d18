//! The last auctions, for the page, and a line in the log for each.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::http::StatusCode;
use driver_streaming::{ArchiveStatus, Outcome, SolverOutcome, SolverStatus};

use crate::figures::words;
use crate::report::Timelines;

/// How many auctions are remembered.
const MOST: usize = 100;

/// How one auction went.
pub(super) struct Record {
    /// Given by the history, from 1.
    pub(super) number: u64,
    pub(super) outcome: Outcome,
    /// Its size in bytes, if it arrived completely.
    pub(super) bytes: Option<u64>,
    /// What is wrong with it as a whole.
    pub(super) problem: Option<String>,
    pub(super) timelines: Arc<Timelines>,
}

impl Record {
    /// When the last engine had received the whole auction, among those that did.
    pub(super) fn delivery_ms(&self) -> Option<f64> {
        let solvers = self.outcome.solvers.iter();
        let delivered = solvers.filter_map(|solver| solver.delivered_ms);
        delivered.max_by(f64::total_cmp)
    }

    /// The engine that took longest.
    pub(super) fn slowest(&self) -> Option<&SolverOutcome> {
        let took = |solver: &SolverOutcome| match solver.status {
            SolverStatus::TimedOut => f64::INFINITY,
            _ => solver.http_status.map_or(0.0, |_| solver.total_ms),
        };
        let solvers = self.outcome.solvers.iter();
        let solvers = solvers.filter(|solver| took(solver) > 0.0);
        solvers.max_by(|one, other| took(one).total_cmp(&took(other)))
    }

    /// How many engines succeeded.
    pub(super) fn ok_engines(&self) -> usize {
        let is_ok = |solver: &&SolverOutcome| solver.status == SolverStatus::Ok;
        self.outcome.solvers.iter().filter(is_ok).count()
    }

    /// Logs its line. There is no `status` if the driver had gone away.
    pub(super) fn log(&self, status: Option<StatusCode>) {
        let archive = &self.outcome.archive;
        // Engines are cancelled because of the auction's own problem, which is listed already.
        let solvers = self.outcome.solvers.iter();
        let failed = solvers.filter(|solver| solver.status != SolverStatus::Cancelled);
        let failed = failed.filter_map(|solver| {
            let why = solver.error.as_ref()?;
            Some(format!("{}: {why}", solver.name))
        });
        let not_archived = archive.error.iter().map(|why| format!("archive: {why}"));
        let problems = self.problem.clone().into_iter();
        let problems = problems.chain(failed).chain(not_archived);
        let problems = problems.collect::<Vec<_>>().join("; ");
        let bad = archive.status != ArchiveStatus::Cancelled && !archive.status.is_ok();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    auction = self.outcome.auction.id.as_deref().unwrap_or("-"),
                    status = status.map(|status| status.as_u16()),
                    bytes = self.bytes,
                    engines_ok = self.ok_engines(),
                    engines = self.outcome.solvers.len(),
                    delivery_ms = self.delivery_ms().map(|ms| ms.round()),
                    slowest = self.slowest().map(|solver| solver.name.as_str()),
                    wall_ms = self.outcome.wall_ms.round(),
                    archive = words(archive.status),
                    problems,
                    "auction"
                )
            };
        }
        if bad { line!(warn) } else { line!(info) }
    }
}

/// The last auctions, the latest last.
#[derive(Default)]
pub(super) struct History {
    last: u64,
    records: VecDeque<Record>,
}

impl History {
    /// Appends a record, removes the oldest if there are too many, and returns the new record's number.
    pub(super) fn push(&mut self, mut record: Record) -> u64 {
        self.last += 1;
        record.number = self.last;
        if self.records.len() == MOST {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.last
    }

    /// The record with this number, unless it was removed.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        let mut records = self.records.iter_mut();
        records.find(|record| record.number == number)
    }

    /// All of them, the latest first.
    pub(super) fn latest_first(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().rev()
    }
}
