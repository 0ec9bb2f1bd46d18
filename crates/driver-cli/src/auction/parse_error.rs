use std::error::Error;
use std::fmt;

use super::depth::MAXIMUM_DEPTH;
use driver_streaming::AuctionIdError;

/// Why a text is no auction, and where.
#[derive(Debug)]
pub struct ParseError {
    problem: Problem,
    line: usize,
    column: usize,
}

/// What is wrong with the text of an auction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is nothing but white space.
    #[error("the auction is empty")]
    Empty,
    /// The text starts with the bytes EF BB BF, which RFC 8259, section 8.1, forbids to send.
    #[error("the auction starts with a byte-order mark")]
    ByteOrderMark,
    /// The bytes are not UTF-8.
    #[error("the auction is not valid UTF-8")]
    Utf8(#[source] std::str::Utf8Error),
    /// The text is not JSON, is cut off, has a member twice or is followed by something else.
    #[error("the auction is not one JSON object: {0}")]
    Json(String),
    /// The name of a member, or the id, is no Unicode text: an escape stands for half of a character. A name is written
    /// anew, so it could not be passed on as it is.
    #[error("half of a surrogate pair stands in the name of a member or in the id")]
    HalfCharacter,
    /// A level deeper than 128.
    #[error("the auction is nested deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
    /// The member `id`, or `metadata.auction_id`, is neither a string nor an integer.
    #[error("the auction's {member} is {found}, and must be a string or an integer")]
    IdType {
        /// The member.
        member: &'static str,
        /// The start of what stands there.
        found: String,
    },
    /// The member `id`, or `metadata.auction_id`, cannot be the name of an archive.
    #[error(transparent)]
    Id(#[from] AuctionIdError),
}

impl ParseError {
    pub(super) fn new(problem: Problem) -> Self {
        Self {
            problem,
            line: 0,
            column: 0,
        }
    }

    pub(super) fn at(problem: Problem, text: &[u8], offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        // Columns count bytes, as those of serde_json do.
        Self {
            problem,
            line,
            column: offset - line_start + 1,
        }
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = whole.strip_suffix(&place).unwrap_or(&whole).to_owned();
        Self {
            problem: Problem::Json(message),
            line: error.line(),
            // serde_json counts what it has read: nothing yet, where the first byte of a line is wrong.
            column: error.column().max(1),
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        self.problem
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The line, from 1; `None` where the problem has no place.
    pub fn line(&self) -> Option<usize> {
        (self.line > 0).then_some(self.line)
    }

    /// The column, in bytes from 1; `None` where the problem has no place.
    pub fn column(&self) -> Option<usize> {
        (self.line > 0).then_some(self.column)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)?;
        match (self.line(), self.column()) {
            (Some(line), Some(column)) => write!(formatter, " at line {line}, column {column}"),
            _ => Ok(()),
        }
    }
}

/// The message says what the problem's does, and where: the source is the problem's own.
impl Error for ParseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}
