use super::phase::Phase;
use crate::page::tone::Tone;

/// One row of a [`Waterfall`](super::Waterfall): a request, for example.
#[derive(Clone, Debug)]
pub struct Lane {
    pub(super) name: String,
    pub(super) notes: Vec<(String, Tone)>,
    pub(super) stretches: Vec<Stretch>,
    pub(super) curves: Vec<Vec<(f64, f64)>>,
    pub(super) failures: Vec<(f64, String)>,
}

/// A phase, from when to when, in milliseconds, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) phase: Phase,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) text: String,
}

impl Lane {
    /// A row in which nothing happens.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            notes: Vec::new(),
            stretches: Vec::new(),
            curves: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Appends a few words to what stands beside the name.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>, tone: Tone) -> Self {
        self.notes.push((text.into(), tone));
        self
    }

    /// Appends a phase, between instants in milliseconds. `text` is shown with its times when it is pointed at. One that
    /// is not finite, or ends before it begins, is left out.
    #[must_use]
    pub fn phase(mut self, phase: Phase, from: f64, to: f64, text: impl Into<String>) -> Self {
        if from.is_finite() && to.is_finite() && from >= 0.0 && to >= from {
            self.stretches.push(Stretch {
                phase,
                from,
                to,
                text: text.into(),
            });
        }
        self
    }

    /// Appends a curve below the bar, such as of bytes: points of milliseconds and values, in order of both. Points that
    /// are not finite, or less than 0, are left out.
    #[must_use]
    pub fn curve(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter();
        let points = points.filter(|(at, value)| {
            at.is_finite() && value.is_finite() && *at >= 0.0 && *value >= 0.0
        });
        self.curves.push(points.collect());
        self
    }

    /// Marks the instant, in milliseconds, at which it failed. `text` is shown when it is pointed at.
    #[must_use]
    pub fn failed_at(mut self, at: f64, text: impl Into<String>) -> Self {
        if at.is_finite() && at >= 0.0 {
            self.failures.push((at, text.into()));
        }
        self
    }

    /// When the last that is shown of it happens.
    pub(super) fn end(&self) -> f64 {
        let stretches = self.stretches.iter().map(|stretch| stretch.to);
        let curves = self.curves.iter().flatten().map(|point| point.0);
        let failures = self.failures.iter().map(|failure| failure.0);
        stretches.chain(curves).chain(failures).fold(0.0, f64::max)
    }
}
