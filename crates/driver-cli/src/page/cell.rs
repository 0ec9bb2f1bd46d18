use std::fmt::Write;

use super::escape::Escaped;
use super::tone::Tone;

/// A cell of a [`Table`](super::Table).
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    kind: Kind,
    tone: Tone,
}

#[derive(Clone, Copy, Debug, Default)]
enum Kind {
    #[default]
    Text,
    Number,
    Code,
}

impl Cell {
    /// A number with its unit, as it is to be read: aligned so that digits stand below digits.
    pub fn number(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Number,
            ..Self::from(text.into())
        }
    }

    /// A name that is for machines, such as a digest or a URL. It may be broken anywhere to fit.
    pub fn code(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Code,
            ..Self::from(text.into())
        }
    }

    /// Whether it is a number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number)
    }

    /// Says how it is meant.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Appends it as an element of a row. In a narrow window, where rows are stacked, `header` stands before it.
    pub(super) fn write(&self, html: &mut String, header: &str) {
        let kind = match self.kind {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Code => "code",
        };
        let _infallible = writeln!(
            html,
            "<td class=\"{kind} {}\" data-label=\"{}\">{}</td>",
            self.tone.class(),
            Escaped(header),
            Escaped(&self.text)
        );
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}
