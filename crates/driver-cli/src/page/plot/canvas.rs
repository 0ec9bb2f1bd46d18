use std::fmt::Write;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use crate::page::escape::Escaped;
use crate::page::palette::Shade;

/// What drawing on a canvas fails with.
pub(super) type DrawError = DrawingAreaErrorKind<std::io::Error>;
/// What is drawn on.
pub(super) type Ground<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The charting crate puts everything on whole units. So many of them are one CSS pixel.
const RESOLUTION: u32 = 4;
/// The size that the charting crate is told for a text, over the size that it writes into the drawing.
const FONT_RATIO: f64 = 1.24;

/// The two sizes in which everything is drawn: scaled to a narrow window, a wide drawing could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canvas {
    Wide,
    Narrow,
}

impl Canvas {
    pub(super) const ALL: [Self; 2] = [Self::Wide, Self::Narrow];

    /// Its width in CSS pixels, before it is fitted to the window.
    pub(super) fn width(self) -> u32 {
        match self {
            Self::Wide => 920,
            Self::Narrow => 380,
        }
    }

    /// How many ticks a horizontal axis has room for.
    pub(super) fn horizontal_ticks(self) -> usize {
        match self {
            Self::Wide => 10,
            Self::Narrow => 5,
        }
    }

    /// The shapes of a drawing of this height, in CSS pixels, without the element around them.
    pub(super) fn shapes(
        self,
        height: u32,
        content: impl FnOnce(&Ground<'_>) -> Result<(), DrawError>,
    ) -> Result<String, DrawError> {
        let mut svg = String::new();
        {
            let size = (units(self.width()), units(height));
            let ground = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            content(&ground)?;
            ground.present()?;
        }
        // Whoever puts them somewhere says how large they are there, and whether a namespace is needed.
        let shapes = svg.split_once('>').map_or("", |(_, shapes)| shapes);
        Ok(shapes
            .trim_end()
            .trim_end_matches("</svg>")
            .trim_end()
            .to_owned())
    }

    /// Draws something of this height, in CSS pixels, and says in `label` what it is.
    pub(super) fn draw(
        self,
        html: &mut String,
        height: u32,
        label: &str,
        content: impl FnOnce(&Ground<'_>) -> Result<(), DrawError>,
    ) -> Result<(), DrawError> {
        let shapes = self.shapes(height, content)?;
        let class = match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        };
        let _infallible = writeln!(
            html,
            "<svg class=\"drawn {class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{shapes}</svg>",
            units(self.width()),
            units(height),
            Escaped(label),
        );
        Ok(())
    }
}

/// CSS pixels in the units of drawings.
pub(super) fn units(pixels: u32) -> u32 {
    pixels.saturating_mul(RESOLUTION)
}

/// The same, as a coordinate.
pub(super) fn coordinate(pixels: u32) -> i32 {
    i32::try_from(units(pixels)).unwrap_or(i32::MAX)
}

pub(super) fn colour(shade: Shade) -> RGBColor {
    let (red, green, blue) = shade.light;
    RGBColor(red, green, blue)
}

/// A line of this width in CSS pixels.
pub(super) fn line(shade: Shade, pixels: u32) -> ShapeStyle {
    colour(shade).stroke_width(units(pixels))
}

/// Text of the size of labels.
pub(super) fn text(shade: Shade, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let size = f64::from(units(12)) * FONT_RATIO;
    ("sans-serif", size)
        .into_font()
        .color(&colour(shade))
        .pos(Pos::new(horizontal, vertical))
}
