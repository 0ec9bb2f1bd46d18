//! What happened to one auction: to every solver, to the archive, and to the documents.

use std::fmt;
use std::time::{Duration, SystemTime};

use measured_body::Ending;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::failure::SolverFailure;

/// What happened to one auction. In JSON, unknown values are `null`, and times are in milliseconds.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The version of the JSON: 2. New members do not change it, so ignore unknown ones.
    pub version: u32,
    /// When the run began. In JSON, `started_unix_ms`: milliseconds since 1970 UTC.
    #[serde(rename = "started_unix_ms", serialize_with = "unix_milliseconds")]
    pub started: SystemTime,
    /// The auction.
    pub auction: AuctionOutcome,
    /// Each solver, in the order of the pipeline.
    pub solvers: Vec<SolverOutcome>,
    /// The archive.
    pub archive: ArchiveOutcome,
    /// Producing the documents.
    pub serialize: SerializeOutcome,
    /// Compressing them for solvers.
    pub compress: CompressOutcome,
    /// From the run's start to the last reader's end.
    pub wall_ms: f64,
}

/// The auction that was sent.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuctionOutcome {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The raw document's length. `None` if no reader took it to its end, or no reader was sent the auction itself: if
    /// each solver has its own view and nothing is archived.
    pub bytes: Option<u64>,
    /// The raw document's SHA-256 in hex. `None` if its length is, or digests are off.
    pub sha256: Option<String>,
}

/// What producing the documents took: the auction, and those of views.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SerializeOutcome {
    /// Time that all productions spent producing, without waiting.
    pub busy_ms: f64,
    /// Bytes produced over the documents' bytes: 1 if each was produced once. `None` if one did not come to its end.
    pub passes: Option<f64>,
    /// How many documents there were.
    pub documents: usize,
    /// How long readers waited, in all, for others that were behind.
    pub waited_ms: f64,
}

/// What compressing requests took. The compression of an archive that shares none with a solver is not counted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CompressOutcome {
    /// Compressed bytes produced over those of the compressed documents: 1 if each was compressed once, and more if one
    /// was compressed again, from its start, for a reader that had fallen behind. `None` if there are none, or one of
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

    /// Whether every solver is `ok`, and the archive too, if there is one.
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
    /// The URL of requests, without user, password and query values.
    pub url: String,
    /// How it ended.
    pub status: SolverStatus,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// How many requests were made. The members below describe the last.
    pub attempts: u32,
    /// The `Content-Encoding` of requests.
    pub encoding: Option<&'static str>,
    /// Bytes that the HTTP client has taken. It may not have sent all of them.
    pub bytes_sent: Option<u64>,
    /// The SHA-256 of the raw document in hex, if the solver was sent all of it.
    pub document_sha256: Option<String>,
    /// How the request's body ended.
    #[serde(serialize_with = "ending")]
    pub ending: Option<Ending>,
    /// From the body's creation to its first poll.
    pub to_first_poll_ms: Option<f64>,
    /// Sending: from the first poll to the body's end.
    pub sending_ms: Option<f64>,
    /// The part of that spent inside polls.
    pub busy_ms: Option<f64>,
    /// The part of that spent waiting for data.
    pub waiting_for_data_ms: Option<f64>,
    /// The part of that spent waiting for the solver to take data.
    pub waiting_for_solver_ms: Option<f64>,
    /// Delivery: from the run's start to when the HTTP client had taken the whole body.
    pub delivered_ms: Option<f64>,
    /// Thinking: from delivery to the start of the answer, or to the request's end if none began.
    pub thinking_ms: Option<f64>,
    /// How long its body waited for readers that were behind.
    pub waited_ms: f64,
    /// How long others waited for its body.
    pub waited_for_ms: f64,
    /// From the run's start to the end of the last request and its answer.
    pub total_ms: f64,
    /// The answer, if it is JSON.
    pub response: Option<Box<RawValue>>,
    /// Why it is not `ok`, in words.
    pub error: Option<String>,
    /// Why it is not `ok`. In JSON, the failure's [kind](SolverFailure::kind).
    pub failure: Option<SolverFailure>,
}

/// How a solver's request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverStatus {
    /// It answered 2xx with JSON.
    Ok,
    /// It could not be reached, broke off, or answered something else.
    Failed,
    /// It had not answered at the deadline.
    TimedOut,
    /// The run was cancelled before it had answered.
    #[default]
    Cancelled,
}

impl fmt::Display for SolverStatus {
    /// Writes the status as JSON has it, such as `timed_out`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
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
    /// How the archive ensured that nothing was replaced: `exclusive`, by the store; `checked_before`, by looking; `unchecked`,
    /// if the store could not be asked. Otherwise `replacing` or `already_there`.
    pub placement: Option<&'static str>,
    /// Where the object is, or will be if it is spooled: an absolute URL, without user and password.
    pub location: Option<String>,
    /// The codec's name.
    pub codec: Option<String>,
    /// The raw document's length.
    pub raw_bytes: Option<u64>,
    /// The object's length.
    pub stored_bytes: Option<u64>,
    /// The raw document's SHA-256 in hex.
    pub sha256: Option<String>,
    /// How many parts were uploaded: 1 for a single PUT. `None` if the same document was there already.
    pub parts: Option<u64>,
    /// The store's entity tag of the object.
    pub e_tag: Option<String>,
    /// From the run's start to when it had compressed the whole document and uploaded all but the last part.
    pub write_ms: Option<f64>,
    /// From the run's start to its end.
    pub total_ms: Option<f64>,
    /// How long it waited for readers that were behind.
    pub waited_ms: Option<f64>,
    /// How long others waited for it.
    pub waited_for_ms: Option<f64>,
    /// Why it failed, or is only spooled.
    pub error: Option<String>,
    /// Whether the document failed, so that there was nothing whole to archive.
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
    /// It failed. Nothing is there, and nothing will be.
    Failed,
    /// The whole object may be there, or may still appear. The error says why that is unknown.
    Unknown,
    /// The run was cancelled before it had ended, and the error says whether the object may be there.
    Cancelled,
    /// It is in a spool, and not yet uploaded to the store.
    Spooled,
    /// The spool, or its disk, is full. Nothing is there, and nothing will be.
    SpoolFull,
    /// No archive was asked for.
    #[default]
    Skipped,
    /// It continues after the run: [`PendingArchive`](crate::PendingArchive) returns its end.
    Running,
}

impl fmt::Display for ArchiveStatus {
    /// Writes the status as JSON has it, such as `already_there`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

impl ArchiveStatus {
    /// Whether nothing went wrong: it is there, in a spool or still being archived, or was not asked for.
    pub fn is_ok(self) -> bool {
        use ArchiveStatus::{AlreadyThere, Ok, Running, Skipped, Spooled};
        matches!(self, Ok | AlreadyThere | Running | Skipped | Spooled)
    }
}

impl ArchiveOutcome {
    /// Describes why there is no object, or none that is known of.
    pub(crate) fn failed(status: ArchiveStatus, error: String) -> Self {
        Self {
            status,
            error: Some(error),
            ..Self::default()
        }
    }
}

/// Converts a duration for reports: to milliseconds, with microseconds as the fraction.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
