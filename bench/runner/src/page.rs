//! The page that shows a report: one file that runs nothing and loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plots;
use crate::report::Report;
use crate::tables::{self, Cells};

/// The style of the program's report, which has the same parts, and what plots need besides.
const STYLE: &str = include_str!("../../../crates/driver-cli/src/report/style.css");
const PLOT_STYLE: &str = "figure svg { width: 100%; height: auto; } .narrow { display: none; } \
    @media (max-width: 640px) { .wide { display: none; } .narrow { display: block; } }";

/// The page as one file.
pub(crate) fn page(report: &Report) -> String {
    let title = "What it takes to send one auction to many solvers";
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(PLOT_STYLE)) }
            }
            body {
                main {
                    header { h1 { (title) } p.lead { (tables::lead(report).replace('`', "")) } }
                    (figure(|width| plots::overview(report, width)))
                    h2 { "Targets" }
                    p { (tables::summary(report)) }
                    (table(&tables::of_targets(report)))
                    h3 { "What is missed, and why" }
                    ul { @for (reason, targets) in tables::reasons(report) { li { b { (targets.join("; ")) } ": " (reason) } } }
                    @for section in &report.tables {
                        section {
                            h2 { (section.title) }
                            p { (section.note) }
                            @if section.rows.iter().any(|row| !row.memory.is_empty()) {
                                (figure(|width| plots::memory(report, width)))
                            }
                            (table(&tables::of_section(section)))
                        }
                    }
                    h2 { "Loops, the floor and the service" }
                    (table(&tables::of_measures(report)))
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// A plot in two widths, of which the style shows one.
fn figure(draw: impl Fn(f64) -> Markup) -> Markup {
    html! { figure { div.wide { (draw(1030.0)) } div.narrow { (draw(400.0)) } } }
}

/// A table of cells with their headers. Columns of numbers are aligned so that digits stand below digits.
fn table(cells: &Cells) -> Markup {
    let class = |column| {
        if cells.is_of_numbers(column) {
            "number"
        } else {
            "text"
        }
    };
    html! {
        div.scroll {
            table.stacking[cells.headers.len() > 3] {
                thead { tr { @for (column, header) in cells.headers.iter().enumerate() { th class=(class(column)) { (header) } } } }
                tbody {
                    @for row in &cells.rows {
                        tr {
                            @for (column, (header, cell)) in cells.headers.iter().zip(row).enumerate() {
                                td class=(class(column)) data-label=(header) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}
