use std::fmt::Write;

use super::palette::{AXIS, GRID, GROUND, INK, MUTED, SERIES};

/// The style of every page. Plots have the colours of light ground in their attributes, which it replaces on dark ground.
pub(super) fn stylesheet() -> String {
    include_str!("style.css").to_owned() + &drawings()
}

/// The part of it that is about drawings alone.
pub(super) fn drawings() -> String {
    let mut style = String::new();
    // Whoever cannot tell colours apart has dashes.
    for shade in &SERIES[SERIES.len() / 2..] {
        let light = shade.light_hex();
        let _infallible = writeln!(
            style,
            "svg.drawn polyline[stroke=\"{light}\"] {{ stroke-dasharray: 28 14; }}"
        );
    }
    style.push_str("@media screen and (prefers-color-scheme: dark) {\n");
    let shades = [INK, MUTED, GRID, AXIS, GROUND];
    for shade in shades.into_iter().chain(SERIES) {
        let (light, dark) = (shade.light_hex(), shade.dark_hex());
        let _infallible = writeln!(
            style,
            "svg.drawn [stroke=\"{light}\"] {{ stroke: {dark}; }}\nsvg.drawn [fill=\"{light}\"] {{ fill: {dark}; }}"
        );
    }
    style.push_str("}\n");
    style
}
