//! Runs with an HTTP client that is a function.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use archive_sink::Archive;
use bytes::Bytes;
use chunked_writer::JsonDocument;
use futures_util::future::{BoxFuture, pending};
use futures_util::{FutureExt, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use object_store::memory::InMemory;
use object_store::{ObjectMeta, ObjectStoreExt};
use tower_service::Service;

use crate::document::BoxError;
use crate::{
    AnswerError, ArchiveStatus, ArchiveTarget, Codec, CodecKind, Dispatch, Document,
    DocumentDigest, DocumentStream, LengthFuture, Measurements, Observer, Outcome, Pipeline,
    PipelineBuilder, ProductionMeter, RequestBody, SharedDigest, Solver, SolverFailure,
    SolverOutcome, Stage, View,
};

const MIB: usize = 1024 * 1024;

type Answer = Result<Response<Full<Bytes>>, BoxError>;

#[derive(Clone)]
struct Client<F>(F);

impl<F, A> Service<Request<RequestBody>> for Client<F>
where
    F: Fn(Request<RequestBody>) -> A,
    A: Future<Output = Answer> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        (self.0)(request).boxed()
    }
}

fn solver() -> Solver {
    Solver::new("a", "http://h").unwrap()
}

fn pipeline<F, A>(solver: Solver, client: F) -> PipelineBuilder
where
    F: Fn(Request<RequestBody>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    Pipeline::builder().solver(solver).client(Client(client))
}

fn answer(status: u16, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = StatusCode::from_u16(status)?;
    Ok(answer)
}

/// Takes the whole body, and says how long it was said to be.
async fn take(request: Request<RequestBody>) -> Answer {
    let said = request.body().size_hint().exact();
    request.into_body().collect().await?;
    answer(200, serde_json::to_vec(&said)?)
}

#[tokio::test(start_paused = true)]
async fn only_what_cannot_answer_now_is_asked_again() {
    for (status, attempts) in [
        (429, 1),
        (500, 1),
        (501, 1),
        (502, 3),
        (503, 3),
        (504, 3),
        (505, 1),
    ] {
        let pipeline = pipeline(solver(), move |_request| async move { answer(status, "") });
        let dispatch = Dispatch::new(JsonDocument::new(1));
        let outcome = pipeline.build().unwrap().run(dispatch).await;
        assert_eq!(outcome.solvers[0].attempts, attempts, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_in_any_form_is_no_problem_if_it_ends() {
    for (text, ends) in [("<html>", true), ("", true), ("too long", false)] {
        let pipeline = pipeline(solver(), move |_request| async move { answer(400, text) });
        let pipeline = pipeline.answer_limit(7);
        let dispatch = Dispatch::new(JsonDocument::new(1));
        let mut outcome = pipeline.build().unwrap().run(dispatch).await;
        match outcome.solvers.remove(0).failure {
            Some(SolverFailure::Answered { problem: None, .. }) => assert!(ends),
            Some(SolverFailure::Answered {
                problem: Some(AnswerError::TooLong(7)),
                ..
            }) => assert!(!ends),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_length_is_announced_if_asked_for_with_the_tail() {
    let long = Solver::new("b", "http://h").unwrap().with_content_length();
    let solvers = [solver(), long.clone()];
    let pipeline = pipeline(solver(), take).solver(long).digest(false);
    let dispatch = Dispatch::new(JsonDocument::new([10]).left_open()).views(
        &solvers,
        |_solver| View::auction().tail(",7]"),
        |()| JsonDocument::new(()),
    );
    let outcome = pipeline.build().unwrap().run(dispatch).await;
    let said = outcome
        .solvers
        .iter()
        .map(|solver| solver.response.as_ref());
    let said: Vec<_> = said.map(|said| said.unwrap().get()).collect();
    assert_eq!(said, ["null", "6"]);
    assert!(outcome.is_ok() && !outcome.is_cancelled());
    // Both were sent one production of it, and the digest is off.
    assert_eq!(outcome.serialize.passes, Some(1.0));
    assert_eq!(
        (outcome.auction.bytes, outcome.auction.sha256),
        (Some(3), None)
    );
}

#[tokio::test]
async fn an_auction_that_is_made_from_another_has_its_digest() {
    struct Made(SharedDigest);

    impl Document for Made {
        fn stream_from(&self, offset: u64) -> DocumentStream {
            Document::stream_from(&JsonDocument::new(1), offset)
        }

        fn length(&self) -> LengthFuture {
            Document::length(&JsonDocument::new(1))
        }

        fn origin(&self) -> Option<DocumentDigest> {
            self.0.get()
        }
    }

    let origin = SharedDigest::default();
    let chunks = stream::iter([Ok::<_, BoxError>(Bytes::from_static(b"origin"))]);
    let _all: Vec<_> = origin.follow(chunks, 0).collect().await;
    let digest = origin.get().unwrap();
    let dispatch = Dispatch::new(Arc::new(Made(origin)));
    let outcome = pipeline(solver(), take)
        .build()
        .unwrap()
        .run(dispatch)
        .await;
    assert_eq!(outcome.auction.bytes, Some(6));
    assert_eq!(outcome.auction.sha256, Some(digest.sha256()));
}

/// What is said of the solver, which comes first.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, reader: usize, what: &dyn ToString) {
        if reader == 0 {
            self.0.lock().unwrap().push(what.to_string());
        }
    }
}

impl Observer for Log {
    fn headers(&self, solver: usize, headers: &mut HeaderMap) {
        headers.insert("traceparent", HeaderValue::from_static("1"));
        self.add(solver, &"headers");
    }

    fn entered(&self, reader: usize, stage: Stage) {
        self.add(reader, &format!("{stage:?}"));
    }

    fn taken(&self, reader: usize, bytes: usize) {
        self.add(reader, &bytes);
    }

    fn restarted(&self, reader: usize) {
        self.add(reader, &"restarted");
    }

    fn body_ended(&self, solver: usize, measurements: &Measurements) {
        self.add(solver, &measurements.ending);
    }

    fn solver_ended(&self, solver: usize, outcome: &SolverOutcome) {
        self.add(solver, &format!("{} attempts", outcome.attempts));
    }

    fn run_ended(&self, outcome: &Outcome, production: &ProductionMeter) {
        assert!(outcome.is_ok() && production.bytes() >= 100_002);
        self.add(0, &"run ended");
    }
}

#[tokio::test(start_paused = true)]
async fn each_run_has_an_observer_that_sees_each_attempt() {
    let logs = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::new(AtomicUsize::new(0));
    let client = move |mut request: Request<RequestBody>| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!(request.headers()["traceparent"], "1");
            if number == 0 {
                request.body_mut().frame().await.unwrap()?;
                return answer(503, "");
            }
            take(request).await
        }
    };
    let made = Arc::clone(&logs);
    let pipeline = pipeline(solver(), client).observe(move |start| {
        assert_eq!((start.solvers.len(), start.is_archived), (1, false));
        let log = Arc::new(Log::default());
        made.lock().unwrap().push(Arc::clone(&log));
        log
    });
    let pipeline = pipeline.build().unwrap();
    for _ in 0..2 {
        let progress = pipeline.progress();
        let dispatch = Dispatch::new(JsonDocument::new("x".repeat(100_000)));
        let dispatch = dispatch.observed_by(Arc::new(progress.clone()));
        pipeline.run(dispatch).await;
        let seen = progress.readers().next().unwrap();
        assert_eq!((seen.bytes, seen.stage), (100_002, Stage::Ok));
    }
    let logs = logs.lock().unwrap();
    let said = |run: usize| logs[run].0.lock().unwrap().join(" ");
    let first = "headers Sending 65536 cancelled Answering restarted ";
    let last = "Sending 65536 34466 complete Thinking Answering";
    assert_eq!(said(0), format!("{first}{last} 2 attempts Ok run ended"));
    assert_eq!(said(1), format!("headers {last} 1 attempts Ok run ended"));
}

#[tokio::test]
async fn delivery_and_thinking_are_told_apart() {
    let pause = Duration::from_millis(20);
    let pipeline = pipeline(solver(), move |request| async move {
        tokio::time::sleep(pause).await;
        let answer = take(request).await;
        tokio::time::sleep(pause).await;
        answer
    });
    let dispatch = Dispatch::new(JsonDocument::new(1));
    let outcome = pipeline.build().unwrap().run(dispatch).await;
    let found = &outcome.solvers[0];
    let (delivered, thinking) = (found.delivered_ms.unwrap(), found.thinking_ms.unwrap());
    assert!(delivered >= 20.0 && thinking >= 20.0, "{found:?}");
    assert!(delivered + thinking <= found.total_ms, "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_is_named_late_holds_up_nobody_who_shares_its_encoding() {
    let codec = Archive::builder(Arc::new(InMemory::new())).build().unwrap();
    let solver = solver().with_encoding(codec.codec());
    let (pipeline, store) = archiving(pipeline(solver, take).window(1));
    // More than a window when it is compressed.
    let digests = (0_u64..200_000).map(|index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let dispatch = Dispatch::new(JsonDocument::new(digests.collect::<Vec<_>>()));
    let named = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        "1".parse().ok()
    };
    let outcome = pipeline.run(dispatch.archive_when_named(named)).await;
    assert!(outcome.is_ok() && archived(&store).await.is_some());
    assert_eq!(outcome.solvers[0].waited_ms, 0.0, "{outcome:?}");
}

fn archiving(builder: PipelineBuilder) -> (Pipeline, Arc<InMemory>) {
    let store = Arc::new(InMemory::new());
    let archive = Archive::builder(store.clone()).build().unwrap();
    let target = ArchiveTarget::new(archive, "memory:///".parse().unwrap());
    (builder.archive(target).build().unwrap(), store)
}

fn auction(text: &str) -> Dispatch {
    let document = JsonDocument::new([text.to_owned()]).left_open();
    let dispatch = Dispatch::new(document).archive_tail("]");
    dispatch.archive_as("1".parse().unwrap())
}

async fn archived(store: &InMemory) -> Option<ObjectMeta> {
    store.head(&"1.json".into()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn an_outcome_says_what_is_archived_and_nothing_is_replaced() {
    let (pipeline, store) = archiving(pipeline(solver(), take));
    let outcome = pipeline.run(auction("one")).await;
    let (found, object) = (outcome.archive, archived(&store).await.unwrap());
    assert_eq!(found.status, ArchiveStatus::Ok, "{found:?}");
    assert_eq!(found.placement, Some("exclusive"));
    assert_eq!(found.location.as_deref(), Some("memory:///1.json"));
    assert_eq!(found.codec.as_deref(), Some("gzip"));
    assert_eq!((found.raw_bytes, found.parts), (Some(7), Some(1)));
    assert_eq!(found.stored_bytes, Some(object.size));
    assert_eq!((found.e_tag, found.error), (object.e_tag.clone(), None));
    assert!(object.e_tag.is_some() && !found.document_failed);
    assert_eq!(outcome.auction.bytes, Some(7));
    assert!(found.sha256.is_some() && found.sha256 == outcome.auction.sha256);

    let again = pipeline.run(auction("one")).await.archive;
    assert_eq!(again.status, ArchiveStatus::AlreadyThere);
    assert_eq!(
        (again.placement, again.parts),
        (Some("already_there"), None)
    );

    // It is there as another archive has compressed it.
    let (pipeline, store) = archiving(self::pipeline(solver(), take));
    let plain = Archive::builder(store.clone()).codec(Codec::Identity);
    let chunks = stream::iter([Ok::<_, BoxError>(Bytes::from_static(b"[\"one\"]"))]);
    plain
        .build()
        .unwrap()
        .store("1.json", chunks)
        .await
        .unwrap();
    let there = pipeline.run(auction("one")).await.archive;
    assert_eq!(there.status, ArchiveStatus::AlreadyThere, "{there:?}");
    assert_eq!(there.codec.as_deref(), Some(CodecKind::Identity.name()));

    let (object, other) = (
        archived(&store).await.unwrap(),
        pipeline.run(auction("two")),
    );
    let other = other.await.archive;
    assert_eq!(other.status, ArchiveStatus::Conflict);
    assert!(other.error.is_some() && other.location.is_none());
    assert_eq!(archived(&store).await.unwrap().e_tag, object.e_tag);
}

#[tokio::test(start_paused = true)]
async fn an_archive_digests_what_the_run_does_not() {
    let (pipeline, _store) = archiving(pipeline(solver(), take).digest(false));
    let outcome = pipeline.run(auction("one")).await;
    assert_eq!(
        (outcome.auction.bytes, outcome.auction.sha256),
        (Some(7), None)
    );
    assert!(outcome.archive.sha256.is_some());
}

#[tokio::test(start_paused = true)]
async fn of_a_document_that_fails_nothing_is_archived() {
    let (pipeline, store) = archiving(pipeline(solver(), take));
    let broken = std::collections::HashMap::from([((), 1)]);
    let dispatch = Dispatch::new(JsonDocument::new(broken));
    let outcome: Outcome = pipeline
        .run(dispatch.archive_as("1".parse().unwrap()))
        .await;
    let found = outcome.archive;
    assert!(found.document_failed && archived(&store).await.is_none());
    assert_eq!(found.status, ArchiveStatus::Failed);
    assert_eq!(found.codec.as_deref(), Some("gzip"));
    let error = found.error.unwrap();
    assert!(error.contains("key must be a string"), "{error}");
    // No production came to its end.
    assert_eq!(
        (outcome.serialize.passes, outcome.auction.bytes),
        (None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_goes_on_keeps_its_windows_and_is_waited_for() {
    let codec = Archive::builder(Arc::new(InMemory::new()))
        .build()
        .unwrap()
        .codec();
    for (solver, windows) in [(solver(), 1), (solver().with_encoding(codec), 2)] {
        let builder = pipeline(solver, take).window(MIB).window_budget(64 * MIB);
        let (pipeline, store) = archiving(builder);
        let (run, archive) = pipeline.run_ahead_of_archive(auction("one"), pending());
        drop((run, archive));
        // A window, and a chunk for each of eight productions.
        let kept = windows * (MIB + MIB / 2);
        let left = || {
            let half = pipeline.setup.budget.lease(1, 64 * MIB).window_bytes + MIB / 2;
            2 * half
        };
        assert_eq!(left(), 64 * MIB - kept);
        assert!(archived(&store).await.is_none());
        pipeline.drain().await;
        assert!(archived(&store).await.is_some());
        assert_eq!(left(), 64 * MIB);
    }
}

#[cfg(feature = "spool")]
mod spooled {
    use archive_sink::Spool;
    use tempfile::TempDir;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A pipeline that archives through a spool, the archive, and the spool, which nobody uploads.
    async fn spooling() -> (Pipeline, Archive, Spool, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::builder(folder.path()).keep_free(0).open();
        let spool = spool.await.unwrap();
        let store = Arc::new(InMemory::new());
        let archive = Archive::builder(store).build().unwrap();
        let target = ArchiveTarget::new(archive.clone(), "memory:///".parse().unwrap());
        let pipeline = pipeline(solver(), take).archive(target.spooled(spool.clone()));
        let pipeline = pipeline.archive_limit(MINUTE).build().unwrap();
        (pipeline, archive, spool, folder)
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_does_not_confirm_in_time_is_spooled() {
        let (pipeline, _archive, spool, _folder) = spooling().await;
        for (text, stop) in [("one", 2 * MINUTE), ("two", MINUTE / 2)] {
            let stop = tokio::time::sleep(stop);
            let outcome = pipeline.run_until(auction(text), stop).await;
            let found = &outcome.archive;
            assert_eq!(found.status, ArchiveStatus::Spooled, "{found:?}");
            assert!(outcome.is_ok() && outcome.wall_ms >= 30_000.0);
            assert_eq!(found.location.as_deref(), Some("memory:///1.json"));
            assert_eq!(found.raw_bytes, Some(7));
            assert!(found.sha256.is_some() && found.sha256 == outcome.auction.sha256);
            assert!(found.stored_bytes.is_some_and(|bytes| bytes > 7));
            let error = found.error.as_ref().unwrap();
            assert!(error.contains("has not confirmed it yet"), "{error}");
        }
        assert_eq!(spool.status().await.unwrap().objects, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn another_object_of_that_name_is_a_conflict() {
        let (pipeline, archive, spool, _folder) = spooling().await;
        let other = stream::iter([Ok::<_, BoxError>(Bytes::from_static(b"other"))]);
        archive.store("1.json", other).await.unwrap();
        tokio::spawn(spool.uploader(archive).await.unwrap().run());
        let found = pipeline.run(auction("one")).await.archive;
        assert_eq!(found.status, ArchiveStatus::Conflict, "{found:?}");
        assert!(found.error.unwrap().contains("is set aside in"));
    }
}
