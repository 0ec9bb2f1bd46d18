//! Why a text is no auction, and where.

use std::str::Utf8Error;

/// Why a text is no auction, and where.
#[derive(Debug, thiserror::Error)]
#[error("{problem}{}", shown(*place))]
pub struct ParseError {
    problem: String,
    source: Option<Utf8Error>,
    place: Option<(usize, usize)>,
}

impl ParseError {
    /// An error about the text as a whole.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            source: None,
            place: None,
        }
    }

    /// An error about what stands at `offset` in `text`.
    pub(crate) fn at(problem: impl Into<String>, text: &[u8], offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        // Columns count bytes, as those of serde_json do.
        Self {
            place: Some((line, offset - line_start + 1)),
            ..Self::new(problem)
        }
    }

    pub(crate) fn utf8(error: Utf8Error, text: &[u8]) -> Self {
        Self {
            source: Some(error),
            ..Self::at("the auction is not valid UTF-8", text, error.valid_up_to())
        }
    }

    /// What the parser says, where it says it: the text is not JSON, is cut off, or is followed by something else.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        Self {
            // serde_json counts what it has read: nothing yet, where the first byte of a line is wrong.
            place: Some((error.line(), error.column().max(1))),
            ..Self::new(Self::json_problem(error))
        }
    }

    pub(crate) fn json_problem(error: &serde_json::Error) -> String {
        let whole = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = whole.strip_suffix(&place).unwrap_or(&whole);
        format!("the auction is not one JSON object: {message}")
    }

    /// Line and column, in bytes, both from 1; `None` where the problem has no place.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place
    }
}

fn shown(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(" at line {line}, column {column}")
    })
}
