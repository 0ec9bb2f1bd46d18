use std::error::Error;

/// Why a plot is not drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// It has no point: none was given, or none that the axes take.
    #[error("the plot {title:?} has no points")]
    Empty {
        /// The plot's title.
        title: String,
    },
    /// The charting crate refused it.
    #[error("the plot {title:?} cannot be drawn")]
    Draw {
        /// The plot's title.
        title: String,
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
}
