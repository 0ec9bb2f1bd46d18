//! Plots, drawn as SVG by a charting crate: once for wide windows and once for narrow ones, of which the style shows one.

mod axis;
mod axis_range;
mod bar_plot;
mod canvas;
mod frame;
mod line_plot;
mod plot_error;
mod series;
mod standalone;

pub use self::axis::Axis;
pub use self::bar_plot::BarPlot;
pub use self::line_plot::LinePlot;
pub use self::plot_error::PlotError;
pub use self::series::Series;
