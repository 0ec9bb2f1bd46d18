//! What is wanted of this project, and whether it was found.

use std::ops::RangeBounds;

use bench_records::MicroReport;
use serde::Serialize;

use crate::report::{Row, Stalled};
use crate::scenario::{Design, LARGE, Scenario};

/// How long others wait for a branch, in all, unless its policy says otherwise: `LagPolicy::DEFAULT_PATIENCE`.
const PATIENCE_MS: f64 = 500.0;
/// The ratios of processor time that are wanted of threaded for 26 MB: by number of solvers and by design.
const THREADED_OVER: [(usize, Design, f64); 4] = [
    (32, Design::OursGzip, 40.0),
    (32, Design::OursZstd, 60.0),
    (1, Design::OursGzip, 1.5),
    (1, Design::OursZstd, 2.5),
];

const UNKNOWN: &str = "not known to miss: look into it";
const WHY_MANY: &str = "as it was merged, production buffers before its gzip, and takes a fifth of what the pull request's \
    first revision did. The least work that there can be, one buffer for all and one compression, is what the design shared does";
const WHY_ONE: &str =
    "nearly all of one auction to one solver is the codec's work, which streaming does not change";
const WHY_SHARED: &str = "on loopback the kernel delivers small, paced writes in the sender's time, and leaves what a full \
    socket holds to the receiver's (the next line counts the engines' time, too); with one solver, two cores that wake each \
    other for chunks take a tenth more than one";
const WHY_ENGINES: &str = "with one solver, its task and the archive's run on two cores and wake each other for chunks, which \
    makes the call shorter and takes a tenth more: on one core (taskset -c 0) it takes 0.96 of what shared takes. An auction of \
    hundreds of MB takes seconds, in which solvers that differ in pace use up their patience and part: see how often it was \
    produced";
const WHY_FIRST: &str = "the engines' process shares the cores with whatever else runs: where it must wait for one, it waits \
    for a slice of the scheduler, which is about 3 ms. See the load average";
const WHY_LAST: &str = "two cores serve all solvers in turn, and each solver's first write is a quarter of the window before \
    its task gives way to the next";
const WHY_STALLED: &str = "the patience for a solver that stalls is spent whole, so that this is at its bound, and what \
    differs between two runs puts it beyond";
const WHY_LARGE: &str = "a value of 310 MB is in no cache, so that reading it costs every serializer more for each byte; \
    that the work itself does not grow is shown by elements of 1 KiB and by small integers, with `cargo bench --bench \
    cpu` in crates/chunked-writer/benchmarks";
const WHY_SERIALIZER: &str = "in a loop the allocator hands to_vec the memory of its last round again, with pages that are \
    there already. Where it must get them from the kernel, as for a buffer of more than 32 MB, chunks take about 0.63 of \
    it: run bench-micro with GLIBC_TUNABLES=glibc.malloc.mmap_threshold=131072";
const WHY_TEE: &str = "the broadcast channels are faster for what they do, which is less: tokio's loses chunks that a slow \
    reader has not read in time, async-broadcast stops everybody for it. The tee keeps a window in bytes, a place and a \
    policy for each branch, and a replay for a branch that falls behind";
const WHY_NOISE: &str = "the difference of two loops of nanoseconds, within the noise of a shared machine: see the least of \
    its rounds among the measures";

/// Figures of which nothing is demanded, by their measures.
const SHOWN_MEASURES: [(&str, &str); 2] = [
    (
        "archive_gzip_over_buffered_production",
        "CPU of archiving by gzip over production's with a buffer of 64 KiB before its gzip",
    ),
    (
        "archive_zstd_over_buffered_production",
        "CPU of archiving by zstd over production's with a buffer of 64 KiB before its gzip",
    ),
];

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    fn worst<P>(self, found: impl IntoIterator<Item = (P, f64)>) -> Option<(P, f64)> {
        let badness = |figure: f64| match self {
            _ if figure.is_nan() => f64::INFINITY,
            AtLeast(_) => -figure,
            AtMost(_) => figure,
        };
        let found = found.into_iter();
        found.max_by(|a, b| badness(a.1).total_cmp(&badness(b.1)))
    }
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

impl Ratio {
    /// A figure of which nothing is demanded.
    fn shown(name: impl Into<String>, what: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value: Some(value),
            target: None,
            bound: None,
            met: None,
            what: what.into(),
            worst_in: None,
            reason: None,
        }
    }

    /// A target, judged by the worst figure, each with the place where it was found. `reason` says why it is missed, where
    /// that was looked into.
    fn judged(
        name: impl Into<String>,
        what: &str,
        bound: Bound,
        reason: &str,
        found: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        let worst = bound.worst(found);
        let met = worst.as_ref().is_some_and(|(_, found)| bound.holds(*found));
        let reason = match &worst {
            _ if met => None,
            None => Some("not measured in this run".to_owned()),
            Some(_) => Some(reason.to_owned()),
        };
        let (key, words, limit) = match bound {
            AtLeast(limit) => ("at_least", "at least", limit),
            AtMost(limit) => ("at_most", "at most", limit),
        };
        Self {
            name: name.into(),
            // JSON has no other way of saying that it is not a number.
            value: worst
                .as_ref()
                .map(|(_, found)| *found)
                .filter(|found| found.is_finite()),
            target: Some(limit),
            bound: Some(key),
            met: Some(met),
            what: format!("{what}: {words} {limit}"),
            worst_in: worst.map(|(place, _)| place),
            reason,
        }
    }
}

/// Every target, and the figures that say how far targets can be reached or what they were set by.
pub(crate) fn ratios(rows: &[Row], stalled: &[Stalled], micro: &MicroReport) -> Vec<Ratio> {
    let mut ratios = of_rows(rows);
    ratios.extend(of_ours(rows));
    ratios.push(Ratio::judged(
        "stalled_later_over_patience",
        "by how much one stalled solver makes the others later, of its patience",
        // A tenth for timers, and for what tasks that all wake at once wait for a core.
        AtMost(1.1),
        WHY_STALLED,
        later_over_patience(stalled, 1..=1),
    ));
    ratios.extend(of_micro(micro));
    ratios.extend(shown(rows, stalled, micro));
    ratios
}

/// Processor time of whole processes, by the medians.
fn of_rows(rows: &[Row]) -> Vec<Ratio> {
    let mut targets = Vec::new();
    for (solvers, design, least) in THREADED_OVER {
        let (reason, noun) = if solvers == 1 {
            (WHY_ONE, "solver")
        } else {
            (WHY_MANY, "solvers")
        };
        let over =
            |of| cpu(rows, Design::Threaded, of).filter(|(row, _)| row.is_of(LARGE, solvers));
        // How far the design gets that does the least work, with the same codec.
        let reason = match over(design.least()).next() {
            Some((_, least)) => format!("{reason}; in this run shared is at {least:.2} itself"),
            None => reason.to_owned(),
        };
        targets.push(Ratio::judged(
            format!("cpu_threaded_over_{}_26_mb_{solvers}_{noun}", design.key()),
            &format!(
                "CPU of threaded over {}, 26 MB, {solvers} {noun}",
                design.label()
            ),
            AtLeast(least),
            &reason,
            over(design).map(|(row, ratio)| (place(row, design), ratio)),
        ));
    }
    for design in Design::OURS {
        let shared = design.least();
        let what = format!("CPU of {} over {}", design.label(), shared.label());
        let name = format!("cpu_{}_over_{}", design.key(), shared.key());
        let with_engines = compared(rows, design, shared, |row| {
            row.cpu_ms.median + row.engines_cpu_ms.median
        });
        let found = cpu(rows, design, shared).map(|(row, ratio)| (place(row, design), ratio));
        targets.push(Ratio::judged(
            name.clone(),
            &what,
            AtMost(1.1),
            WHY_SHARED,
            found,
        ));
        targets.push(Ratio::judged(
            name + "_with_engines",
            &(what + ", with the engines' own"),
            AtMost(1.1),
            WHY_ENGINES,
            with_engines.map(|(row, ratio)| (place(row, design), ratio)),
        ));
    }
    targets
}

/// What is wanted of this project whatever others do: for 26 MB and 32 solvers, or in every scenario.
fn of_ours(rows: &[Row]) -> [Ratio; 5] {
    let judged = |name: &str, what, most, reason, everywhere, pick: fn(&Row) -> f64| {
        let rows = ours(rows).filter(|row| everywhere || row.is_of(LARGE, 32));
        let found = rows.map(|row| (row.scenario.to_string(), pick(row)));
        Ratio::judged(name, what, AtMost(most), reason, found)
    };
    let (name, what) = (
        "peak_mib_26_mb_32_solvers",
        "peak memory over the auction, 26 MB, 32 solvers, MiB",
    );
    let most = 8.0 + 0.1 * 32.0;
    let peak = judged(name, what, most, UNKNOWN, false, |row| {
        row.peak_rss_over_base_mib
    });
    let (name, what) = ("extra_threads", "threads more than at rest");
    let threads = judged(name, what, 0.0, UNKNOWN, true, |row| {
        row.extra_threads as f64
    });
    let (name, what) = (
        "productions_26_mb_32_solvers",
        "productions, 26 MB, 32 solvers",
    );
    let productions = judged(name, what, 1.2, UNKNOWN, false, |row| row.productions);
    let (name, what) = (
        "first_byte_first_solver_ms",
        "first byte at the first solver, ms after the call",
    );
    let first = judged(name, what, 2.0, WHY_FIRST, true, |row| {
        row.first_byte_earliest_ms
    });
    let (name, what) = (
        "first_byte_last_solver_ms",
        "first byte at the last solver, ms after the call",
    );
    let last = judged(name, what, 2.0, WHY_LAST, true, |row| {
        row.first_byte_latest_ms
    });
    [peak, threads, productions, first, last]
}

/// Loops within one process: for each the measure's name, what it is, its bound, and why it is missed.
fn of_micro(report: &MicroReport) -> Vec<Ratio> {
    let judged = |name: &str, what: &str, bound, reason| {
        let measures = report.measures.iter();
        let found = measures.filter(|measure| measure.name == name);
        let found = found.map(|measure| ("within one process".to_owned(), measure.value));
        Ratio::judged(name, what, bound, reason, found)
    };
    let sizes = [
        ("3_3", "3.3", 1.05),
        ("8_5", "8.5", 1.0),
        ("26", "26", 1.0),
        ("310", "310", 1.0),
    ];
    let serializer = sizes.map(|(key, megabytes, limit)| {
        let name = format!("serializer_over_to_vec_{key}_mb");
        let what = format!("CPU of 64 KiB chunks over serde_json::to_vec, {megabytes} MB");
        judged(&name, &what, AtMost(limit), WHY_SERIALIZER)
    });
    let others = [
        (
            "serializer_first_chunk_ms",
            "first chunk of an auction of any size, ms",
            0.3,
            UNKNOWN,
        ),
        (
            "tee_ns_per_chunk_and_branch",
            "ns for each chunk and branch, 1 to 64 branches",
            150.0,
            UNKNOWN,
        ),
        (
            "tee_over_tokio_broadcast",
            "tee over tokio's broadcast channel",
            1.0,
            WHY_TEE,
        ),
        (
            "tee_over_async_broadcast",
            "tee over async-broadcast",
            1.0,
            WHY_TEE,
        ),
        (
            "measured_body_ns_per_chunk",
            "measuring a body, ns for each chunk",
            60.0,
            WHY_NOISE,
        ),
        (
            "archive_gzip_over_production",
            "CPU of archiving by gzip over production's",
            0.6,
            UNKNOWN,
        ),
        (
            "archive_zstd_over_production",
            "CPU of archiving by zstd over production's gzip",
            0.2,
            UNKNOWN,
        ),
        (
            "archive_peak_mib",
            "peak memory of archiving, MiB",
            16.0,
            UNKNOWN,
        ),
    ];
    let others = others.map(|(name, what, most, reason)| judged(name, what, AtMost(most), reason));
    serializer
        .into_iter()
        .chain([linear(report)])
        .chain(others)
        .collect()
}

/// What a byte costs of a large auction, over what it costs of today's.
fn linear(report: &MicroReport) -> Ratio {
    let mut curves = report.curves.iter();
    let curve =
        curves.find(|curve| curve.plot == "serializer" && curve.name.starts_with("chunked-writer"));
    let speed = |within: std::ops::Range<f64>| {
        let mut points = curve?.points.iter();
        let point = points.find(|(megabytes, _)| within.contains(megabytes));
        point.map(|(_, speed)| *speed)
    };
    let found = speed(8.0..9.0).zip(speed(280.0..340.0));
    Ratio::judged(
        "serializer_310_mb_over_8_5_mb",
        "CPU for each byte serialised of 310 MB over that of 8.5 MB",
        AtMost(1.1),
        WHY_LARGE,
        found.map(|(today, large)| ("within one process".to_owned(), today / large)),
    )
}

/// Figures of which nothing is demanded.
fn shown(rows: &[Row], stalled: &[Stalled], micro: &MicroReport) -> Vec<Ratio> {
    let threaded = [Design::SharedGzip, Design::SharedZstd]
        .into_iter()
        .filter_map(|shared| {
            let mut found = cpu(rows, Design::Threaded, shared);
            let (_, ratio) = found.find(|(row, _)| row.is_of(LARGE, 32))?;
            let (of, over) = (Design::Threaded, shared);
            Some(Ratio::shown(
                format!("cpu_{}_over_{}_26_mb_32_solvers", of.key(), over.key()),
                format!(
                    "CPU of {} over {}, 26 MB, 32 solvers",
                    of.label(),
                    over.label()
                ),
                ratio,
            ))
        });
    let most = |pick: fn(&Row) -> f64| ours(rows).map(pick).max_by(f64::total_cmp);
    let later = later_over_patience(stalled, 2..).map(|(_, ratio)| ratio);
    let anywhere = [
        (
            "peak_mib_anywhere",
            "peak memory over the auction, of any size and any number of solvers, MiB",
            most(|row| row.peak_rss_over_base_mib),
        ),
        (
            "productions_anywhere",
            "productions, of any size and any number of solvers",
            most(|row| row.productions),
        ),
        (
            "many_stalled_later_over_patience",
            "by how much several stalled solvers make the others later, of the patience for one",
            later.max_by(f64::total_cmp),
        ),
    ];
    let anywhere = anywhere.into_iter();
    let measures = SHOWN_MEASURES.into_iter().filter_map(|(name, what)| {
        let mut measures = micro.measures.iter();
        let measure = measures.find(|measure| measure.name == name)?;
        Some(Ratio::shown(name, what, measure.value))
    });
    threaded
        .chain(anywhere.filter_map(|(name, what, found)| Some(Ratio::shown(name, what, found?))))
        .chain(measures)
        .collect()
}

fn ours(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let rows = rows.iter();
    rows.filter(|row| Design::OURS.contains(&row.scenario.design))
}

/// The processor time of one design over that of another, wherever both were run.
fn cpu(rows: &[Row], of: Design, over: Design) -> impl Iterator<Item = (&Row, f64)> {
    compared(rows, of, over, |row| row.cpu_ms.median)
}

/// What is picked of one design over the same of another, wherever both were run.
fn compared(
    rows: &[Row],
    of: Design,
    over: Design,
    pick: fn(&Row) -> f64,
) -> impl Iterator<Item = (&Row, f64)> {
    let designed = move |design| rows.iter().filter(move |row| row.scenario.design == design);
    designed(of).filter_map(move |row| {
        let (size, solvers) = (row.scenario.auction, row.scenario.solvers);
        let other = designed(over).find(|other| other.is_of(size, solvers))?;
        Some((row, pick(row) / pick(other)))
    })
}

/// Where a figure was found, which is said to be of `design`.
fn place(row: &Row, design: Design) -> String {
    Scenario {
        design,
        ..row.scenario
    }
    .to_string()
}

/// By how much later than without stalled solvers the last healthy one has everything, in patiences, wherever so many
/// stall.
fn later_over_patience(
    found: &[Stalled],
    stalled: impl RangeBounds<usize>,
) -> impl Iterator<Item = (String, f64)> {
    let later = found.iter().filter(move |found| {
        Design::OURS.contains(&found.design)
            && found.stalled > 0
            && stalled.contains(&found.stalled)
    });
    later.filter_map(|later| {
        let of_design = |other: &&Stalled| other.design == later.design && other.stalled == 0;
        let healthy = found.iter().find(of_design)?;
        let later_ms = later.healthy_last_ms - healthy.healthy_last_ms;
        let (design, stalled, solvers) = (later.design.label(), later.stalled, later.solvers);
        let place = format!("{design}, {stalled} of {solvers} solvers stalled");
        Some((place, later_ms / PATIENCE_MS))
    })
}

#[cfg(test)]
mod tests {
    use bench_records::{Curve, Measure};

    use super::*;
    use crate::report::tests::large;

    fn judged(bound: Bound, found: &[f64]) -> Ratio {
        let found = found.iter().map(|figure| (figure.to_string(), *figure));
        Ratio::judged("name", "what", bound, "because", found)
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
            let found = found.iter().map(|figure| ((), *figure));
            bound.worst(found).map(|(_, figure)| figure)
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
    fn others_may_be_later_by_the_patience_and_no_more() {
        let found = |stalled, healthy_last_ms| Stalled {
            design: Design::OursGzip,
            solvers: 8,
            stalled,
            deadline_ms: 4_000.0,
            healthy_middle_ms: healthy_last_ms,
            healthy_last_ms,
            peak_mib: 8.0,
            extra_threads: 0,
            cpu_ms: 200.0,
        };
        let name = "stalled_later_over_patience";
        let judged =
            |found: &[Stalled]| verdict(&ratios(&[], found, &MicroReport::default()), name);
        for (healthy_last_ms, expected) in [(750.0, true), (751.0, false)] {
            let found = [found(0, 200.0), found(1, healthy_last_ms), found(4, 900.0)];
            assert_eq!(judged(&found).0, expected);
            let many: Vec<_> = later_over_patience(&found, 2..).collect();
            assert_eq!((many.len(), many[0].1), (1, 1.4));
        }
        assert_eq!(judged(&[found(1, 1.0)]), (false, None));
    }

    #[test]
    fn measures_are_judged_by_their_names() {
        let mut report = MicroReport::default();
        let name = "serializer_first_chunk_ms";
        assert_eq!(verdict(&of_micro(&report), name), (false, None));
        for (value, is_met) in [(0.3, true), (0.31, false)] {
            report.measures = vec![Measure {
                name: name.to_owned(),
                value,
                least: value,
                most: value,
                unit: "ms".to_owned(),
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
}
