//! What is run: designs, sizes of auctions, numbers of solvers, and the workloads of a quick and a full bench.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use auction_fixtures::AuctionShape;
use serde::Serialize;

use crate::service::Rounds;

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
    /// This project without an archive.
    OursAlone,
    /// This project as production is, with a document and an archive for each solver, and with its gzip.
    StreamedGzip,
    /// The same, and gzip by zlib-rs.
    StreamedZlibRs,
}

impl Design {
    /// Every design, in the order of their colours.
    pub(crate) const ALL: [Self; 9] = [
        Self::OursGzip,
        Self::OursZstd,
        Self::Threaded,
        Self::PerSolverGzip,
        Self::SharedGzip,
        Self::SharedZstd,
        Self::OursAlone,
        Self::StreamedGzip,
        Self::StreamedZlibRs,
    ];
    /// Those that are compared with sharing one document.
    pub(crate) const SHARING: &[Self] = Self::ALL.split_at(7).0;
    /// This project, with each codec.
    pub(crate) const OURS: [Self; 2] = [Self::OursGzip, Self::OursZstd];

    pub(crate) fn program(self) -> &'static str {
        match self.name() {
            "per-solver" | "shared" => "eager",
            name => name,
        }
    }

    /// Its name there.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Threaded => "threaded",
            Self::PerSolverGzip => "per-solver",
            Self::SharedGzip | Self::SharedZstd => "shared",
            Self::OursGzip | Self::OursZstd | Self::OursAlone => "ours",
            Self::StreamedGzip => "streamed",
            Self::StreamedZlibRs => "streamed-zlib-rs",
        }
    }

    /// Its archive's; `none` without an archive.
    pub(crate) fn codec(self) -> &'static str {
        match self {
            Self::OursAlone => "none",
            Self::SharedZstd | Self::OursZstd => "zstd",
            _ => "gzip",
        }
    }

    /// The design and its codec, as people say it.
    pub(crate) fn label(self) -> String {
        match self {
            Self::OursAlone => "ours, no archive".to_owned(),
            _ => format!("{} ({})", self.name(), self.codec()),
        }
    }

    /// The same, as names have it.
    pub(crate) fn key(self) -> String {
        format!("{}_{}", self.name(), self.codec()).replace('-', "_")
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

/// How fast engines read, in MB/s. At 0 an engine reads 64 KiB and then nothing more.
pub(crate) type Rates = &'static [u32];
/// 32 speeds.
const SPEEDS: Rates = &[
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 33, 36, 40, 44, 48,
    54, 60, 68, 76, 84, 92, 100,
];

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Scenario {
    pub(crate) auction: Size,
    pub(crate) solvers: usize,
    /// Of the last engines. Those before them are healthy: they read as fast as they can.
    #[serde(rename = "rates_mb_s")]
    pub(crate) rates: Rates,
    pub(crate) design: Design,
}

impl Scenario {
    pub(crate) fn healthy(&self) -> usize {
        self.solvers.saturating_sub(self.rates.len())
    }

    /// The same with the healthy engines alone, where there are any and others.
    pub(crate) fn alone(self) -> Option<Self> {
        let (solvers, rates): (_, Rates) = (self.healthy(), &[]);
        let alone = Self {
            solvers,
            rates,
            ..self
        };
        (!self.rates.is_empty() && solvers > 0).then_some(alone)
    }

    /// How many engines must be sent the whole auction. Beside healthy engines, what becomes of the others does not count.
    pub(crate) fn must_deliver(&self) -> usize {
        self.alone().unwrap_or(*self).solvers
    }

    /// What the engines do that are not healthy.
    pub(crate) fn held_up(&self) -> String {
        let (rates, count) = (self.rates, self.rates.len());
        let of_all = format!("{count} of {}", self.solvers);
        match rates {
            [] | [0, ..] => format!("{of_all} stalled"),
            [first, ..] => format!("{of_all} at {first} to {} MB/s", rates[count - 1]),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (design, size, solvers) = (self.design.label(), self.auction, self.solvers);
        write!(f, "{design}, {size} auction, {solvers} solvers")?;
        match self.rates {
            [] => Ok(()),
            _ => write!(f, ", {}", self.held_up()),
        }
    }
}

/// Designs that run by turns, with each size of auction and each number of engines.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) auctions: &'static [Size],
    pub(crate) solvers: &'static [usize],
    pub(crate) designs: &'static [Design],
    /// Of the last engines.
    pub(crate) rates: Rates,
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
            rates: &[],
            runs,
        }
    }

    /// The most engines that any scenario needs.
    pub(crate) fn most_solvers(&self) -> usize {
        self.solvers.iter().copied().max().unwrap_or_default()
    }

    /// For every size with every number of engines, a scenario of each design, and one with the healthy engines alone.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Vec<Scenario>> {
        let each = self.auctions.iter().flat_map(|auction| {
            let solvers = self.solvers.iter();
            solvers.map(|solvers| (*auction, *solvers))
        });
        each.map(|(auction, solvers)| {
            let designs = self.designs.iter().map(|design| Scenario {
                auction,
                solvers,
                rates: self.rates,
                design: *design,
            });
            let with_alone = designs.flat_map(|all| [Some(all), all.alone()]);
            with_alone.flatten().collect()
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
    /// In what some engines stall or are slow.
    pub(crate) uneven: Vec<Grid>,
    /// When requests to those are given up that others are compared without.
    pub(crate) deadline_ms: u64,
    /// In what the timers are watched.
    pub(crate) delay: Grid,
    pub(crate) service: Rounds,
}

impl Workload {
    /// At most five minutes on two cores, with the sizes and numbers that targets are about.
    pub(crate) fn quick() -> Self {
        let (all, sharing) = (&Design::ALL, Design::SHARING);
        Self {
            checks: vec![Grid::new(&["small", "mainnet", LARGE], &[8], all, 1)],
            grids: vec![
                Grid::new(&[LARGE], &[1, 3, 8, 32], sharing, 5),
                Grid::new(&["small"], &[8], sharing, 3),
                Grid::new(&["mainnet"], &[1, 8], all, 5),
            ],
            memory: Grid::new(&[LARGE], &[8], sharing, 1),
            uneven: Self::uneven(&[Design::OursGzip], 5),
            deadline_ms: 2_000,
            delay: Grid::new(&[LARGE], &[8], sharing, 1),
            service: Rounds {
                pairs: 9,
                processes: 1,
                periods: 1,
                period: Duration::from_secs(1),
            },
        }
    }

    /// Everything.
    pub(crate) fn full() -> Self {
        use Design::{OursGzip, OursZstd, SharedGzip, SharedZstd, Threaded};
        let (all, sharing) = (&Design::ALL, Design::SHARING);
        let grids = vec![
            Grid::new(&[LARGE], &[1, 2, 3, 4, 8, 16, 32, 64], sharing, 5),
            Grid::new(&["small"], &[1, 8, 32], sharing, 5),
            Grid::new(&["mainnet"], &[1, 8], all, 5),
            Grid::new(&["mainnet"], &[32], sharing, 5),
            Grid::new(&["huge"], &[8], sharing, 3),
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
            memory: Grid::new(&[LARGE], &[8], sharing, 3),
            uneven: Self::uneven(&[OursGzip, OursZstd, Threaded, SharedGzip], 5),
            deadline_ms: 4_000,
            delay: Grid::new(&[LARGE], &[8], sharing, 5),
            service: Rounds {
                pairs: 31,
                processes: 5,
                periods: 3,
                period: Duration::from_secs(5),
            },
        }
    }

    /// Engines that stall, that are slow, and that are of 32 speeds.
    fn uneven(designs: &'static [Design], runs: u32) -> Vec<Grid> {
        let of_8: [Rates; 4] = [&[0], &[0; 4], &[0; 7], &[10, 2]];
        let of_8 = of_8.map(|rates| Grid {
            rates,
            ..Grid::new(&[LARGE], &[8], designs, runs)
        });
        let speeds = Grid {
            rates: SPEEDS,
            ..Grid::new(&[LARGE], &[32], &Design::OURS, 1)
        };
        of_8.into_iter().chain([speeds]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_workloads_run_what_the_targets_are_about() {
        for workload in [Workload::quick(), Workload::full()] {
            for solvers in [1, 3, 8, 32] {
                let is_there = |grid: &Grid| {
                    grid.auctions.contains(&LARGE)
                        && grid.solvers.contains(&solvers)
                        && Design::SHARING
                            .iter()
                            .all(|design| grid.designs.contains(design))
                };
                assert!(workload.grids.iter().any(is_there), "{solvers}");
            }
            for solvers in [1, 8] {
                let is_there = |grid: &Grid| {
                    (grid.auctions, grid.designs) == (&["mainnet"], &Design::ALL)
                        && grid.solvers.contains(&solvers)
                };
                assert!(workload.grids.iter().any(is_there), "{solvers}");
            }
            for grid in &workload.uneven {
                assert!(grid.rates.len() <= grid.most_solvers());
                assert!(grid.designs.contains(&Design::OursGzip));
            }
            let sizes = workload.grids.iter().flat_map(|grid| grid.auctions);
            assert!(sizes.copied().all(|size| shape(size).is_ok()));
        }
    }

    #[test]
    fn the_healthy_are_compared_with_themselves_alone() {
        let scenarios = |solvers, rates| {
            let grid = Grid {
                rates,
                ..Grid::new(&[LARGE], solvers, &[Design::OursGzip], 1)
            };
            let each = grid.groups().flatten();
            let each = each.map(|one| (one.solvers, one.rates.len(), one.must_deliver()));
            each.collect::<Vec<_>>()
        };
        assert_eq!(scenarios(&[8], &[]), [(8, 0, 8)]);
        assert_eq!(scenarios(&[8], &[0, 0]), [(8, 2, 6), (6, 0, 6)]);
        assert_eq!(scenarios(&[2], &[4, 5]), [(2, 2, 2)]);
    }
}
