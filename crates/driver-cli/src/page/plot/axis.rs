/// An axis of a plot: what it shows and in which unit, and how its values are spread.
#[derive(Clone, Debug)]
pub struct Axis {
    pub(super) label: String,
    pub(super) is_logarithmic: bool,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// A linear axis with this label, such as `peak memory, MiB`. The vertical axis of lines and the axis of bars begin
    /// at 0 unless a value is less.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            is_logarithmic: false,
            ticks: Vec::new(),
        }
    }

    /// Spreads values by their logarithms. Those that are not more than 0 are left out.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.is_logarithmic = true;
        self
    }

    /// Puts ticks at these values, in place of round ones: where only they have been measured. Every second, third, … of
    /// them only where there is no room for all.
    #[must_use]
    pub fn ticks(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.ticks = values.into_iter().collect();
        self
    }

    /// Whether a value has a place on it.
    pub(super) fn takes(&self, value: f64) -> bool {
        value.is_finite() && (value > 0.0 || !self.is_logarithmic)
    }
}
