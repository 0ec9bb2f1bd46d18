//! What `report.json` holds: each scenario's figures over its runs, and what else was measured. Its names do not change.

use bench_records::{Measure, MicroReport, Spread, Timers};
use serde::Serialize;

use crate::floor::Floor;
use crate::machine::Machine;
use crate::sample::Sample;
use crate::scenario::{Design, Scenario, Size};
use crate::targets::Ratio;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The command, as it was given in the root of the repository.
    pub(crate) command: String,
    /// When it was given, in UTC.
    pub(crate) date: String,
    /// How long it took once everything was built.
    pub(crate) seconds: f64,
    pub(crate) machine: Machine,
    /// How many designs and scenarios were checked to deliver and archive the right bytes.
    pub(crate) checked: usize,
    /// Whole processes.
    pub(crate) scenarios: Vec<Row>,
    /// Every target, met or not, and figures of which nothing is demanded.
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) floors: Vec<Floor>,
    /// Memory over time.
    pub(crate) memory: Vec<MemoryCurve>,
    /// When engines had everything of which some stalled or were slow.
    pub(crate) uneven: Vec<Uneven>,
    /// How late timers were.
    pub(crate) delays: Vec<Delay>,
    /// What the service between a driver and the engines takes.
    pub(crate) service: Vec<Measure>,
    /// What was measured within one process.
    pub(crate) micro: MicroReport,
}

impl Report {
    /// The targets that are missed, or that nothing that was run tells of.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Ratio> {
        self.ratios.iter().filter(|ratio| ratio.met == Some(false))
    }
}

/// All runs of a scenario. Figures without a spread are medians; what has happened is counted from the call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    #[serde(skip)]
    pub(crate) scenario: Scenario,
    /// For example `large_32_solvers`.
    pub(crate) name: String,
    pub(crate) design: &'static str,
    /// The auction's JSON.
    pub(crate) size_bytes: u64,
    pub(crate) solvers: usize,
    pub(crate) codec: &'static str,
    pub(crate) runs: usize,
    /// User and system time of the process.
    pub(crate) cpu_ms: Spread,
    /// The same of the engines' process.
    pub(crate) engines_cpu_ms: Spread,
    /// The largest resident size over that before the call.
    pub(crate) peak_rss_over_base_mib: f64,
    /// Threads when the call has ended that were not there before it: the most of all runs.
    pub(crate) extra_threads: f64,
    /// At the engine in the middle.
    pub(crate) first_byte_ms: f64,
    pub(crate) first_byte_earliest_ms: f64,
    pub(crate) first_byte_latest_ms: f64,
    /// When the engine in the middle had everything.
    pub(crate) delivery_ms: f64,
    /// When all had.
    pub(crate) delivery_last_ms: Spread,
    /// How often the auction was serialised.
    pub(crate) productions: f64,
}

impl Row {
    pub(crate) fn new(scenario: Scenario, samples: &[Sample]) -> Self {
        let of = |pick: fn(&Sample) -> f64| Spread::of(samples.iter().map(pick));
        let last = samples.last().map(|sample| &sample.measurement);
        Self {
            scenario,
            name: format!("{}_{}_solvers", scenario.auction, scenario.solvers),
            design: scenario.design.name(),
            size_bytes: last.map_or(0, |last| last.auction_bytes),
            solvers: scenario.solvers,
            codec: scenario.design.codec(),
            runs: samples.len(),
            cpu_ms: of(|sample| sample.measurement.cpu_ms),
            engines_cpu_ms: of(|sample| sample.engines_cpu_ms),
            peak_rss_over_base_mib: of(Sample::peak_mib).median,
            extra_threads: of(Sample::extra_threads).max,
            first_byte_ms: of(|sample| sample.first_byte_ms.median).median,
            first_byte_earliest_ms: of(|sample| sample.first_byte_ms.min).median,
            first_byte_latest_ms: of(|sample| sample.first_byte_ms.max).median,
            delivery_ms: of(|sample| sample.delivery_ms.median).median,
            delivery_last_ms: of(|sample| sample.delivery_ms.max),
            productions: of(|sample| sample.measurement.productions).median,
        }
    }

    /// Of all other designs the one whose last delivery of the same is the first, where this is this project with an archive.
    pub(crate) fn fastest_other<'a>(&self, rows: &'a [Self]) -> Option<&'a Self> {
        let others = self.same(rows).filter(|other| other.design != self.design);
        let fastest = others.max_by(|a, b| self.last_over(a).total_cmp(&self.last_over(b)));
        fastest.filter(|_| Design::OURS.contains(&self.scenario.design))
    }

    /// The same design without an archive, where this one has one.
    pub(crate) fn without_archive<'a>(&self, rows: &'a [Self]) -> Option<&'a Self> {
        let without = self.same(rows).find(|row| row.codec == "none");
        without.filter(|_| Design::OURS.contains(&self.scenario.design))
    }

    /// The last delivery over that of another.
    pub(crate) fn last_over(&self, other: &Self) -> f64 {
        self.delivery_last_ms.median / other.delivery_last_ms.median
    }

    /// Every design's row of the same.
    pub(crate) fn same<'a>(&self, rows: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        let (auction, solvers) = (self.scenario.auction, self.scenario.solvers);
        rows.iter().filter(move |row| row.is_of(auction, solvers))
    }

    pub(crate) fn is_of(&self, auction: Size, solvers: usize) -> bool {
        (self.scenario.auction, self.scenario.solvers) == (auction, solvers)
    }
}

/// The resident size of one process during one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct MemoryCurve {
    pub(crate) design: Design,
    /// Milliseconds since the call, and MiB over what was resident before it.
    pub(crate) points: Vec<(f64, f64)>,
    /// The largest that the kernel saw, in MiB over what was resident before.
    pub(crate) peak_mib: f64,
}

impl MemoryCurve {
    /// Of several runs, the one whose peak is in the middle.
    pub(crate) fn middle(design: Design, mut runs: Vec<Sample>) -> Option<Self> {
        runs.sort_by_key(|sample| sample.measurement.peak_rss_over_base_kib);
        let sample = runs.get(runs.len() / 2)?;
        let run = &sample.measurement;
        let points = sample.resident.iter().map(|(at_ns, kib)| {
            let since_call = (*at_ns as f64 - run.called_at_ns as f64) / 1e6;
            (since_call, (*kib as f64 - run.base_rss_kib as f64) / 1024.0)
        });
        let during_call = points.filter(|(at_ms, _)| (0.0..=run.wall_ms).contains(at_ms));
        Some(Self {
            design,
            points: [(0.0, 0.0)].into_iter().chain(during_call).collect(),
            peak_mib: sample.peak_mib(),
        })
    }
}

/// When engines had everything of which some stalled or were slow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Uneven {
    #[serde(flatten)]
    pub(crate) scenario: Scenario,
    /// When the last healthy engine had everything, after the call; where none was healthy, the last of all.
    pub(crate) last_ms: Spread,
    /// The same with the healthy engines alone.
    pub(crate) alone_last_ms: Option<Spread>,
    /// One over the other, turn by turn.
    pub(crate) over_alone: Option<Spread>,
    /// How often the auction was serialised: the median. 0 where engines were given up.
    pub(crate) productions: f64,
}

impl Uneven {
    /// Of the scenarios of one grid.
    pub(crate) fn all(taken: &[(Scenario, Vec<Sample>)]) -> impl Iterator<Item = Self> {
        let uneven = taken.iter().filter(|(one, _)| !one.rates.is_empty());
        uneven.map(|(scenario, samples)| {
            let last = |sample: &Sample| sample.delivery_ms.max;
            let mut all = taken.iter();
            let alone = all.find(|(other, _)| scenario.alone() == Some(*other));
            let alone = alone.map(|(_, alone)| alone.iter().map(last));
            let last = samples.iter().map(last);
            let turns = alone.clone().map(|alone| last.clone().zip(alone));
            let productions = samples.iter().map(|sample| sample.measurement.productions);
            Self {
                scenario: *scenario,
                last_ms: Spread::of(last),
                alone_last_ms: alone.map(Spread::of),
                over_alone: turns.map(|turns| Spread::of(turns.map(|(last, alone)| last / alone))),
                productions: Spread::of(productions).median,
            }
        })
    }
}

/// By how much a design's process was late for its other tasks while it streamed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Delay {
    pub(crate) design: Design,
    /// In the run in the middle, by the lateness of all but the worst hundredth of its ticks.
    #[serde(flatten)]
    pub(crate) timers: Timers,
}

impl Delay {
    pub(crate) fn middle(design: Design, runs: &[Sample]) -> Option<Self> {
        let timers = runs.iter().filter_map(|sample| sample.measurement.timers);
        let mut timers: Vec<Timers> = timers.collect();
        timers.sort_by(|a, b| a.meanwhile.p99_ms.total_cmp(&b.meanwhile.p99_ms));
        let timers = *timers.get(timers.len() / 2)?;
        Some(Self { design, timers })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sample::tests::delivered;

    /// A row of a large auction, with nothing but its processor time.
    pub(crate) fn large(design: Design, solvers: usize, cpu_ms: f64) -> Row {
        let scenario = Scenario {
            auction: crate::scenario::LARGE,
            solvers,
            rates: &[],
            design,
        };
        Row {
            cpu_ms: Spread::of([cpu_ms]),
            ..Row::new(scenario, &[])
        }
    }

    #[test]
    fn the_healthy_are_compared_turn_by_turn() {
        let with = Scenario {
            rates: &[0],
            ..large(Design::OursGzip, 8, 1.0).scenario
        };
        let alone = with.alone().unwrap();
        let samples = |last_ms: [f64; 3]| last_ms.map(delivered).to_vec();
        let taken = [
            (with, samples([100.0, 900.0, 330.0])),
            (alone, samples([100.0, 600.0, 300.0])),
        ];
        let found: Vec<_> = Uneven::all(&taken).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].last_ms.median, 330.0);
        assert_eq!(found[0].alone_last_ms.unwrap().median, 300.0);
        let over = found[0].over_alone.unwrap();
        assert_eq!((over.min, over.median, over.max), (1.0, 1.1, 1.5));
        let nobody: Vec<_> = Uneven::all(&taken[..1]).collect();
        assert_eq!(nobody[0].over_alone, None);
    }

    #[test]
    fn the_fastest_other_is_another_design_of_the_same() {
        let row = |design, solvers, last_ms| Row {
            delivery_last_ms: Spread::of([last_ms]),
            ..large(design, solvers, 1.0)
        };
        let rows = [
            row(Design::OursGzip, 8, 5.0),
            row(Design::OursAlone, 8, 1.0),
            row(Design::SharedGzip, 8, 4.0),
            row(Design::Threaded, 8, 9.0),
            row(Design::SharedZstd, 1, 2.0),
        ];
        let design = |row: Option<&Row>| row.map(|row| row.scenario.design);
        let fastest = rows[0].fastest_other(&rows);
        assert_eq!(design(fastest), Some(Design::SharedGzip));
        assert_eq!(fastest.map(|other| rows[0].last_over(other)), Some(1.25));
        let without = rows[0].without_archive(&rows);
        assert_eq!(design(without), Some(Design::OursAlone));
        // Nobody else is judged so.
        assert_eq!(design(rows[2].fastest_other(&rows)), None);
        assert_eq!(design(rows[2].without_archive(&rows)), None);
    }
}
