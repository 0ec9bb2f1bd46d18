use std::time::Duration;

use crate::{Design, Grid, Size};

/// Every design that plots compare, in the order of their colours.
pub(super) const DESIGNS: [Design; 6] = [
    Design::OursGzip,
    Design::OursZstd,
    Design::Threaded,
    Design::PerSolverGzip,
    Design::SharedGzip,
    Design::SharedZstd,
];

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// What is checked to deliver and archive the right bytes.
    pub(super) checks: Vec<Grid>,
    /// What is measured.
    pub(super) grids: Vec<Grid>,
    /// Of what memory is looked at over time.
    pub(super) memory: Grid,
    /// Of what some engines stall.
    pub(super) stalled: Grid,
    /// How many of them.
    pub(super) stalls: Vec<usize>,
    /// When requests to those are given up.
    pub(super) deadline: Duration,
    /// Of what the timers are watched.
    pub(super) delay: Grid,
}

impl Plan {
    /// At most five minutes on two cores, with the sizes and numbers that targets are about.
    pub(super) fn quick() -> Self {
        Self {
            checks: vec![grid(&Size::TYPICAL, &[8], &DESIGNS, 1)],
            grids: vec![
                grid(&[Size::Large], &[1, 8, 32], &DESIGNS, 3),
                grid(&[Size::Small, Size::Mainnet], &[8], &DESIGNS, 3),
            ],
            memory: grid(&[Size::Large], &[8], &DESIGNS, 1),
            stalled: grid(
                &[Size::Large],
                &[8],
                &[Design::OursGzip, Design::Threaded, Design::SharedGzip],
                1,
            ),
            stalls: vec![0, 1, 4, 7],
            deadline: Duration::from_secs(5),
            delay: grid(&[Size::Large], &[8], &DESIGNS, 1),
        }
    }

    /// Everything.
    pub(super) fn full() -> Self {
        let solvers = [1, 2, 4, 8, 16, 32, 64];
        // A copy of a gigabyte for each solver is more than most machines have.
        let gigabyte: Vec<Design> = DESIGNS
            .into_iter()
            .filter(|design| *design != Design::PerSolverGzip)
            .collect();
        let grids = vec![
            grid(&[Size::Large], &solvers, &DESIGNS, 5),
            grid(&[Size::Small, Size::Mainnet], &[1, 8, 32], &DESIGNS, 5),
            grid(&[Size::Huge], &[8], &DESIGNS, 3),
            grid(&[Size::Giant], &[8], &gigabyte, 1),
            grid(
                &[Size::Large],
                &[32],
                &[Design::ThreadedOneArchive, Design::ThreadedFirstRevision],
                2,
            ),
        ];
        Self {
            checks: grids.clone(),
            grids,
            memory: grid(&[Size::Large], &[8], &DESIGNS, 3),
            stalled: grid(
                &[Size::Large],
                &[8],
                &[
                    Design::OursGzip,
                    Design::OursZstd,
                    Design::Threaded,
                    Design::SharedGzip,
                ],
                3,
            ),
            stalls: vec![0, 1, 2, 4, 7],
            deadline: Duration::from_secs(6),
            delay: grid(&[Size::Large], &[8], &DESIGNS, 5),
        }
    }
}

fn grid(auctions: &[Size], solvers: &[usize], designs: &[Design], runs: u32) -> Grid {
    Grid {
        auctions: auctions.to_vec(),
        solvers: solvers.to_vec(),
        designs: designs.to_vec(),
        runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plans_run_what_the_targets_are_about() {
        for plan in [Plan::quick(), Plan::full()] {
            for solvers in [1, 32] {
                let is_there = |grid: &Grid| {
                    grid.auctions.contains(&Size::Large)
                        && grid.solvers.contains(&solvers)
                        && DESIGNS.iter().all(|design| grid.designs.contains(design))
                };
                assert!(plan.grids.iter().any(is_there), "{solvers}");
            }
            let most = plan.stalled.most_solvers();
            assert!(plan.stalls.iter().all(|stalled| *stalled < most));
        }
    }
}
