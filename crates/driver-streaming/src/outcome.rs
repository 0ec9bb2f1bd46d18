//! What happened to one auction: for every solver, for the archive, and for the document itself.

use std::time::{Duration, SystemTime};

use measured_body::Ending;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::failure::SolverFailure;

/// What happened to one auction. As JSON, what is unknown is `null`; times are in milliseconds.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Of the JSON: 2. Members are added without a new version; whoever reads it passes over those it does not know.
    pub version: u32,
    /// When the run began. In JSON `started_unix_ms`, milliseconds since 1970 UTC.
    #[serde(rename = "started_unix_ms", serialize_with = "unix_milliseconds")]
    pub started: SystemTime,
    /// The auction.
    pub auction: AuctionOutcome,
    /// Each solver, in the order they were given.
    pub solvers: Vec<SolverOutcome>,
    /// The archive.
    pub archive: ArchiveOutcome,
    /// Producing the documents.
    pub serialize: SerializeOutcome,
    /// Compressing them for solvers that ask for it.
    pub compress: CompressOutcome,
    /// From the first request's start to the last reader's end.
    pub wall_ms: f64,
}

/// The auction that was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuctionOutcome {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The raw document's length; `None` when no reader took it to its end, or none was sent the auction as it is: where
    /// each solver has a view of its own and nothing is archived.
    pub bytes: Option<u64>,
    /// The raw document's SHA-256 in hex; `None` when its length is, or digests are off.
    pub sha256: Option<String>,
}

/// What producing the documents took: one for each view that somebody was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SerializeOutcome {
    /// Time spent producing, apart from time spent waiting, in all productions.
    pub busy_ms: f64,
    /// Bytes produced over the documents' bytes: 1 when one production of each served all its readers. `None` when one
    pub passes: Option<f64>,
    /// How many documents there were.
    pub documents: usize,
    /// How long readers were held up by others that were behind, before those were let go, in all.
    pub waited_ms: f64,
}

/// What compressing requests took. An archive that compresses for itself alone is not counted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CompressOutcome {
    /// Compressed bytes produced over those of the compressed documents: 1 when each was compressed once, and more when one
    /// was compressed again for a reader that had fallen behind, from its beginning. `None` when there are none, or one of
    /// them did not come to its end.
    pub passes: Option<f64>,
    /// How many compressed documents there were.
    pub documents: usize,
}

impl Outcome {
    /// Whether the run was cancelled before all had ended.
    pub fn is_cancelled(&self) -> bool {
        let mut solvers = self.solvers.iter();
        self.archive.status == ArchiveStatus::Cancelled
            || solvers.any(|solver| solver.status == SolverStatus::Cancelled)
    }

    /// Whether every solver answered well and the archive, if there was to be one, is whole.
    pub fn is_ok(&self) -> bool {
        let mut solvers = self.solvers.iter();
        self.archive.status.is_ok() && solvers.all(|solver| solver.status == SolverStatus::Ok)
    }
}

/// What happened to one solver.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SolverOutcome {
    /// The solver's name.
    pub name: String,
    /// Where the request went, without user info and without the values of its query.
    pub url: String,
    /// How it ended.
    pub status: SolverStatus,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// How many requests were made; what follows is said of the last.
    pub attempts: u32,
    /// How requests were encoded: their `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// Bytes handed to the HTTP client in the last attempt. Handed over is not yet on the wire.
    pub bytes_sent: Option<u64>,
    /// SHA-256 of the raw document that this solver was sent, in hex, if it was sent all of it.
    pub document_sha256: Option<String>,
    /// How the request's body ended.
    #[serde(serialize_with = "ending")]
    pub ending: Option<Ending>,
    /// From the body's creation to its first poll.
    pub to_first_poll_ms: Option<f64>,
    /// Sending: from the first poll to the body's end.
    pub sending_ms: Option<f64>,
    /// Of that, spent inside polls.
    pub busy_ms: Option<f64>,
    /// Of that, spent waiting for data.
    pub waiting_for_data_ms: Option<f64>,
    /// Of that, spent waiting for the solver to take data.
    pub waiting_for_solver_ms: Option<f64>,
    /// Delivery: from the start of the first request to when the HTTP client had taken the whole body of the last.
    pub delivered_ms: Option<f64>,
    /// Thinking: from then to the start of the answer, or to the request's end if none began.
    pub thinking_ms: Option<f64>,
    /// How long its body waited for readers that were behind.
    pub waited_ms: f64,
    /// How long others waited for its body.
    pub waited_for_ms: f64,
    /// From the start of the first request to the end of the last: of its answer, if one began.
    pub total_ms: f64,
    /// The answer, if it is JSON.
    pub response: Option<Box<RawValue>>,
    /// Why it is not `ok`, in words.
    pub error: Option<String>,
    /// Why it is not `ok`. In JSON, [its kind](SolverFailure::kind).
    pub failure: Option<SolverFailure>,
}

/// How a solver's request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverStatus {
    /// It answered 2xx with JSON.
    Ok,
    /// It could not be reached, broke off, or answered anything else.
    Failed,
    /// It had not answered at the deadline.
    TimedOut,
    /// The run was cancelled before it had answered.
    #[default]
    Cancelled,
}

fn unix_milliseconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    serializer.serialize_u64(u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(0))
}

fn ending<S: Serializer>(ending: &Option<Ending>, serializer: S) -> Result<S::Ok, S::Error> {
    ending.map(|ending| ending.as_str()).serialize(serializer)
}

/// What became of the archive.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ArchiveOutcome {
    /// How it ended.
    pub status: ArchiveStatus,
    /// How it was made sure that nothing was replaced: `exclusive` by the store, `checked_before` by a look, `unchecked`
    /// where the store could not be asked; `replacing`, or `already_there`.
    pub placement: Option<&'static str>,
    /// Where the object is, or will be if it is spooled: an absolute URL, without user info.
    pub location: Option<String>,
    /// The codec's name.
    pub codec: Option<String>,
    /// Bytes of the raw document.
    pub raw_bytes: Option<u64>,
    /// Bytes of the object.
    pub stored_bytes: Option<u64>,
    /// SHA-256 of the raw document, in hex.
    pub sha256: Option<String>,
    /// How many parts it was uploaded in: 1 for a single PUT. `None` when the same document was there already.
    pub parts: Option<u64>,
    /// What the store calls this version of the object.
    pub e_tag: Option<String>,
    /// From the run's start to when it had taken the whole document, compressed it and handed over all but the last part.
    pub write_ms: Option<f64>,
    /// From the run's start to its end.
    pub total_ms: Option<f64>,
    /// How long it waited for readers that were behind.
    pub waited_ms: Option<f64>,
    /// How long others waited for it.
    pub waited_for_ms: Option<f64>,
    /// Why it failed, or is only spooled.
    pub error: Option<String>,
    /// Whether it was the document that failed, so that there was nothing whole to archive.
    #[serde(skip)]
    pub document_failed: bool,
}

/// How an archive ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveStatus {
    /// The object is there, whole.
    Ok,
    /// An object with the same document was there already.
    AlreadyThere,
    /// An object with another document was there already, and still is.
    Conflict,
    /// It failed: nothing is there, and nothing will be.
    Failed,
    /// The object may be there, or may still come, whole: the error says why that is not known.
    Unknown,
    /// The run was cancelled before it had ended, and the error says whether the object may be there.
    Cancelled,
    /// It is in a spool, from which an uploader brings it to the store; the store does not have it yet.
    Spooled,
    /// The spool, or its disk, is full: nothing is there, and nothing will be.
    SpoolFull,
    /// No archive was asked for.
    #[default]
    Skipped,
    /// It goes on after the run: [`PendingArchive`](crate::PendingArchive) tells how it ends.
    Running,
}

impl ArchiveStatus {
    /// Whether nothing went wrong: the document is there or in a spool, goes on, or was not to be there.
    pub fn is_ok(self) -> bool {
        use ArchiveStatus::{AlreadyThere, Ok, Running, Skipped, Spooled};
        matches!(self, Ok | AlreadyThere | Running | Skipped | Spooled)
    }
}

impl ArchiveOutcome {
    /// Why there is no object, or none that is known of.
    pub(crate) fn failed(status: ArchiveStatus, error: String) -> Self {
        Self {
            status,
            error: Some(error),
            ..Self::default()
        }
    }
}

/// A duration as reports show it: milliseconds, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
