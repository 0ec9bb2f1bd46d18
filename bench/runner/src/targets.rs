//! What is wanted of this project, and whether it was found.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use bench_records::{Measure, MicroReport};
use serde::{Deserialize, Serialize};

use crate::report::{Row, Uneven};
use crate::scenario::{Design, LARGE};

const WITHIN: &str = "within one process";

/// What is wanted, in the order of the report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    reasons: HashMap<String, String>,
    target: Vec<Target>,
}

/// A target, or a figure of which nothing is demanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    name: String,
    what: String,
    bound: Option<Bound>,
    reason: Option<String>,
    shared: Option<String>,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
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
    fn worst<'a>(self, found: impl IntoIterator<Item = &'a Figure>) -> Option<&'a Figure> {
        let badness = |figure: &Figure| match self {
            _ if figure.value.is_nan() => f64::INFINITY,
            AtLeast(_) => -figure.value,
            AtMost(_) => figure.value,
        };
        let found = found.into_iter();
        found.max_by(|a, b| badness(a).total_cmp(&badness(b)))
    }
}

/// A figure by the name of its target, and where it was found.
#[derive(Clone, Debug)]
struct Figure {
    name: String,
    place: String,
    value: f64,
}

/// A target and what was found, or a figure of which nothing is demanded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    /// Its name, which does not change.
    pub(crate) name: String,
    /// What was found where it is worst; `None` when it was not measured.
    pub(crate) value: Option<f64>,
    /// What it must be, at least or at most; `None` where nothing is demanded.
    pub(crate) target: Option<f64>,
    /// Whether `target` is the least or the most.
    pub(crate) bound: Option<&'static str>,
    /// Whether it is so. What was not measured is not met; `None` where nothing is demanded.
    pub(crate) met: Option<bool>,
    /// What it is, in words.
    pub(crate) what: String,
    /// Where it is worst.
    pub(crate) worst_in: Option<String>,
    /// Why it is not met, as far as that has been found out.
    pub(crate) reason: Option<String>,
}

/// Every target, and the figures that say how far targets can be reached or what they were set by.
pub(crate) fn ratios(
    rows: &[Row],
    uneven: &[Uneven],
    service: &[Measure],
    micro: &MicroReport,
) -> Result<Vec<Ratio>> {
    let Targets { reasons, target } = toml::from_str(include_str!("targets.toml"))?;
    let mut found = figures(rows, uneven, micro);
    found.extend(service.iter().map(|measure| Figure {
        name: measure.name.clone(),
        place: "the service".to_owned(),
        value: measure.rounds.median,
    }));
    let mut ratios = Vec::new();
    for mut target in target {
        if let Some(reason) = &mut target.reason {
            let known = reasons.get(reason);
            *reason = known
                .with_context(|| format!("no reason {reason}"))?
                .clone();
        }
        ratios.extend(judge(target, &found));
    }
    Ok(ratios)
}

/// A figure that is wanted, by where it is worst; nothing for a figure of which nothing is demanded and that is not there.
fn judge(target: Target, figures: &[Figure]) -> Option<Ratio> {
    let bound = target.bound.unwrap_or(AtMost(f64::INFINITY));
    let worst = bound.worst(figures.iter().filter(|figure| figure.name == target.name));
    let mut ratio = Ratio {
        // JSON has no other way of saying that it is not a number.
        value: worst
            .map(|worst| worst.value)
            .filter(|value| value.is_finite()),
        target: None,
        bound: None,
        met: None,
        what: target.what,
        worst_in: None,
        reason: None,
        name: target.name.clone(),
    };
    let Some(bound) = target.bound else {
        return worst.is_some().then_some(ratio);
    };
    let (key, words, limit) = match bound {
        AtLeast(limit) => ("at_least", "at least", limit),
        AtMost(limit) => ("at_most", "at most", limit),
    };
    let met = worst.is_some_and(|worst| bound.holds(worst.value));
    ratio.what += &format!(": {words} {limit}");
    (ratio.target, ratio.bound, ratio.met) = (Some(limit), Some(key), Some(met));
    ratio.worst_in = worst.map(|worst| worst.place.clone());
    ratio.reason = (!met).then(|| {
        if worst.is_none() {
            return "not measured in this run".to_owned();
        }
        let unknown = || "not known to miss: look into it".to_owned();
        let reason = target.reason.unwrap_or_else(unknown);
        match target
            .shared
            .and_then(|shared| figures.iter().find(|figure| figure.name == shared))
        {
            Some(shared) => format!(
                "{reason}; in this run shared is at {:.2} itself",
                shared.value
            ),
            None => reason,
        }
    });
    Some(ratio)
}

/// Everything that there is a figure of, wherever it was found.
fn figures(rows: &[Row], uneven: &[Uneven], micro: &MicroReport) -> Vec<Figure> {
    let mut all = Vec::new();
    let mut add = |place: &str, name: &str, value| {
        let (name, place) = (name.to_owned(), place.to_owned());
        all.push(Figure { name, place, value });
    };
    for row in rows {
        let (scenario, design) = (row.scenario, row.scenario.design);
        let plural = if row.solvers == 1 { "" } else { "s" };
        let at =
            format!("{}_{}_solver{plural}", scenario.auction, row.solvers).replace(LARGE, "26_mb");
        let place = scenario.to_string();
        if Design::OURS.contains(&design) {
            add(
                &place,
                &format!("peak_mib_{at}"),
                row.peak_rss_over_base_mib,
            );
            add(&place, "peak_mib_anywhere", row.peak_rss_over_base_mib);
            add(&place, &format!("productions_{at}"), row.productions);
            add(&place, "productions_anywhere", row.productions);
            add(
                &place,
                "first_byte_first_solver_ms",
                row.first_byte_earliest_ms,
            );
            add(
                &place,
                "first_byte_last_solver_ms",
                row.first_byte_latest_ms,
            );
        }
        if let Some(other) = row.fastest_other(rows) {
            let place = format!("{place}, over {}", other.scenario.design.label());
            let name = format!("delivery_last_over_fastest_other_{at}");
            add(&place, &name, row.last_over(other));
        }
        if let Some(without) = row.without_archive(rows) {
            let name = format!("delivery_last_{}_over_no_archive_{at}", design.key());
            add(&place, &name, row.last_over(without));
        }
        // Of what other designs take, wherever both were run.
        for other in row.same(rows) {
            let over = other.scenario.design;
            let name = format!("cpu_{}_over_{}", design.key(), over.key());
            let cpu = row.cpu_ms.median / other.cpu_ms.median;
            if design == Design::Threaded {
                // Threaded has one codec, which the names of these targets leave out.
                let name = name.replace("threaded_gzip_over_ours", "threaded_over_ours");
                add(&other.scenario.to_string(), &format!("{name}_{at}"), cpu);
            } else {
                add(&place, "extra_threads", row.extra_threads);
                add(&place, &name, cpu);
                let all = |row: &Row| row.cpu_ms.median + row.engines_cpu_ms.median;
                add(
                    &place,
                    &format!("{name}_with_engines"),
                    all(row) / all(other),
                );
                let peak = row.peak_rss_over_base_mib / other.peak_rss_over_base_mib;
                add(&place, &name.replace("cpu", "peak"), peak);
                let delivery = row.last_over(other);
                add(&place, &name.replace("cpu", "delivery_last"), delivery);
            }
        }
    }
    let ours = |found: &&Uneven| Design::OURS.contains(&found.scenario.design);
    for found in uneven.iter().filter(ours) {
        let (solvers, rates) = (found.scenario.solvers, found.scenario.rates);
        let is_stalled = rates.iter().all(|rate| *rate == 0);
        let name = match found.over_alone {
            None => format!("productions_{solvers}_speeds"),
            Some(_) if is_stalled => {
                format!("delivery_{}_of_{solvers}_stalled_over_alone", rates.len())
            }
            Some(_) => "delivery_slow_over_alone".to_owned(),
        };
        let over = found.over_alone.map(|over| over.median);
        let value = over.unwrap_or(found.productions);
        add(&found.scenario.to_string(), &name, value);
    }
    for measure in &micro.measures {
        add(WITHIN, &measure.name, measure.rounds.median);
    }
    // What a byte costs of a large auction, over what it costs of today's.
    let speeds = micro
        .serializer_speed(8.0..9.0)
        .zip(micro.serializer_speed(280.0..340.0));
    if let Some((today, large)) = speeds {
        add(WITHIN, "serializer_310_mb_over_8_5_mb", today / large);
    }
    all
}

#[cfg(test)]
mod tests {
    use bench_records::{Curve, Spread};

    use super::*;
    use crate::report::tests::large;
    use crate::scenario::{Rates, Scenario};

    fn figures_of(found: &[f64]) -> Vec<Figure> {
        let figure = |value: &f64| Figure {
            name: "name".to_owned(),
            place: value.to_string(),
            value: *value,
        };
        found.iter().map(figure).collect()
    }

    fn judged(bound: Bound, found: &[f64]) -> Ratio {
        let target = Target {
            name: "name".to_owned(),
            what: "what".to_owned(),
            bound: Some(bound),
            reason: Some("because".to_owned()),
            shared: None,
        };
        judge(target, &figures_of(found)).unwrap()
    }

    fn of_rows(rows: &[Row]) -> Vec<Ratio> {
        ratios(rows, &[], &[], &MicroReport::default()).unwrap()
    }

    fn of_micro(report: &MicroReport) -> Vec<Ratio> {
        ratios(&[], &[], &[], report).unwrap()
    }

    /// Whether the target of this name is met, and what was found.
    fn verdict(ratios: &[Ratio], name: &str) -> (bool, Option<f64>) {
        let ratio = ratios.iter().find(|ratio| ratio.name == name).unwrap();
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
        let worst = |bound: Bound, found: &[f64]| {
            bound.worst(&figures_of(found)).map(|figure| figure.value)
        };
        assert_eq!(worst(AtMost(2.0), &[1.0, 3.0, 2.0]), Some(3.0));
        assert_eq!(worst(AtLeast(2.0), &[1.0, 3.0, 2.0]), Some(1.0));
        assert!(worst(AtLeast(2.0), &[f64::NAN, 0.0]).unwrap().is_nan());
        assert_eq!(worst(AtMost(2.0), &[]), None);
    }

    #[test]
    fn a_reason_is_given_only_when_it_is_missed() {
        let met = judged(AtMost(2.0), &[1.0, 2.0]);
        assert_eq!((met.met, met.reason), (Some(true), None));
        let missed = judged(AtMost(2.0), &[1.0, 3.0]);
        assert_eq!(missed.met, Some(false));
        assert_eq!(missed.reason.as_deref(), Some("because"));
        assert_eq!(missed.worst_in.as_deref(), Some("3"));
        assert_eq!(missed.what, "what: at most 2");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let target = judged(AtMost(2.0), &[]);
        assert_eq!((target.met, target.value), (Some(false), None));
        assert!(target.reason.is_some());
    }

    #[test]
    fn a_ratio_is_judged_where_both_sides_were_run() {
        let name = "cpu_threaded_over_ours_gzip_26_mb_32_solvers";
        let found = |threaded, (solvers, ours)| {
            let rows = [
                large(Design::Threaded, 32, threaded),
                large(Design::OursGzip, solvers, ours),
            ];
            verdict(&of_rows(&rows), name)
        };
        assert_eq!(found(400.0, (1, 1.0)), (false, None));
        assert_eq!(found(400.0, (32, 10.0)), (true, Some(40.0)));
        assert_eq!(found(399.0, (32, 10.0)), (false, Some(39.9)));
    }

    #[test]
    fn the_worst_scenario_counts() {
        let rows = [
            large(Design::OursGzip, 1, 10.0),
            large(Design::SharedGzip, 1, 10.0),
            large(Design::OursGzip, 8, 12.0),
            large(Design::SharedGzip, 8, 10.0),
        ];
        let found = verdict(&of_rows(&rows), "cpu_ours_gzip_over_shared_gzip");
        assert_eq!(found, (false, Some(1.2)));
    }

    #[test]
    fn others_may_make_the_healthy_later_by_a_tenth() {
        let found = |rates: Rates, over_alone: Option<f64>| Uneven {
            scenario: Scenario {
                rates,
                ..large(Design::OursGzip, rates.len().max(8), 1.0).scenario
            },
            last_ms: Spread::of([1.0]),
            alone_last_ms: None,
            over_alone: over_alone.map(|over| Spread::of([over])),
            productions: 8.5,
        };
        let judged = |uneven: &[Uneven], name| {
            verdict(
                &ratios(&[], uneven, &[], &MicroReport::default()).unwrap(),
                name,
            )
        };
        let name = "delivery_4_of_8_stalled_over_alone";
        assert_eq!(judged(&[], name), (false, None));
        for (over, is_met) in [(1.1, true), (1.11, false)] {
            let all = [found(&[0; 4], Some(over)), found(&[0], Some(9.0))];
            assert_eq!(judged(&all, name), (is_met, Some(over)));
            let slow = [found(&[10, 2], Some(over)), all[1].clone()];
            assert_eq!(judged(&slow, "delivery_slow_over_alone").0, is_met);
        }
        let speeds = found(&[4; 32], None);
        let name = "productions_32_speeds";
        assert_eq!(judged(&[speeds], name), (false, Some(8.5)));
    }

    #[test]
    fn delivery_is_judged_by_the_fastest_other_and_by_none_without_an_archive() {
        let row = |design, delivery_last_ms| Row {
            delivery_last_ms: Spread::of([delivery_last_ms]),
            ..large(design, 8, 1.0)
        };
        let rows = [
            row(Design::OursGzip, 120.0),
            row(Design::OursZstd, 90.0),
            row(Design::SharedGzip, 150.0),
            row(Design::SharedZstd, 100.0),
            row(Design::OursAlone, 80.0),
        ];
        let of_8 = |rows: &[_], name: &str| {
            let name = format!("delivery_last_{name}_26_mb_8_solvers");
            verdict(&of_rows(rows), &name)
        };
        assert_eq!(of_8(&rows, "over_fastest_other"), (false, Some(1.2)));
        assert_eq!(of_8(&rows[1..], "over_fastest_other"), (true, Some(0.9)));
        let name = "ours_gzip_over_no_archive";
        assert_eq!(of_8(&rows, name), (false, Some(1.5)));
        assert_eq!(of_8(&rows[..4], name), (false, None));
    }

    #[test]
    fn measures_are_judged_by_their_names() {
        let mut report = MicroReport::default();
        let name = "serializer_first_chunk_ms";
        assert_eq!(verdict(&of_micro(&report), name), (false, None));
        for (value, is_met) in [(0.3, true), (0.31, false)] {
            report.measures = vec![Measure {
                name: name.to_owned(),
                rounds: Spread::of([value]),
            }];
            assert_eq!(verdict(&of_micro(&report), name), (is_met, Some(value)));
        }
    }

    #[test]
    fn a_byte_of_a_large_auction_costs_what_it_costs_of_a_small_one() {
        let mut report = MicroReport::default();
        let name = "serializer_310_mb_over_8_5_mb";
        assert_eq!(verdict(&of_micro(&report), name), (false, None));
        for (speed, is_met) in [(950.0, true), (900.0, false)] {
            report.curves = vec![Curve {
                plot: "serializer".to_owned(),
                name: "chunked-writer (64 KiB)".to_owned(),
                points: vec![(8.57, 1000.0), (310.0, speed)],
            }];
            assert_eq!(verdict(&of_micro(&report), name).0, is_met);
        }
    }

    #[test]
    fn the_reason_says_how_far_the_least_work_gets() {
        let rows = [
            large(Design::Threaded, 1, 12.0),
            large(Design::OursGzip, 1, 10.0),
            large(Design::SharedGzip, 1, 8.0),
        ];
        let ratios = of_rows(&rows);
        let name = "cpu_threaded_over_ours_gzip_26_mb_1_solver";
        assert_eq!(verdict(&ratios, name), (false, Some(1.2)));
        let ratio = ratios.iter().find(|ratio| ratio.name == name).unwrap();
        assert_eq!(
            ratio.worst_in.as_deref(),
            Some("ours (gzip), large auction, 1 solvers")
        );
        let reason = ratio.reason.as_deref().unwrap();
        assert!(
            reason.ends_with("; in this run shared is at 1.50 itself"),
            "{reason}"
        );
    }

    #[test]
    fn what_is_for_comparison_is_shown_where_it_was_measured() {
        let name = "cpu_threaded_gzip_over_shared_zstd_26_mb_32_solvers";
        let found = |rows: &[Row]| of_rows(rows).into_iter().find(|ratio| ratio.name == name);
        assert_eq!(found(&[]), None);
        let rows = [
            large(Design::Threaded, 32, 12.0),
            large(Design::SharedZstd, 32, 8.0),
        ];
        let ratio = found(&rows).unwrap();
        assert_eq!(
            (ratio.value, ratio.target, ratio.met),
            (Some(1.5), None, None)
        );
    }
}
