use std::fmt::Write;

use super::cell::Cell;
use super::escape::Escaped;

/// A table. In a narrow window, one of more than three columns becomes a list of its rows.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(headers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            headers: headers.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row. One that is too short is filled up with empty cells; cells beyond the last column are left out.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) -> Self {
        let mut cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        cells.resize_with(self.headers.len(), Cell::default);
        self.rows.push(cells);
        self
    }

    pub(super) fn write(&self, html: &mut String) {
        let layout = if self.headers.len() > 3 {
            "stacking"
        } else {
            "steady"
        };
        let _infallible = writeln!(
            html,
            "<div class=\"scroll\"><table class=\"{layout}\">\n<thead><tr>"
        );
        for (index, header) in self.headers.iter().enumerate() {
            let cells = self.rows.first().and_then(|row| row.get(index));
            let kind = match cells {
                Some(cell) if cell.is_number() => "number",
                _ => "text",
            };
            let _infallible = writeln!(
                html,
                "<th scope=\"col\" class=\"{kind}\">{}</th>",
                Escaped(header)
            );
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>\n");
            for (cell, header) in row.iter().zip(&self.headers) {
                cell.write(html, header);
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
    }
}
