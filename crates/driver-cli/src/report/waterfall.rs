//! The waterfall: a lane for each reader over one time axis, as browsers show requests.

use std::collections::BTreeSet;
use std::time::Duration;

use maud::{Markup, html};

use crate::figures::{duration, joined};

/// How many ticks a narrow window has space for.
const MOST_TICKS: f64 = 5.0;
/// In CSS pixels: the height of the strip of bars, and of the curve below it.
const BARS: u32 = 22;
const CURVE: u32 = 16;
/// The width of the curve's coordinates.
const CURVE_SPAN: f64 = 10_000.0;
/// The least visible width of a bar, in percent.
const LEAST_WIDTH: f64 = 0.15;

/// A phase of a [`Lane`]. Phases differ in height as well as in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Connecting,
    Sending,
    ForData,
    ForOthers,
    ForReader,
    Thinking,
    Answer,
    Earlier,
}

impl Phase {
    /// Its class in the stylesheet, its name in the legend, and its height in CSS pixels.
    fn look(self) -> (&'static str, &'static str, u32) {
        match self {
            Self::Connecting => ("connecting", "connecting", 4),
            Self::Sending => ("sending", "sending", 18),
            Self::ForData => ("for-data", "waiting for data", 4),
            Self::ForOthers => ("for-others", "waiting for others", 14),
            Self::ForReader => ("for-reader", "waiting for it to take data", 10),
            Self::Thinking => ("thinking", "thinking", 14),
            Self::Answer => ("answer", "answer or commit", 18),
            Self::Earlier => ("earlier", "earlier attempts", 2),
        }
    }
}

/// A row of the waterfall.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    name: String,
    /// Words below the name, each with its class in the stylesheet.
    notes: Vec<(&'static str, String)>,
    phases: Vec<(Phase, Duration, Duration, String)>,
    /// When the first byte was taken.
    pub(super) first_byte: Option<Duration>,
    /// The readers that it waited for.
    pub(super) waited_for: BTreeSet<String>,
    /// Bytes taken, by time.
    pub(super) curve: Vec<(Duration, u64)>,
    pub(super) failure: Option<(Duration, String)>,
}

impl Lane {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Adds words below the name, of the class `good`, `bad` or `muted`.
    pub(super) fn note(&mut self, class: &'static str, text: impl Into<String>) {
        self.notes.push((class, text.into()));
    }

    /// Adds a phase with its tooltip, unless it ends before it begins.
    pub(super) fn phase(&mut self, phase: Phase, from: Duration, to: Duration, text: &str) {
        if from <= to {
            self.phases.push((phase, from, to, text.to_owned()));
        }
    }

    fn ends(&self) -> impl Iterator<Item = Duration> {
        let phases = self.phases.iter().map(|(_, _, to, _)| *to);
        let taken = self.curve.last().map(|(at, _)| *at);
        phases
            .chain(taken)
            .chain(self.failure.iter().map(|(at, _)| *at))
    }
}

/// Draws the lanes, from 0 to the end of the last.
pub(super) fn waterfall(title: &str, lanes: &[Lane]) -> Markup {
    let scale = Scale::until(lanes.iter().flat_map(Lane::ends).max().unwrap_or_default());
    let phases = lanes.iter().flat_map(|lane| &lane.phases);
    let phases: BTreeSet<Phase> = phases.map(|(phase, ..)| *phase).collect();
    html! {
        figure.waterfall {
            figcaption { (title) }
            ul.legend {
                @for phase in &phases {
                    @let (class, name, height) = phase.look();
                    (mark(name, &html! {
                        rect class=(class) y=((18 - height) / 2) width="28" height=(height) {}
                        @if *phase == Phase::ForOthers { (hatch("0", "28", 9, height)) }
                    }))
                }
                @if lanes.iter().any(|lane| lane.first_byte.is_some()) {
                    (mark("first byte", &html! { path.first-byte d="M 9 4 h 10 l -5 9 z" {} }))
                }
                @if lanes.iter().any(|lane| lane.failure.is_some()) {
                    (mark("failed", &html! { path.failure d="M 9 4 l 10 10 m 0 -10 l -10 10" {} }))
                }
            }
            (scale.axis())
            @for lane in lanes { (scale.lane(lane)) }
        }
    }
}

/// A sign with its name, for the legend.
fn mark(name: &str, sign: &Markup) -> Markup {
    html! {
        li { svg.mark viewBox="0 0 28 18" aria-hidden="true" { (sign) } (name) }
    }
}

/// Lines across a bar, which are visible without colours.
fn hatch(from: &str, to: &str, middle: u32, height: u32) -> Markup {
    html! { line.hatch x1=(from) x2=(to) y1=(middle) y2=(middle) stroke-width=(height) {} }
}

/// The axis of time, in percent of the width.
struct Scale {
    end: f64,
    /// The place and the label of each tick.
    ticks: Vec<(f64, String)>,
}

impl Scale {
    fn until(end: Duration) -> Self {
        let end = end.as_secs_f64().max(0.001);
        let (unit, name) = match end {
            10.0.. => (1.0, "s"),
            _ => (0.001, "ms"),
        };
        let least = end / unit / MOST_TICKS;
        let power = 10_f64.powf(least.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|round| round * power);
        let step = steps.into_iter().find(|step| *step >= least);
        let step = step.unwrap_or(10.0 * power);
        let ticks = (0..=(end / unit / step) as usize).map(|index| {
            let value = index as f64 * step;
            // Removes noise of floating point.
            let label = format!("{} {name}", (value * 1e6).round() / 1e6);
            (value * unit / end * 100.0, label)
        });
        Self {
            end,
            ticks: ticks.collect(),
        }
    }

    fn percent(&self, at: Duration) -> f64 {
        at.as_secs_f64() / self.end * 100.0
    }

    fn axis(&self) -> Markup {
        html! {
            div.lane {
                div {}
                svg.bars height="20" aria-hidden="true" {
                    @for (at, label) in &self.ticks {
                        // The first and the last label would stick out.
                        @let anchor = if *at < 4.0 { "start" } else if *at > 93.0 { "end" } else { "middle" };
                        text x=(percentage(*at)) y="13" text-anchor=(anchor) { (label) }
                    }
                }
            }
        }
    }

    fn lane(&self, lane: &Lane) -> Markup {
        let height = if lane.curve.is_empty() {
            BARS
        } else {
            BARS + CURVE
        };
        html! {
            div.lane {
                div.who {
                    b { (lane.name) }
                    @for (class, note) in &lane.notes { " " span class=(class) { (note) } }
                    @if !lane.waited_for.is_empty() { div.muted { "waited for " (joined(&lane.waited_for)) } }
                }
                svg.bars height=(height) role="img" aria-label=(lane.name) {
                    @for (at, _) in &self.ticks {
                        line.tick x1=(percentage(*at)) x2=(percentage(*at)) y1="0" y2=(height) {}
                    }
                    (self.curve(&lane.curve))
                    @for (phase, from, to, text) in &lane.phases {
                        @let (class, _, height) = phase.look();
                        @let width = (self.percent(*to) - self.percent(*from)).max(LEAST_WIDTH);
                        rect class=(class) x=(percentage(self.percent(*from))) y=((BARS - height) / 2)
                            width=(percentage(width)) height=(height) {
                            title { (text) ": " (times(*from, *to)) }
                        }
                        @if *phase == Phase::ForOthers {
                            (hatch(&percentage(self.percent(*from)), &percentage(self.percent(*to)), BARS / 2, height))
                        }
                    }
                    @if let Some(at) = &lane.first_byte {
                        svg.over x=(percentage(self.percent(*at))) width="1" height=(BARS) {
                            path.first-byte d="M -5 0 h 10 l -5 8 z" {
                                title { "first byte at " (duration(*at)) }
                            }
                        }
                    }
                    @if let Some((at, text)) = &lane.failure {
                        // The cross stays within the strip.
                        svg.over x=(percentage(self.percent(*at).clamp(1.0, 99.0))) width="1" height=(BARS) {
                            path.failure d="M -5 6 l 10 10 m 0 -10 l -10 10" {}
                            title { (text) }
                        }
                    }
                }
            }
        }
    }

    /// Draws the bytes that were taken, as high as the most of them.
    fn curve(&self, curve: &[(Duration, u64)]) -> Markup {
        let across = |at: Duration| (self.percent(at) / 100.0 * CURVE_SPAN).round();
        let most = curve.last().map_or(0, |(_, taken)| *taken);
        let points = curve.iter().map(|(at, taken)| {
            let down = 97.0 - *taken as f64 / most as f64 * 94.0;
            format!("{},{}", across(*at), down.round())
        });
        let points = points.collect::<Vec<_>>().join(" ");
        html! {
            @if let ([(first, _), .., (last, _)], 1..) = (curve, most) {
                svg y=(BARS) width="100%" height=(CURVE) viewBox={ "0 0 " (CURVE_SPAN) " 100" } preserveAspectRatio="none" {
                    polyline.curve points={ (across(*first)) ",100 " (points) " " (across(*last)) ",100" } {}
                }
            }
        }
    }
}

fn percentage(percent: f64) -> String {
    format!("{percent:.3}%")
}

fn times(from: Duration, to: Duration) -> String {
    let [length, from, to] = [to - from, from, to].map(duration);
    format!("{length}, from {from} to {to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn shows_each_lane_over_one_time() {
        let mut fast = Lane::new("fast");
        fast.note("good", "ok");
        fast.phase(Phase::Sending, Duration::ZERO, SECOND / 10, "sent");
        let mut slow = Lane::new("slow");
        slow.phase(Phase::Sending, Duration::ZERO, SECOND / 4, "sent");
        slow.phase(Phase::ForReader, SECOND / 4, SECOND, "nothing was taken");
        slow.failure = Some((SECOND, "too late".to_owned()));
        let html = waterfall("w", &[fast, slow]).into_string();
        assert!(
            html.contains("x=\"0.000%\" y=\"2\" width=\"10.000%\""),
            "{html}"
        );
        assert!(html.contains("x=\"25.000%\" y=\"6\" width=\"75.000%\""));
        assert!(html.contains("nothing was taken: 750 ms, from 250 ms to 1.00 s"));
        assert!(html.contains("take data</li>") && html.contains("failed</li>"));
        assert!(!html.contains("answer or commit</li>"));
        assert!(html.contains(">0 ms<") && html.contains(">1000 ms<"));
    }

    #[test]
    fn nothing_at_all_is_shown_as_nothing() {
        let mut backwards = Lane::new("a");
        backwards.phase(Phase::Answer, SECOND, Duration::ZERO, "");
        let mut flat = Lane::new("a");
        flat.curve = vec![(Duration::ZERO, 0)];
        for lane in [Lane::new("a"), backwards, flat] {
            let html = waterfall("w", &[lane]).into_string();
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            assert!(!html.contains("<rect") && !html.contains("<poly"), "{html}");
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        let labels = |milliseconds: u64| -> Vec<String> {
            let ticks = Scale::until(Duration::from_millis(milliseconds)).ticks;
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(
            labels(0),
            ["0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms", "1 ms"]
        );
        assert_eq!(
            labels(2345),
            ["0 ms", "500 ms", "1000 ms", "1500 ms", "2000 ms"]
        );
        assert_eq!(labels(10_000), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        for milliseconds in (1..20_000).step_by(7) {
            assert!(labels(milliseconds).len() <= MOST_TICKS as usize + 1);
        }
    }
}
