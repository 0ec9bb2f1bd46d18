use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, TRANSPARENT};

use super::axis::Axis;
use super::axis_range::AxisRange;
use super::canvas::{Canvas, DrawError, Ground, colour, coordinate, line, text, units};
use super::frame::{Mark, framed};
use super::plot_error::PlotError;
use crate::page::escape::drawable;
use crate::page::figure::Figure;
use crate::page::number::brief;
use crate::page::palette::{AXIS, GRID, INK, MUTED, Shade};

/// In CSS pixels: of a bar, of the label above a group, between groups, of the axis.
const BAR: u32 = 18;
const LABEL: u32 = 22;
const GAP: u32 = 12;
const SCALE: u32 = 44;
/// The share of the width that is kept free for the number behind the longest bar.
const ROOM: f64 = 0.16;

/// Groups of bars that lie, each with its number behind it, with a legend if there are several series.
#[derive(Clone, Debug)]
pub struct BarPlot {
    title: String,
    axis: Axis,
    series: Vec<String>,
    groups: Vec<(String, Vec<Option<f64>>)>,
}

impl BarPlot {
    /// A plot without bars. The axis is that of all values.
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        Self {
            title: title.into(),
            axis,
            series: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Names a bar of each group: the first call the first, and so on.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>) -> Self {
        self.series.push(name.into());
        self
    }

    /// Appends a group with a bar for each value. One that is absent or not finite, or on a logarithmic axis not more
    /// than 0, has no bar and is written as a dash.
    #[must_use]
    pub fn group(
        mut self,
        label: impl Into<String>,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        self.groups
            .push((label.into(), values.into_iter().collect()));
        self
    }

    /// Draws it, in two sizes.
    ///
    /// # Errors
    /// When no bar is left to draw, or the charting crate fails.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        let mut drawn = String::new();
        for canvas in Canvas::ALL {
            let values = self.groups.iter().flat_map(|(_, values)| values);
            let values = values.filter_map(|value| self.shown(*value));
            let range = AxisRange::rounded(&self.axis, values, ROOM, canvas.horizontal_ticks());
            let Some(range) = range else {
                let title = self.title.clone();
                return Err(PlotError::Empty { title });
            };
            canvas
                .draw(&mut drawn, self.height(), &self.title, |ground| {
                    self.draw_on(ground, &range)
                })
                .map_err(|error| PlotError::Draw {
                    title: self.title.clone(),
                    source: error.into(),
                })?;
        }
        let names = self.series.iter().enumerate();
        let named = names
            .filter(|_| self.series.len() > 1)
            .map(|(order, name)| (name.as_str(), Shade::of_series(order)));
        Ok(framed(&self.title, named, Mark::Bar, &drawn))
    }

    fn shown(&self, value: Option<f64>) -> Option<f64> {
        value.filter(|value| self.axis.takes(*value))
    }

    fn height(&self) -> u32 {
        self.groups.iter().fold(SCALE, |height, (_, values)| {
            let bars = u32::try_from(values.len()).unwrap_or(u32::MAX);
            height.saturating_add(bars.saturating_mul(BAR).saturating_add(LABEL + GAP))
        })
    }

    fn draw_on(&self, ground: &Ground<'_>, range: &AxisRange) -> Result<(), DrawError> {
        let height = self.height() - SCALE;
        // Downwards in CSS pixels.
        let down = f64::from(height)..0.0;
        let mut chart = ChartBuilder::on(ground)
            .margin_left(units(20))
            .margin_right(units(20))
            .x_label_area_size(units(SCALE))
            .build_cartesian_2d(range.clone(), down)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_label_formatter(&|value| range.label(*value))
            .x_desc(drawable(&self.axis.label))
            .axis_desc_style(text(INK, HPos::Center, VPos::Top))
            .label_style(text(MUTED, HPos::Center, VPos::Top))
            .axis_style(line(AXIS, 1))
            .bold_line_style(line(GRID, 1))
            .light_line_style(TRANSPARENT)
            .set_all_tick_mark_size(units(5))
            .draw()?;
        let area = chart.plotting_area();
        let base = range.base();
        let mut top = 0;
        for (label, values) in &self.groups {
            let (left, _) = area.map_coordinate(&(base, 0.0));
            let (_, above) = area.map_coordinate(&(base, f64::from(top + LABEL)));
            ground.draw(&Text::new(
                drawable(label),
                (left, above - coordinate(5)),
                text(INK, HPos::Left, VPos::Bottom),
            ))?;
            top += LABEL;
            for (index, value) in values.iter().enumerate() {
                let (from, to) = (f64::from(top), f64::from(top + BAR - 3));
                let end = self.shown(*value);
                if let Some(end) = end {
                    let shade = colour(Shade::of_series(index)).filled();
                    area.draw(&Rectangle::new([(base, from), (end, to)], shade))?;
                }
                let (right, middle) =
                    area.map_coordinate(&(end.unwrap_or(base).max(base), (from + to) / 2.0));
                ground.draw(&Text::new(
                    end.map_or_else(|| "–".to_owned(), brief),
                    (right + coordinate(6), middle),
                    text(MUTED, HPos::Left, VPos::Center),
                ))?;
                top += BAR;
            }
            top += GAP;
        }
        area.draw(&PathElement::new(
            vec![(base, 0.0), (base, f64::from(height))],
            line(AXIS, 1),
        ))
    }
}
