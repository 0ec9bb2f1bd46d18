//! What is run: the designs, and the scenarios of `scenarios.toml`.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use auction_fixtures::AuctionShape;
use bench_records::Manner;
use serde::{Deserialize, Serialize};

/// `scenarios.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenarios {
    design: Vec<Design>,
    headings: HashMap<String, String>,
    section: Vec<Section>,
}

static SCENARIOS: LazyLock<Scenarios> =
    LazyLock::new(|| toml::from_str(include_str!("scenarios.toml")).expect("what is run"));

/// A design, with the codec of its archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Design {
    /// Its name in tables, plots and files.
    pub(crate) label: String,
    /// The same in a picture that stands alone, where it is in one.
    #[serde(default)]
    pub(crate) picture: String,
    /// Its name as an option of its program.
    pub(crate) name: String,
    /// Of its archive; `None` without an archive.
    pub(crate) codec: Option<String>,
    /// Which program has it: `bench-designs`, whose gzip is flate2's default backend, or `bench-designs-zlib-rs`.
    pub(crate) program: String,
    /// Whether this is this project.
    #[serde(default)]
    pub(crate) is_ours: bool,
}

/// The shape of an auction, by its name in `auction-fixtures`.
pub(crate) fn shape(auction: &str) -> Result<AuctionShape> {
    AuctionShape::named(auction).with_context(|| format!("there is no auction {auction:?}"))
}

/// A figure's name for people.
pub(crate) fn heading(figure: &str) -> &'static str {
    &SCENARIOS.headings[figure]
}

/// One design and what it is run with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Scenario {
    pub(crate) design: Design,
    /// By its name in `auction-fixtures`.
    pub(crate) auction: String,
    pub(crate) solvers: usize,
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
}

/// What is unlike the usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conditions {
    /// What the last engines do. Those before them are healthy: they read as fast as they can.
    pub(crate) last: Vec<Manner>,
    /// What engines speak, unless it is HTTP/1.1: `tls`, or `http2` over TLS.
    pub(crate) protocol: Option<String>,
    /// How long each request to the store takes.
    pub(crate) store_ms: u64,
    /// Whether memory and timers are watched meanwhile, which takes processor time.
    pub(crate) watched: bool,
}

impl Scenario {
    /// One of a design, by its label, in which nothing is unlike the usual.
    pub(crate) fn new(label: &str, auction: &str, solvers: usize) -> Self {
        let mut designs = SCENARIOS.design.iter();
        let design = designs.find(|design| design.label == label);
        Self {
            design: design.expect("a design of scenarios.toml").clone(),
            auction: auction.to_owned(),
            solvers,
            conditions: Conditions::default(),
        }
    }

    /// How many engines deliveries are counted at: those that take everything at once, or all where none does. What an engine
    /// thinks afterwards does not count.
    pub(crate) fn counted(&self) -> usize {
        let last = self.conditions.last.iter();
        let slow = last.filter(|manner| !matches!(manner, Manner::Thinks(_)));
        match self.solvers.saturating_sub(slow.count()) {
            0 => self.solvers,
            healthy => healthy,
        }
    }

    /// Whether requests to some engines are given up. Beside healthy engines, those that take the data slowly or not at all are.
    pub(crate) fn gives_up(&self) -> bool {
        self.counted() < self.solvers
    }

    /// The same with the healthy engines alone, where there are any and others.
    pub(crate) fn alone(&self) -> Option<Self> {
        let mut alone = self.clone();
        alone.solvers = self.counted();
        alone.conditions.last = Vec::new();
        self.gives_up().then_some(alone)
    }

    /// What is run, without the design.
    pub(crate) fn name(&self) -> String {
        let size = match self.auction.as_str() {
            "small" => "3.3 MB",
            "mainnet" => "8.5 MB",
            "large" => "26 MB",
            "huge" => "310 MB",
            _ => "1 GiB",
        };
        let plural = if self.solvers == 1 { "" } else { "s" };
        let mut name = format!("{size}, {} solver{plural}", self.solvers);
        let conditions = &self.conditions;
        let (last, count) = (&conditions.last, conditions.last.len());
        match (last.first(), last.last()) {
            (Some(Manner::Stalls), _) => name += &format!(", {count} stalled"),
            (Some(Manner::Reads(first)), Some(Manner::Reads(last))) => {
                name += &format!(", {count} at {first} to {last} MB/s");
            }
            (Some(Manner::Thinks(ms)), _) => name += &format!(", {count} thinking {ms} ms"),
            _ => {}
        }
        match conditions.protocol.as_deref() {
            Some("tls") => name += ", TLS",
            Some(_) => name += ", HTTP/2",
            None => {}
        }
        if conditions.store_ms > 0 {
            name += &format!(", store of {} ms", conditions.store_ms);
        }
        name + if conditions.watched { ", watched" } else { "" }
    }

    /// Whether nothing is unlike the usual.
    pub(crate) fn is_plain(&self) -> bool {
        self.solvers > 0 && self.conditions == Conditions::default()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.design.label, self.name())
    }
}

/// Scenarios that are in one table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) note: String,
    /// Its figures, by their names.
    pub(crate) columns: Vec<String>,
    #[serde(skip_serializing)]
    pub(crate) grid: Vec<Grid>,
}

/// Designs that run by turns, with each size of auction and each number of engines.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Grid {
    auctions: Vec<String>,
    solvers: Vec<usize>,
    /// By their labels.
    designs: Vec<String>,
    /// How often each design runs in each scenario.
    pub(crate) runs: usize,
    /// The same of a quick bench.
    #[serde(default)]
    quick: usize,
    /// Whether what engines and archives get is checked, too.
    #[serde(default)]
    pub(crate) check: bool,
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
}

impl Grid {
    /// The most engines that any scenario needs.
    pub(crate) fn most_solvers(&self) -> usize {
        self.solvers.iter().copied().max().unwrap_or_default()
    }

    /// For every size with every number of engines, a scenario of each design.
    pub(crate) fn groups(&self) -> Vec<Vec<Scenario>> {
        let mut groups = Vec::new();
        for auction in &self.auctions {
            for solvers in &self.solvers {
                let scenarios = self.designs.iter().map(|label| Scenario {
                    conditions: self.conditions.clone(),
                    ..Scenario::new(label, auction, *solvers)
                });
                groups.push(scenarios.collect());
            }
        }
        groups
    }
}

/// What a bench runs.
pub(crate) fn sections(is_quick: bool) -> Vec<Section> {
    let mut sections = SCENARIOS.section.clone();
    for section in &mut sections {
        for grid in &mut section.grid {
            grid.runs = if is_quick { grid.quick } else { grid.runs };
        }
        section.grid.retain(|grid| grid.runs > 0);
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(solvers: usize, last: &[Manner]) -> Scenario {
        let mut scenario = Scenario::new("ours (gzip)", "large", solvers);
        scenario.conditions.last = last.to_vec();
        scenario
    }

    #[test]
    fn the_healthy_are_compared_with_themselves_alone() {
        let of = |solvers, last: &[Manner]| {
            let scenario = with(solvers, last);
            let alone = scenario.alone().map(|alone| alone.solvers);
            (scenario.counted(), alone, scenario.gives_up())
        };
        assert_eq!(of(8, &[]), (8, None, false));
        assert_eq!(of(8, &[Manner::Stalls; 2]), (6, Some(6), true));
        assert_eq!(of(8, &[Manner::Thinks(5)]), (8, None, false));
        assert_eq!(of(2, &[Manner::Reads(4); 2]), (2, None, false));
    }

    #[test]
    fn a_name_says_what_is_unlike_the_usual() {
        let mut scenario = with(8, &[Manner::Stalls; 4]);
        assert_eq!(scenario.name(), "26 MB, 8 solvers, 4 stalled");
        scenario.conditions = Conditions {
            protocol: Some("http2".to_owned()),
            store_ms: 20,
            ..Conditions::default()
        };
        assert_eq!(scenario.name(), "26 MB, 8 solvers, HTTP/2, store of 20 ms");
        assert_eq!(with(1, &[]).to_string(), "ours (gzip), 26 MB, 1 solver");
    }

    #[test]
    fn no_scenario_is_in_two_places() {
        for is_quick in [true, false] {
            let mut names = std::collections::HashSet::new();
            for section in sections(is_quick) {
                assert!(
                    section
                        .columns
                        .iter()
                        .all(|column| !heading(column).is_empty())
                );
                for scenario in section.grid.iter().flat_map(Grid::groups).flatten() {
                    assert!(names.insert(scenario.to_string()), "{scenario}");
                    assert!(scenario.conditions.last.len() <= scenario.solvers);
                    assert!(shape(&scenario.auction).is_ok());
                }
            }
        }
    }
}
