//! What `report.json` holds: each scenario's figures over its runs, and what else was measured. Its names do not change.

use std::collections::BTreeMap;

use bench_records::Measure;
use bench_records::rounds::Series;
use serde::Serialize;

use crate::machine::Machine;
use crate::sample::Sample;
use crate::scenario::{Scenario, Section};
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
    /// What could not be checked or measured, and why.
    pub(crate) failed: Vec<String>,
    /// Every target, met or not, and figures of which nothing is demanded.
    pub(crate) ratios: Vec<Ratio>,
    /// Whole processes.
    pub(crate) tables: Vec<Table>,
    /// What was measured within one process.
    pub(crate) measures: Vec<Measure>,
}

impl Report {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.tables.iter().flat_map(|table| &table.rows)
    }

    /// The targets that are missed, or that nothing that was run tells of.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Ratio> {
        self.ratios.iter().filter(|ratio| ratio.met == Some(false))
    }
}

/// What a section's scenarios came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    #[serde(flatten)]
    pub(crate) section: Section,
    pub(crate) rows: Vec<Row>,
}

/// All runs of a scenario. What has happened is counted from the call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was run, without the design.
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) scenario: Scenario,
    /// The auction's JSON.
    pub(crate) size_bytes: u64,
    /// The middle of each figure.
    pub(crate) medians: BTreeMap<&'static str, f64>,
    /// Each figure, run by run.
    #[serde(rename = "runs")]
    pub(crate) figures: BTreeMap<&'static str, Series>,
    /// When each engine had everything, in the run in the middle; `None` of one that was given up.
    pub(crate) deliveries_ms: Vec<Option<f64>>,
    /// Milliseconds since the call, and MiB over what was resident before it, in the last run, where that was watched.
    pub(crate) memory: Vec<(f64, f64)>,
}

impl Row {
    pub(crate) fn new(scenario: Scenario, samples: &[Sample], alone: &[Sample]) -> Self {
        let last = samples.last().map(|last| &last.measurement);
        let watched = last.and_then(|last| last.watched.as_ref());
        let mut row = Self {
            name: scenario.name(),
            scenario,
            size_bytes: last.map_or(0, |last| last.auction_bytes),
            medians: BTreeMap::new(),
            figures: BTreeMap::new(),
            deliveries_ms: deliveries(samples),
            memory: watched.map_or_else(Vec::new, |watched| watched.memory.clone()),
        };
        let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for (name, value) in samples.iter().flat_map(Sample::figures) {
            values.entry(name).or_default().push(value);
        }
        for (name, values) in values {
            row.add(name, Series::of(values));
        }
        // A thread that any run has started was started.
        let threads = row.figures.get("extra_threads").map(Series::spread);
        if let Some(threads) = threads {
            row.add("extra_threads", Series::of([threads.max]));
        }
        if !alone.is_empty() {
            let last =
                |samples: &[Sample]| Series::of(samples.iter().map(|one| one.delivery_ms.max));
            row.add("alone_last_ms", last(alone));
            row.add("over_alone", last(samples).over(&last(alone)));
        }
        row
    }

    /// Notes a figure, unless it was not measured.
    fn add(&mut self, name: &'static str, series: Series) {
        let median = series.median();
        if median.is_finite() {
            self.medians.insert(name, median);
            self.figures.insert(name, series);
        }
    }

    /// A figure over the same of another row, turn by turn: the middle.
    pub(crate) fn over(&self, other: &Self, figure: &str) -> Option<Series> {
        let of = |row: &Self| row.figures.get(figure).cloned();
        Some(of(self)?.over(&of(other)?))
    }

    /// The middle of a figure; not a number where it was not measured.
    pub(crate) fn median(&self, figure: &str) -> f64 {
        self.medians.get(figure).copied().unwrap_or(f64::NAN)
    }
}

/// Adds to rows of this project what its last delivery is over that of the fastest other design in the same scenario, and
/// over the same without an archive.
pub(crate) fn compare(rows: &mut [Row]) {
    let all = rows.to_vec();
    let ours = rows
        .iter_mut()
        .filter(|row| row.scenario.design.name == "ours");
    for row in ours.filter(|row| row.scenario.design.codec != "none") {
        let same = || all.iter().filter(|other| other.name == row.name);
        let others = same().filter(|other| !other.scenario.design.is_ours);
        let last_ms = |row: &Row| row.median("delivery_last_ms");
        let fastest = others.min_by(|a, b| last_ms(a).total_cmp(&last_ms(b)));
        let without = same().find(|other| other.scenario.design.codec == "none");
        let over = |other: Option<&Row>| row.over(other?, "delivery_last_ms");
        let (fastest, without) = (over(fastest), over(without));
        row.add("over_fastest_other", fastest.unwrap_or(Series::of([])));
        row.add("over_no_archive", without.unwrap_or(Series::of([])));
    }
}

/// Of the run whose last delivery is in the middle.
fn deliveries(samples: &[Sample]) -> Vec<Option<f64>> {
    let mut samples: Vec<_> = samples.iter().collect();
    samples.sort_by(|a, b| a.delivery_ms.max.total_cmp(&b.delivery_ms.max));
    let middle = samples.get(samples.len() / 2);
    middle.map_or_else(Vec::new, |middle| middle.deliveries_ms.clone())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sample::tests::delivered;

    /// A row of a large auction with one figure.
    pub(crate) fn large(design: &str, solvers: usize, figure: &'static str, value: f64) -> Row {
        let scenario = Scenario::new(design, "large", solvers);
        let mut row = Row::new(scenario, &[], &[]);
        row.add(figure, Series::of([value]));
        row
    }

    #[test]
    fn the_healthy_are_compared_turn_by_turn() {
        let samples = |last_ms: [f64; 3]| last_ms.map(delivered).to_vec();
        let scenario = Scenario::new("ours (gzip)", "large", 8);
        let (with, alone) = ([100.0, 900.0, 330.0], [100.0, 600.0, 300.0]);
        let row = Row::new(scenario.clone(), &samples(with), &samples(alone));
        assert_eq!(row.medians["delivery_last_ms"], 330.0);
        assert_eq!(row.medians["alone_last_ms"], 300.0);
        let over = row.figures["over_alone"].spread();
        assert_eq!((over.min, over.median, over.max), (1.0, 1.1, 1.5));
        assert_eq!(row.deliveries_ms, [Some(330.0)]);
        let row = Row::new(scenario, &samples(with), &[]);
        assert!(!row.medians.contains_key("over_alone"));
    }

    #[test]
    fn the_fastest_other_is_another_design_of_the_same() {
        let row = |design, solvers, last_ms| large(design, solvers, "delivery_last_ms", last_ms);
        let mut rows = [
            row("ours (gzip)", 8, 5.0),
            row("ours, no archive", 8, 1.0),
            row("shared (gzip)", 8, 4.0),
            row("threaded (gzip)", 8, 9.0),
            row("streamed (gzip)", 8, 2.0),
            row("shared (zstd)", 1, 2.0),
        ];
        compare(&mut rows);
        assert_eq!(rows[0].medians["over_fastest_other"], 1.25);
        assert_eq!(rows[0].medians["over_no_archive"], 5.0);
        // No other design is judged so.
        assert!(rows[1..].iter().all(|row| row.medians.len() == 1));
    }
}
