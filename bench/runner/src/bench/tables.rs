use comparison_records::MicroReport;
use driver_streaming::page::{Cell, Table, Tone};

use super::floor::Floor;
use super::ratio::Ratio;
use super::stalled::Stalled;
use crate::Row;
use crate::targets::label;

/// Every target, and what was found.
pub(super) fn ratios(ratios: &[Ratio]) -> Table {
    let table = Table::new(["wanted", "found", "verdict", "where it is worst"]);
    ratios.iter().fold(table, |table, ratio| {
        let (verdict, tone) = match (ratio.met, ratio.value) {
            (Some(true), _) => ("met", Tone::Good),
            (Some(false), Some(_)) => ("missed", Tone::Bad),
            (Some(false), None) => ("not measured", Tone::Muted),
            (None, _) => ("for comparison", Tone::Muted),
        };
        let found = ratio
            .value
            .map_or_else(String::new, |value| format!("{value:.2}"));
        table.row([
            Cell::from(ratio.what.as_str()),
            Cell::number(found),
            Cell::from(verdict).tone(tone),
            Cell::from(ratio.worst_in.as_deref().unwrap_or_default()),
        ])
    })
}

/// What was missed, each with the reason that was found.
pub(super) fn missed<'a>(missed: impl Iterator<Item = &'a Ratio>) -> Table {
    let table = Table::new(["missed", "why"]);
    missed.fold(table, |table, ratio| {
        table.row([
            ratio.what.as_str(),
            ratio.reason.as_deref().unwrap_or_default(),
        ])
    })
}

/// Every scenario.
pub(super) fn scenarios(rows: &[Row]) -> Table {
    let table = Table::new([
        "design",
        "auction, MB",
        "solvers",
        "CPU, ms",
        "least … most",
        "engines' CPU, ms",
        "peak, MiB",
        "extra threads",
        "first byte, ms: first, middle, last solver",
        "wall, ms",
        "productions",
    ]);
    rows.iter().fold(table, |table, row| {
        let cpu = row.samples.iter().map(|sample| sample.measurement.cpu_ms);
        let most = cpu.fold(f64::NEG_INFINITY, f64::max);
        table.row([
            Cell::from(label(row.scenario.design)),
            Cell::number(format!("{:.1}", row.auction_bytes as f64 / 1e6)),
            Cell::number(row.scenario.solvers.to_string()),
            Cell::number(format!("{:.0}", row.cpu_ms)),
            Cell::number(format!("{:.0} … {most:.0}", row.cpu_least_ms)),
            Cell::number(format!("{:.0}", row.engines_cpu_ms)),
            Cell::number(format!("{:.1}", row.peak_mib)),
            Cell::number(row.extra_threads.to_string()),
            Cell::number(format!(
                "{:.1}, {:.1}, {:.1}",
                row.first_byte_earliest_ms, row.first_byte_median_ms, row.first_byte_latest_ms
            )),
            Cell::number(format!("{:.0}", row.wall_ms)),
            Cell::number(format!("{:.2}", row.productions)),
        ])
    })
}

/// What healthy solvers had, and what it took, when others stalled.
pub(super) fn stalled(found: &[Stalled]) -> Table {
    let table = Table::new([
        "design",
        "stalled",
        "middle healthy solver, ms",
        "last healthy solver, ms",
        "peak, MiB",
        "extra threads",
        "CPU, ms",
    ]);
    found.iter().fold(table, |table, found| {
        table.row([
            Cell::from(label(found.design)),
            Cell::number(format!("{} of {}", found.stalled, found.solvers)),
            Cell::number(format!("{:.0}", found.healthy_middle_ms)),
            Cell::number(format!("{:.0}", found.healthy_last_ms)),
            Cell::number(format!("{:.1}", found.peak_mib)),
            Cell::number(found.extra_threads.to_string()),
            Cell::number(format!("{:.0}", found.cpu_ms)),
        ])
    })
}

/// The least that one auction can take, and what it takes.
pub(super) fn floors(floors: &[Floor]) -> Table {
    let table = Table::new([
        "codec",
        "one serialisation",
        "one compression",
        "copies into 32 sockets",
        "the floor: all three",
        "shared",
        "ours",
        "ours over the floor",
    ]);
    floors.iter().fold(table, |table, floor| {
        let milliseconds = |figure: f64| Cell::number(format!("{figure:.0} ms"));
        table.row([
            Cell::from(floor.codec.as_str()),
            milliseconds(floor.serialise_ms),
            milliseconds(floor.compress_ms),
            milliseconds(floor.copies_ms),
            milliseconds(floor.least_ms()),
            milliseconds(floor.shared_ms),
            milliseconds(floor.ours_ms),
            Cell::number(format!("{:.2}", floor.ours_ms / floor.least_ms())),
        ])
    })
}

/// What was measured within one process.
pub(super) fn measures(report: &MicroReport) -> Table {
    let table = Table::new(["measured", "median", "least", "most", "in"]);
    report.measures.iter().fold(table, |table, measure| {
        table.row([
            Cell::code(measure.name.as_str()),
            Cell::number(format!("{:.3}", measure.value)),
            Cell::number(format!("{:.3}", measure.least)),
            Cell::number(format!("{:.3}", measure.most)),
            Cell::from(measure.unit.as_str()),
        ])
    })
}
