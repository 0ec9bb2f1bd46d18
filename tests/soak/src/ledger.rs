use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use solver_stand_in::RequestReport;

use crate::place::Place;
use crate::statistics::Statistics;
use crate::verdict::Verdict;
use crate::violation::Violation;

/// What one engine may be sent, and what it says it was sent.
///
/// Documents carry their auction's name, so a digest tells which auction a body is of; a body that is whole to the
/// engine and has no digest that was announced here is a violation, whenever it comes.
#[derive(Debug)]
pub(crate) struct Ledger {
    place: Place,
    solver: String,
    /// How many whole bodies came, by digest, of those that may come.
    expected: Mutex<HashMap<String, u64>>,
    verdict: Arc<Verdict>,
    statistics: Arc<Statistics>,
}

impl Ledger {
    pub(crate) fn new(
        place: Place,
        solver: String,
        verdict: Arc<Verdict>,
        statistics: Arc<Statistics>,
    ) -> Self {
        Self {
            place,
            solver,
            expected: Mutex::default(),
            verdict,
            statistics,
        }
    }

    /// A body with this digest may come from now on.
    pub(crate) fn expect(&self, sha256: &str) {
        self.expected().entry(sha256.to_owned()).or_default();
    }

    /// The engine has got a body, or a part of one.
    pub(crate) fn report(&self, report: &RequestReport) {
        self.statistics.count_body(report.bytes, report.complete);
        if !report.complete {
            return;
        }
        match self.expected().get_mut(&report.sha256) {
            Some(whole) => *whole += 1,
            None => {
                let what = "an engine got a whole body that nobody was to be sent";
                let violation = Violation::new(what)
                    .at(self.place)
                    .with("solver", &self.solver)
                    .with("report", report);
                self.verdict.fail(violation);
            }
        }
    }

    /// Takes one whole body with this digest off, if there is one.
    pub(crate) fn take(&self, sha256: &str) -> bool {
        match self.expected().get_mut(sha256) {
            Some(whole) if *whole > 0 => {
                *whole -= 1;
                true
            }
            _ => false,
        }
    }

    fn expected(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
