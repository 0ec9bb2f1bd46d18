use comparison_records::{Curve, MicroReport};
use driver_streaming::page::{Axis, BarPlot, Figure, LinePlot, PlotError, Series};

use super::delay::Delay;
use super::memory_curve::MemoryCurve;
use super::plan::DESIGNS;
use super::stalled::Stalled;
use crate::targets::label;
use crate::{Row, Size};

type Plotted<T = Figure> = Result<T, PlotError>;

/// The number of solvers of the plots by size.
pub(super) const SOLVERS: usize = 8;

/// Resident size over that before the call, by time.
pub(super) fn memory(curves: &[MemoryCurve]) -> LinePlot {
    let plot = LinePlot::new(
        "Memory during one auction of 26 MB to 8 solvers",
        Axis::new("ms since the call"),
        Axis::new("MiB over what was resident before"),
    );
    curves.iter().fold(plot, |plot, curve| {
        plot.series(Series::new(
            label(curve.design),
            curve.points.iter().copied(),
        ))
    })
}

/// A figure of 26 MB by the number of solvers, a line for each design.
pub(super) fn by_solvers(rows: &[Row], title: &str, axis: &str, pick: fn(&Row) -> f64) -> Plotted {
    let rows = || {
        rows.iter()
            .filter(|row| row.scenario.auction == Size::Large)
    };
    let at = |row: &Row| row.scenario.solvers as f64;
    by(rows, title, "solvers", axis, at, pick)
}

/// A figure of 8 solvers by the size of the auction, a line for each design.
pub(super) fn by_size(rows: &[Row], title: &str, axis: &str, pick: fn(&Row) -> f64) -> Plotted {
    let rows = || rows.iter().filter(|row| row.scenario.solvers == SOLVERS);
    let at = |row: &Row| row.auction_bytes as f64 / 1e6;
    by(rows, title, "auction, MB", axis, at, pick)
}

fn by<'a, I: Iterator<Item = &'a Row>>(
    rows: impl Fn() -> I,
    title: &str,
    across: &str,
    up: &str,
    at: impl Fn(&Row) -> f64,
    pick: fn(&Row) -> f64,
) -> Plotted {
    let mut ticks: Vec<f64> = rows().map(&at).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    let plot = LinePlot::new(
        title,
        Axis::new(across).logarithmic().ticks(ticks),
        Axis::new(up).logarithmic(),
    );
    let plot = DESIGNS.iter().fold(plot, |plot, design| {
        let of_design = rows().filter(|row| row.scenario.design == *design);
        let mut points: Vec<(f64, f64)> = of_design.map(|row| (at(row), pick(row))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        plot.series(Series::new(label(*design), points))
    });
    plot.draw()
}

/// When the last of those who read had everything, by how many did not read.
pub(super) fn stalled(found: &[Stalled]) -> Plotted {
    let ticks = found.iter().map(|found| found.stalled as f64);
    let mut ticks: Vec<f64> = ticks.collect();
    ticks.dedup();
    let plot = LinePlot::new(
        "When the last healthy solver has the whole auction",
        Axis::new("stalled, of 8 solvers").ticks(ticks),
        Axis::new("ms after the call"),
    );
    let plot = DESIGNS
        .iter()
        .enumerate()
        .fold(plot, |plot, (order, design)| {
            let of_design = found.iter().filter(|found| found.design == *design);
            let points = of_design.map(|found| (found.stalled as f64, found.healthy_last_ms));
            let points: Vec<(f64, f64)> = points.collect();
            if points.is_empty() {
                return plot;
            }
            plot.series(Series::new(label(*design), points).colour(order))
        });
    plot.draw()
}

/// How late a millisecond's timer was.
pub(super) fn delays(delays: &[Delay]) -> Plotted {
    let plot = BarPlot::new(
        "Lateness of a 1 ms timer in the same runtime, while streaming",
        Axis::new("ms"),
    );
    let plot = ["median", "99 of 100", "worst"]
        .into_iter()
        .fold(plot, |plot, name| plot.series(name));
    let values = |lateness: comparison_records::Lateness| {
        [lateness.median_ms, lateness.p99_ms, lateness.most_ms].map(Some)
    };
    let at_rest = delays.first().map(|delay| delay.timers.at_rest);
    let plot = at_rest
        .into_iter()
        .fold(plot, |plot, at_rest| plot.group("at rest", values(at_rest)));
    let plot = delays.iter().fold(plot, |plot, delay| {
        plot.group(label(delay.design), values(delay.timers.meanwhile))
    });
    plot.draw()
}

/// A plot of what was measured within one process; `None` where that was not.
pub(super) fn micro(
    report: &MicroReport,
    name: &str,
    title: &str,
    across: Axis,
    up: Axis,
) -> Plotted<Option<Figure>> {
    let curves = || report.curves.iter().filter(|curve| curve.plot == name);
    let Some(first) = curves().next() else {
        return Ok(None);
    };
    // Where everything was measured at the same places, those are what the axis is read by.
    let places = |curve: &Curve| -> Vec<f64> { curve.points.iter().map(|point| point.0).collect() };
    let ticks = places(first);
    let across = if curves().all(|curve| places(curve) == ticks) {
        across.ticks(ticks)
    } else {
        across
    };
    let plot = LinePlot::new(title, across, up);
    let plot = curves().fold(plot, |plot, curve| {
        plot.series(Series::new(
            curve.name.as_str(),
            curve.points.iter().copied(),
        ))
    });
    plot.draw().map(Some)
}
