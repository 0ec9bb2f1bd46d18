use std::fmt::Write;

use super::lane::Lane;
use crate::page::escape::Escaped;
use crate::page::number::brief;
use crate::page::ticks::Ticks;

/// A narrow window has room for so many labels.
const MOST_TICKS: usize = 5;
/// In CSS pixels: of the strip of bars, and of the strip of curves below it.
const BARS: u32 = 22;
const CURVES: u32 = 16;
/// The coordinates of curves, which are stretched to the width of the strip.
const CURVE_SPAN: f64 = 10_000.0;
/// What is shorter is not to be seen, in percent of the time.
const LEAST_WIDTH: f64 = 0.15;

/// The axis of time, in percent of the width.
pub(super) struct Scale {
    end: f64,
    ticks: Ticks,
    in_seconds: bool,
}

impl Scale {
    pub(super) fn until(end: f64) -> Self {
        let in_seconds = end >= 10_000.0;
        let unit = if in_seconds { 1000.0 } else { 1.0 };
        Self {
            end,
            ticks: Ticks::linear(0.0, end / unit, MOST_TICKS),
            in_seconds,
        }
    }

    fn percent(&self, milliseconds: f64) -> f64 {
        (milliseconds / self.end * 100.0).clamp(0.0, 100.0)
    }

    /// Each tick's place in percent, and its label.
    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let (factor, unit) = if self.in_seconds {
            (1000.0, "s")
        } else {
            (1.0, "ms")
        };
        self.ticks.values.iter().map(move |value| {
            let label = format!("{} {unit}", self.ticks.label(*value));
            (self.percent(value * factor), label)
        })
    }

    pub(super) fn write_axis(&self, html: &mut String) {
        html.push_str(
            "<div class=\"lane\"><div></div><svg class=\"bars\" height=\"20\" aria-hidden=\"true\">\n",
        );
        for (at, label) in self.ticks() {
            // The first and the last would stand out at the sides.
            let anchor = match at {
                at if at < 4.0 => "start",
                at if at > 93.0 => "end",
                _ => "middle",
            };
            let _infallible = writeln!(
                html,
                "<text x=\"{at:.2}%\" y=\"13\" text-anchor=\"{anchor}\">{}</text>",
                Escaped(&label)
            );
        }
        html.push_str("</svg></div>\n");
    }

    pub(super) fn write_lane(&self, html: &mut String, lane: &Lane) {
        let _infallible = write!(
            html,
            "<div class=\"lane\"><div class=\"who\"><b>{}</b>",
            Escaped(&lane.name)
        );
        for (note, tone) in &lane.notes {
            let _infallible = write!(
                html,
                " <span class=\"{}\">{}</span>",
                tone.class(),
                Escaped(note)
            );
        }
        let has_curves = lane.curves.iter().any(|curve| !curve.is_empty());
        let height = if has_curves { BARS + CURVES } else { BARS };
        let _infallible = writeln!(
            html,
            "</div><svg class=\"bars\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
            Escaped(&lane.name)
        );
        for (at, _) in self.ticks() {
            let _infallible = writeln!(
                html,
                "<line class=\"tick\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"{height}\" />"
            );
        }
        self.write_curves(html, lane);
        for stretch in &lane.stretches {
            let (from, to) = (self.percent(stretch.from), self.percent(stretch.to));
            let height = stretch.phase.height();
            let times = times(stretch.from, stretch.to);
            let _infallible = writeln!(
                html,
                "<rect class=\"{}\" x=\"{from:.3}%\" y=\"{}\" width=\"{:.3}%\" height=\"{height}\"><title>{}: {}</title></rect>",
                stretch.phase.class(),
                (BARS - height) / 2,
                (to - from).max(LEAST_WIDTH),
                Escaped(&stretch.text),
                times
            );
        }
        for (at, text) in &lane.failures {
            // The cross is moved to within the strip at either end.
            let at = self.percent(*at).clamp(1.0, 99.0);
            let _infallible = writeln!(
                html,
                "<svg x=\"{at:.3}%\" width=\"1\" height=\"{BARS}\" class=\"over\"><path class=\"failure\" d=\"M -5 6 l 10 10 m 0 -10 l -10 10\" /><title>{}</title></svg>",
                Escaped(text)
            );
        }
        html.push_str("</svg></div>\n");
    }

    /// Curves of one lane share one height: that of the greatest value.
    fn write_curves(&self, html: &mut String, lane: &Lane) {
        let values = lane.curves.iter().flatten().map(|point| point.1);
        let most = values.fold(0.0, f64::max);
        if most <= 0.0 {
            return;
        }
        let _infallible = writeln!(
            html,
            "<svg x=\"0\" y=\"{BARS}\" width=\"100%\" height=\"{CURVES}\" viewBox=\"0 0 {CURVE_SPAN} 100\" preserveAspectRatio=\"none\">"
        );
        for curve in lane.curves.iter().filter(|curve| !curve.is_empty()) {
            let place = |(at, value): (f64, f64)| {
                let across = self.percent(at) / 100.0 * CURVE_SPAN;
                (across.round(), (97.0 - value / most * 94.0).round())
            };
            let mut points = String::new();
            for point in curve {
                let (across, down) = place(*point);
                let _infallible = write!(points, "{across},{down} ");
            }
            let points = points.trim_end();
            let ends = curve.first().zip(curve.last());
            let (first, last) = ends.map_or((0.0, 0.0), |(first, last)| {
                (place(*first).0, place(*last).0)
            });
            let _infallible = writeln!(
                html,
                "<polygon class=\"area\" points=\"{first},100 {points} {last},100\" />\
                <polyline class=\"curve\" points=\"{points}\" />"
            );
        }
        html.push_str("</svg>\n");
    }
}

fn times(from: f64, to: f64) -> String {
    format!(
        "{} ms, from {} to {} ms",
        brief(to - from),
        brief(from),
        brief(to)
    )
}
