//! The page and its elements. It runs and loads nothing, fits wide and narrow windows, has a light and a dark theme, and
//! prints.

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

/// Forbids the page to load or run anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// How many bytes of a fact fit into a column.
const LONGEST_FACT: usize = 40;
/// How many columns fit into a narrow window. A table with more becomes a list there.
const MOST_NARROW_COLUMNS: usize = 3;

/// A cell of a table: its class in the stylesheet, and its content.
pub(crate) type Cell = (&'static str, Markup);

/// A row of a table: a cell below each header.
pub(crate) type Row<'a> = Vec<(&'a str, Cell)>;

pub(super) fn text(text: impl Render) -> Cell {
    ("text", text.render())
}

/// A cell with a number and its unit, aligned to the right.
pub(crate) fn number(text: impl Render) -> Cell {
    ("number", text.render())
}

/// A cell with a digest or a URL, which may be broken anywhere.
pub(super) fn code(text: impl Render) -> Cell {
    ("code", text.render())
}

pub(crate) fn page(title: &str, lead: &str, sections: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                main {
                    header { h1 { (title) } p.lead { (lead) } }
                    (sections)
                }
            }
        }
    };
    let page = page.into_string() + "\n";
    page.chars().map(shown).collect()
}

pub(super) fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl {
            @for (name, value) in facts {
                // A long value, such as a digest, has a row of its own.
                div.long[value.len() > LONGEST_FACT] { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A table of rows with the same headers.
pub(crate) fn table(rows: &[Row<'_>]) -> Markup {
    let first = rows.first().map_or(&[][..], |row| row);
    html! {
        div.scroll {
            table.stacking[first.len() > MOST_NARROW_COLUMNS] {
                thead {
                    tr {
                        @for (header, (class, _)) in first {
                            th.number[*class == "number"] scope="col" { (header) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (header, (class, content)) in row {
                                td class=(class) data-label=(header) { (content) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Replaces characters that a page must not contain, and those that change the direction of text, which could make one text
/// look like another.
fn shown(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
            char::REPLACEMENT_CHARACTER
        }
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::waterfall::{Lane, Phase, waterfall};
    use super::*;

    /// A text that would do harm wherever it were taken for markup.
    const HOSTILE: &str = "</style></title>\"'><script src=\"//x\">&\0";

    #[test]
    fn no_text_becomes_markup() {
        let mut lane = Lane::new(HOSTILE);
        lane.note("bad", HOSTILE);
        lane.phase(
            Phase::ForReader,
            Duration::ZERO,
            Duration::from_secs(1),
            HOSTILE,
        );
        lane.failure = Some((Duration::ZERO, HOSTILE.to_owned()));
        let of = |text: &str| {
            let cells = [super::text(text), code(text), number(text)];
            let row = ["a", "b", text].into_iter().zip(cells);
            let sections = html! {
                (facts(&[("name", text.to_owned())]))
                (table(&[row.collect()]))
                (waterfall(text, std::slice::from_ref(&lane)))
            };
            page(text, text, &sections)
        };
        let html = of(HOSTILE);
        for harm in ["<script", "src=\"", "href=", "url(", "@import", "\0", "://"] {
            assert!(!html.contains(harm), "{harm}");
        }
        // Harmless text makes a page of as many elements.
        assert_eq!(html.matches('<').count(), of("plain").matches('<').count());
        assert_eq!(
            html.matches("\u{fffd}").count(),
            html.matches("&lt;script").count()
        );
    }

    #[test]
    fn text_is_shown_as_what_it_is() {
        for (text, escaped) in [
            ("plain é 漢", "plain é 漢"),
            ("a && b", "a &amp;&amp; b"),
            ("&lt;", "&amp;lt;"),
            ("a\0\u{1b}[0m\r\n", "a\u{fffd}\u{fffd}[0m\u{fffd}\n"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
        ] {
            let html = page(text, "", &html! {});
            assert!(
                html.contains(&format!("<title>{escaped}</title>")),
                "{html}"
            );
        }
    }
}
