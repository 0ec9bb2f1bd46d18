use crate::page::palette::Shade;

/// A line of a [`LinePlot`](super::LinePlot), and its name in the legend.
#[derive(Clone, Debug)]
pub struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: Option<usize>,
}

impl Series {
    /// A line through these points, in their order: `(horizontal, vertical)`.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points: points.into_iter().collect(),
            colour: None,
        }
    }

    /// Gives it the colour of the `index`th line, counted from 0, of any plot: where several plots show the same, not all
    /// of them everything. Without this, lines of a plot have the colours of their order.
    #[must_use]
    pub fn colour(mut self, index: usize) -> Self {
        self.colour = Some(index);
        self
    }

    /// The shade of the line that is this series in the order of its plot.
    pub(super) fn shade(&self, order: usize) -> Shade {
        Shade::of_series(self.colour.unwrap_or(order))
    }
}
