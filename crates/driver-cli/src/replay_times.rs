//! What came of several runs: how long each solver took.

use driver_streaming::{Outcome, SolverStatus};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Failure, print_json, print_line};
use crate::figures::{cut, milliseconds};
use crate::option_values::Format;

/// The times of several runs in milliseconds: of each solver, and at last of whole runs, from the first request to the
/// last answer. A run fails when a solver does; what failed has no time.
pub(super) struct Times(Vec<(String, Vec<Option<f64>>)>);

#[derive(Serialize)]
struct Row {
    name: String,
    answers: usize,
    failures: usize,
    mean_ms: Option<f64>,
    deviation_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
}

impl Times {
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names = names.chain(["total"]);
        Self(names.map(|name| (name.to_owned(), Vec::new())).collect())
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        let solvers = outcome.solvers.iter();
        let solvers =
            solvers.map(|solver| (solver.status == SolverStatus::Ok).then_some(solver.total_ms));
        let total = outcome.is_ok().then_some(outcome.wall_ms);
        for ((_, times), time) in self.0.iter_mut().zip(solvers.chain([total])) {
            times.push(time);
        }
    }

    /// Counts a run that could not be started.
    pub(super) fn add_failure(&mut self) {
        self.0
            .last_mut()
            .into_iter()
            .for_each(|(_, times)| times.push(None));
    }

    /// Whether no run has failed.
    pub(super) fn are_ok(&self) -> bool {
        let total = self.0.last().into_iter();
        total.flat_map(|(_, times)| times).all(Option::is_some)
    }

    /// Prints a table, or one line of JSON.
    pub(super) fn print(self, format: Option<Format>) -> Result<(), Failure> {
        let rows = self.0.into_iter();
        let rows: Vec<_> = rows.map(|(name, times)| Row::of(name, &times)).collect();
        match (format, &rows[..]) {
            (Some(Format::Json), [solvers @ .., total]) => {
                let runs = total.answers + total.failures;
                let times = json!({ "runs": runs, "solvers": solvers, "total": total });
                print_json("the times", &times)
            }
            _ => print_line(&table(&rows)),
        }
    }
}

impl Row {
    fn of(name: String, all: &[Option<f64>]) -> Self {
        let mut times: Vec<_> = all.iter().copied().flatten().collect();
        times.sort_by(f64::total_cmp);
        let count = times.len();
        let mean = times.iter().sum::<f64>() / count as f64;
        let squares = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        // The smallest time that so many of a hundred are not above.
        let rank = |percent: usize| (count * percent).div_ceil(100).checked_sub(1);
        let percentile = |percent| rank(percent).and_then(|rank| times.get(rank).copied());
        Self {
            answers: count,
            failures: all.len() - count,
            mean_ms: (count > 0).then_some(mean),
            deviation_ms: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            p50_ms: percentile(50),
            p95_ms: percentile(95),
            name,
        }
    }
}

fn table(rows: &[Row]) -> String {
    let names = rows.iter().map(|row| cut(&row.name).chars().count());
    let widest = names.max().unwrap_or(0);
    let line = |name: &str, cells: [String; 6]| {
        let cells = cells.map(|cell| format!(" {cell:>9}")).concat();
        format!("{:<widest$}{cells}", cut(name))
    };
    let titles = ["answers", "failures", "mean", "deviation", "p50", "p95"];
    let rows = rows.iter().map(|row| {
        let times = [row.mean_ms, row.deviation_ms, row.p50_ms, row.p95_ms];
        let [mean, deviation, p50, p95] = times.map(milliseconds);
        let [answers, failures] = [row.answers, row.failures].map(|count| count.to_string());
        line(&row.name, [answers, failures, mean, deviation, p50, p95])
    });
    let header = line("", titles.map(str::to_owned));
    [header]
        .into_iter()
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn row(times: impl IntoIterator<Item = f64>, failures: usize) -> Row {
        let times = times.into_iter().map(Some);
        let all: Vec<_> = times.chain(iter::repeat_n(None, failures)).collect();
        Row::of("a".to_owned(), &all)
    }

    #[test]
    fn times_are_summed_up() {
        let nothing = row([], 2);
        assert_eq!((nothing.answers, nothing.failures), (0, 2));
        let unknown = [
            nothing.mean_ms,
            nothing.deviation_ms,
            nothing.p50_ms,
            nothing.p95_ms,
        ];
        assert_eq!(unknown, [None; 4]);
        let one = row([3.0], 0);
        assert_eq!((one.mean_ms, one.deviation_ms), (Some(3.0), None));
        assert_eq!((one.p50_ms, one.p95_ms), (Some(3.0), Some(3.0)));
        let many = row((1..=100).rev().map(f64::from), 0);
        assert_eq!((many.mean_ms, many.p50_ms), (Some(50.5), Some(50.0)));
        assert_eq!(many.p95_ms, Some(95.0));
        let deviation = row([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 0).deviation_ms;
        assert!((deviation.unwrap() - 2.138_089_935).abs() < 1e-6);
    }

    #[test]
    fn a_table_has_a_row_for_each_and_a_total() {
        let rows = [("ä", 1.0), ("total", 2.5)].map(|(name, time)| Row {
            name: name.to_owned(),
            ..row([time], 1)
        });
        assert_eq!(
            table(&rows).lines().collect::<Vec<_>>(),
            [
                "        answers  failures      mean deviation       p50       p95",
                "ä             1         1   1.00 ms             1.00 ms   1.00 ms",
                "total         1         1   2.50 ms             2.50 ms   2.50 ms",
            ]
        );
    }
}
