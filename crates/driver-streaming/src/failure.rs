//! Why a solver is not `ok`.

use std::error::Error;
use std::io;
use std::str::Utf8Error;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::{Serialize, Serializer};

use crate::document::BoxError;
use crate::outcome::SolverStatus;

/// Why a solver is not `ok`. Its message and those of its sources are the outcome's `error`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolverFailure {
    /// The document failed, so the request broke off. The solver is not at fault.
    #[error(transparent)]
    Document(BoxError),
    /// There was no connection: nothing of the body was sent.
    #[error(transparent)]
    NotConnected(BoxError),
    /// The connection broke while the request was sent, or before an answer began.
    #[error(transparent)]
    Broken(BoxError),
    /// The solver had not answered, or its answer had not ended, at its deadline.
    #[error("{} within {limit}, after {} ms", begun(*status), after.as_millis())]
    TimedOut {
        /// Which limit that was, in words.
        limit: &'static str,
        /// How long after the run's start.
        after: Duration,
        /// How many bytes of the last request's body the HTTP client had taken.
        bytes_sent: u64,
        /// The status of the answer, if one had begun.
        status: Option<StatusCode>,
    },
    /// The solver answered something other than 2xx with JSON.
    #[error("{}", answered(*status, start, problem.as_ref()))]
    Answered {
        /// The status.
        status: StatusCode,
        /// The first 64 KiB of the answer, decoded.
        start: Bytes,
        /// What is wrong with the answer. `None` for a status other than 2xx, unless it could not be read to its end.
        #[source]
        problem: Option<AnswerError>,
    },
    /// The run was cancelled.
    #[error("cancelled before it had answered")]
    Cancelled,
}

/// Why an answer could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It has no body.
    #[error("the answer is empty")]
    Empty,
    /// It is longer than the solver's limit in bytes, before or after decoding.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is not UTF-8.
    #[error("the answer is not UTF-8")]
    NotUtf8(#[source] Utf8Error),
    /// It is not JSON.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// Its arrays and objects are nested deeper than this. Parsers have a limit, which the outcome must not exceed.
    #[error("the answer has more than {0} nested arrays and objects")]
    TooDeep(usize),
    /// It has a `Content-Encoding` that was not asked for.
    #[error("the answer is encoded as {0:?}, which was not asked for")]
    Encoding(String),
    /// After this many decoded bytes, it ended early or could not be decoded.
    #[error("the answer broke off after {0} bytes")]
    Broken(usize, #[source] io::Error),
}

impl AnswerError {
    /// Whether the answer was read to its end and only its form is wrong.
    pub(crate) fn is_form(&self) -> bool {
        matches!(self, Self::Empty | Self::NotUtf8(_) | Self::NotJson(_))
    }
}

impl SolverFailure {
    /// Returns the kind as one word, as in the JSON of outcomes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Document(_) => "document",
            Self::NotConnected(_) => "not_connected",
            Self::Broken(_) => "broken",
            Self::TimedOut { .. } => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Answered { status, .. } if !status.is_success() => "refused",
            Self::Answered { problem, .. } => match problem {
                None => "refused",
                Some(AnswerError::Empty) => "answer_empty",
                Some(AnswerError::TooLong(_)) => "answer_too_long",
                Some(AnswerError::NotUtf8(_)) => "answer_not_utf8",
                Some(AnswerError::NotJson(_)) => "answer_not_json",
                Some(AnswerError::TooDeep(_)) => "answer_too_deep",
                Some(AnswerError::Encoding(_)) => "answer_encoding",
                Some(AnswerError::Broken(..)) => "answer_broken",
            },
        }
    }

    pub(crate) fn status(&self) -> SolverStatus {
        match self {
            Self::Cancelled => SolverStatus::Cancelled,
            // A head with another status than 2xx has said enough.
            Self::TimedOut { status, .. } if status.is_none_or(|status| status.is_success()) => {
                SolverStatus::TimedOut
            }
            _ => SolverStatus::Failed,
        }
    }
}

/// As its kind.
impl Serialize for SolverFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.kind())
    }
}

/// How many characters of an answer a message shows.
const SHOWN: usize = 200;

fn answered(status: StatusCode, start: &[u8], problem: Option<&AnswerError>) -> String {
    match (said(start, problem.is_none()), problem) {
        (Some(said), _) => format!("the engine answered {status}: {said}"),
        (None, Some(problem)) if status.is_success() => problem.to_string(),
        (None, _) => format!("the engine answered {status}"),
    }
}

/// Summarises an answer on one line: the beginning of JSON, the first line of a text, or the title of an HTML page.
fn said(start: &[u8], may_be_json: bool) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let text = text.trim();
    let cut = |text: &str| match text.char_indices().nth(SHOWN) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text.to_owned(),
    };
    if text.starts_with('<') {
        let title = text
            .split_once("<title>")
            .and_then(|(_, rest)| rest.split_once('<'));
        return Some(title.map_or("an HTML page".to_owned(), |(title, _)| {
            format!("an HTML page, {:?}", cut(title.trim()))
        }));
    }
    let words = || text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.lines().next() {
        Some(_) if may_be_json && text.starts_with(['{', '[', '"']) => Some(cut(&words())),
        // Quoted, as it may have characters that a terminal obeys.
        line => line.map(|line| format!("{:?}", cut(line))),
    }
}

fn begun(status: Option<StatusCode>) -> String {
    match status {
        None => "no answer".to_owned(),
        Some(status) => format!("the engine answered {status}, and its answer did not end"),
    }
}

/// Joins the messages of an error and its sources, outermost first, without repetitions, on one line.
///
/// ```
/// let number = "x".parse::<u8>().unwrap_err();
/// assert_eq!(driver_streaming::error_chain(&number), "invalid digit found in string");
/// ```
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut last = chain.clone();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        // Transparent wrappers repeat their source, and some libraries append it.
        if !last.ends_with(&message) {
            chain.push_str(": ");
            chain.push_str(&message);
        }
        last = message;
        next = source.source();
    }
    // A library or a peer may have put line breaks into it.
    chain.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered_with(status: u16, text: &'static str, problem: Option<AnswerError>) -> String {
        let failure = SolverFailure::Answered {
            status: StatusCode::from_u16(status).unwrap(),
            start: Bytes::from_static(text.as_bytes()),
            problem,
        };
        format!("{}: {}", failure.kind(), error_chain(&failure))
    }

    #[test]
    fn what_an_engine_says_reaches_the_message() {
        let said = r#"{"detail":[{"loc":["body","id"],"msg":"Field required"}]}"#;
        let message = answered_with(422, said, None);
        assert_eq!(
            message,
            format!("refused: the engine answered 422 Unprocessable Entity: {said}")
        );
        assert_eq!(
            answered_with(500, "", Some(AnswerError::Empty)),
            "refused: the engine answered 500 Internal Server Error: the answer is empty"
        );
        assert_eq!(
            answered_with(200, "", Some(AnswerError::Empty)),
            "answer_empty: the answer is empty"
        );
    }

    #[test]
    fn of_json_and_text_the_beginning_is_shown() {
        for (text, shown) in [
            ("{\n  \"error\": \"no id\"\n}", "{ \"error\": \"no id\" }"),
            ("Too large\nat line 7", "\"Too large\""),
            ("\u{1b}[2J", "\"\\u{1b}[2J\""),
            (
                "<html><title>502 Bad Gateway</title>",
                "an HTML page, \"502 Bad Gateway\"",
            ),
        ] {
            let message = answered_with(400, text, None);
            assert_eq!(
                message,
                format!("refused: the engine answered 400 Bad Request: {shown}")
            );
        }
        let long: &'static str = "ä".repeat(201).leak();
        let message = answered_with(400, long, None);
        assert!(
            message.ends_with(&format!("\"{}…\"", "ä".repeat(200))),
            "{message}"
        );
    }

    #[test]
    fn a_page_is_not_dumped() {
        let page: &'static str = "<html>".repeat(1000).leak();
        let error = serde_json::from_str::<()>(page).unwrap_err();
        let message = answered_with(502, page, Some(AnswerError::NotJson(error)));
        assert!(
            message.contains("502") && message.contains("an HTML page"),
            "{message}"
        );
        assert!(message.contains("not JSON"), "{message}");
        assert!(message.len() < 400, "{message}");
    }

    #[test]
    fn a_refusal_that_does_not_end_is_no_timeout() {
        for (status, is_timeout) in [(None, true), (Some(200), true), (Some(500), false)] {
            let failure = SolverFailure::TimedOut {
                limit: "the deadline",
                after: Duration::from_millis(5),
                bytes_sent: 0,
                status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            };
            assert_eq!(failure.status() == SolverStatus::TimedOut, is_timeout);
            let said = status.map_or("no answer".to_owned(), |status| status.to_string());
            assert!(failure.to_string().contains(&said), "{failure}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Layer {
        message: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn says_each_message_once_and_on_one_line() {
        let root = Layer {
            message: "root\ncause",
            source: None,
        };
        let same = Layer {
            message: "root\ncause",
            source: Some(Box::new(root)),
        };
        let top = Layer {
            message: "top",
            source: Some(Box::new(same)),
        };
        assert_eq!(error_chain(&top), "top: root cause");
    }
}
