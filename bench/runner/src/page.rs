//! The page that shows a report: one file that runs nothing and loads nothing.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plots::{self, Plot};
use crate::report::{Report, Row};
use crate::scenario::{Design, LARGE};

const CPU: &str = "CPU of the process, ms, user and system";
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
        deliveries(report)?,
        targets(report),
        processes(report)?,
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
        let found = ratio.value.map(|value| format!("{value:.2}"));
        let (place, reason) = (ratio.worst_in.clone(), ratio.reason.clone());
        let verdict = match (ratio.met, ratio.value) {
            (Some(true), _) => "met",
            (Some(false), Some(_)) => "missed",
            (Some(false), None) => "not measured",
            (None, _) => "for comparison",
        };
        [
            ("wanted", ratio.what.clone()),
            ("found", found.unwrap_or_default()),
            ("verdict", verdict.to_owned()),
            ("where it is worst", place.unwrap_or_default()),
            ("why it is missed", reason.unwrap_or_default()),
        ]
    });
    html! {
        h2 { "Targets" }
        pre { (report.command) }
        p { (demanded - missed) " of " (demanded) " targets are met. Each is judged in the scenario where it is worst." }
        (table(rows))
    }
}

/// When solvers have everything, and what that takes.
fn deliveries(report: &Report) -> Result<Markup> {
    let ms = |figure: f64| format!("{figure:.0}");
    let over = |over: Option<f64>| over.map_or_else(String::new, |over| format!("{over:.2}"));
    let rows = report.scenarios.iter().map(|row| {
        let last_over = |other: Option<&Row>| over(other.map(|other| row.last_over(other)));
        let all = &report.scenarios;
        let design = row.scenario.design.label().replace(' ', "\u{a0}");
        [
            ("MB", format!("{:.1}", row.size_bytes as f64 / 1e6)),
            ("solvers", row.solvers.to_string()),
            ("design", design.replace('-', "\u{2011}")),
            ("first byte, ms", format!("{:.1}", row.first_byte_ms)),
            ("delivery, ms", ms(row.delivery_ms)),
            ("last delivery, ms", ms(row.delivery_last_ms.median)),
            ("over the fastest other", last_over(row.fastest_other(all))),
            ("over no archive", last_over(row.without_archive(all))),
            ("CPU, ms", ms(row.cpu_ms.median)),
            ("engines' CPU, ms", ms(row.engines_cpu_ms.median)),
            ("peak, MiB", format!("{:.1}", row.peak_rss_over_base_mib)),
            ("productions", over(Some(row.productions))),
        ]
    });
    let uneven = report.uneven.iter().map(|found| {
        let alone = found.alone_last_ms.map(|alone| ms(alone.median));
        let productions = found.over_alone.is_none().then_some(found.productions);
        [
            ("solvers", found.scenario.held_up()),
            ("design", found.scenario.design.label()),
            ("last delivery, ms", ms(found.last_ms.median)),
            ("alone, ms", alone.unwrap_or_default()),
            ("over alone", over(found.over_alone.map(|over| over.median))),
            ("productions", over(productions)),
        ]
    });
    let by_solvers = |title: &str, pick| figure(&by_solvers(report, title, pick));
    Ok(html! {
        h2 { "When solvers have the whole auction" }
        (by_solvers("Last delivery: when all solvers have 26 MB, ms after the call", |row: &Row| row.delivery_last_ms.median)?)
        (by_solvers(CPU, |row: &Row| row.cpu_ms.median)?)
        p {
            "Delivery is when a solver has the last byte, after the call: at the solver in the middle, and at the last. \
            The fastest other is the design besides this project whose last delivery comes first in the same scenario, whatever \
            its codec. An archive competes with solvers for two cores: no archive is this project without one."
        }
        (table(rows))
        h3 { "When some stall or are slow" }
        p {
            "26 MB. Solvers that stall read 64 KiB and then nothing more; slow ones read at a steady rate. The last delivery is \
            that to the other solvers, and alone is the same solvers without them, by turns; over alone is the median of what each \
            turn comes to. Where all solvers are slow, the last delivery is that to all."
        }
        (table(uneven))
    })
}

fn processes(report: &Report) -> Result<Markup> {
    let floors = report.floors.iter().map(|floor| {
        let over = floor.ours_ms / floor.least_ms();
        let milliseconds = |figure: f64| format!("{figure:.0} ms");
        [
            ("codec", floor.codec.clone()),
            ("one serialisation", milliseconds(floor.serialise_ms)),
            ("one compression", milliseconds(floor.compress_ms)),
            ("copies into 32 sockets", milliseconds(floor.copies_ms)),
            ("the floor: all three", milliseconds(floor.least_ms())),
            ("shared", milliseconds(floor.shared_ms)),
            ("ours", milliseconds(floor.ours_ms)),
            ("ours over the floor", format!("{over:.2}")),
        ]
    });
    let peak = "Peak memory over the auction, MiB";
    let peak = by_solvers(report, peak, |row| row.peak_rss_over_base_mib);
    Ok(html! {
        h2 { "Memory over time" }
        p {
            "The resident size of the process, looked at every 2 ms by another, less what was resident before the call: the \
            auction as a value, the runtime and the connections."
        }
        (figure(&plots::memory(&report.memory))?)
        h2 { "By number of solvers" }
        p { "One auction of 26 MB. Both axes are logarithmic." }
        (figure(&peak)?)
        h3 { "How far it is from the floor" }
        p {
            "CPU of one auction of 26 MB to 32 solvers cannot be less than one serialisation, one compression and the copies \
            into the sockets. The first two are loops that do nothing else; the third is what solvers cost the shared design."
        }
        (table(floors))
    })
}

/// A figure of 26 MB to any number of solvers, a line for each design.
fn by_solvers(report: &Report, title: &str, pick: fn(&Row) -> f64) -> Plot {
    let lines = Design::SHARING.iter().enumerate().map(|(colour, design)| {
        let wanted = (*design, LARGE);
        let rows = report.scenarios.iter();
        let rows = rows.filter(|row| (row.scenario.design, row.scenario.auction) == wanted);
        let mut points: Vec<_> = rows.map(|row| (row.solvers as f64, pick(row))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        (colour, design.label(), points)
    });
    Plot {
        title: title.to_owned(),
        across: "solvers",
        is_logarithmic: true,
        lines: lines.collect(),
    }
}

fn delays(report: &Report) -> Markup {
    let delays = report.delays.iter();
    let delays = delays.map(|delay| (delay.design.label(), delay.timers.meanwhile));
    let at_rest = report.delays.first();
    let at_rest = at_rest.map(|delay| ("at rest".to_owned(), delay.timers.at_rest));
    let rows = at_rest.into_iter().chain(delays).map(|(name, late)| {
        let late = [late.median_ms, late.p99_ms, late.most_ms];
        let [median, most, worst] = late.map(|late| format!("{late:.2}"));
        [
            ("design", name),
            ("median", median),
            ("99 of 100", most),
            ("worst", worst),
        ]
    });
    html! {
        h2 { "What else runs in the process" }
        p {
            "A task of the same runtime that is due each millisecond, while 26 MB go to 8 solvers: by how much it is late, ms. \
            Timers of tokio are late by up to a millisecond at rest."
        }
        (table(rows))
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

/// A table of cells with their headers. Columns of numbers are aligned so that digits stand below digits.
fn table<const N: usize>(rows: impl Iterator<Item = [(&'static str, String); N]>) -> Markup {
    let rows: Vec<_> = rows.collect();
    let class = |column: usize| {
        let cells = rows.iter().map(|row| row[column].1.as_str());
        let is_number =
            |cell: &str| cell.starts_with(|first: char| first.is_ascii_digit() || first == '-');
        if column > 0 && cells.filter(|cell| !cell.is_empty()).all(is_number) {
            "number"
        } else {
            "text"
        }
    };
    html! {
        div.scroll {
            table.stacking[N > 3] {
                thead { tr { @for (column, (header, _)) in rows.iter().take(1).flatten().enumerate() { th class=(class(column)) { (header) } } } }
                tbody {
                    @for row in &rows {
                        tr {
                            @for (column, (header, cell)) in row.iter().enumerate() {
                                td class=(class(column)) data-label=(header) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}
