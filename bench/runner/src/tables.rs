//! The tables of a report, which the page and the document show alike.

use crate::report::{Report, Table};
use crate::targets::Ratio;

/// A table's cells, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cells {
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Cells {
    fn new(headers: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        Self {
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
            rows: rows.collect(),
        }
    }

    /// Whether a column has numbers and nothing else.
    pub(crate) fn is_of_numbers(&self, column: usize) -> bool {
        let is_number = |cell: &str| {
            cell.is_empty()
                || cell.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        };
        column > 0 && self.rows.iter().all(|row| is_number(&row[column]))
    }
}

/// The rows of a section, with those of its columns that were measured.
pub(crate) fn of_section(table: &Table) -> Cells {
    let rows = table.rows.iter();
    let columns = table.columns.iter().map(String::as_str);
    let columns = columns.filter(|column| rows.clone().any(|row| row.medians.contains_key(column)));
    let columns: Vec<&str> = columns.collect();
    let headers = columns.iter().map(|column| heading(column));
    let headers: Vec<_> = ["scenario", "design"].into_iter().chain(headers).collect();
    let cells = rows.map(|row| {
        let figures = columns.iter().map(|column| row.medians.get(column));
        let figures = figures.map(|figure| figure.map_or_else(String::new, |value| shown(*value)));
        let labels = [row.name.clone(), row.scenario.design.label.clone()];
        labels.into_iter().chain(figures).collect()
    });
    Cells::new(&headers, cells)
}

/// Every target, met or not.
pub(crate) fn of_targets(report: &Report) -> Cells {
    let rows = report.ratios.iter().map(|ratio| {
        let found = ratio.value.map(shown).unwrap_or_default();
        let place = ratio.worst_in.clone().unwrap_or_default();
        vec![
            ratio.target.what.clone(),
            found,
            verdict(ratio).to_owned(),
            place,
        ]
    });
    Cells::new(&["wanted", "found", "verdict", "where it is worst"], rows)
}

pub(crate) fn verdict(ratio: &Ratio) -> &'static str {
    match (ratio.met, ratio.value) {
        (Some(true), _) => "met",
        (Some(false), Some(_)) => "missed",
        (Some(false), None) => "not measured",
        (None, _) => "for comparison",
    }
}

/// What was measured otherwise than in scenarios.
pub(crate) fn of_measures(report: &Report) -> Cells {
    let rows = report.measures.iter().map(|measure| {
        let mut ratios = report.ratios.iter();
        let ratio = ratios.find(|ratio| ratio.target.name == measure.name);
        let what = ratio.map_or_else(
            || measure.name.replace('_', " "),
            |ratio| ratio.target.what.clone(),
        );
        let rounds = measure.rounds;
        let figures = [rounds.median, rounds.min, rounds.max].map(shown);
        [what].into_iter().chain(figures).collect()
    });
    Cells::new(&["what", "median", "least", "most"], rows)
}

fn heading(figure: &str) -> &str {
    match figure {
        "first_byte_ms" => "first byte, ms",
        "delivery_ms" => "delivery, ms",
        "delivery_last_ms" => "last delivery, ms",
        "over_fastest_other" => "over the fastest other",
        "over_no_archive" => "over no archive",
        "alone_last_ms" => "alone, ms",
        "over_alone" => "over alone",
        "wall_ms" => "whole call, ms",
        "cpu_ms" => "CPU, ms",
        "engines_cpu_ms" => "engines' CPU, ms",
        "peak_mib" => "peak, MiB",
        "extra_threads" => "more threads",
        "late_at_rest_ms" => "worst at rest",
        "late_p99_ms" => "99 of 100",
        "late_worst_ms" => "worst",
        "late_worst_over_rest_ms" => "worst over rest",
        figure => figure,
    }
}

/// A figure with three digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// One sentence about the run.
pub(crate) fn lead(report: &Report) -> String {
    let machine = &report.machine;
    let [before, after] = machine.load_average;
    format!(
        "`{}` on {}, {:.0} minutes: {}, {} cores, Linux {}; load average {before:.1} before and {after:.1} after. Medians; \
        ratios are medians of what each turn comes to. {} runs were checked to deliver and archive the right bytes.",
        report.command.trim_end(),
        report.date,
        report.seconds / 60.0,
        machine.processor,
        machine.cores,
        machine.kernel,
        report.checked,
    )
}

/// How many targets are met.
pub(crate) fn summary(report: &Report) -> String {
    let demanded = report.ratios.iter().filter(|ratio| ratio.met.is_some());
    let (demanded, missed) = (demanded.count(), report.missed().count());
    let met = demanded - missed;
    format!(
        "{met} of {demanded} targets are met. Each is judged in the scenario where it is worst."
    )
}

/// Why targets are missed, each reason once, with the targets that it is about.
pub(crate) fn reasons(report: &Report) -> Vec<(String, Vec<String>)> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for ratio in report.missed() {
        let reason = ratio.target.reason.clone().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, targets)) => targets.push(ratio.target.what.clone()),
            None => reasons.push((reason, vec![ratio.target.what.clone()])),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::large;

    #[test]
    fn a_column_that_nothing_fills_is_left_out() {
        let columns = ["cpu_ms", "productions"].map(str::to_owned);
        let mut table = Table {
            title: String::new(),
            note: String::new(),
            columns: columns.to_vec(),
            rows: vec![large("ours (gzip)", 8, "cpu_ms", 123.4)],
        };
        let cells = of_section(&table);
        assert_eq!(cells.headers, ["scenario", "design", "CPU, ms"]);
        assert_eq!(cells.rows, [["26 MB, 8 solvers", "ours (gzip)", "123"]]);
        assert!(cells.is_of_numbers(2) && !cells.is_of_numbers(1));
        table.rows.push(large("ours (zstd)", 8, "productions", 1.0));
        assert_eq!(of_section(&table).rows[1][3], "1.00");
    }
}
