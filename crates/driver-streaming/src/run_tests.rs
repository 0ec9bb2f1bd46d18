//! Runs with an HTTP client that is a function.

use std::sync::Arc;
use std::task::{Context, Poll};

use archive_sink::Archive;
use bytes::Bytes;
use chunked_writer::JsonDocument;
use futures_util::future::{BoxFuture, pending};
use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use object_store::memory::InMemory;
use object_store::{ObjectMeta, ObjectStoreExt};
use tower_service::Service;

use crate::document::BoxError;
use crate::{
    AnswerError, ArchiveStatus, ArchiveTarget, Dispatch, Document, DocumentDigest, DocumentStream,
    LengthFuture, Outcome, Pipeline, PipelineBuilder, RequestBody, SharedDigest, Solver,
    SolverFailure, View,
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
        let solver = solver().with_answer_limit(7);
        let pipeline = pipeline(solver, move |_request| async move { answer(400, text) });
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
    let dispatch = Dispatch::new(Made(origin));
    let outcome = pipeline(solver(), take)
        .build()
        .unwrap()
        .run(dispatch)
        .await;
    assert_eq!(outcome.auction.bytes, Some(6));
    assert_eq!(outcome.auction.sha256, Some(digest.sha256()));
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

    let other = pipeline.run(auction("two")).await.archive;
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
