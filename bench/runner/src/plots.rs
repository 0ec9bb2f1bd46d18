//! Lines over two axes, as SVG. Text and axes have the colour of the text around, so that a page can be light or dark.

use std::ops::Range;

use anyhow::{Context as _, Result};
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::drawing::DrawingArea;
use plotters::prelude::{BLACK, Circle, Color, IntoDrawingArea, IntoFont, IntoLogRange};
use plotters::prelude::{PathElement, RGBColor, Ranged, Rectangle, SVGBackend, Text};

use crate::report::MemoryCurve;

/// Of a contrast of three or more to light and to dark ground.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x2f, 0x81, 0xc7),
    RGBColor(0xd0, 0x66, 0x10),
    RGBColor(0x2f, 0x96, 0x58),
    RGBColor(0xa3, 0x5b, 0xc9),
    RGBColor(0x12, 0x93, 0xa3),
    RGBColor(0xd9, 0x48, 0x66),
    RGBColor(0x8a, 0x7a, 0x1f),
];
/// Lines of up to so many points have them marked.
const MOST_MARKED: usize = 24;
/// What a letter of the legend is wide on average, in pixels.
const LETTER: usize = 8;
const FONT: i32 = 14;

type Points = Vec<(f64, f64)>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A plot, with an axis of either kind.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What is to the right.
    pub(crate) across: &'static str,
    /// Whether both axes are logarithmic. A linear one upwards begins at 0.
    pub(crate) is_logarithmic: bool,
    /// Lines, each with its colour's index and its name.
    pub(crate) lines: Vec<(usize, String, Points)>,
}

impl Plot {
    /// Draws it as an SVG file with title and legend. `None` without a point to draw.
    pub(crate) fn draw(&self, width: u32, height: u32) -> Result<Option<String>> {
        let points = || self.lines.iter().flat_map(|(_, _, points)| points);
        let (Some(x), Some(y)) = (ends(points().map(|at| at.0)), ends(points().map(|at| at.1)))
        else {
            return Ok(None);
        };
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let (head, area) = root.split_vertically(self.head(&root)?);
        drop(head);
        if self.is_logarithmic {
            let y = y.start / 1.2..y.end * 1.2;
            self.chart(&area, x.log_scale().base(2.0), y.log_scale().base(2.0))?;
        } else {
            self.chart(&area, x, 0.0..y.end * 1.05)?;
        }
        root.present()?;
        drop((area, root));
        Ok(Some(svg.replace("#000000", "currentColor")))
    }

    /// Draws title and legend, and returns how high they are.
    fn head(&self, root: &Area<'_>) -> Result<i32> {
        let title = ("sans-serif", 17).into_font().color(&BLACK);
        root.draw(&Text::new(self.title.clone(), (8, 6), title))?;
        let widest = self.lines.iter().map(|(_, name, _)| name.chars().count());
        let column = (widest.max().unwrap_or_default() * LETTER + 40) as i32;
        let columns = (root.dim_in_pixel().0 as i32 / column).max(1);
        let mut bottom = 34;
        for (place, (colour, name, _)) in (0..).zip(&self.lines) {
            let (x, y) = (8 + place % columns * column, 34 + place / columns * 20);
            let mark = [(x, y + 5), (x + 18, y + 9)];
            root.draw(&Rectangle::new(
                mark,
                COLOURS[colour % COLOURS.len()].filled(),
            ))?;
            let font = ("sans-serif", FONT).into_font().color(&BLACK);
            root.draw(&Text::new(name.clone(), (x + 24, y), font))?;
            bottom = y + 24;
        }
        Ok(bottom)
    }

    fn chart<X, Y>(&self, area: &Area<'_>, x: X, y: Y) -> Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .margin_top(8)
            .x_label_area_size(46)
            .y_label_area_size(58)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_labels(8)
            .y_labels(8)
            .x_label_formatter(&number)
            .y_label_formatter(&number)
            .x_desc(self.across)
            .axis_desc_style(("sans-serif", FONT))
            .label_style(("sans-serif", FONT))
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(BLACK.mix(0.0))
            .draw()?;
        for (colour, _, points) in &self.lines {
            let colour = COLOURS[colour % COLOURS.len()];
            chart
                .plotting_area()
                .draw(&PathElement::new(points.clone(), colour.stroke_width(2)))?;
            if points.len() <= MOST_MARKED {
                for point in points {
                    chart
                        .plotting_area()
                        .draw(&Circle::new(*point, 4, colour.filled()))?;
                }
            }
        }
        Ok(())
    }
}

/// The least and the greatest, a little apart if they are the same.
fn ends(values: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let least = values.clone().min_by(f64::total_cmp)?;
    let greatest = values.max_by(f64::total_cmp)?;
    let apart = if greatest > least {
        greatest
    } else {
        least * 2.0 + 1.0
    };
    Some(least..apart)
}

/// A value beside an axis, without zeros behind it.
fn number(value: &f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Resident size over that before the call, by time.
pub(crate) fn memory(curves: &[MemoryCurve]) -> Plot {
    let lines = curves.iter().enumerate();
    let lines = lines.map(|(colour, curve)| (colour, curve.design.label(), curve.points.clone()));
    Plot {
        title: "Memory during one auction of 26 MB to 8 solvers, MiB over what was resident before"
            .to_owned(),
        across: "ms since the call",
        is_logarithmic: false,
        lines: lines.collect(),
    }
}

/// Memory over time as a file of its own, for a README: its text is grey, for light and for dark ground.
pub(crate) fn memory_file(curves: &[MemoryCurve]) -> Result<String> {
    let svg = memory(curves)
        .draw(860, 420)?
        .context("no memory was measured")?;
    Ok(svg.replace("currentColor", "#727c88"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(name: &str, is_logarithmic: bool, points: &[(f64, f64)]) -> Plot {
        Plot {
            title: name.to_owned(),
            across: "x",
            is_logarithmic,
            lines: vec![
                (0, name.to_owned(), points.to_vec()),
                (7, "other".to_owned(), Vec::new()),
            ],
        }
    }

    #[test]
    fn every_kind_of_axis_is_drawn() {
        for is_logarithmic in [false, true] {
            for points in [&[(1.0, 2.0), (64.0, 700.0)][..], &[(5.0, 5.0)]] {
                let svg = plot("name", is_logarithmic, points)
                    .draw(400, 300)
                    .unwrap()
                    .unwrap();
                assert!(
                    svg.contains("name") && svg.contains("currentColor"),
                    "{svg}"
                );
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        assert_eq!(plot("empty", true, &[]).draw(400, 300).unwrap(), None);
    }

    #[test]
    fn no_name_becomes_markup() {
        let svg = plot("<script>", false, &[(1.0, 2.0)])
            .draw(400, 300)
            .unwrap();
        assert!(!svg.unwrap().contains("<script"));
    }
}
