//! What came of several runs: how long each solver took.

use driver_streaming::{Outcome, SolverStatus};
use serde::Serialize;

use crate::arguments::Format;
use crate::exit::{Failure, print_json, print_line};
use crate::summary::milliseconds;

/// What each solver took in the runs so far.
pub(super) struct Times {
    solvers: Vec<Series>,
    /// Of whole runs: from the first request to the last answer. A run fails when a solver does.
    total: Series,
}

/// How long it took, in milliseconds, each time that it went well, and how often it did not.
#[derive(Default)]
struct Series {
    name: String,
    milliseconds: Vec<f64>,
    failures: usize,
}

/// The times of several runs, as JSON has them.
#[derive(Serialize)]
struct Figures {
    runs: usize,
    solvers: Vec<Row>,
    total: Row,
}

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
        let series = |name: &str| Series {
            name: name.to_owned(),
            ..Series::default()
        };
        Self {
            solvers: names.map(series).collect(),
            total: series("total"),
        }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        for (series, solver) in self.solvers.iter_mut().zip(&outcome.solvers) {
            let is_ok = solver.status == SolverStatus::Ok;
            series.add(is_ok.then_some(solver.total_ms));
        }
        self.total.add(outcome.is_ok().then_some(outcome.wall_ms));
    }

    /// Counts a run that could not be begun.
    pub(super) fn add_failure(&mut self) {
        self.total.add(None);
    }

    /// Whether no run has failed.
    pub(super) fn are_ok(&self) -> bool {
        self.total.failures == 0
    }

    /// Prints a table, or one line of JSON.
    pub(super) fn print(self, format: Option<Format>) -> Result<(), Failure> {
        let solvers: Vec<_> = self.solvers.into_iter().map(Series::row).collect();
        let total = self.total.row();
        if format == Some(Format::Json) {
            let runs = total.answers + total.failures;
            return print_json(
                "the times",
                &Figures {
                    runs,
                    solvers,
                    total,
                },
            );
        }
        let mut table = table(solvers.iter().chain([&total])).into_iter();
        table.try_for_each(|line| print_line(&line))
    }
}

impl Series {
    fn add(&mut self, milliseconds: Option<f64>) {
        match milliseconds {
            Some(milliseconds) => self.milliseconds.push(milliseconds),
            None => self.failures += 1,
        }
    }

    fn row(mut self) -> Row {
        let times = &mut self.milliseconds;
        times.sort_by(f64::total_cmp);
        let count = times.len();
        let mean = times.iter().sum::<f64>() / count as f64;
        let squares = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        // The smallest time that so many of a hundred are not above.
        let rank = |percent: usize| (count * percent).div_ceil(100).checked_sub(1);
        let percentile = |percent| rank(percent).and_then(|rank| times.get(rank).copied());
        Row {
            answers: count,
            failures: self.failures,
            mean_ms: (count > 0).then_some(mean),
            deviation_ms: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            p50_ms: percentile(50),
            p95_ms: percentile(95),
            name: self.name,
        }
    }
}

fn table<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Vec<String> {
    let names = rows.clone().map(|row| row.name.chars().count());
    let widest = names.max().unwrap_or(0);
    let line = |name: &str, cells: [String; 6]| {
        let cells = cells.map(|cell| format!("  {cell:>10}")).concat();
        format!("{name:<widest$}{cells}")
    };
    let titles = ["answers", "failures", "mean", "deviation", "p50", "p95"];
    let rows = rows.map(|row| {
        let times = [row.mean_ms, row.deviation_ms, row.p50_ms, row.p95_ms];
        let [mean, deviation, p50, p95] = times.map(milliseconds);
        let [answers, failures] = [row.answers, row.failures].map(|count| count.to_string());
        line(&row.name, [answers, failures, mean, deviation, p50, p95])
    });
    let header = line("", titles.map(str::to_owned));
    [header].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(times: impl IntoIterator<Item = f64>, failures: usize) -> Row {
        let series = Series {
            name: "a".to_owned(),
            milliseconds: times.into_iter().collect(),
            failures,
        };
        series.row()
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
            table(rows.iter()),
            [
                "          answers    failures        mean   deviation         p50         p95",
                "ä               1           1     1.00 ms                 1.00 ms     1.00 ms",
                "total           1           1     2.50 ms                 2.50 ms     2.50 ms",
            ]
        );
    }
}
