//! `/solve`: one auction, from its first byte to the answer, and to the end of its archive.

use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use driver_streaming::{ArchiveOutcome, AuctionId, Dispatch, Outcome, SolverStatus, error_chain};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join, try_join};
use http_body_util::BodyExt;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::engines::Engines;
use super::history::Record;
use super::merge::Merged;
use super::{Service, error, json};
use crate::disk_document::DiskDocument;
use crate::disk_file::{Broken, DiskWriter};
use crate::exit::without_secrets;
use crate::figures::words;
use crate::option_values::LONGEST;
use crate::options_and_config::dispatch;
use crate::report::Timelines;

/// How long the driver waits for the answer, in milliseconds from the request.
const DEADLINE: HeaderName = HeaderName::from_static("x-deadline-ms");
/// The id of an auction that does not name its own.
const ID: HeaderName = HeaderName::from_static("x-auction-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Headers that are passed on to the engines.
const PASSED_ON: [HeaderName; 3] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];
/// What is encoded of an engine's name in the name of a file.
const ENCODED: [(char, &str); 4] = [('%', "%25"), ('.', "%2E"), ('/', "%2F"), ('\\', "%5C")];
/// When a driver that was refused may try again, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

pub(super) async fn solve(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(slot) = Arc::clone(&service.auctions).try_acquire_owned() else {
        let why = "too many auctions are being solved: try again";
        let response = error(StatusCode::SERVICE_UNAVAILABLE, why);
        return ([(RETRY_AFTER, RETRY_SECONDS)], response).into_response();
    };
    let most = service.arguments.max_size;
    if body.size_hint().lower() > most {
        let why = format!("the auction is longer than {most} bytes");
        return error(StatusCode::PAYLOAD_TOO_LARGE, why);
    }
    let (auction, writer) = match Auction::begin(service, &head.headers, slot) {
        Ok(begun) => begun,
        Err((status, why)) => return error(status, why),
    };
    // Dropped when the driver goes away before its answer.
    let _driver = auction.driver_is_gone.clone().drop_guard();
    let (sender, response) = oneshot::channel();
    let service = Arc::clone(&auction.service);
    service.tasks.spawn(auction.run(body, writer, sender));
    let failed = |_panicked| error(StatusCode::INTERNAL_SERVER_ERROR, "the auction failed");
    response.await.unwrap_or_else(failed)
}

/// An auction that is under way.
struct Auction {
    service: Arc<Service>,
    engines: Arc<Engines>,
    dispatch: Dispatch,
    timelines: Arc<Timelines>,
    /// Its id, as soon as that is known.
    name: Shared<BoxFuture<'static, Option<AuctionId>>>,
    driver_is_gone: CancellationToken,
    /// Its place among the auctions under way.
    slot: OwnedSemaphorePermit,
    /// Its place among the archives that go on. With a spool none is needed: waiting for the store takes no memory.
    archive_place: Option<OwnedSemaphorePermit>,
}

impl Auction {
    /// Prepares everything before the first byte is read.
    fn begin(
        service: Arc<Service>,
        headers: &HeaderMap,
        slot: OwnedSemaphorePermit,
    ) -> Result<(Self, DiskWriter), (StatusCode, String)> {
        let wrong = |why: String| (StatusCode::BAD_REQUEST, why);
        let engines = service.engines();
        let limit = asked_for(headers)
            .map_err(wrong)?
            .unwrap_or(engines.deadline);
        let limit = limit.saturating_sub(service.arguments.margin);
        let id = headers
            .get(&ID)
            .map(|id| id.to_str().unwrap_or_default().parse::<AuctionId>());
        let id = id
            .transpose()
            .map_err(|error| wrong(format!("X-Auction-Id: {error}")))?;
        let failed = |why| (StatusCode::INTERNAL_SERVER_ERROR, why);
        let (writer, document) = DiskDocument::arriving(service.arguments.max_size)
            .map_err(|error| failed(format!("the auction cannot be kept: {error}")))?;

        let known = document.id();
        let name = async move { known.await.or(id) }.boxed().shared();
        let known = document.deadline();
        let margin = service.arguments.margin;
        let deadline = async move { instant_of(known.await?, margin) };
        let progress = engines.pipeline.progress();
        let timelines = Arc::new(Timelines::of(&progress));
        let mut dispatch = dispatch(None, &engines.requests, |edits| {
            document.with_edits(edits.clone())
        })
        .deadline(StdInstant::now() + limit)
        .deadline_from(deadline)
        .headers(passed_on(headers))
        .observed_by(Arc::clone(&timelines) as _);
        let archive_place = Arc::clone(&service.archives).try_acquire_owned().ok();
        let needs_place = engines.archiving.is_some() && engines.spool().is_none();
        if !needs_place || archive_place.is_some() {
            dispatch = dispatch.archive_when_named(name.clone());
        } else {
            tracing::warn!("too many archives are under way: an auction is not archived");
        }
        let auction = Self {
            driver_is_gone: CancellationToken::new(),
            service,
            engines,
            dispatch,
            timelines,
            name,
            slot,
            archive_place,
        };
        Ok((auction, writer))
    }

    /// Sends it to the engines while it arrives, answers the driver, and waits for the archive.
    async fn run(self, body: Body, writer: DiskWriter, respond: oneshot::Sender<Response>) {
        let (service, engines) = (self.service, self.engines);
        let driver_is_gone = self.driver_is_gone;
        let limit = Instant::now() + service.arguments.body_timeout;
        // In its own task, so that the body is decompressed and written while it is sent.
        let arriving = AbortOnDropHandle::new(tokio::spawn(arrive(body, writer, limit)));
        let gone = driver_is_gone.clone();
        let arriving = async {
            let arrived = arriving.await;
            let arrived = arrived.unwrap_or_else(|panicked| Err(ArrivalError::from(panicked)));
            if arrived.is_err() {
                // A broken auction is not sent any further.
                gone.cancel();
            }
            arrived
        };
        let stop = driver_is_gone.clone().cancelled_owned();
        let pipeline = &engines.pipeline;
        let (run, archive) = pipeline.run_ahead_of_archive(self.dispatch, stop);
        let (arrived, mut outcome) = join(arriving, run).await;
        // The run may have ended before its id arrived.
        outcome.auction.id = self.name.await.map(|id| id.as_str().to_owned());
        let is_whole = arrived.is_ok();
        if !is_whole {
            outcome.archive = ArchiveOutcome::default();
        }
        // A broken auction is not archived, which is no failure of the archive.
        let kept = |archived| Some(archived).filter(|_| is_whole).unwrap_or_default();
        let mut archive = Box::pin(archive.ended().map(kept));
        let archived = archive.as_mut().now_or_never();
        let is_gone = is_whole && driver_is_gone.is_cancelled();

        let (mut response, problem) = match &arrived {
            Ok(_bytes) => answer(&service, &engines, &mut outcome),
            Err(broken) => {
                let why = error_chain(broken);
                (error(broken.status(), why.as_str()), Some(why))
            }
        };
        let timing = server_timing(&outcome, archived.as_ref());
        let timing = timing.map(|timing| (SERVER_TIMING, timing));
        response.headers_mut().extend(timing);
        let status = Some(response.status()).filter(|_| !is_gone);
        // First, so that the driver's next auction has it.
        drop(self.slot);
        let _driver_is_there = respond.send(response);
        let gone = is_gone.then(|| "the driver went away".to_owned());
        let problem = gone.or(problem);
        if is_whole && engines.archiving.is_some() && outcome.auction.id.is_none() {
            tracing::warn!("an auction without a valid id is not archived");
        }

        keep_answers(&service, &outcome).await;
        for solver in &mut outcome.solvers {
            // The page keeps the rest: answers may be large, and URLs, also those in errors, may contain a key.
            solver.response = None;
            solver.error = solver.error.as_deref().map(without_secrets);
            solver
                .url
                .truncate(solver.url.find('?').unwrap_or(solver.url.len()));
        }
        let number = service.history.lock().push(Record {
            number: 0,
            outcome,
            bytes: arrived.ok(),
            problem,
            timelines: self.timelines,
        });
        // Its slot is free by now: a store that is away does not keep drivers from being served.
        let mut archived = match archived {
            Some(archived) => archived,
            None => archive.await,
        };
        archived.error = archived.error.as_deref().map(without_secrets);
        drop(self.archive_place);
        let mut history = service.history.lock();
        if let Some(record) = history.get_mut(number) {
            record.outcome.archive = archived;
            record.log(status);
        }
    }
}

/// The time limit that the header asks for.
fn asked_for(headers: &HeaderMap) -> Result<Option<Duration>, String> {
    let Some(value) = headers.get(&DEADLINE) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let limit = text.trim().parse().map(Duration::from_millis).ok();
    let limit = limit.filter(|limit| *limit <= LONGEST).map(Some);
    limit.ok_or_else(|| "X-Deadline-Ms must be a number of milliseconds, at most a day".to_owned())
}

/// The instant, less the margin. One that has passed is ignored: it belongs to an old auction that is sent again.
fn instant_of(at: Timestamp, margin: Duration) -> Option<StdInstant> {
    let left = Timestamp::now().until(at).ok();
    let Some(left) = left.and_then(|left| Duration::try_from(left).ok()) else {
        tracing::warn!("the auction's deadline had passed, and is ignored: {at}");
        return None;
    };
    Some(StdInstant::now() + left.min(LONGEST).saturating_sub(margin))
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let found = PASSED_ON.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    found.collect()
}

/// Writes the body to disk as it arrives.
async fn arrive(
    mut body: Body,
    mut writer: DiskWriter,
    limit: Instant,
) -> Result<u64, ArrivalError> {
    let kept = async {
        let (mut bytes, mut data) = (0, Bytes::new());
        loop {
            // The next bytes are received while these are written. What was received before it breaks off is kept.
            let (frame, ()) = try_join(body.frame().map(Ok), writer.write(data)).await?;
            let Some(frame) = frame else {
                return Ok(writer.finish()?);
            };
            let broken = |error| ArrivalError::Broken(bytes, error_chain(&error));
            data = frame.map_err(broken)?.into_data().unwrap_or_default();
            bytes += data.len() as u64;
        }
    };
    let kept = timeout_at(limit, kept).await;
    kept.unwrap_or(Err(ArrivalError::TooSlow))
}

/// Why an auction did not arrive completely.
#[derive(Debug, thiserror::Error)]
enum ArrivalError {
    #[error(transparent)]
    Document(#[from] Broken),
    #[error("the auction broke off after {0} bytes: {1}")]
    Broken(u64, String),
    #[error("the auction did not arrive in time")]
    TooSlow,
    #[error("the auction failed: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl ArrivalError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Document(Broken::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Document(Broken::File(_)) | Self::Panicked(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer to the driver: the solutions of all engines that succeeded, or else what is wrong.
fn answer(
    service: &Service,
    engines: &Engines,
    outcome: &mut Outcome,
) -> (Response, Option<String>) {
    let mut merged = Merged::default();
    let mut solutions = service.solutions.lock();
    for (index, solver) in outcome.solvers.iter_mut().enumerate() {
        let is_ok = solver.status == SolverStatus::Ok;
        let Some(answer) = solver.response.as_ref().filter(|_| is_ok) else {
            continue;
        };
        if let Err(why) = merged.append(index, answer, || solutions.next_id()) {
            solver.status = SolverStatus::Failed;
            solver.error = Some(why.to_owned());
        }
    }
    let mut solvers = outcome.solvers.iter();
    if solvers.any(|solver| solver.status == SolverStatus::Ok) {
        let origins = std::mem::take(&mut merged.origins);
        let auction = outcome.auction.id.as_deref();
        let solvers = engines.pipeline.solvers();
        solutions.remember(auction, origins, solvers, Instant::now());
        return (json(StatusCode::OK, merged.answer()), None);
    }
    let engines = outcome.solvers.iter().map(|solver| {
        let why = without_secrets(solver.error.as_deref().unwrap_or_default());
        let status = words(solver.status);
        serde_json::json!({ "name": solver.name, "status": status, "error": why })
    });
    let engines: Vec<_> = engines.collect();
    let why = "no engine succeeded";
    let body = serde_json::json!({ "error": why, "engines": engines });
    let response = json(StatusCode::BAD_GATEWAY, body.to_string());
    (response, Some(why.to_owned()))
}

/// How long each engine took, and how the archive is (<https://www.w3.org/TR/server-timing/>).
fn server_timing(outcome: &Outcome, archived: Option<&ArchiveOutcome>) -> Option<HeaderValue> {
    let is_no_token = |character: char| {
        !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))
    };
    let solvers = outcome.solvers.iter().map(|solver| {
        let name = solver.name.replace(is_no_token, "_");
        let has_answered = solver.http_status.is_some();
        let duration = has_answered.then(|| format!(";dur={:.1}", solver.total_ms));
        let (duration, status) = (duration.unwrap_or_default(), words(solver.status));
        format!("{name}{duration};desc=\"{status}\"")
    });
    let archive = words(archived.unwrap_or(&outcome.archive).status);
    let archive = format!("archive;desc=\"{archive}\"");
    let entries: Vec<_> = solvers.chain([archive]).collect();
    HeaderValue::from_str(&entries.join(", ")).ok()
}

/// Writes each engine's answer to `--answers`, if the auction has an id.
async fn keep_answers(service: &Service, outcome: &Outcome) {
    let (Some(folder), Some(id)) = (&service.arguments.answers, &outcome.auction.id) else {
        return;
    };
    for solver in &outcome.solvers {
        let Some(answer) = &solver.response else {
            continue;
        };
        let name = answer_name(id, &solver.name);
        let path = folder.join(&name);
        let temporary = folder.join(format!(".{name}.new"));
        let written = async {
            tokio::fs::write(&temporary, answer.get()).await?;
            tokio::fs::rename(&temporary, &path).await
        };
        if let Err(error) = written.await {
            tracing::warn!("{}: an answer cannot be kept: {error}", path.display());
        }
    }
}

/// The name of the file for an engine's answer. No other auction and engine have the same: the engine's part has no dots.
fn answer_name(id: &str, engine: &str) -> String {
    let encode = |name: String, (character, code)| name.replace(character, code);
    let engine = ENCODED.into_iter().fold(engine.to_owned(), encode);
    format!("{id}.{engine}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_a_file_of_its_own() {
        for (id, engine, name) in [
            ("1", "naive-2_b", "1.naive-2_b.json"),
            ("1", "a/b", "1.a%2Fb.json"),
            ("1", "a_b", "1.a_b.json"),
            ("1", "a\\b", "1.a%5Cb.json"),
            ("1", "a%2Fb", "1.a%252Fb.json"),
            ("1", "a.b", "1.a%2Eb.json"),
            ("1.a", "b", "1.a.b.json"),
            ("1", "an ö", "1.an ö.json"),
        ] {
            assert_eq!(answer_name(id, engine), name);
        }
    }
}
