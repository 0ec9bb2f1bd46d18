use std::fmt::Write;

use super::escape::Escaped;
use super::figure::Figure;
use super::table::Table;

/// How many bytes of a fact fit into a column.
const LONGEST_FACT: usize = 40;

/// A part of a [`Page`](super::Page), under a heading of its own.
#[derive(Clone, Debug)]
pub struct Section {
    html: String,
}

impl Section {
    /// A section with nothing in it yet.
    pub fn new(title: &str) -> Self {
        Self {
            html: format!("<h2>{}</h2>\n", Escaped(title)),
        }
    }

    /// Appends a heading below the section's.
    #[must_use]
    pub fn heading(self, text: &str) -> Self {
        self.element("h3", text)
    }

    /// Appends a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.element("p", text)
    }

    /// Appends text whose line breaks and spaces count, such as a command.
    #[must_use]
    pub fn code(self, text: &str) -> Self {
        self.element("pre", text)
    }

    /// Appends names, each with what is to be known of it.
    #[must_use]
    pub fn facts<N, V>(mut self, facts: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.html.push_str("<dl>\n");
        for (name, value) in facts {
            let (name, value) = (name.as_ref(), value.as_ref());
            // A value such as a digest has a row of its own, rather than several lines of a column.
            let class = if value.len() > LONGEST_FACT {
                "long"
            } else {
                "short"
            };
            let _infallible = writeln!(
                self.html,
                "<div class=\"{class}\"><dt>{}</dt><dd>{}</dd></div>",
                Escaped(name),
                Escaped(value)
            );
        }
        self.html.push_str("</dl>\n");
        self
    }

    /// Appends a table.
    #[must_use]
    pub fn table(mut self, table: &Table) -> Self {
        table.write(&mut self.html);
        self
    }

    /// Appends a plot or a waterfall.
    #[must_use]
    pub fn figure(mut self, figure: &Figure) -> Self {
        self.html.push_str(figure.html());
        self
    }

    pub(super) fn html(&self) -> &str {
        &self.html
    }

    fn element(mut self, name: &str, text: &str) -> Self {
        let _infallible = writeln!(self.html, "<{name}>{}</{name}>", Escaped(text));
        self
    }
}
