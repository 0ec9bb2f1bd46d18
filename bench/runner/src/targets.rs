//! What is wanted of this project, and whether it was found.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context as _, Result};
use bench_records::Measure;
use serde::{Deserialize, Serialize};

use crate::rows::Row;

/// What is wanted, in the order of the report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    reasons: HashMap<String, String>,
    target: Vec<Target>,
}

/// A target, or a figure of rows of which nothing is demanded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Target {
    /// What it is, in words. Without a `figure`, the name of a measure.
    pub(crate) name: String,
    /// What it must be; `None` where nothing is demanded.
    pub(crate) bound: Option<Bound>,
    /// Why it is not met, as far as that has been found out.
    pub(crate) reason: Option<String>,
    /// A figure of rows.
    figure: Option<String>,
    /// Whose rows.
    of: Vec<String>,
    /// Over the same figure of this design in the same scenario.
    over: Option<String>,
    /// In these scenarios; otherwise in all in which nothing is unlike the usual.
    #[serde(rename = "in")]
    scenarios: Vec<String>,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}
use Bound::{AtLeast, AtMost};

impl Bound {
    /// Whether a figure keeps to it. What is not a number does not.
    fn holds(self, found: f64) -> bool {
        match self {
            AtLeast(limit) => found >= limit,
            AtMost(limit) => found <= limit,
        }
    }

    /// The worst of several figures. What is not a number is worse than any.
    fn worst(self, found: impl IntoIterator<Item = Figure>) -> Option<Figure> {
        let badness = |(_, value): &Figure| match self {
            _ if value.is_nan() => f64::INFINITY,
            AtLeast(_) => -value,
            AtMost(_) => *value,
        };
        let found = found.into_iter();
        found.max_by(|a, b| badness(a).total_cmp(&badness(b)))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtLeast(limit) => write!(f, "≥ {limit}"),
            AtMost(limit) => write!(f, "≤ {limit}"),
        }
    }
}

/// Where something was found, and what.
type Figure = (String, f64);

/// A target and what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    /// Its reason is there only where it is missed.
    #[serde(flatten)]
    pub(crate) target: Target,
    /// What was found where it is worst; `None` when it was not measured.
    pub(crate) value: Option<f64>,
    /// Whether it is as it must be. What was not measured is not; `None` where nothing is demanded.
    pub(crate) met: Option<bool>,
    /// Where it is worst.
    pub(crate) worst_in: Option<String>,
}

/// Every target, and the figures that say how far targets can be reached or what they were set by.
pub(crate) fn ratios(rows: &[&Row], measures: &[Measure]) -> Result<Vec<Ratio>> {
    let Targets { reasons, target } = toml::from_str(include_str!("targets.toml"))?;
    let mut ratios = Vec::new();
    for mut target in target {
        if let Some(reason) = &mut target.reason {
            let known = reasons.get(reason);
            *reason = known
                .with_context(|| format!("no reason {reason}"))?
                .clone();
        }
        let found = figures(&target, rows, measures);
        ratios.extend(judge(target, found));
    }
    Ok(ratios)
}

/// Everything that a target is about.
fn figures(target: &Target, rows: &[&Row], measures: &[Measure]) -> Vec<Figure> {
    let Some(name) = &target.figure else {
        let measures = measures.iter();
        let named = measures.filter(|measure| measure.name == target.name);
        let found = named.map(|measure| (String::new(), measure.rounds.median));
        return found.collect();
    };
    let is_meant = |row: &&&Row| match &target.scenarios[..] {
        [] => row.scenario.is_plain(),
        named => named.contains(&row.name),
    };
    let meant = rows.iter().filter(is_meant);
    let meant = meant.filter(|row| target.of.contains(&row.scenario.design.label));
    let found = meant.filter_map(|row| {
        let series = match &target.over {
            None => row.figures.get(name.as_str())?,
            Some(over) => {
                let mut others = rows.iter().filter(|other| other.name == row.name);
                let other = others.find(|other| other.scenario.design.label == *over)?;
                &row.over(other, name)?
            }
        };
        Some((row.scenario.to_string(), series.median))
    });
    found.collect()
}

/// A figure that is wanted, by where it is worst; nothing for a figure of which nothing is demanded and that is not there.
fn judge(mut target: Target, found: Vec<Figure>) -> Option<Ratio> {
    let worst = target.bound.unwrap_or(AtMost(f64::INFINITY)).worst(found);
    let (worst_in, value) = worst.unzip();
    let holds = |bound: Bound| value.is_some_and(|value| bound.holds(value));
    let met = target.bound.map(holds);
    let unknown = || Some("not known to miss: look into it".to_owned());
    target.reason = match (met, value) {
        (None, None) => return None,
        (Some(false), None) => Some("not measured in this run".to_owned()),
        (Some(false), Some(_)) => target.reason.or_else(unknown),
        _ => None,
    };
    Some(Ratio {
        target,
        // JSON has no other way of saying that it is not a number.
        value: value.filter(|value| value.is_finite()),
        met,
        worst_in,
    })
}

#[cfg(test)]
mod tests {
    use bench_records::Series;

    use super::*;
    use crate::rows::tests::large;

    fn figures_of(found: &[f64]) -> Vec<Figure> {
        let found = found.iter();
        found.map(|value| (value.to_string(), *value)).collect()
    }

    fn target(bound: Bound) -> Target {
        Target {
            name: "name".to_owned(),
            bound: Some(bound),
            reason: Some("because".to_owned()),
            ..Target::default()
        }
    }

    fn judged(bound: Bound, found: &[f64]) -> Ratio {
        judge(target(bound), figures_of(found)).unwrap()
    }

    fn of_rows(rows: &[Row]) -> Vec<Ratio> {
        ratios(&rows.iter().collect::<Vec<_>>(), &[]).unwrap()
    }

    /// Whether the target of this name is met, and what was found.
    fn verdict(ratios: &[Ratio], name: &str) -> (bool, Option<f64>) {
        let ratio = ratios
            .iter()
            .find(|ratio| ratio.target.name == name)
            .unwrap();
        (ratio.met.unwrap(), ratio.value)
    }

    #[test]
    fn the_limit_itself_is_within() {
        assert!(AtLeast(2.0).holds(2.0) && AtMost(2.0).holds(2.0));
        assert!(!AtLeast(2.0).holds(1.9) && !AtMost(2.0).holds(2.1));
        assert!(!AtLeast(2.0).holds(f64::NAN) && !AtMost(2.0).holds(f64::NAN));
    }

    #[test]
    fn nothing_is_worse_than_no_number() {
        let worst =
            |bound: Bound, found: &[f64]| bound.worst(figures_of(found)).map(|(_, value)| value);
        assert_eq!(worst(AtMost(2.0), &[1.0, 3.0, 2.0]), Some(3.0));
        assert_eq!(worst(AtLeast(2.0), &[1.0, 3.0, 2.0]), Some(1.0));
        assert!(worst(AtLeast(2.0), &[f64::NAN, 0.0]).unwrap().is_nan());
        assert_eq!(worst(AtMost(2.0), &[]), None);
    }

    #[test]
    fn a_reason_is_given_only_when_it_is_missed() {
        let met = judged(AtMost(2.0), &[1.0, 2.0]);
        assert_eq!((met.met, met.target.reason), (Some(true), None));
        let missed = judged(AtMost(2.0), &[1.0, 3.0]);
        assert_eq!(missed.met, Some(false));
        assert_eq!(missed.target.reason.as_deref(), Some("because"));
        assert_eq!(missed.worst_in.as_deref(), Some("3"));
        assert_eq!(AtMost(2.0).to_string(), "≤ 2");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let target = judged(AtMost(2.0), &[]);
        assert_eq!((target.met, target.value), (Some(false), None));
        assert!(target.target.reason.is_some());
    }

    #[test]
    fn a_ratio_is_judged_where_both_sides_were_run() {
        let name = "CPU of threaded over ours (gzip), 26 MB, 32 solvers";
        let found = |threaded, (solvers, ours)| {
            let rows = [
                large("threaded (gzip)", 32, "cpu_ms", threaded),
                large("ours (gzip)", solvers, "cpu_ms", ours),
            ];
            verdict(&of_rows(&rows), name)
        };
        assert_eq!(found(400.0, (1, 1.0)), (false, None));
        assert_eq!(found(400.0, (32, 10.0)), (true, Some(40.0)));
        assert_eq!(found(399.0, (32, 10.0)), (false, Some(39.9)));
    }

    #[test]
    fn the_worst_plain_scenario_counts() {
        let cpu = |design, solvers, ms| large(design, solvers, "cpu_ms", ms);
        let mut rows = [
            cpu("ours (gzip)", 1, 10.0),
            cpu("shared (gzip)", 1, 10.0),
            cpu("ours (gzip)", 8, 12.0),
            cpu("shared (gzip)", 8, 10.0),
        ];
        let name = "CPU of ours (gzip) over shared (gzip)";
        assert_eq!(verdict(&of_rows(&rows), name), (false, Some(1.2)));
        rows[2].scenario.conditions.watched = true;
        assert_eq!(verdict(&of_rows(&rows), name), (true, Some(1.0)));
    }

    #[test]
    fn a_target_names_its_scenario() {
        let mut row = large("ours (gzip)", 8, "over_alone", 1.2);
        let name =
            "last delivery to the healthy with 4 of 8 stalled over the same healthy ones alone";
        assert_eq!(verdict(&of_rows(&[row.clone()]), name), (false, None));
        row.name = "26 MB, 8 solvers, 4 stalled".to_owned();
        assert_eq!(verdict(&of_rows(&[row]), name), (false, Some(1.2)));
    }

    #[test]
    fn measures_are_judged_by_their_names() {
        let name = "first chunk of an auction of any size, ms";
        for (value, is_met) in [(0.3, true), (0.31, false)] {
            let ratios = ratios(&[], &[Series::of([value]).measure(name)]).unwrap();
            assert_eq!(verdict(&ratios, name), (is_met, Some(value)));
        }
    }

    #[test]
    fn every_target_is_about_something_that_is_run() {
        let Targets { target, .. } = toml::from_str(include_str!("targets.toml")).unwrap();
        let sections = crate::scenario::sections(false);
        let grids = sections.iter().flat_map(|section| &section.grid);
        let all: Vec<_> = grids.flat_map(|grid| grid.groups()).flatten().collect();
        for target in target.iter().filter(|target| target.figure.is_some()) {
            for name in &target.scenarios {
                let runs = |design: &String| {
                    let mut all = all.iter();
                    all.any(|one| one.design.label == *design && one.name() == *name)
                };
                let is_run = target.of.iter().any(runs) && target.over.iter().all(runs);
                assert!(is_run, "{}: {name}", target.name);
            }
        }
    }
}
