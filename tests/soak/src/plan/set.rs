use std::time::Duration;

use super::archive::ArchivePlan;
use super::solver::SolverPlan;
use crate::chance::{Chance, Place};

/// A pipeline: its solvers, their engines, its archive, and how many auctions it lives for.
#[derive(Clone, Debug)]
pub(crate) struct SetPlan {
    pub(crate) place: Place,
    pub(crate) solvers: Vec<SolverPlan>,
    pub(crate) archive: Option<ArchivePlan>,
    pub(crate) deadline: Duration,
    pub(crate) archive_limit: Duration,
    pub(crate) answer_bytes: usize,
    pub(crate) window_bytes: usize,
    pub(crate) window_budget_bytes: usize,
    pub(crate) digest: bool,
    pub(crate) auctions: u64,
    /// How many of them at a time.
    pub(crate) overlap: usize,
}

/// What nothing takes that ends at all, however busy the machine is.
const AMPLE: Duration = Duration::from_secs(60);

impl SetPlan {
    pub(crate) fn any(seed: u64, place: Place) -> Self {
        let chance = &mut Chance::new(seed, place);
        let count = chance.between(1, 12);
        let solvers = (0..count)
            .map(|index| SolverPlan::any(index, chance))
            .collect();
        let hurried = chance.one_in(15);
        Self {
            place,
            solvers,
            archive: (!chance.one_in(5)).then(|| ArchivePlan::any(chance)),
            deadline: if hurried {
                chance.milliseconds(1, 500)
            } else {
                AMPLE
            },
            archive_limit: if chance.one_in(15) {
                chance.milliseconds(1, 500)
            } else {
                AMPLE
            },
            answer_bytes: 10_000,
            window_bytes: if chance.one_in(2) {
                1024 * 1024
            } else {
                chance.scaled(1024, 1024 * 1024) as usize
            },
            window_budget_bytes: if chance.one_in(2) {
                64 * 1024 * 1024
            } else {
                chance.scaled(256 * 1024, 64 * 1024 * 1024) as usize
            },
            digest: !chance.one_in(6),
            auctions: chance.scaled(1, 60),
            overlap: chance.between(1, 4) as usize,
        }
    }

    /// Whether solvers have all the time that they may need.
    pub(crate) fn is_ample(&self) -> bool {
        self.deadline == AMPLE
    }

    /// Whether the archive has.
    pub(crate) fn is_ample_for_archive(&self) -> bool {
        self.archive_limit == AMPLE
    }

    /// What one run may take at most, with everything that is waited for, on a machine that is busy with other things.
    pub(crate) fn longest_run(&self) -> Duration {
        (self.deadline + self.archive_limit) * 2 + AMPLE
    }
}
