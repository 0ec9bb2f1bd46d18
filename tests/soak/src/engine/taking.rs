use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use solver_stand_in::RequestReport;

use crate::decode::Decoder;
use crate::ledger::Ledger;

/// A request's body as it is taken, decoded and hashed; told to the ledger once.
pub(super) struct Taking {
    body: Incoming,
    encoding: Option<String>,
    /// Taken by the report.
    decoder: Option<Decoder>,
    encoded_bytes: u64,
    ledger: Arc<Ledger>,
}

impl Taking {
    pub(super) fn new(headers: &HeaderMap, body: Incoming, ledger: Arc<Ledger>) -> Self {
        let encoding = headers.get(CONTENT_ENCODING);
        let encoding = encoding.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        Self {
            decoder: Decoder::of_request(encoding.as_deref()).ok(),
            encoding,
            body,
            encoded_bytes: 0,
            ledger,
        }
    }

    /// Takes so many bytes as they come, or all that there are. Whether it has come to an end, of whatever kind.
    pub(super) async fn take(&mut self, bytes: u64) -> bool {
        while self.encoded_bytes < bytes {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    self.encoded_bytes += data.len() as u64;
                    let pushed = match &mut self.decoder {
                        Some(decoder) => decoder.push(&data),
                        None => Ok(()),
                    };
                    if pushed.is_err() {
                        self.decoder = None;
                    }
                }
                Some(Err(_broken)) => {
                    self.report(false);
                    return true;
                }
                None => {
                    self.report(true);
                    return true;
                }
            }
        }
        false
    }

    fn report(&mut self, ended_well: bool) {
        let hashing = self.decoder.take().map(|decoder| {
            if ended_well {
                decoder.finish().ok()
            } else {
                None
            }
        });
        // What ended well but cannot be decoded has no digest, so nobody expects it.
        let hashing = hashing.flatten();
        self.ledger.report(&RequestReport {
            bytes: hashing
                .as_ref()
                .map_or(self.encoded_bytes, |all| all.bytes()),
            sha256: hashing.map_or_else(|| "not decodable".to_owned(), |all| all.sha256()),
            complete: ended_well,
            content_encoding: self.encoding.clone(),
        });
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if self.decoder.is_some() {
            self.report(false);
        }
    }
}
