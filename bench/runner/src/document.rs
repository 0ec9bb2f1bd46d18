//! A report in words and tables, as Markdown: the part of `docs/performance.md` that is written anew, and what the page shows.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use bench_records::Series;

use crate::report::Report;
use crate::rows::Table;
use crate::scenario::heading;

const BEGIN: &str = "<!-- figures: written by cargo xtask bench --figures docs -->\n";
const END: &str = "<!-- end of figures -->";
/// Where the pictures are, which the page has inside.
pub(crate) const OVERVIEW: &str =
    "![When the last of 32 solvers has the whole auction, and the processor time](overview.svg)";
pub(crate) const MEMORY: &str = "![Memory during one auction](memory.svg)";

/// The document with the figures of this report in place of those that it has.
///
/// # Errors
/// When the lines that mark the place are not there.
pub(crate) fn with_figures(document: &str, report: &Report) -> Result<String> {
    let no_place = || format!("the document has no place for figures: {BEGIN}{END}");
    let (before, rest) = document.split_once(BEGIN).with_context(no_place)?;
    let (_figures, after) = rest.split_once(END).with_context(no_place)?;
    let figures = figures(report)?;
    Ok([before, BEGIN, "\n", &figures, "\n", END, after].concat())
}

/// Everything that was found.
pub(crate) fn figures(report: &Report) -> Result<String> {
    let mut text = String::new();
    let [before, after] = report.machine.load_average;
    let demanded = report.ratios.iter().filter(|ratio| ratio.met.is_some());
    let (demanded, missed) = (demanded.count(), report.missed().count());
    writeln!(
        text,
        "## What one auction costs\n\n{OVERVIEW}\n\nIn the tables, `ours` is this project, `threaded` is what is in production, \
        `per-solver` makes a copy for each solver, and `shared` has one buffer for all.\n\n`{}` took {:.0} minutes on {}: {}, \
        {} cores, Linux {}; load average {before:.1} before and {after:.1} after. Figures are medians, and a ratio is the median \
        of those of each turn. {} runs were checked to deliver and archive the right bytes.\n\n## Every target\n\n{} of \
        {demanded} targets are met. Each is judged in the scenario where it is worst. The rows without a verdict are there to \
        compare.\n",
        report.command.trim_end(),
        report.seconds / 60.0,
        report.date,
        report.machine.processor,
        report.machine.cores,
        report.machine.kernel,
        report.checked,
        demanded - missed,
    )?;
    text += &targets(report);
    if missed > 0 {
        text += "\nWhat is missed, and why:\n\n";
    }
    for (reason, targets) in reasons(report) {
        writeln!(text, "- **{}**: {reason}.", targets.join("; "))?;
    }
    if !report.failed.0.is_empty() {
        text += "\nWhat could not be measured:\n\n";
    }
    for failed in &report.failed.0 {
        writeln!(text, "- {failed}")?;
    }
    for table in &report.tables {
        let section = &table.section;
        writeln!(text, "\n## {}\n\n{}\n", section.title, section.note)?;
        if table.rows.iter().any(|row| !row.memory.is_empty()) {
            writeln!(text, "{MEMORY}\n")?;
        }
        text += &rows(table);
    }
    text += "\n## Loops, the floor and the service\n\n";
    let measures = report.measures.iter().map(|measure| {
        let Series {
            median, min, max, ..
        } = measure.rounds;
        let mut cells = vec![measure.name.clone()];
        cells.extend([median, min, max].map(shown));
        cells
    });
    text += &markdown(&["what", "median", "least", "most"], 1, measures);
    Ok(text)
}

/// The rows of a section, with those of its columns that were measured.
fn rows(table: &Table) -> String {
    let (columns, rows) = (table.section.columns.iter(), table.rows.iter());
    let is_measured = |column: &&str| rows.clone().any(|row| row.figures.contains_key(*column));
    let columns = columns.map(String::as_str).filter(is_measured);
    let columns: Vec<&str> = columns.collect();
    let mut headers = vec!["scenario", "design"];
    headers.extend(columns.iter().map(|column| heading(column)));
    let cells = rows.clone().map(|row| {
        let figures = columns.iter().map(|column| shown(row.median(column)));
        let design = &row.scenario.design;
        let label = match design.is_ours {
            true => format!("**{}**", design.label),
            false => design.label.clone(),
        };
        [row.name.clone(), label]
            .into_iter()
            .chain(figures)
            .collect()
    });
    markdown(&headers, 2, cells)
}

/// Every target, met or not.
fn targets(report: &Report) -> String {
    let cells = report.ratios.iter().map(|ratio| {
        let verdict = match (ratio.met, ratio.value) {
            (Some(true), _) => "met",
            (Some(false), Some(_)) => "**missed**",
            (Some(false), None) => "not measured",
            (None, _) => "",
        };
        let bound = ratio.target.bound.map(|bound| bound.to_string());
        vec![
            ratio.target.name.clone(),
            ratio.worst_in.clone().unwrap_or_default(),
            verdict.to_owned(),
            bound.unwrap_or_default(),
            ratio.value.map(shown).unwrap_or_default(),
        ]
    });
    let headers = ["what", "where it is worst", "verdict", "wanted", "found"];
    markdown(&headers, 3, cells)
}

/// Why targets are missed: each reason once, with the targets that it is about.
fn reasons(report: &Report) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for target in report.missed().map(|ratio| &ratio.target) {
        let reason = target.reason.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, targets)) => targets.push(&target.name),
            None => reasons.push((reason, vec![&target.name])),
        }
    }
    reasons
}

/// A figure with three digits that count; nothing for what was not measured.
fn shown(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => String::new(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A table whose columns from one on are numbers.
fn markdown(headers: &[&str], numbers: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &str| format!("| {cells} |\n");
    let rule = |column| if column < numbers { "---" } else { "---:" };
    let rule: Vec<_> = (0..headers.len()).map(rule).collect();
    let rows: String = rows.map(|row| line(&row.join(" | "))).collect();
    line(&headers.join(" | ")) + &line(&rule.join(" | ")) + &rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::large;

    #[test]
    fn a_column_that_nothing_fills_is_left_out() {
        let mut section = crate::scenario::sections(true).remove(0);
        section.columns = ["cpu_ms", "productions"].map(str::to_owned).to_vec();
        let mut table = Table {
            section,
            rows: vec![large("ours (gzip)", 8, "cpu_ms", 123.4)],
        };
        let expected = "| scenario | design | CPU, ms |\n| --- | --- | ---: |\n| 26 MB, 8 solvers | **ours (gzip)** | 123 |\n";
        assert_eq!(rows(&table), expected);
        let more = large("ours (zstd)", 8, "productions", 1.0);
        table.rows.push(more);
        assert!(rows(&table).ends_with("| 26 MB, 8 solvers | **ours (zstd)** |  | 1.00 |\n"));
    }
}
