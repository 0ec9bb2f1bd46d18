//! A document that is not whole never looks whole, to anyone: not when its source fails, nor its serialising, nor when
//! that panics.

use std::io::Read;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{
    ArchiveStatus, Dispatch, Ending, JsonDocument, Pipeline, Solver, SolverStatus,
};
use scripted_store::ScriptedStore;
use serde::{Serialize, Serializer};

use crate::support::{Engine, ScriptedDocument, archive_in, content, run, until};

/// What goes well before something goes wrong.
const GOOD: usize = 1_000_000;

/// What has been said of a document that fails, wherever it is read.
const CAUSE: &str = "the document could not be produced";

/// A value that is well for some time.
#[derive(Serialize)]
struct Auction {
    orders: Vec<String>,
    last: Last,
}

enum Last {
    Fails,
    Panics,
}

impl Serialize for Last {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fails => Err(serde::ser::Error::custom("no such number")),
            Self::Panics => panic!("an invariant is broken"),
        }
    }
}

fn auction(last: Last) -> JsonDocument<Auction> {
    let line = "0123456789".repeat(100);
    JsonDocument::new(Auction {
        orders: vec![line; GOOD / 1000],
        last,
    })
}

/// Sends a document that fails to one solver and an archive, and checks that both and nobody else know why. Returns
/// what the engine has heard, while the pipeline is there: what ends with that is no sign of a failure.
fn send<R>(
    dispatch: Dispatch,
    solver: Solver,
    ending: Option<Ending>,
    why: &str,
    mut heard: impl FnMut() -> Option<R>,
) -> R {
    let store = ScriptedStore::in_memory();
    let codec = solver.encoding().unwrap_or(Codec::Identity);
    let pipeline = Pipeline::builder()
        // Whatever came of it: it is not to be sent again.
        .solver(solver.with_retries(5))
        .archive(archive_in(&store, codec))
        .build()
        .unwrap();
    run(async {
        let outcome = pipeline.run(dispatch).await;
        let solver = &outcome.solvers[0];
        assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
        assert_eq!(solver.ending, ending);
        assert_eq!((solver.attempts, solver.http_status), (1, None));
        assert_eq!(solver.document_sha256, None);
        assert_eq!(outcome.archive.status, ArchiveStatus::Failed);
        for error in [&solver.error, &outcome.archive.error] {
            let error = error.as_deref().unwrap();
            assert!(error.contains(CAUSE) && error.contains(why), "{error}");
        }
        assert_eq!(outcome.auction.sha256, None);
        assert_eq!(outcome.serialize.passes, None);
        pipeline.drain().await;
        assert_eq!(store.names().await, Vec::<String>::new());
        assert_eq!(store.open_uploads().len(), 0);
        let mut found = None;
        until(|| {
            found = heard();
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    })
}

/// Auctions that fail, and why.
fn failing() -> [(Dispatch, &'static str); 3] {
    [
        (Dispatch::new(auction(Last::Fails)), "no such number"),
        (
            Dispatch::new(auction(Last::Panics)),
            "an invariant is broken",
        ),
        (
            Dispatch::new(ScriptedDocument::failing_at(content(2 * GOOD), GOOD)),
            "the source is broken",
        ),
    ]
    .map(|(dispatch, why)| (dispatch.archive_as("1".parse().unwrap()), why))
}

#[test]
fn a_chunked_request_has_no_terminating_chunk() {
    let engine = Engine::keeping();
    for (dispatch, why) in failing() {
        let request = send(
            dispatch,
            engine.solver("a"),
            Some(Ending::Failed),
            why,
            || engine.try_request(),
        );
        assert_eq!(request.header("transfer-encoding"), Some("chunked"));
        assert!(!request.is_whole);
        assert!(!request.body.is_empty());
    }
    assert!(engine.requests().is_empty(), "it was sent again");
}

#[test]
fn a_request_with_a_length_is_shorter() {
    let engine = Engine::keeping();
    let document = ScriptedDocument::failing_at(content(2 * GOOD), GOOD);
    let dispatch = Dispatch::new(document).archive_as("1".parse().unwrap());
    let solver = engine.solver("a").with_content_length();
    let request = send(
        dispatch,
        solver,
        Some(Ending::Failed),
        "the source is broken",
        || engine.try_request(),
    );
    let length = (2 * GOOD).to_string();
    assert_eq!(request.header("content-length"), Some(&*length));
    assert!(!request.is_whole);
    assert!(request.body.len() <= GOOD);
}

#[test]
fn a_document_whose_length_cannot_be_counted_is_not_sent() {
    let engine = Engine::keeping();
    for (dispatch, why) in failing().into_iter().take(2) {
        let solver = engine.solver("a").with_content_length();
        send(dispatch, solver, None, why, || Some(()));
        assert_eq!(engine.accepted(), 0);
    }
}

#[test]
fn an_http2_stream_is_reset() {
    let engine = Engine::keeping();
    for (dispatch, why) in failing() {
        let request = send(
            dispatch,
            engine.solver("a").with_http2(),
            Some(Ending::Failed),
            why,
            || engine.try_request(),
        );
        let error = request.error.expect("it is not whole");
        assert!(error.contains("stream error received"), "{error}");
        assert!(!request.body.is_empty());
    }
    // What is whole does not end so.
    let solver = engine.solver("a").with_http2();
    let pipeline = Pipeline::builder().solver(solver).build();
    let dispatch = Dispatch::new(ScriptedDocument::new(content(GOOD)));
    let outcome = run(async { pipeline.unwrap().run(dispatch).await });
    assert!(outcome.is_ok(), "{outcome:?}");
    let request = engine.try_request().unwrap();
    assert!(request.body == content(GOOD) && request.is_whole && request.error.is_none());
}

#[test]
fn a_compressed_request_does_not_decompress() {
    let engine = Engine::keeping();
    for kind in [CodecKind::Gzip, CodecKind::Zstd, CodecKind::Brotli] {
        for (dispatch, why) in failing() {
            let solver = engine.solver("a").with_encoding(Codec::default_for(kind));
            let request = send(dispatch, solver, Some(Ending::Failed), why, || {
                engine.try_request()
            });
            assert!(!request.is_whole);
            let mut raw = Vec::new();
            let body = &request.body[..];
            let decoded = match request.header("content-encoding") {
                Some("gzip") => flate2::read::GzDecoder::new(body)
                    .read_to_end(&mut raw)
                    .is_ok(),
                Some("zstd") => zstd::stream::copy_decode(body, &mut raw).is_ok(),
                Some("br") => brotli::BrotliDecompress(&mut { body }, &mut raw).is_ok(),
                other => panic!("nobody asked for {other:?}"),
            };
            assert!(!decoded, "{kind:?} looks whole");
        }
    }
}
