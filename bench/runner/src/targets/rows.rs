use super::bound::Bound;
use super::target::Target;
use super::wanted::Wanted;
use crate::{Design, Row, Size};

/// This project, with each codec.
pub(crate) const OURS: [Design; 2] = [Design::OursGzip, Design::OursZstd];
/// The ratios of processor time that are wanted for 26 MB and 32 solvers, and for one solver: by codec.
const MANY: [(Design, f64); 2] = [(Design::OursGzip, 40.0), (Design::OursZstd, 60.0)];
const ONE: [(Design, f64); 2] = [(Design::OursGzip, 1.5), (Design::OursZstd, 2.5)];
const PAIRS: [(Design, Design); 2] = [
    (Design::OursGzip, Design::SharedGzip),
    (Design::OursZstd, Design::SharedZstd),
];

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

/// Every target of whole processes, judged by the medians.
pub(crate) fn of_rows(rows: &[Row]) -> Vec<Target> {
    let mut targets = Vec::new();
    for (design, least) in MANY {
        let wanted = Wanted::new(
            format!("cpu_threaded_over_{}_26_mb_32_solvers", key(design)),
            format!("CPU of threaded over {}, 26 MB, 32 solvers", label(design)),
            Bound::AtLeast(least),
        );
        let found = ratios(rows, Design::Threaded, design)
            .filter(|(row, _)| row.is_of(Size::Large, 32))
            .map(placed_at(design));
        let reason = reached(rows, WHY_MANY, design, 32);
        targets.push(wanted.known_to_miss(reason).judge(found));
    }
    for (design, least) in ONE {
        let wanted = Wanted::new(
            format!("cpu_threaded_over_{}_26_mb_1_solver", key(design)),
            format!("CPU of threaded over {}, 26 MB, 1 solver", label(design)),
            Bound::AtLeast(least),
        );
        let found = ratios(rows, Design::Threaded, design)
            .filter(|(row, _)| row.is_of(Size::Large, 1))
            .map(placed_at(design));
        let reason = reached(rows, WHY_ONE, design, 1);
        targets.push(wanted.known_to_miss(reason).judge(found));
    }
    for (design, shared) in PAIRS {
        let what = format!("CPU of {} over {}", label(design), label(shared));
        let name = format!("cpu_{}_over_{}", key(design), key(shared));
        let found = ratios(rows, design, shared).map(placed);
        targets.push(
            Wanted::new(name.clone(), what.clone(), Bound::AtMost(1.1))
                .known_to_miss(WHY_SHARED)
                .judge(found),
        );
        let found = compared(rows, design, shared, |row| row.cpu_ms + row.engines_cpu_ms);
        let name = format!("{name}_with_engines");
        let what = format!("{what}, with the engines' own");
        targets.push(
            Wanted::new(name, what, Bound::AtMost(1.1))
                .known_to_miss(WHY_ENGINES)
                .judge(found.map(placed)),
        );
    }
    targets.extend(of_ours(rows));
    targets
}

/// What is wanted of this project whatever others do.
fn of_ours(rows: &[Row]) -> [Target; 5] {
    let figure = |pick: fn(&Row) -> f64| {
        rows.iter()
            .filter(|row| OURS.contains(&row.scenario.design))
            .map(move |row| (row, pick(row)))
    };
    [
        Wanted::new(
            "peak_mib_26_mb_32_solvers",
            "peak memory over the auction, 26 MB, 32 solvers, MiB",
            Bound::AtMost(8.0 + 0.1 * 32.0),
        )
        .judge(
            figure(|row| row.peak_mib)
                .filter(|found| found.0.is_of(Size::Large, 32))
                .map(placed),
        ),
        Wanted::new(
            "extra_threads",
            "threads more than at rest",
            Bound::AtMost(0.0),
        )
        .judge(figure(|row| row.extra_threads as f64).map(placed)),
        Wanted::new(
            "productions_26_mb_32_solvers",
            "productions, 26 MB, 32 solvers",
            Bound::AtMost(1.2),
        )
        .judge(
            figure(|row| row.productions)
                .filter(|found| found.0.is_of(Size::Large, 32))
                .map(placed),
        ),
        Wanted::new(
            "first_byte_first_solver_ms",
            "first byte at the first solver, ms after the call",
            Bound::AtMost(2.0),
        )
        .known_to_miss(WHY_FIRST)
        .judge(figure(|row| row.first_byte_earliest_ms).map(placed)),
        Wanted::new(
            "first_byte_last_solver_ms",
            "first byte at the last solver, ms after the call",
            Bound::AtMost(2.0),
        )
        .known_to_miss(WHY_LAST)
        .judge(figure(|row| row.first_byte_latest_ms).map(placed)),
    ]
}

/// A reason, and how far the design gets that does the least work, with the same codec.
fn reached(rows: &[Row], reason: &str, design: Design, solvers: usize) -> String {
    let pair = PAIRS.iter().find(|(ours, _)| *ours == design);
    let ceiling = pair.and_then(|(_, shared)| {
        let mut ratios = ratios(rows, Design::Threaded, *shared);
        ratios.find(|(row, _)| row.is_of(Size::Large, solvers))
    });
    match ceiling {
        Some((_, ceiling)) => format!("{reason}; in this run shared is at {ceiling:.2} itself"),
        None => reason.to_owned(),
    }
}

/// The processor time of one design over that of another, wherever both were run.
pub(crate) fn ratios(rows: &[Row], of: Design, over: Design) -> impl Iterator<Item = (&Row, f64)> {
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
        let (size, solvers) = (row.scenario.auction, row.scenario.solvers);
        let other = designed(over).find(|other| other.is_of(size, solvers))?;
        Some((row, pick(row) / pick(other)))
    })
}

/// Says where a figure was found.
fn placed((row, figure): (&Row, f64)) -> (String, f64) {
    placed_at(row.scenario.design)((row, figure))
}

/// The same where the row is of the design that this project is compared with.
fn placed_at(design: Design) -> impl Fn((&Row, f64)) -> (String, f64) {
    move |(row, figure)| {
        let (size, solvers) = (row.scenario.auction.name(), row.scenario.solvers);
        let place = format!("{}, {size} auction, {solvers} solvers", label(design));
        (place, figure)
    }
}

/// The design and its codec, as people say it.
pub(crate) fn label(design: Design) -> String {
    format!("{} ({})", design.name(), design.codec())
}

/// The same, as names have it.
pub(crate) fn key(design: Design) -> String {
    format!("{}_{}", design.name(), design.codec()).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    fn verdict_of(rows: &[Row], what: &str) -> (Verdict, Option<f64>) {
        let targets = of_rows(rows);
        let target = targets.iter().find(|target| target.what.starts_with(what));
        target.map(|target| (target.verdict, target.found)).unwrap()
    }

    #[test]
    fn a_ratio_is_judged_where_both_sides_were_run() {
        let what = "CPU of threaded over ours (gzip), 26 MB, 32 solvers";
        let rows = [
            Row::large(Design::Threaded, 32, 400.0),
            Row::large(Design::OursGzip, 1, 1.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::NotMeasured, None));
        let rows = [
            Row::large(Design::Threaded, 32, 400.0),
            Row::large(Design::OursGzip, 32, 10.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::Met, Some(40.0)));
        let rows = [
            Row::large(Design::Threaded, 32, 399.0),
            Row::large(Design::OursGzip, 32, 10.0),
        ];
        assert_eq!(verdict_of(&rows, what), (Verdict::Missed, Some(39.9)));
    }

    #[test]
    fn the_worst_scenario_counts() {
        let rows = [
            Row::large(Design::OursGzip, 1, 10.0),
            Row::large(Design::SharedGzip, 1, 10.0),
            Row::large(Design::OursGzip, 8, 12.0),
            Row::large(Design::SharedGzip, 8, 10.0),
        ];
        let found = verdict_of(&rows, "CPU of ours (gzip) over shared (gzip)");
        assert_eq!(found, (Verdict::Missed, Some(1.2)));
    }
}
