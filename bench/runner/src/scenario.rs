//! What is run: designs, sizes of auctions, numbers of solvers, and the workloads of a quick and a full bench.

use std::fmt;

use anyhow::{Context as _, Result};
use auction_fixtures::AuctionShape;
use serde::Serialize;

/// A design, with the codec of its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Design {
    /// In production: a thread, a serialisation and a gzip for each solver.
    Threaded,
    /// All in memory, and a copy for each solver; gzip.
    PerSolverGzip,
    /// All in memory, and the same bytes for each solver; gzip.
    SharedGzip,
    /// The same with zstd.
    SharedZstd,
    /// This project with gzip.
    OursGzip,
    /// This project with zstd.
    OursZstd,
}

impl Design {
    /// Every design, in the order of their colours.
    pub(crate) const ALL: [Self; 6] = [
        Self::OursGzip,
        Self::OursZstd,
        Self::Threaded,
        Self::PerSolverGzip,
        Self::SharedGzip,
        Self::SharedZstd,
    ];
    /// This project, with each codec.
    pub(crate) const OURS: [Self; 2] = [Self::OursGzip, Self::OursZstd];

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Threaded => "threaded",
            Self::PerSolverGzip | Self::SharedGzip | Self::SharedZstd => "eager",
            Self::OursGzip | Self::OursZstd => "ours",
        }
    }

    /// Its name there.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Threaded => "threaded",
            Self::PerSolverGzip => "per-solver",
            Self::SharedGzip | Self::SharedZstd => "shared",
            Self::OursGzip | Self::OursZstd => "ours",
        }
    }

    /// Its archive's.
    pub(crate) fn codec(self) -> &'static str {
        match self {
            Self::SharedZstd | Self::OursZstd => "zstd",
            _ => "gzip",
        }
    }

    /// The design and its codec, as people say it.
    pub(crate) fn label(self) -> String {
        format!("{} ({})", self.name(), self.codec())
    }

    /// The same, as names have it.
    pub(crate) fn key(self) -> String {
        format!("{}_{}", self.name(), self.codec()).replace('-', "_")
    }

    /// The design that does the least work there can be, with the same codec.
    pub(crate) fn least(self) -> Self {
        match self.codec() {
            "zstd" => Self::SharedZstd,
            _ => Self::SharedGzip,
        }
    }
}

/// How large an auction is, by its name in `auction-fixtures`.
pub(crate) type Size = &'static str;
/// 26 MB, which most targets are about.
pub(crate) const LARGE: Size = "large";

/// The auction's shape.
pub(crate) fn shape(size: Size) -> Result<AuctionShape> {
    AuctionShape::named(size).with_context(|| format!("there is no auction {size:?}"))
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) auction: Size,
    pub(crate) solvers: usize,
    pub(crate) design: Design,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (design, size, solvers) = (self.design.label(), self.auction, self.solvers);
        write!(f, "{design}, {size} auction, {solvers} solvers")
    }
}

/// Designs that run by turns, with each size of auction and each number of engines.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) auctions: &'static [Size],
    pub(crate) solvers: &'static [usize],
    pub(crate) designs: &'static [Design],
    /// How often each design runs in each scenario.
    pub(crate) runs: u32,
}

impl Grid {
    const fn new(
        auctions: &'static [Size],
        solvers: &'static [usize],
        designs: &'static [Design],
        runs: u32,
    ) -> Self {
        Self {
            auctions,
            solvers,
            designs,
            runs,
        }
    }

    /// The most engines that any scenario needs.
    pub(crate) fn most_solvers(&self) -> usize {
        self.solvers.iter().copied().max().unwrap_or_default()
    }

    /// For every size with every number of engines, a scenario of each design.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Vec<Scenario>> {
        let each = self.auctions.iter().flat_map(|auction| {
            let solvers = self.solvers.iter();
            solvers.map(|solvers| (*auction, *solvers))
        });
        each.map(|(auction, solvers)| {
            let scenario = |design: &Design| Scenario {
                auction,
                solvers,
                design: *design,
            };
            self.designs.iter().map(scenario).collect()
        })
    }
}

/// What a bench runs.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// What is checked to deliver and archive the right bytes.
    pub(crate) checks: Vec<Grid>,
    /// What is measured.
    pub(crate) grids: Vec<Grid>,
    /// In what memory is watched over time.
    pub(crate) memory: Grid,
    /// In what some engines stall.
    pub(crate) stalled: Grid,
    /// How many of them.
    pub(crate) stalls: Vec<usize>,
    /// When requests to those are given up.
    pub(crate) deadline_ms: u64,
    /// In what the timers are watched.
    pub(crate) delay: Grid,
}

impl Workload {
    /// At most five minutes on two cores, with the sizes and numbers that targets are about.
    pub(crate) fn quick() -> Self {
        use Design::{OursGzip, SharedGzip, Threaded};
        let all = &Design::ALL;
        Self {
            checks: vec![Grid::new(&["small", "mainnet", LARGE], &[8], all, 1)],
            grids: vec![
                Grid::new(&[LARGE], &[1, 8, 32], all, 3),
                Grid::new(&["small", "mainnet"], &[8], all, 3),
            ],
            memory: Grid::new(&[LARGE], &[8], all, 1),
            stalled: Grid::new(&[LARGE], &[8], &[OursGzip, Threaded, SharedGzip], 1),
            stalls: vec![0, 1, 4, 7],
            deadline_ms: 5_000,
            delay: Grid::new(&[LARGE], &[8], all, 1),
        }
    }

    /// Everything.
    pub(crate) fn full() -> Self {
        use Design::{OursGzip, OursZstd, SharedGzip, SharedZstd, Threaded};
        let all = &Design::ALL;
        let grids = vec![
            Grid::new(&[LARGE], &[1, 2, 4, 8, 16, 32, 64], all, 5),
            Grid::new(&["small", "mainnet"], &[1, 8, 32], all, 5),
            Grid::new(&["huge"], &[8], all, 3),
            // A copy of a gigabyte for each solver is more than most machines have.
            Grid::new(
                &["giant"],
                &[8],
                &[OursGzip, OursZstd, Threaded, SharedGzip, SharedZstd],
                1,
            ),
        ];
        Self {
            checks: grids.clone(),
            grids,
            memory: Grid::new(&[LARGE], &[8], all, 3),
            stalled: Grid::new(
                &[LARGE],
                &[8],
                &[OursGzip, OursZstd, Threaded, SharedGzip],
                3,
            ),
            stalls: vec![0, 1, 2, 4, 7],
            deadline_ms: 6_000,
            delay: Grid::new(&[LARGE], &[8], all, 5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_workloads_run_what_the_targets_are_about() {
        for workload in [Workload::quick(), Workload::full()] {
            for solvers in [1, 32] {
                let is_there = |grid: &Grid| {
                    grid.auctions.contains(&LARGE)
                        && grid.solvers.contains(&solvers)
                        && Design::ALL
                            .iter()
                            .all(|design| grid.designs.contains(design))
                };
                assert!(workload.grids.iter().any(is_there), "{solvers}");
            }
            let most = workload.stalled.most_solvers();
            assert!(workload.stalls.iter().all(|stalled| *stalled < most));
            let sizes = workload.grids.iter().flat_map(|grid| grid.auctions);
            assert!(sizes.copied().all(|size| shape(size).is_ok()));
        }
    }
}
