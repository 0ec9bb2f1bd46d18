use std::fmt::Write;

use crate::page::escape::Escaped;
use crate::page::figure::Figure;
use crate::page::palette::Shade;

/// The mark of a series in the legend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Line,
    Bar,
}

/// A figure of a title, a legend and what is drawn. The legend is text, which a window of any width breaks as it can.
pub(super) fn framed<'a>(
    title: &str,
    named: impl Iterator<Item = (&'a str, Shade)>,
    mark: Mark,
    drawn: &str,
) -> Figure {
    let mut html = format!(
        "<figure>\n<figcaption>{}</figcaption>\n<ul class=\"legend\">\n",
        Escaped(title)
    );
    for (name, shade) in named {
        let colour = shade.light_hex();
        let shape = match mark {
            Mark::Line => format!(
                "<polyline points=\"0,24 112,24\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"10\" />"
            ),
            Mark::Bar => {
                format!("<rect x=\"32\" y=\"0\" width=\"48\" height=\"48\" fill=\"{colour}\" />")
            }
        };
        let _infallible = writeln!(
            html,
            "<li><svg class=\"drawn mark\" viewBox=\"0 0 112 48\" aria-hidden=\"true\">{shape}</svg>{}</li>",
            Escaped(name)
        );
    }
    let _infallible = write!(html, "</ul>\n{drawn}</figure>\n");
    Figure::new(html)
}
