//! Engines that speak HTTP/2: what they refuse is sent again, and a stream that they do not read holds up no other solver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytes::Bytes;
use driver_streaming::{Dispatch, Pipeline, Solver, SolverStatus, Stage};
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use hyper::{Request, Response};
use tokio::net::TcpStream;

use crate::support::{
    RawConnection, RawSolver, ScriptedDocument, content, run, sha256, stage, until,
};

/// Much more than sockets and windows hold.
const LONG: usize = 8_500_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

type Respond = SendResponse<Bytes>;

/// An engine that does this with the requests of a connection, numbered over all connections.
fn engine<F>(serve: F) -> RawSolver
where
    F: Fn(usize, &mut Connection<TcpStream, Bytes>, Request<RecvStream>, Respond)
        + Send
        + Sync
        + 'static,
{
    let (serve, served) = (Arc::new(serve), Arc::new(AtomicUsize::new(0)));
    RawSolver::start(move |connection: RawConnection| {
        let (serve, served) = (Arc::clone(&serve), Arc::clone(&served));
        async move {
            let Ok(mut connection) = h2::server::handshake(connection.into_stream()).await else {
                return;
            };
            while let Some(Ok((request, respond))) = connection.accept().await {
                let number = served.fetch_add(1, Ordering::SeqCst);
                serve(number, &mut connection, request, respond);
            }
        }
    })
}

/// Reads a request to its end and answers it well; `None` if it does not end well.
async fn answer_well(request: Request<RecvStream>, mut respond: Respond) -> Option<Vec<u8>> {
    let mut stream = request.into_body();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.ok()?;
        body.extend_from_slice(&chunk);
        stream.flow_control().release_capacity(chunk.len()).ok()?;
    }
    let mut answer = respond.send_response(Response::new(()), false).ok()?;
    let json = Bytes::from_static(br#"{"solutions":[]}"#);
    answer.send_data(json, true).ok()?;
    Some(body)
}

/// An engine that refuses its first requests for these reasons, by a reset of the stream or by leaving, and the bodies
/// of those that it answers.
fn refusing(reasons: Vec<(Reason, bool)>) -> (RawSolver, Receiver<Option<Vec<u8>>>) {
    let (sender, bodies) = channel();
    let engine =
        engine(
            move |number, connection, request, mut respond| match reasons.get(number) {
                Some((reason, false)) => respond.send_reset(*reason),
                Some((reason, true)) => connection.abrupt_shutdown(*reason),
                None => {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        let _heard = sender.send(answer_well(request, respond).await);
                    });
                }
            },
        );
    (engine, bodies)
}

/// A pipeline that speaks HTTP/2 to one engine, and has all the time there is.
fn pipeline_to(engine: &RawSolver) -> Pipeline {
    Pipeline::builder()
        .solver(engine.solver("a").with_http2())
        .deadline(NEVER)
        .build()
        .unwrap()
}

#[test]
fn refused_streams_are_tried_again_from_byte_0() {
    for reasons in [
        vec![(Reason::REFUSED_STREAM, false), (Reason::CANCEL, false)],
        vec![(Reason::INTERNAL_ERROR, false), (Reason::NO_ERROR, true)],
        vec![(Reason::ENHANCE_YOUR_CALM, true)],
    ] {
        let attempts = u32::try_from(reasons.len()).unwrap() + 1;
        let (engine, bodies) = refusing(reasons);
        let pipeline = pipeline_to(&engine);
        let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
        let outcome = run(async { pipeline.run(dispatch).await });
        let solver = &outcome.solvers[0];
        assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
        assert_eq!(solver.attempts, attempts);
        assert_eq!(solver.document_sha256, Some(sha256(&content(LONG))));
        let body = bodies.try_recv().unwrap();
        assert!(body.unwrap() == content(LONG));
    }
}

#[test]
fn what_an_engine_does_not_understand_is_not_tried_again() {
    let (engine, _bodies) = refusing(vec![(Reason::HTTP_1_1_REQUIRED, false)]);
    let pipeline = pipeline_to(&engine);
    let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
    let outcome = run(async { pipeline.run(dispatch).await });
    let solver = &outcome.solvers[0];
    assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
    assert_eq!((solver.attempts, solver.http_status), (1, None));
}

#[test]
fn a_stream_that_is_not_read_holds_up_no_other_solver_of_the_same_engine() {
    let engine = engine(|_, _, request, respond| {
        tokio::spawn(async move {
            if request.uri().path().starts_with("/stalled/") {
                // What has come stays unread, and takes its part of the connection's window.
                let _held = (request, respond);
                return std::future::pending().await;
            }
            let _read = answer_well(request, respond).await;
        });
    });
    let solver = |name: &str| {
        let endpoint = format!("{}/{name}", engine.url());
        Solver::new(name, &endpoint).unwrap().with_http2()
    };
    let pipeline = Pipeline::builder()
        .solver(solver("stalled"))
        .solver(solver("healthy"))
        .deadline(NEVER);
    let pipeline = pipeline.build().unwrap();
    run(async {
        let progress = pipeline.progress();
        let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
        let sending = pipeline.run(dispatch.observed_by(std::sync::Arc::new(progress.clone())));
        tokio::select! {
            outcome = sending => panic!("{outcome:?}"),
            () = until(|| stage(&progress, "healthy") == Stage::Ok) => {}
        }
        assert_eq!(stage(&progress, "stalled"), Stage::Sending);
    });
}

#[test]
fn a_stream_that_is_not_read_holds_up_no_later_auction() {
    let begun = Arc::new(AtomicUsize::new(0));
    let requests = Arc::clone(&begun);
    let engine = engine(move |number, _, request, respond| {
        requests.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            if number == 0 {
                let _held = (request, respond);
                return std::future::pending().await;
            }
            let _read = answer_well(request, respond).await;
        });
    });
    let pipeline = pipeline_to(&engine);
    let dispatch = || Dispatch::new(ScriptedDocument::new(content(LONG)));
    run(async {
        let mut first = Box::pin(pipeline.run(dispatch()));
        tokio::select! {
            outcome = &mut first => panic!("{outcome:?}"),
            () = until(|| begun.load(Ordering::SeqCst) == 1) => {}
        }
        // Two, one after the other: the second by the connection of the one before.
        for _ in 0..2 {
            let outcome = tokio::select! {
                outcome = &mut first => panic!("{outcome:?}"),
                outcome = pipeline.run(dispatch()) => outcome,
            };
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        assert_eq!(engine.accepted(), 2);
    });
}

#[test]
fn an_engine_that_does_not_speak_it_is_named() {
    let engine = RawSolver::start(|mut connection| async move {
        let _preface = connection.skip(24).await;
        connection.answer("400 Bad Request", "", b"").await;
        connection.closed().await;
    });
    let pipeline = pipeline_to(&engine);
    let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
    let outcome = run(async { pipeline.run(dispatch).await });
    let solver = &outcome.solvers[0];
    assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
    assert_eq!(solver.attempts, 1);
    let error = solver.error.as_deref().unwrap();
    assert!(error.contains("does not seem to speak HTTP/2"), "{error}");
}
