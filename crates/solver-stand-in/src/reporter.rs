use sha2::{Digest, Sha256};

use super::RequestReport;
use super::behaviour::OnRequest;

/// Hashes a body, and reports it exactly once: when it is finished, else (incomplete) when it is dropped.
///
/// Dropped unfinished it is when the connection breaks, since hyper then drops whoever was to answer, and when the
/// server is dropped.
pub(super) struct Reporter {
    digest: Sha256,
    bytes: u64,
    content_encoding: Option<String>,
    /// Taken by the report.
    on_request: Option<OnRequest>,
}

impl Reporter {
    pub(super) fn new(content_encoding: Option<String>, on_request: OnRequest) -> Self {
        Self {
            digest: Sha256::new(),
            bytes: 0,
            content_encoding,
            on_request: Some(on_request),
        }
    }

    /// Takes decoded bytes of the body into account.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Reports. `complete` says whether all of the body was seen.
    pub(super) fn finish(mut self, complete: bool) {
        self.report(complete);
    }

    fn report(&mut self, complete: bool) {
        let Some(on_request) = self.on_request.take() else {
            return;
        };
        let digest = std::mem::take(&mut self.digest).finalize();
        on_request(RequestReport {
            bytes: self.bytes,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            complete,
            content_encoding: self.content_encoding.take(),
        });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.report(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn reporter() -> (Reporter, Arc<Mutex<Vec<RequestReport>>>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let reporter = Reporter::new(
            None,
            Arc::new(move |report| sink.lock().unwrap().push(report)),
        );
        (reporter, reports)
    }

    #[test]
    fn a_finished_body_is_reported_once() {
        let (mut reporter, reports) = reporter();
        reporter.update(b"ab");
        reporter.update(b"c");
        reporter.finish(true);
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
}
