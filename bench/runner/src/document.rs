//! The part of `docs/performance.md` that a report writes, between two lines that mark it.

use anyhow::{Context as _, Result};

use crate::report::Report;
use crate::tables::{self, Cells};

const BEGIN: &str = "<!-- figures: written by cargo xtask bench --figures docs -->\n";
const END: &str = "<!-- end of figures -->";

/// The document with the figures of this report in place of those that it has.
///
/// # Errors
/// When the lines that mark the place are not there.
pub(crate) fn with_figures(document: &str, report: &Report) -> Result<String> {
    let no_place = || format!("the document has no place for figures: {BEGIN}{END}");
    let (before, rest) = document.split_once(BEGIN).with_context(no_place)?;
    let (_figures, after) = rest.split_once(END).with_context(no_place)?;
    Ok([before, BEGIN, &figures(report), END, after].concat())
}

fn figures(report: &Report) -> String {
    let mut text = format!("\n{}\n\n## Every target\n\n", tables::lead(report));
    text += &format!(
        "{}\n\n{}",
        tables::summary(report),
        table(&tables::of_targets(report))
    );
    text += "\nWhat is not met, and why:\n\n";
    for (reason, targets) in tables::reasons(report) {
        text += &format!("- {}: {reason}.\n", targets.join("; "));
    }
    for section in &report.tables {
        let cells = table(&tables::of_section(section));
        text += &format!("\n## {}\n\n{}\n\n{cells}", section.title, section.note);
    }
    let cells = table(&tables::of_measures(report));
    text + &format!("\n## Loops, the floor and the service\n\n{cells}\n")
}

fn table(cells: &Cells) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let numbers = 0..cells.headers.len();
    let rule = numbers.map(|column| {
        if cells.is_of_numbers(column) {
            "---:"
        } else {
            "---"
        }
        .to_owned()
    });
    let rows: String = cells.rows.iter().map(|row| line(row)).collect();
    line(&cells.headers) + &line(&rule.collect::<Vec<_>>()) + &rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_markdown_has_it() {
        let cells = Cells {
            headers: ["what", "ms"].map(str::to_owned).to_vec(),
            rows: vec![["a", "1.5"].map(str::to_owned).to_vec()],
        };
        assert_eq!(
            table(&cells),
            "| what | ms |\n| --- | ---: |\n| a | 1.5 |\n"
        );
    }
}
