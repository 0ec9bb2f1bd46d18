use serde::Serialize;

use crate::{Design, Row, Size};

/// Something that is wanted of this project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// What is wanted.
    pub what: String,
    /// What was found, in the scenario where it is worst.
    pub found: Option<f64>,
    /// Which scenario that is.
    pub worst_in: Option<String>,
    /// What it must be: at most or at least, as `what` says.
    pub bound: f64,
    /// Whether it is so.
    pub verdict: Verdict,
}

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In every scenario that was run.
    Met,
    /// Not in the one that is named.
    Missed,
    /// No scenario that was run tells.
    NotMeasured,
}

#[derive(Clone, Copy, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// What is wanted of memory: this much, and a little for each solver, in MiB.
const PEAK_MIB: (f64, f64) = (8.0, 0.1);

/// The ratios of processor time that are wanted for 26 MB and 32 solvers, and for one solver: by codec.
const MANY: [(Design, f64); 2] = [(Design::OursGzip, 40.0), (Design::OursZstd, 60.0)];
const ONE: [(Design, f64); 2] = [(Design::OursGzip, 1.5), (Design::OursZstd, 2.5)];
const PAIRS: [(Design, Design); 2] = [
    (Design::OursGzip, Design::SharedGzip),
    (Design::OursZstd, Design::SharedZstd),
];

/// Every target, judged by the medians.
pub(crate) fn targets(rows: &[Row]) -> Vec<Target> {
    let ours = |row: &&Row| matches!(row.scenario.design, Design::OursGzip | Design::OursZstd);
    let mut targets = Vec::new();
    for (design, least) in MANY {
        targets.push(judge(
            &format!("CPU of threaded over {}, 26 MB, 32 solvers", label(design)),
            Bound::AtLeast(least),
            ratios(rows, Design::Threaded, design).filter(|(row, _)| {
                row.scenario.auction == Size::Large && row.scenario.solvers == 32
            }),
        ));
    }
    for (design, least) in ONE {
        targets.push(judge(
            &format!("CPU of threaded over {}, 1 solver", label(design)),
            Bound::AtLeast(least),
            ratios(rows, Design::Threaded, design).filter(|(row, _)| row.scenario.solvers == 1),
        ));
    }
    for (design, shared) in PAIRS {
        targets.push(judge(
            &format!("CPU of {} over {}", label(design), label(shared)),
            Bound::AtMost(1.1),
            ratios(rows, design, shared),
        ));
        targets.push(judge(
            &format!(
                "CPU of {} over {}, with the engines' own",
                label(design),
                label(shared)
            ),
            Bound::AtMost(1.1),
            compared(rows, design, shared, |row| row.cpu_ms + row.engines_cpu_ms),
        ));
    }
    targets.push(judge(
        "peak memory over the auction, of 8 MiB and 0.1 MiB for each solver",
        Bound::AtMost(1.0),
        rows.iter().filter(ours).map(|row| {
            let allowed = PEAK_MIB.0 + PEAK_MIB.1 * row.scenario.solvers as f64;
            (row, row.peak_mib / allowed)
        }),
    ));
    targets.push(judge(
        "threads more than at rest",
        Bound::AtMost(0.0),
        rows.iter()
            .filter(ours)
            .map(|row| (row, row.extra_threads as f64)),
    ));
    targets.push(judge(
        "productions",
        Bound::AtMost(1.2),
        rows.iter().filter(ours).map(|row| (row, row.productions)),
    ));
    targets.push(judge(
        "first byte at the first solver, ms after the call",
        Bound::AtMost(2.0),
        rows.iter()
            .filter(ours)
            .map(|row| (row, row.first_byte_earliest_ms)),
    ));
    targets.push(judge(
        "first byte at the last solver, ms after the call",
        Bound::AtMost(2.0),
        rows.iter()
            .filter(ours)
            .map(|row| (row, row.first_byte_latest_ms)),
    ));
    targets
}

/// The processor time of one design over that of another, wherever both were run.
fn ratios(rows: &[Row], of: Design, over: Design) -> impl Iterator<Item = (&Row, f64)> {
    compared(rows, of, over, |row| row.cpu_ms)
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
        let other = designed(over).find(|other| {
            (other.scenario.auction, other.scenario.solvers)
                == (row.scenario.auction, row.scenario.solvers)
        })?;
        Some((row, pick(row) / pick(other)))
    })
}

fn judge<'a>(what: &str, bound: Bound, found: impl Iterator<Item = (&'a Row, f64)>) -> Target {
    let (direction, limit) = match bound {
        Bound::AtLeast(limit) => (1.0, limit),
        Bound::AtMost(limit) => (-1.0, limit),
    };
    let worst = found.min_by(|a, b| (a.1 * direction).total_cmp(&(b.1 * direction)));
    Target {
        what: match bound {
            Bound::AtLeast(_) => format!("{what}: at least {limit}"),
            Bound::AtMost(_) => format!("{what}: at most {limit}"),
        },
        found: worst.map(|(_, found)| found),
        worst_in: worst.map(|(row, _)| {
            let scenario = row.scenario;
            format!(
                "{}, {} auction, {} solvers",
                label(scenario.design),
                scenario.auction.name(),
                scenario.solvers
            )
        }),
        bound: limit,
        verdict: match worst {
            None => Verdict::NotMeasured,
            Some((_, found)) if found * direction >= limit * direction => Verdict::Met,
            Some(_) => Verdict::Missed,
        },
    }
}

/// The design and its codec, as people say it.
pub(crate) fn label(design: Design) -> String {
    format!("{} ({})", design.name(), design.codec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn row(design: Design, solvers: usize, cpu_ms: f64) -> Row {
        let scenario = Scenario {
            auction: Size::Large,
            solvers,
            design,
        };
        Row {
            cpu_ms,
            ..Row::new(scenario, Vec::new())
        }
    }

    fn verdict_of(rows: &[Row], what: &str) -> (Verdict, Option<f64>) {
        let targets = targets(rows);
        let target = targets.iter().find(|target| target.what.starts_with(what));
        target.map(|target| (target.verdict, target.found)).unwrap()
    }

    #[test]
    fn a_ratio_is_judged_where_both_sides_were_run() {
        let what = "CPU of threaded over ours (gzip), 26 MB, 32 solvers";
        let rows = [
            row(Design::Threaded, 32, 400.0),
            row(Design::OursGzip, 1, 1.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::NotMeasured, None));
        let rows = [
            row(Design::Threaded, 32, 400.0),
            row(Design::OursGzip, 32, 10.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::Met, Some(40.0)));
        let rows = [
            row(Design::Threaded, 32, 399.0),
            row(Design::OursGzip, 32, 10.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::Missed, Some(39.9)));
    }

    #[test]
    fn the_worst_scenario_counts() {
        let rows = [
            row(Design::OursGzip, 1, 10.0),
            row(Design::SharedGzip, 1, 10.0),
            row(Design::OursGzip, 8, 12.0),
            row(Design::SharedGzip, 8, 10.0),
        ];
        let found = verdict_of(&rows, "CPU of ours (gzip) over shared (gzip)");
        assert_eq!(found, (Verdict::Missed, Some(1.2)));
    }
}
