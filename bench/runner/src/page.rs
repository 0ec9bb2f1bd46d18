//! The page that shows a report: one file that runs nothing and loads nothing.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plots::{self, Plot};
use crate::report::{Report, Row};
use crate::scenario::{Design, LARGE};

/// The number of solvers of the plots by size.
const SOLVERS: usize = 8;
/// The style of the program's report, which has the same parts, and what plots need besides.
const STYLE: &str = include_str!("../../../crates/driver-cli/src/report/style.css");
const PLOT_STYLE: &str = "figure svg { width: 100%; height: auto; font-family: inherit; } .narrow { display: none; } \
    @media (max-width: 640px) { .wide { display: none; } .narrow { display: block; } }";

/// The page as one file.
///
/// # Errors
/// When a plot cannot be drawn.
pub(crate) fn page(report: &Report) -> Result<String> {
    let title = "What it takes to send one auction to many solvers";
    let sections = [
        targets(report),
        processes(report)?,
        stalled(report)?,
        delays(report),
        loops(report)?,
    ];
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
                    header { h1 { (title) } p.lead { (lead(report)) } }
                    @for section in sections { section { (section) } }
                }
            }
        }
    };
    Ok(page.into_string() + "\n")
}

fn lead(report: &Report) -> String {
    let machine = &report.machine;
    let [before, after] = machine.load_average;
    format!(
        "Whole processes and loops within one, each design by turns with the others, medians. {}; {}, {} cores, Linux {}; \
        load average {before:.1} before and {after:.1} after; {} scenarios checked to deliver and archive the right bytes.",
        report.date, machine.processor, machine.cores, machine.kernel, report.checked,
    )
}

fn targets(report: &Report) -> Markup {
    let demanded = report.ratios.iter().filter(|ratio| ratio.met.is_some());
    let (demanded, missed) = (demanded.count(), report.missed().count());
    let rows = report.ratios.iter().map(|ratio| {
        let verdict = match (ratio.met, ratio.value) {
            (Some(true), _) => "met",
            (Some(false), Some(_)) => "missed",
            (Some(false), None) => "not measured",
            (None, _) => "for comparison",
        };
        [
            ratio.what.clone(),
            ratio
                .value
                .map_or_else(String::new, |value| format!("{value:.2}")),
            verdict.to_owned(),
            ratio.worst_in.clone().unwrap_or_default(),
            ratio.reason.clone().unwrap_or_default(),
        ]
    });
    html! {
        h2 { "Targets" }
        pre { (report.command) }
        p { (demanded - missed) " of " (demanded) " targets are met. Each is judged in the scenario where it is worst." }
        (table(["wanted", "found", "verdict", "where it is worst", "why it is missed"], rows))
    }
}

fn processes(report: &Report) -> Result<Markup> {
    let by_solvers = |title: &str, pick| {
        let at = |row: &Row| (row.scenario.auction == LARGE).then_some(row.solvers as f64);
        figure(&by(report, title, "solvers", at, pick))
    };
    let by_size = |title: &str, pick| {
        let at = |row: &Row| (row.solvers == SOLVERS).then_some(row.size_bytes as f64 / 1e6);
        figure(&by(report, title, "auction, MB", at, pick))
    };
    let floors = report.floors.iter().map(|floor| {
        let milliseconds = |figure: f64| format!("{figure:.0} ms");
        [
            floor.codec.clone(),
            milliseconds(floor.serialise_ms),
            milliseconds(floor.compress_ms),
            milliseconds(floor.copies_ms),
            milliseconds(floor.least_ms()),
            milliseconds(floor.shared_ms),
            milliseconds(floor.ours_ms),
            format!("{:.2}", floor.ours_ms / floor.least_ms()),
        ]
    });
    let floor_headers = [
        "codec",
        "one serialisation",
        "one compression",
        "copies into 32 sockets",
        "the floor: all three",
        "shared",
        "ours",
        "ours over the floor",
    ];
    let (peak, cpu) = (
        "Peak memory over the auction, MiB",
        "CPU of the process, ms, user and system",
    );
    let first_byte = "First byte at the solver in the middle, ms after the call";
    Ok(html! {
        h2 { "Memory over time" }
        p {
            "The resident size of the process, looked at every 2 ms by another, less what was resident before the call: the \
            auction as a value, the runtime and the connections."
        }
        (figure(&plots::memory(&report.memory))?)
        h2 { "By number of solvers" }
        p { "One auction of 26 MB. Both axes are logarithmic." }
        (by_solvers(peak, |row: &Row| row.peak_rss_over_base_mib)?)
        (by_solvers(cpu, |row: &Row| row.cpu_ms.median)?)
        h3 { "How far it is from the floor" }
        p {
            "CPU of one auction of 26 MB to 32 solvers cannot be less than one serialisation, one compression and the copies \
            into the sockets. The first two are loops that do nothing else; the third is what solvers cost the shared design."
        }
        (table(floor_headers, floors))
        h2 { "By size of the auction" }
        p { (SOLVERS) " solvers. Both axes are logarithmic." }
        (by_size(peak, |row: &Row| row.peak_rss_over_base_mib)?)
        (by_size(cpu, |row: &Row| row.cpu_ms.median)?)
        (by_size(first_byte, |row: &Row| row.first_byte_ms)?)
    })
}

/// A figure of whole processes, a line for each design: `at` says where a row is, if it is there at all.
fn by(
    report: &Report,
    title: &str,
    across: &'static str,
    at: impl Fn(&Row) -> Option<f64>,
    pick: fn(&Row) -> f64,
) -> Plot {
    let lines = Design::ALL.iter().enumerate().map(|(colour, design)| {
        let rows = report.scenarios.iter();
        let rows = rows.filter(|row| row.scenario.design == *design);
        let mut points: Vec<_> = rows.filter_map(|row| Some((at(row)?, pick(row)))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        (colour, design.label(), points)
    });
    Plot {
        title: title.to_owned(),
        across,
        is_logarithmic: true,
        lines: lines.collect(),
    }
}

fn stalled(report: &Report) -> Result<Markup> {
    let lines = Design::ALL.iter().enumerate().map(|(colour, design)| {
        let found = report
            .stalled
            .iter()
            .filter(|found| found.design == *design);
        let points = found.map(|found| (found.stalled as f64, found.healthy_last_ms));
        (colour, design.label(), points.collect())
    });
    let plot = Plot {
        title: "When the last healthy solver has the whole auction, ms after the call".to_owned(),
        across: "stalled, of 8 solvers",
        is_logarithmic: false,
        lines: lines
            .filter(|(_, _, points): &(_, _, Vec<_>)| !points.is_empty())
            .collect(),
    };
    Ok(html! {
        h2 { "When solvers stall" }
        p {
            "Some of 8 solvers read 64 KiB of 26 MB and then nothing more, until the deadline of their requests ends them. The \
            more of them there are, the less is sent in all, so that a design in which solvers do not touch each other gets \
            faster to the right. This project waits for those that stall for half a second (their patience): together where they \
            stop within a window of each other, else one after the other, each time for half as long. Then it goes on without \
            them. threaded keeps a thread for each of them, parked until the deadline."
        }
        (figure(&plot)?)
    })
}

fn delays(report: &Report) -> Markup {
    let delays = report.delays.iter();
    let delays = delays.map(|delay| (delay.design.label(), delay.timers.meanwhile));
    let at_rest = report.delays.first();
    let at_rest = at_rest.map(|delay| ("at rest".to_owned(), delay.timers.at_rest));
    let rows = at_rest.into_iter().chain(delays).map(|(name, late)| {
        let late = [late.median_ms, late.p99_ms, late.most_ms];
        let [median, most, worst] = late.map(|late| format!("{late:.2}"));
        [name, median, most, worst]
    });
    html! {
        h2 { "What else runs in the process" }
        p {
            "A task of the same runtime that is due each millisecond, while 26 MB go to 8 solvers: by how much it is late, ms. \
            Timers of tokio are late by up to a millisecond at rest."
        }
        (table(["design", "median", "99 of 100", "worst"], rows))
    }
}

fn loops(report: &Report) -> Result<Markup> {
    let plot = |name: &str, title: &str, across| {
        let curves = report.micro.plot(name).enumerate();
        let lines =
            curves.map(|(colour, curve)| (colour, curve.name.clone(), curve.points.clone()));
        figure(&Plot {
            title: title.to_owned(),
            across,
            is_logarithmic: true,
            lines: lines.collect(),
        })
    };
    Ok(html! {
        h2 { "Within one process" }
        p { "Loops of one thread, each by turns with its alternatives. Lines of codecs go through their levels. Axes are logarithmic." }
        (plot("serializer", "Serialising an auction, MB for each second of CPU", "auction, MB")?)
        (plot("tee", "One stream to many readers, ns for each chunk and reader", "readers")?)
        (plot("codecs", "What compressing costs, CPU ms for each MB", "stored, % of the JSON")?)
    })
}

/// A plot in two sizes, of which the style shows one.
fn figure(plot: &Plot) -> Result<Markup> {
    let (wide, narrow) = (plot.draw(1030, 400)?, plot.draw(400, 420)?);
    Ok(html! {
        @if let (Some(wide), Some(narrow)) = (wide, narrow) {
            figure { div.wide { (PreEscaped(wide)) } div.narrow { (PreEscaped(narrow)) } }
        }
    })
}

/// A table. Columns of numbers are aligned so that digits stand below digits.
fn table<const N: usize>(headers: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Markup {
    let rows: Vec<_> = rows.collect();
    let class = |column: usize| {
        let mut cells = rows
            .iter()
            .map(|row| &row[column])
            .filter(|cell| !cell.is_empty());
        let is_number = cells
            .all(|cell| cell.starts_with(|first: char| first.is_ascii_digit() || first == '-'));
        if column > 0 && is_number {
            "number"
        } else {
            "text"
        }
    };
    html! {
        div.scroll {
            table.stacking[N > 3] {
                thead { tr { @for (column, header) in headers.iter().enumerate() { th class=(class(column)) { (header) } } } }
                tbody {
                    @for row in &rows {
                        tr {
                            @for (column, (cell, header)) in row.iter().zip(headers).enumerate() {
                                td class=(class(column)) data-label=(header) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}
