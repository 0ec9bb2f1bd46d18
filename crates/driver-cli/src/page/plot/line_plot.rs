use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, TRANSPARENT};

use super::axis::Axis;
use super::axis_range::AxisRange;
use super::canvas::{Canvas, DrawError, Ground, colour, coordinate, line, text, units};
use super::frame::{Mark, framed};
use super::plot_error::PlotError;
use super::series::Series;
use super::standalone::standalone;
use crate::page::escape::drawable;
use crate::page::figure::Figure;
use crate::page::palette::{AXIS, GRID, INK, MUTED, Shade};

/// In CSS pixels.
const HEIGHT: u32 = 340;
/// Up to so many points of a line are marked, in each size.
const MOST_MARKED: usize = 24;
/// How many ticks the vertical axis has.
const VERTICAL_TICKS: usize = 6;

/// Lines over one horizontal and one vertical axis, with a legend.
///
/// Each point is one of the drawing, so that lines of many thousands of them are better thinned before.
#[derive(Clone, Debug)]
pub struct LinePlot {
    title: String,
    horizontal: Axis,
    vertical: Axis,
    series: Vec<Series>,
}

impl LinePlot {
    /// A plot without lines.
    pub fn new(title: impl Into<String>, horizontal: Axis, vertical: Axis) -> Self {
        Self {
            title: title.into(),
            horizontal,
            vertical,
            series: Vec::new(),
        }
    }

    /// Appends a line. The first eight differ in their colours.
    ///
    /// Points that are not finite, or not more than 0 on a logarithmic axis, are left out: the line goes past them.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Draws it. Costs a pass over all points for each of two sizes.
    ///
    /// # Errors
    /// When no point is left to draw, or the charting crate fails.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        let lines = self.lines();
        let mut drawn = String::new();
        for canvas in Canvas::ALL {
            let (across, up) = self.ranges(canvas, &lines)?;
            canvas
                .draw(&mut drawn, HEIGHT, &self.title, |ground| {
                    self.draw_on(ground, &across, &up, &lines)
                })
                .map_err(|error| self.refused(error))?;
        }
        Ok(framed(&self.title, self.named(), Mark::Line, &drawn))
    }

    /// Draws it in its wide size as an SVG file of its own, with title and legend in it. It follows the reader's choice of
    /// light or dark, and has a ground. Costs a pass over all points.
    ///
    /// # Errors
    /// When no point is left to draw, or the charting crate fails.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        let lines = self.lines();
        let (across, up) = self.ranges(Canvas::Wide, &lines)?;
        let shapes = Canvas::Wide
            .shapes(HEIGHT, |ground| self.draw_on(ground, &across, &up, &lines))
            .map_err(|error| self.refused(error))?;
        Ok(standalone(&self.title, self.named(), &shapes, HEIGHT))
    }

    /// Of each series, what the axes take.
    fn lines(&self) -> Vec<Vec<(f64, f64)>> {
        let taken = |series: &Series| {
            let points = series.points.iter().copied();
            points.filter(|point| self.takes(*point)).collect()
        };
        self.series.iter().map(taken).collect()
    }

    /// The name and the shade of each line.
    fn named(&self) -> impl Iterator<Item = (&str, Shade)> {
        let series = self.series.iter().enumerate();
        series.map(|(order, series)| (series.name.as_str(), series.shade(order)))
    }

    fn ranges(
        &self,
        canvas: Canvas,
        lines: &[Vec<(f64, f64)>],
    ) -> Result<(AxisRange, AxisRange), PlotError> {
        let points = || lines.iter().flatten();
        let across = AxisRange::snug(
            &self.horizontal,
            points().map(|point| point.0),
            canvas.horizontal_ticks(),
        );
        let up = AxisRange::rounded(
            &self.vertical,
            points().map(|point| point.1),
            0.0,
            VERTICAL_TICKS,
        );
        across.zip(up).ok_or_else(|| PlotError::Empty {
            title: self.title.clone(),
        })
    }

    fn refused(&self, error: DrawError) -> PlotError {
        PlotError::Draw {
            title: self.title.clone(),
            source: error.into(),
        }
    }

    fn takes(&self, (across, up): (f64, f64)) -> bool {
        self.horizontal.takes(across) && self.vertical.takes(up)
    }

    fn draw_on(
        &self,
        ground: &Ground<'_>,
        across: &AxisRange,
        up: &AxisRange,
        lines: &[Vec<(f64, f64)>],
    ) -> Result<(), DrawError> {
        let labels = text(MUTED, HPos::Center, VPos::Top);
        ground.draw(&Text::new(
            drawable(&self.vertical.label),
            (0, coordinate(2)),
            text(INK, HPos::Left, VPos::Top),
        ))?;
        let mut chart = ChartBuilder::on(ground)
            .margin_top(units(28))
            .margin_right(units(22))
            .x_label_area_size(units(42))
            .y_label_area_size(units(66))
            .build_cartesian_2d(across.clone(), up.clone())?;
        chart
            .configure_mesh()
            .x_label_formatter(&|value| across.label(*value))
            .y_label_formatter(&|value| up.label(*value))
            .x_desc(drawable(&self.horizontal.label))
            .axis_desc_style(text(INK, HPos::Center, VPos::Top))
            .label_style(labels)
            .axis_style(line(AXIS, 1))
            .bold_line_style(line(GRID, 1))
            .light_line_style(TRANSPARENT)
            .set_all_tick_mark_size(units(5))
            .draw()?;
        for ((_, shade), points) in self.named().zip(lines) {
            chart
                .plotting_area()
                .draw(&PathElement::new(points.clone(), line(shade, 2)))?;
            if points.len() <= MOST_MARKED {
                for point in points {
                    let mark = Circle::new(*point, units(4), colour(shade).filled());
                    chart.plotting_area().draw(&mark)?;
                }
            }
        }
        Ok(())
    }
}
