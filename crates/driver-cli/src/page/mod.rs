//! Self-contained HTML pages: text, tables, plots and waterfalls in one file.
//!
//! A page needs no script, loads nothing, fits a wide and a narrow window, follows the reader's choice of light or dark,
//! and prints. Plots are inline SVG. Everything that callers pass in is text: it is escaped, and never markup.
//!
//! ```
//! use driver_cli::page::{Axis, Cell, LinePlot, Page, Section, Series, Table};
//!
//! let plot = LinePlot::new("Memory over time", Axis::new("s"), Axis::new("MiB"))
//!     .series(Series::new("eager", [(0.0, 10.0), (1.0, 630.0)]))
//!     .series(Series::new("streaming", [(0.0, 10.0), (1.0, 16.0)]));
//! let table = Table::new(["design", "peak"])
//!     .row([Cell::from("eager"), Cell::number("630 MiB")])
//!     .row([Cell::from("streaming"), Cell::number("16 MiB")]);
//! let page = Page::new("What it takes")
//!     .section(Section::new("Memory").text("Of one auction.").figure(&plot.draw()?).table(&table));
//! assert!(page.to_html().starts_with("<!DOCTYPE html>"));
//! # Ok::<(), driver_cli::page::PlotError>(())
//! ```

mod cell;
mod escape;
mod figure;
mod number;
mod page;
mod palette;
mod plot;
mod section;
mod style;
mod table;
mod ticks;
mod tone;
mod waterfall;
#[cfg(test)]
mod well_formed;

pub use self::cell::Cell;
pub use self::figure::Figure;
pub use self::page::Page;
pub use self::plot::{Axis, BarPlot, LinePlot, PlotError, Series};
pub use self::section::Section;
pub use self::table::Table;
pub use self::tone::Tone;
pub use self::waterfall::{Lane, Phase, Waterfall};
