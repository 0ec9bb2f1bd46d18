use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::builder::Callbacks;

/// What a stand-in solver received in one request.
///
/// Serialises as one JSON object, with its members in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestReport {
    /// Bytes of the body that arrived, after decoding. Not decoded if the encoding is unknown.
    pub bytes: u64,
    /// SHA-256 of these bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Whether the body, and the content that it encodes, reached its proper end.
    pub complete: bool,
    /// The `Content-Encoding` of the request, if it has one.
    pub content_encoding: Option<String>,
}

/// A whole request, for [`on_kept`](super::StandInBuilder::on_kept).
#[derive(Clone, Debug)]
pub struct KeptRequest {
    /// The method, URI, version and headers.
    pub head: Parts,
    /// The number of its connection, from 0.
    pub connection: u64,
    /// The bytes of the body that were read, not decoded.
    pub body: Vec<u8>,
    /// Whether the body, and the content that it encodes, reached its proper end.
    pub complete: bool,
    /// Why the body ended early, with all causes in one line, if the connection reports an error.
    pub error: Option<String>,
}

/// A [`KeptRequest`] that grows while its body is read.
pub(super) type Kept = Arc<Mutex<KeptRequest>>;

/// Hashes a body and reports it exactly once: when it is finished, or as incomplete when it is dropped.
///
/// It is dropped unfinished when the connection breaks, because hyper then drops the future that answers, and when the
/// server is dropped.
pub(super) struct Reporter {
    digest: Sha256,
    bytes: u64,
    content_encoding: Option<String>,
    kept: Option<Kept>,
    /// Taken by the report.
    callbacks: Option<Callbacks>,
}

impl Reporter {
    pub(super) fn new(
        content_encoding: Option<String>,
        kept: Option<Kept>,
        callbacks: Callbacks,
    ) -> Self {
        Self {
            digest: Sha256::new(),
            bytes: 0,
            content_encoding,
            kept,
            callbacks: Some(callbacks),
        }
    }

    /// Adds decoded bytes of the body.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Makes the report, unless it is already made. `complete` tells whether the whole body was read.
    pub(super) fn report(&mut self, complete: bool) {
        let Some(callbacks) = self.callbacks.take() else {
            return;
        };
        if let (Some(on_kept), Some(kept)) = (callbacks.on_kept, &self.kept) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let body = std::mem::take(&mut kept.body);
            on_kept(KeptRequest {
                body,
                complete,
                ..kept.clone()
            });
        }
        let digest = std::mem::take(&mut self.digest).finalize();
        if let Some(on_request) = callbacks.on_request {
            on_request(RequestReport {
                bytes: self.bytes,
                sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
                complete,
                content_encoding: self.content_encoding.take(),
            });
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.report(false);
    }
}

/// Formats an error and all its causes in one line.
pub(super) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let errors = std::iter::successors(Some(error), |error| (*error).source());
    let lines: Vec<_> = errors.map(ToString::to_string).collect();
    lines.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter() -> (Reporter, Arc<Mutex<Vec<RequestReport>>>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let callbacks = Callbacks {
            on_request: Some(Arc::new(move |report| sink.lock().unwrap().push(report))),
            ..Callbacks::default()
        };
        (Reporter::new(None, None, callbacks), reports)
    }

    #[test]
    fn a_finished_body_is_reported_once() {
        let (mut reporter, reports) = reporter();
        reporter.update(b"ab");
        reporter.update(b"c");
        reporter.report(true);
        drop(reporter);
        let expected = RequestReport {
            bytes: 3,
            // From FIPS 180-2, appendix B.1.
            sha256: String::from(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            complete: true,
            content_encoding: None,
        };
        assert_eq!(*reports.lock().unwrap(), [expected]);
    }

    #[test]
    fn a_dropped_body_is_reported_incomplete() {
        let (mut reporter, reports) = reporter();
        reporter.update(b"ab");
        drop(reporter);
        let reports = reports.lock().unwrap();
        assert_eq!(reports.len(), 1);
        assert_eq!((reports[0].bytes, reports[0].complete), (2, false));
    }

    #[test]
    fn a_report_is_one_json_object() {
        let report = RequestReport {
            bytes: 2,
            sha256: String::from("44136fa3…"),
            complete: true,
            content_encoding: None,
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"bytes":2,"sha256":"44136fa3…","complete":true,"content_encoding":null}"#,
        );
    }
}
