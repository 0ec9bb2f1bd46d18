use std::fmt::Write;

use super::escape::Escaped;
use super::section::Section;
use super::style::stylesheet;

/// Nothing is loaded, and nothing runs, whatever a page might come to contain.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A page: a title, and sections.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    lead: String,
    sections: Vec<Section>,
}

impl Page {
    /// A page with nothing on it but its title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: String::new(),
            sections: Vec::new(),
        }
    }

    /// Says in a sentence or two, below the title, what the page shows. The last call counts.
    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = text.into();
        self
    }

    /// Appends a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The page as one file, in UTF-8. It is well-formed as XML, too.
    pub fn to_html(&self) -> String {
        let title = Escaped(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
            <meta http-equiv=\"Content-Security-Policy\" content=\"{}\" />\n\
            <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
            <meta name=\"color-scheme\" content=\"light dark\" />\n\
            <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n",
            Escaped(POLICY),
            stylesheet(),
        );
        if !self.lead.is_empty() {
            let _infallible = writeln!(html, "<p class=\"lead\">{}</p>", Escaped(&self.lead));
        }
        html.push_str("</header>\n");
        for section in &self.sections {
            let _infallible = writeln!(html, "<section>\n{}</section>", section.html());
        }
        html.push_str("</main>\n</body>\n</html>\n");
        html
    }
}

#[cfg(test)]
mod tests {
    use super::super::well_formed::assert_well_formed;
    use super::*;
    use crate::page::{Axis, BarPlot, Cell, Lane, LinePlot, Phase, Series, Table, Tone, Waterfall};

    /// A text that would do harm wherever it were taken for markup.
    const HOSTILE: &str = "</style></title>\"'><script src=\"//x\">&\0";

    fn hostile_page() -> String {
        let axis = || Axis::new(HOSTILE);
        let lines = LinePlot::new(HOSTILE, axis(), axis())
            .series(Series::new(HOSTILE, [(1.0, 2.0), (2.0, 3.0)]));
        let bars = BarPlot::new(HOSTILE, axis())
            .series(HOSTILE)
            .series("b")
            .group(HOSTILE, [Some(1.0), None]);
        let lane = Lane::new(HOSTILE)
            .note(HOSTILE, Tone::Bad)
            .phase(Phase::Stall, 1.0, 2.0, HOSTILE)
            .curve([(1.0, 2.0), (2.0, 3.0)])
            .failed_at(2.0, HOSTILE);
        let table = Table::new([HOSTILE, "b", "c", "d"]).row([
            Cell::from(HOSTILE),
            Cell::code(HOSTILE).tone(Tone::Good),
            Cell::number(HOSTILE),
        ]);
        let section = Section::new(HOSTILE)
            .heading(HOSTILE)
            .text(HOSTILE)
            .code(HOSTILE)
            .facts([(HOSTILE, HOSTILE)])
            .table(&table)
            .figure(&lines.draw().unwrap())
            .figure(&bars.draw().unwrap())
            .figure(&Waterfall::new(HOSTILE).lane(lane).draw());
        Page::new(HOSTILE).lead(HOSTILE).section(section).to_html()
    }

    #[test]
    fn is_well_formed_and_loads_nothing_whatever_it_is_given() {
        let html = hostile_page();
        assert_well_formed(&html);
        for harm in ["<script", "src=", "href=", "url(", "@import", "\0", "://"] {
            let in_text = Escaped(HOSTILE).to_string();
            let html = html.replace(&in_text, "").replace("src=&quot;", "");
            assert!(!html.contains(harm), "{harm}");
        }
    }

    #[test]
    fn has_its_parts_in_their_order() {
        let html = Page::new("a title")
            .lead("a lead")
            .section(Section::new("first").text("one"))
            .section(Section::new("second").code("two  words"))
            .to_html();
        assert_well_formed(&html);
        let mut rest = html.as_str();
        for part in [
            "<title>a title</title>",
            "<h1>a title</h1>",
            "a lead",
            "<h2>first</h2>",
            "<p>one</p>",
            "<h2>second</h2>",
            "<pre>two  words</pre>",
        ] {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{part}")).1;
        }
    }
}
