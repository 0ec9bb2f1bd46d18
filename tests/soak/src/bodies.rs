use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::header::CONTENT_ENCODING;
use solver_stand_in::{KeptRequest, RequestReport};

use crate::chance::Place;
use crate::decode::decode;
use crate::lock;
use crate::violation::{Verdict, Violation};
use crate::world::Statistics;

/// What one engine may be sent, and what it says it was sent.
///
/// Documents carry their auction's name, so a digest tells which auction a body is of; a body that is whole to the
/// engine and has no digest that was announced here is a violation, whenever it comes.
#[derive(Debug)]
pub(crate) struct ExpectedBodies {
    place: Place,
    solver: String,
    /// How many whole bodies came, by digest, of those that may come.
    expected: Mutex<HashMap<String, u64>>,
    verdict: Arc<Verdict>,
    statistics: Arc<Statistics>,
}

impl ExpectedBodies {
    pub(crate) fn new(
        place: Place,
        solver: String,
        verdict: Arc<Verdict>,
        statistics: Arc<Statistics>,
    ) -> Self {
        Self {
            place,
            solver,
            expected: Mutex::default(),
            verdict,
            statistics,
        }
    }

    /// A body with this digest may come from now on.
    pub(crate) fn expect(&self, sha256: &str) {
        lock(&self.expected).entry(sha256.to_owned()).or_default();
    }

    /// The engine has got a body, or a part of one.
    pub(crate) fn report(&self, report: &RequestReport) {
        self.statistics.count("bytes received", report.bytes);
        if !report.complete {
            self.statistics.count("bodies broken off", 1);
            return;
        }
        self.statistics.count("bodies whole", 1);
        match lock(&self.expected).get_mut(&report.sha256) {
            Some(whole) => *whole += 1,
            None => {
                let what = "an engine got a whole body that nobody was to be sent";
                let violation = Violation::new(what)
                    .at(self.place)
                    .with("solver", &self.solver)
                    .with("report", report);
                self.verdict.fail(violation);
            }
        }
    }

    /// The same of a body that the engine has kept: it is decoded here, on another way.
    pub(crate) fn report_kept(&self, request: &KeptRequest) {
        let encoding = request.head.headers.get(CONTENT_ENCODING);
        let encoding = encoding.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        let codec = encoding.as_deref().unwrap_or("identity");
        // What ended well but cannot be decoded has no digest, so nobody expects it.
        let decoded = decode(codec, &request.body)
            .ok()
            .filter(|_| request.complete);
        let bytes = request.body.len() as u64;
        self.report(&RequestReport {
            bytes: decoded.as_ref().map_or(bytes, |decoded| decoded.bytes()),
            sha256: decoded.map_or_else(|| "not decodable".to_owned(), |decoded| decoded.sha256()),
            complete: request.complete,
            content_encoding: encoding,
        });
    }

    /// Takes one whole body with this digest off, if there is one.
    pub(crate) fn take(&self, sha256: &str) -> bool {
        match lock(&self.expected).get_mut(sha256) {
            Some(whole) if *whole > 0 => {
                *whole -= 1;
                true
            }
            _ => false,
        }
    }
}
