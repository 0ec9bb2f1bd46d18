use std::fmt::Write;

use super::canvas::{Canvas, units};
use crate::page::escape::Escaped;
use crate::page::palette::{GROUND, INK, Shade};
use crate::page::style::drawings;

/// In CSS pixels: around everything, of the title, of a line of the legend, of a mark and what is beside it.
const MARGIN: u32 = 16;
const TITLE: u32 = 30;
const LEGEND: u32 = 22;
const MARK: u32 = 28;
const GAP: u32 = 7;
/// What a letter of the legend is wide on average, in common fonts.
const LETTER: u32 = 7;

/// A drawing of lines as a file of its own: title and legend are text in it, since there is no page to say them.
pub(super) fn standalone<'a>(
    title: &str,
    named: impl Iterator<Item = (&'a str, Shade)>,
    shapes: &str,
    height: u32,
) -> String {
    let width = Canvas::Wide.width();
    let (legend, lines) = legend(named, width);
    let top = MARGIN + TITLE + lines * LEGEND + GAP;
    let (outer_width, outer_height) = (width + 2 * MARGIN, top + height + MARGIN);
    let ink = INK.light_hex();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"drawn\" viewBox=\"0 0 {outer_width} {outer_height}\" \
        width=\"{outer_width}\" height=\"{outer_height}\" font-family=\"system-ui, sans-serif\" role=\"img\">\n\
        <title>{title}</title>\n<style>\n{style}</style>\n\
        <rect width=\"{outer_width}\" height=\"{outer_height}\" fill=\"{ground}\" />\n\
        <text x=\"{MARGIN}\" y=\"{baseline}\" font-size=\"16\" font-weight=\"600\" fill=\"{ink}\">{title}</text>\n\
        {legend}\
        <svg x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" class=\"drawn\" viewBox=\"0 0 {} {}\">\
        {shapes}\n</svg>\n</svg>\n",
        units(width),
        units(height),
        title = Escaped(title),
        style = drawings(),
        ground = GROUND.light_hex(),
        baseline = MARGIN + TITLE / 2,
    )
}

/// The legend, and how many lines it has.
fn legend<'a>(named: impl Iterator<Item = (&'a str, Shade)>, width: u32) -> (String, u32) {
    let mut drawn = String::new();
    let (mut left, mut line) = (0, 0);
    for (name, shade) in named {
        let letters = u32::try_from(name.chars().count()).unwrap_or(u32::MAX);
        let wide = letters
            .saturating_mul(LETTER)
            .saturating_add(MARK + 3 * GAP);
        if left > 0 && left + wide.min(width) > width {
            (left, line) = (0, line + 1);
        }
        let (x, y) = (MARGIN + left, MARGIN + TITLE + line * LEGEND + LEGEND / 2);
        let _infallible = writeln!(
            drawn,
            "<svg x=\"{x}\" y=\"{}\" width=\"{MARK}\" height=\"6\" viewBox=\"0 0 112 24\">\
            <polyline points=\"0,12 112,12\" fill=\"none\" stroke=\"{}\" stroke-width=\"10\" /></svg>\
            <text x=\"{}\" y=\"{y}\" font-size=\"14\" dominant-baseline=\"central\" fill=\"{}\">{}</text>",
            y - 3,
            shade.light_hex(),
            x + MARK + GAP,
            INK.light_hex(),
            Escaped(name)
        );
        left = left.saturating_add(wide.min(width));
    }
    (drawn, if left > 0 { line + 1 } else { line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::well_formed::assert_well_formed;
    use crate::page::{Axis, LinePlot, Series};

    #[test]
    fn a_drawing_is_a_file_whatever_its_names_are() {
        let hostile = "</style><script src=\"x\">&\0";
        let plot = LinePlot::new(hostile, Axis::new(hostile), Axis::new(hostile))
            .series(Series::new(hostile, [(1.0, 2.0), (2.0, 3.0)]))
            .series(Series::new("plain", [(1.0, 3.0)]));
        let svg = plot.to_svg().unwrap();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(svg.contains(">plain</text>") && !svg.contains("<script"));
        assert_well_formed(&format!("<!DOCTYPE html>{svg}"));
    }

    #[test]
    fn a_long_legend_is_broken_into_lines() {
        let lines = |names: &[&str]| {
            let named = names.iter().map(|name| (*name, INK));
            legend(named, Canvas::Wide.width()).1
        };
        assert!(lines(&["a name of forty letters, or nearly so"; 7]) > 1);
        assert_eq!(lines(&[]), 0);
        assert_eq!(lines(&["x".repeat(100_000).as_str()]), 1);
    }
}
