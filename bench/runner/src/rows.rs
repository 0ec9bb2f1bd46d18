//! What a scenario came to: each figure over its runs, and beside other designs.

use std::collections::BTreeMap;

use bench_records::Series;
use serde::Serialize;

use crate::sample::Sample;
use crate::scenario::{Scenario, Section};

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
    /// Those that were measured.
    pub(crate) figures: BTreeMap<&'static str, Series>,
    /// When each engine had everything, in the run in the middle; `None` of one that was given up.
    pub(crate) deliveries_ms: Vec<Option<f64>>,
    /// Milliseconds since the call, and MiB over what was resident before it, in the last run, where that was watched.
    pub(crate) memory: Vec<(f64, f64)>,
}

impl Row {
    /// `alone` are runs with the healthy engines alone, one for each sample, where there are others.
    pub(crate) fn new(scenario: Scenario, samples: &[Sample], alone: &[Sample]) -> Self {
        let last = samples.last().map(|last| &last.measurement);
        let watched = last.and_then(|last| last.watched.as_ref());
        let mut by_delivery: Vec<_> = samples.iter().collect();
        by_delivery.sort_by(|a, b| a.figures[DELIVERY].total_cmp(&b.figures[DELIVERY]));
        let middle = by_delivery.get(samples.len() / 2);
        let mut row = Self {
            name: scenario.name(),
            scenario,
            size_bytes: last.map_or(0, |last| last.auction_bytes),
            figures: BTreeMap::new(),
            deliveries_ms: middle.map_or_else(Vec::new, |middle| middle.deliveries_ms.clone()),
            memory: watched.map_or_else(Vec::new, |watched| watched.memory.clone()),
        };
        let of = |samples: &[Sample], name: &str| {
            Series::of(samples.iter().map(|one| one.figures[name]))
        };
        let first = samples.iter().take(1);
        for name in first.flat_map(|first| first.figures.keys()) {
            row.add(name, of(samples, name));
        }
        // A thread that any run has started was started.
        if let Some(threads) = row.figures.get_mut("extra_threads") {
            *threads = Series::of([threads.max]);
        }
        if !alone.is_empty() {
            let alone = of(alone, DELIVERY);
            row.add("over_alone", of(samples, DELIVERY).over(&alone));
            row.add("alone_last_ms", alone);
        }
        row
    }

    /// Notes a figure, unless it was not measured.
    fn add(&mut self, name: &'static str, series: Series) {
        if series.median.is_finite() {
            self.figures.insert(name, series);
        }
    }

    /// A figure over the same of another row, turn by turn.
    pub(crate) fn over(&self, other: &Self, figure: &str) -> Option<Series> {
        Some(self.figures.get(figure)?.over(other.figures.get(figure)?))
    }

    /// The middle of a figure; not a number where it was not measured.
    pub(crate) fn median(&self, figure: &str) -> f64 {
        let found = self.figures.get(figure);
        found.map_or(f64::NAN, |series| series.median)
    }
}

/// The figure that says when the last engine has everything.
pub(crate) const DELIVERY: &str = "delivery_last_ms";

/// Adds to rows of this project what its last delivery is over that of the fastest other design in the same scenario, and
/// over the same without an archive.
pub(crate) fn compare(rows: &mut [Row]) {
    let all = rows.to_vec();
    for row in rows {
        let design = &row.scenario.design;
        if design.name != "ours" || design.codec.is_none() {
            continue;
        }
        let mut same = all.iter().filter(|other| other.name == row.name);
        let others = same.clone().filter(|other| !other.scenario.design.is_ours);
        let fastest = others.min_by(|a, b| a.median(DELIVERY).total_cmp(&b.median(DELIVERY)));
        let without = same.find(|other| other.scenario.design.codec.is_none());
        for (name, other) in [
            ("over_fastest_other", fastest),
            ("over_no_archive", without),
        ] {
            if let Some(over) = other.and_then(|other| row.over(other, DELIVERY)) {
                row.add(name, over);
            }
        }
    }
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
        assert_eq!(row.median("delivery_last_ms"), 330.0);
        assert_eq!(row.median("alone_last_ms"), 300.0);
        let over = &row.figures["over_alone"];
        assert_eq!((over.min, over.median, over.max), (1.0, 1.1, 1.5));
        assert_eq!(row.deliveries_ms, [Some(330.0)]);
        let row = Row::new(scenario, &samples(with), &[]);
        assert!(!row.figures.contains_key("over_alone"));
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
        assert_eq!(rows[0].median("over_fastest_other"), 1.25);
        assert_eq!(rows[0].median("over_no_archive"), 5.0);
        // No other design is judged so.
        assert!(rows[1..].iter().all(|row| row.figures.len() == 1));
    }
}
