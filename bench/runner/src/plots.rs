//! Two pictures as SVG, in which this project stands out: what every design takes, and memory over time.

use maud::{Markup, PreEscaped, html};

use crate::report::Report;
use crate::rows::{DELIVERY, Row};
use crate::scenario::Design;

/// A picture is a file as well, for a README.
const STYLE: &str = include_str!("plots.css");
const WIDTH: f64 = 1030.0;
const LINE: f64 = 26.0;
/// What labels beside bars take.
const LABELS: f64 = 196.0;
/// What labels beside lines take.
const COLUMN: f64 = 232.0;

/// The last delivery and the processor time of every design, as bars that begin at 0.
pub(crate) fn overview(report: &Report) -> Markup {
    let rows = report.rows().filter(|row| row.name == "26 MB, 32 solvers");
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| a.median(DELIVERY).total_cmp(&b.median(DELIVERY)));
    // This project first.
    rows.sort_by_key(|row| {
        let design = &row.scenario.design;
        (!design.is_ours, design.codec.is_none())
    });
    let (across, tall) = (WIDTH / 2.0 + 8.0, LINE * (rows.len() as f64 + 2.0));
    let inner = html! {
        (bars("The last of 32 solvers has all 26 MB after", &rows, DELIVERY))
        g transform=(format!("translate({across} 0)")) { (bars("Processor time of the sender", &rows, "cpu_ms")) }
        text x=(WIDTH) y=(tall - 8.0) text-anchor="end" { "bars: medians; lines: from the least to the most of the runs" }
    };
    let title = "One auction of 26 MB to 32 solvers and an archive: delivery and processor time";
    svg(title, tall, &inner)
}

fn bars(title: &str, rows: &[&Row], figure: &str) -> Markup {
    let found = rows.iter().filter_map(|row| {
        let series = row.figures.get(figure)?;
        Some((&row.scenario.design, series))
    });
    let most = found.clone().map(|(_, series)| series.max);
    let scale = (WIDTH / 2.0 - 8.0 - LABELS - 76.0) / most.fold(1.0, f64::max);
    let x = |value: f64| LABELS + (scale * value).round();
    html! {
        text.title x="0" y="16" { (title) }
        @for (place, (design, series)) in found.enumerate() {
            @let (y, class) = ((place as f64 + 1.5) * LINE, class(design));
            text.(class) x=(LABELS - 8.0) y=(y) text-anchor="end" { (design.picture) }
            rect.(class) x=(LABELS) y=(y - 14.0) width=((x(series.median) - LABELS).max(1.0)) height="19" {}
            path.range d=(format!("M{} {} H{}", x(series.min), y - 4.5, x(series.max))) {}
            text.(class) x=(x(series.max) + 6.0) y=(y) { (format!("{:.0} ms", series.median)) }
        }
    }
}

/// The resident size of each design over that before the call, by time. What takes much longer than the others goes on
/// beyond the edge.
pub(crate) fn memory(report: &Report) -> Markup {
    let rows = report.rows().filter(|row| !row.memory.is_empty());
    let mut rows: Vec<_> = rows.collect();
    // This project is drawn last, over the others.
    rows.sort_by_key(|row| {
        let design = &row.scenario.design;
        (design.is_ours, design.codec.is_some())
    });
    let ends = rows.iter().filter_map(|row| row.memory.last());
    let mut ends: Vec<f64> = ends.map(|(ms, _)| *ms).collect();
    ends.sort_by(f64::total_cmp);
    let most_ms = ends.iter().rev().nth(1).map_or(1.0, |ms| ms * 1.1);
    let shown = |row: &Row| -> Vec<(f64, f64)> {
        let points = row.memory.iter().copied();
        points.filter(|(ms, _)| *ms <= most_ms).collect()
    };
    let lines: Vec<_> = rows.iter().map(|row| (*row, shown(row))).collect();
    let points = lines.iter().flat_map(|(_, points)| points);
    let most_mib = points.map(|(_, mib)| *mib).fold(1.0, f64::max);
    let (left, right, top, bottom) = (40.0, WIDTH - COLUMN, 34.0, 336.0);
    let x = |ms: f64| (left + (right - left) * ms / most_ms).round();
    let y = |mib: f64| (bottom - (bottom - top) * mib.max(0.0) / most_mib).round();
    // Labels stand beside the plot, each at the height of its line's highest point as far as there is room.
    let highest = lines.iter().filter_map(|(row, points)| {
        let highest = points.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((*row, x(highest.0), y(highest.1)))
    });
    let mut labels: Vec<_> = highest.collect();
    labels.sort_by(|a, b| b.2.total_cmp(&a.2));
    let mut lowest = bottom;
    let labels = labels.into_iter().map(|(row, x, y)| {
        let at = y.min(lowest);
        lowest = at - 18.0;
        (row, x, y, at)
    });
    let labels: Vec<_> = labels.collect();
    let inner = html! {
        text.title x="0" y="16" { "Memory during one auction to 8 solvers, MiB" }
        @for mib in ticks(most_mib) {
            path.axis d=(format!("M{left} {} H{right}", y(mib))) {}
            text x=(left - 8.0) y=(y(mib) + 5.0) text-anchor="end" { (mib) }
        }
        @for ms in ticks(most_ms) { text x=(x(ms)) y=(bottom + 20.0) text-anchor="middle" { (ms) } }
        text x=(right) y=(bottom + 40.0) text-anchor="end" { "ms since the call" }
        @for (row, x, y, at) in labels {
            @let design = &row.scenario.design;
            path.axis d=(format!("M{x} {y} L{} {at}", right + 4.0)) {}
            text.(class(design)) x=(right + 8.0) y=(at + 5.0) {
                (format!("{}: {:.0} MiB", design.picture, row.median("peak_mib")))
            }
        }
        @for (row, points) in &lines {
            @let points = points.iter().map(|(ms, mib)| format!(" L{} {}", x(*ms), y(*mib)));
            path.(class(&row.scenario.design)) d=(format!("M{left} {bottom}{}", points.collect::<String>())) {}
        }
    };
    svg(
        "Memory during one auction of 26 MB to 8 solvers",
        384.0,
        &inner,
    )
}

/// Round numbers from 0 to at most `most`.
fn ticks(most: f64) -> impl Iterator<Item = f64> {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let step = steps
        .into_iter()
        .find(|step| most / step <= 6.0)
        .unwrap_or(most);
    (0..=(most / step) as u32).map(move |tick| f64::from(tick) * step)
}

fn svg(title: &str, height: f64, inner: &Markup) -> Markup {
    html! {
        svg.bench xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) height=(height) role="img" aria-label=(title) {
            style { (PreEscaped(STYLE)) }
            (inner)
        }
    }
}

fn class(design: &Design) -> &'static str {
    match (design.is_ours, &design.codec) {
        (true, None) => "bare",
        (true, Some(_)) => "mine",
        (false, _) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let of = |most| ticks(most).collect::<Vec<_>>();
        assert_eq!(of(230.0), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(of(1.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert!((10..4000).all(|most| (2..8).contains(&of(f64::from(most)).len())));
    }

    #[test]
    fn this_project_stands_out() {
        let of = |design| {
            let design = crate::scenario::Scenario::new(design, "large", 8).design;
            (class(&design), design.picture)
        };
        assert_eq!(of("ours (gzip)"), ("mine", "this project, gzip".to_owned()));
        assert_eq!(
            of("shared (zstd)"),
            ("other", "one buffer, zstd".to_owned())
        );
    }
}
