//! What a run can be given, and what it says, over real sockets.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use archive_sink::Archive;
use archive_sink::object_store::memory::InMemory;
use driver_streaming::{
    AnswerError, ArchiveStatus, ArchiveTarget, Codec, Dispatch, JsonDocument, LagPolicy, Pipeline,
    PipelineBuilder, Solver, SolverFailure, SolverOutcome, SolverStatus, Stage,
};
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use solver_stand_in::{EarlyAnswer, KeptRequest, StandIn, StandInBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HOUR: Duration = Duration::from_secs(3600);

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn solver(name: &str, engine: StandInBuilder) -> Solver {
    let engine = engine.bind(loopback()).await.unwrap();
    let solver = Solver::new(name, &engine.url()).unwrap();
    tokio::spawn(engine.serve());
    solver
}

/// An engine and the requests that it gets.
async fn keeping(name: &str, engine: StandInBuilder) -> (Solver, Arc<Mutex<Vec<KeptRequest>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let engine = engine.on_kept(move |request| keep.lock().unwrap().push(request));
    (solver(name, engine).await, kept)
}

fn with_archive(builder: PipelineBuilder) -> (PipelineBuilder, Archive) {
    let archive = Archive::builder(Arc::new(InMemory::new())).build().unwrap();
    let target = ArchiveTarget::new(archive.clone(), "memory:///".parse().unwrap());
    (builder.archive(target), archive)
}

/// 8 MB, more than sockets hold.
fn dispatch() -> Dispatch {
    Dispatch::new(JsonDocument::new(vec!["order"; 1_000_000]))
}

fn archived() -> Dispatch {
    dispatch().archive_as("1".parse().unwrap())
}

/// 8 kB, where the size does not matter.
fn small() -> Dispatch {
    Dispatch::new(JsonDocument::new(vec!["order"; 1000]))
}

async fn run(solver: Solver, dispatch: Dispatch) -> SolverOutcome {
    let pipeline = Pipeline::builder().solver(solver.with_retries(0));
    let mut outcome = pipeline.build().unwrap().run(dispatch).await;
    outcome.solvers.remove(0)
}

#[tokio::test]
async fn a_run_has_its_own_deadline_in_place_of_the_pipelines() {
    let stalled = solver("stalled", StandIn::builder().stall_after(100_000)).await;
    let pipeline = Pipeline::builder().solver(stalled).deadline(HOUR);
    let soon = Instant::now() + Duration::from_millis(300);
    let outcome = pipeline
        .build()
        .unwrap()
        .run(dispatch().deadline(soon))
        .await;
    let stalled = &outcome.solvers[0];
    assert_eq!(stalled.status, SolverStatus::TimedOut);
    let Some(SolverFailure::TimedOut {
        limit,
        bytes_sent,
        after,
        status,
    }) = stalled.failure
    else {
        panic!("{stalled:?}");
    };
    assert_eq!(
        (limit, status, Some(bytes_sent)),
        ("the deadline", None, stalled.bytes_sent)
    );
    assert!(bytes_sent >= 100_000 && after >= Duration::from_millis(200));

    let slow = solver("slow", StandIn::builder().delay(Duration::from_millis(300))).await;
    let pipeline = Pipeline::builder()
        .solver(slow)
        .deadline(Duration::from_millis(1));
    let later = Instant::now() + HOUR;
    let outcome = pipeline
        .build()
        .unwrap()
        .run(dispatch().deadline(later))
        .await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn after_a_deadline_that_has_passed_nothing_is_sent_and_the_auction_is_archived() {
    let (one, kept) = keeping("one", StandIn::builder()).await;
    let other = one.clone();
    let other = Solver::new("other", &other.shown_url())
        .unwrap()
        .with_timeout(HOUR);
    let (pipeline, _archive) = with_archive(Pipeline::builder().solvers([one, other]));
    let passed = Instant::now() - Duration::from_millis(1);
    let outcome = pipeline
        .build()
        .unwrap()
        .run(archived().deadline(passed))
        .await;
    for solver in &outcome.solvers {
        assert_eq!(
            (solver.status, solver.attempts),
            (SolverStatus::TimedOut, 0)
        );
        assert_eq!((solver.bytes_sent, solver.http_status), (None, None));
        assert!(
            solver
                .error
                .as_deref()
                .unwrap()
                .contains("within the deadline")
        );
    }
    assert_eq!(outcome.archive.status, ArchiveStatus::Ok);
    assert!(kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_deadline_that_becomes_known_is_brought_forward_and_never_put_off() {
    let started = Instant::now();
    let stalled = solver("stalled", StandIn::builder().stall_after(100_000)).await;
    let pipeline = Pipeline::builder().solver(stalled).deadline(HOUR);
    let soon = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some(Instant::now() + Duration::from_millis(150))
    };
    let pipeline = pipeline.build().unwrap();
    let outcome = pipeline.run(dispatch().deadline_from(soon)).await;
    assert_eq!(outcome.solvers[0].status, SolverStatus::TimedOut);
    assert!(started.elapsed() >= Duration::from_millis(200));

    let first = Instant::now() + Duration::from_millis(100);
    for known in [None, Some(Instant::now() + HOUR)] {
        let dispatch = dispatch()
            .deadline(first)
            .deadline_from(async move { known });
        let outcome = pipeline.run(dispatch).await;
        assert_eq!(outcome.solvers[0].status, SolverStatus::TimedOut);
    }
}

#[tokio::test]
async fn an_archive_that_is_named_late_holds_nobody_up_and_goes_on_when_the_run_is_stopped() {
    let (sender, named) = tokio::sync::oneshot::channel();
    let (swift, _kept) = keeping("swift", StandIn::builder()).await;
    let slow = solver("slow", StandIn::builder().delay(HOUR)).await;
    let (builder, archive) = with_archive(Pipeline::builder().solvers([swift, slow]));
    let pipeline = builder.window(128 * 1024).build().unwrap();
    let progress = pipeline.progress();
    let dispatch = dispatch()
        .archive_when_named(async { named.await.ok() })
        .observed_by(Arc::new(progress.clone()));
    // Stopped when both have been sent everything, and nothing has been archived by then.
    let stages = || {
        progress
            .readers()
            .map(|reader| reader.stage)
            .collect::<Vec<_>>()
    };
    let stop = async {
        while stages()[..] != [Stage::Ok, Stage::Thinking, Stage::Waiting] {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (run, pending) = pipeline.run_ahead_of_archive(dispatch, stop);
    let outcome = run.await;
    let statuses = outcome.solvers.iter().map(|solver| solver.status);
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(statuses, [SolverStatus::Ok, SolverStatus::Cancelled]);
    assert_eq!(outcome.archive.status, ArchiveStatus::Running);
    sender.send("7".parse().unwrap()).unwrap();
    let ended = pending.ended().await;
    assert_eq!(
        (ended.status, ended.raw_bytes),
        (ArchiveStatus::Ok, Some(8_000_001))
    );
    assert!(archive.open("7.json").await.is_ok());
}

#[tokio::test]
async fn an_archive_that_nobody_names_is_skipped() {
    let (swift, _kept) = keeping("swift", StandIn::builder()).await;
    let (builder, _archive) = with_archive(Pipeline::builder().solver(swift));
    let pipeline = builder.build().unwrap();
    let outcome = pipeline
        .run(small().archive_when_named(async { None }))
        .await;
    assert_eq!(outcome.solvers[0].status, SolverStatus::Ok);
    assert_eq!(outcome.archive.status, ArchiveStatus::Skipped);
    assert!(outcome.is_ok() && outcome.auction.id.is_none());
    let outcome = pipeline
        .run(small().archive_when_named(async { "8".parse().ok() }))
        .await;
    assert_eq!(outcome.auction.id.as_deref(), Some("8"));
    assert_eq!(outcome.archive.status, ArchiveStatus::Ok);
}

#[tokio::test]
async fn headers_of_a_run_are_beside_the_solvers_own() {
    let (engine, kept) = keeping("a", StandIn::builder()).await;
    let own = HeaderValue::from_static("solver");
    let engine = engine.with_header(AUTHORIZATION, own).unwrap();
    let pipeline = Pipeline::builder().solver(engine).build().unwrap();
    for run in ["one", "two"] {
        let headers = HeaderMap::from_iter([
            ("traceparent".parse().unwrap(), run.parse().unwrap()),
            (AUTHORIZATION, run.parse().unwrap()),
            // Not the caller's to say.
            (CONTENT_TYPE, "text/plain".parse().unwrap()),
            (CONTENT_ENCODING, "gzip".parse().unwrap()),
        ]);
        let outcome = pipeline.run(small().headers(headers)).await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    for (request, run) in kept.lock().unwrap().iter().zip(["one", "two"]) {
        let headers = &request.head.headers;
        assert_eq!(headers["traceparent"], run);
        let all: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
        assert_eq!(all, ["solver"]);
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        assert!(!headers.contains_key(CONTENT_ENCODING));
    }
}

#[tokio::test]
async fn the_archive_has_a_handle_before_the_run_ends_and_goes_on_without_it() {
    let stalled = solver("stalled", StandIn::builder().stall_after(1)).await;
    let (pipeline, archive) = with_archive(Pipeline::builder().solver(stalled).deadline(HOUR));
    let pipeline = pipeline.build().unwrap();
    let (run, pending) = pipeline.run_ahead_of_archive(archived(), std::future::pending());
    drop(run);
    let ended = pending.ended().await;
    assert_eq!(ended.status, ArchiveStatus::Ok, "{ended:?}");
    assert!(archive.open("1.json").await.is_ok());

    let other = dispatch().archive_as("2".parse().unwrap());
    let (run, pending) = pipeline.run_ahead_of_archive(other, std::future::pending());
    pending.give_up();
    drop(run);
    pipeline.drain().await;
    assert!(archive.open("2.json").await.is_err());
}

#[tokio::test]
async fn a_refusal_says_what_the_engine_said() {
    let detail = r#"{"detail":[{"loc":["body","id"],"msg":"Field required"}]}"#;
    let engine = StandIn::builder().status(422).response(detail);
    // Early: its bytes are kept all the same.
    let engine = engine.answer_after(1, EarlyAnswer::ThenClose);
    let outcome = run(solver("a", engine).await, dispatch()).await;
    let Some(SolverFailure::Answered {
        status,
        start,
        problem: None,
    }) = &outcome.failure
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((status.as_u16(), &start[..]), (422, detail.as_bytes()));
    assert!(outcome.error.unwrap().contains(detail));
    assert_eq!(outcome.response.unwrap().get(), detail);
}

#[tokio::test]
async fn an_answer_that_is_no_good_says_why_and_has_its_first_bytes() {
    let page = "<html>".repeat(20_000);
    let deep = "[".repeat(126) + &"]".repeat(126);
    let cases: [(&[u8], &str); 5] = [
        (b"", "answer_empty"),
        (page.as_bytes(), "answer_not_json"),
        (b"\"\xff\"", "answer_not_utf8"),
        (deep.as_bytes(), "answer_too_deep"),
        (&[b' '; 200_001], "answer_too_long"),
    ];
    for (body, kind) in cases {
        let engine = solver("a", StandIn::builder().response(body.to_vec())).await;
        let outcome = run(engine.with_answer_limit(200_000), small()).await;
        let failure = outcome.failure.as_ref().unwrap();
        assert_eq!(
            (outcome.status, failure.kind()),
            (SolverStatus::Failed, kind)
        );
        let SolverFailure::Answered { start, problem, .. } = failure else {
            panic!("{failure:?}");
        };
        // One that is too long is not read to there.
        let is_too_long = matches!(problem, Some(AnswerError::TooLong(200_000)));
        assert_eq!(is_too_long, kind == "answer_too_long");
        assert!(body.starts_with(start));
        assert!(is_too_long || start.len() == body.len().min(64 * 1024));
        assert!(outcome.error.unwrap().len() < 500);
    }
}

#[tokio::test]
async fn a_request_says_how_far_it_came() {
    let nobody = TcpListener::bind(loopback()).unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let outcome = run(Solver::new("a", &url).unwrap(), dispatch()).await;
    assert!(
        matches!(outcome.failure, Some(SolverFailure::NotConnected(_))),
        "{outcome:?}"
    );

    let engine = solver("a", StandIn::builder().reset_after(100_000)).await;
    let outcome = run(engine, dispatch()).await;
    assert!(
        matches!(outcome.failure, Some(SolverFailure::Broken(_))),
        "{outcome:?}"
    );

    let broken = std::collections::HashMap::from([((), 1)]);
    let engine = solver("a", StandIn::builder()).await;
    let outcome = run(engine, Dispatch::new(JsonDocument::new(broken))).await;
    assert!(
        matches!(outcome.failure, Some(SolverFailure::Document(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_outcome_says_who_was_waited_for() {
    let stalled = solver("stalled", StandIn::builder().stall_after(1)).await;
    let stalled = stalled.with_lag_policy(LagPolicy::Wait);
    let stalled = stalled.with_timeout(Duration::from_secs(1));
    let swift = solver("swift", StandIn::builder()).await;
    let pipeline = Pipeline::builder().solvers([stalled, swift]);
    let outcome = pipeline.build().unwrap().run(dispatch()).await;
    let [stalled, swift] = &outcome.solvers[..] else {
        panic!("{outcome:?}");
    };
    assert_eq!(swift.status, SolverStatus::Ok);
    assert!(
        stalled.waited_for_ms > 100.0 && swift.waited_ms > 100.0,
        "{outcome:?}"
    );
    assert!(stalled.waited_ms < swift.waited_ms, "{outcome:?}");
    assert!(swift.waited_for_ms < stalled.waited_for_ms, "{outcome:?}");
}

/// How the requests of `runs` runs were encoded, and how often each was made.
async fn encodings(engine: StandInBuilder, runs: usize) -> Vec<(Option<&'static str>, u32)> {
    let (engine, kept) = keeping("a", engine).await;
    let pipeline = Pipeline::builder().solver(engine.with_learned_encoding());
    let pipeline = pipeline.build().unwrap();
    let mut found = Vec::new();
    for _ in 0..runs {
        let outcome = pipeline.run(small()).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        let solver = &outcome.solvers[0];
        let last = kept.lock().unwrap().pop().unwrap();
        let said = last
            .head
            .headers
            .get(CONTENT_ENCODING)
            .map(|said| said.to_str().unwrap());
        assert_eq!(said, solver.encoding);
        found.push((solver.encoding, solver.attempts));
    }
    found
}

fn taking(names: &'static str) -> StandInBuilder {
    StandIn::builder().header(ACCEPT_ENCODING, HeaderValue::from_static(names))
}

#[tokio::test]
async fn requests_are_compressed_as_answers_say_that_they_are_taken() {
    for (names, learned) in [
        ("gzip", Some("gzip")),
        ("compress, GZIP", Some("gzip")),
        ("identity", None),
        ("compress", None),
    ] {
        let found = encodings(taking(names), 3).await;
        assert_eq!(found, [(None, 1), (learned, 1), (learned, 1)], "{names}");
    }
    #[cfg(feature = "zstd")]
    assert_eq!(encodings(StandIn::builder(), 2).await[1], (Some("zstd"), 1));
}

#[tokio::test]
async fn what_is_refused_is_made_again_at_once_plain_and_not_tried_again() {
    // It says that it takes gzip, and does not.
    let refusing = |head: &http::request::Parts, _number| {
        let is_encoded = head.headers.contains_key(CONTENT_ENCODING);
        is_encoded.then(|| taking("gzip").status(415).response(""))
    };
    let found = encodings(taking("gzip").choose(refusing), 4).await;
    assert_eq!(found, [(None, 1); 4]);
}

#[tokio::test]
async fn a_learned_encoding_is_shared_with_the_archive() {
    let (engine, kept) = keeping("a", StandIn::builder()).await;
    let (pipeline, _archive) =
        with_archive(Pipeline::builder().solver(engine.with_learned_encoding()));
    let pipeline = pipeline.build().unwrap();
    for compressed in [0, 1] {
        let dispatch = small().archive_as(compressed.to_string().parse().unwrap());
        let outcome = pipeline.run(dispatch).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(outcome.compress.documents, compressed);
    }
    // What the archive has, though it is not the best that the engine takes.
    let kept = kept.lock().unwrap();
    assert_eq!(kept[1].head.headers[CONTENT_ENCODING], "gzip");
}

#[test]
fn a_length_and_a_learned_encoding_exclude_each_other() {
    let solver = Solver::new("a", "http://h").unwrap().with_content_length();
    assert!(
        Pipeline::builder()
            .solver(solver.clone().with_learned_encoding())
            .build()
            .is_err()
    );
    let encoded = solver
        .with_learned_encoding()
        .with_encoding(Codec::Identity);
    assert!(Pipeline::builder().solver(encoded).build().is_ok());
}

#[tokio::test]
async fn a_kept_connection_that_is_gone_costs_no_attempt() {
    let listener = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Each connection is closed when its second request begins.
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n0\r\n\r\n") {
                socket.read_buf(&mut request).await.unwrap();
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            socket.write_all(answer).await.unwrap();
            socket.read_u8().await.unwrap();
        }
    });
    let pipeline = Pipeline::builder().solver(Solver::new("a", &url).unwrap());
    let pipeline = pipeline.build().unwrap();
    for _ in 0..3 {
        let outcome = pipeline.run(small()).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(outcome.solvers[0].attempts, 1);
    }
}
