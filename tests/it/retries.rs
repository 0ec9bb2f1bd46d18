//! Retries from byte 0, within the deadline, and never after an answer that counts.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};

use driver_streaming::{Dispatch, Document, Pipeline, Solver, SolverOutcome, SolverStatus, Stage};
use hyper::header::RETRY_AFTER;
use solver_stand_in::{StandIn, StandInBuilder};

use crate::support::{
    Engine, RawSolver, ScriptedDocument, bound, content, run, sha256, stage, until,
};

/// Longer than a window, so that a retry cannot come out of one.
const LENGTH: usize = 3_300_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

/// Sends a document to one solver.
fn send(document: impl Document + 'static, solver: Solver, deadline: Duration) -> SolverOutcome {
    let pipeline = Pipeline::builder().solver(solver).deadline(deadline);
    let pipeline = pipeline.build().unwrap();
    let dispatch = Dispatch::new(document);
    let mut outcome = run(async { pipeline.run(dispatch).await });
    outcome.solvers.remove(0)
}

fn document() -> ScriptedDocument {
    ScriptedDocument::new(content(LENGTH))
}

/// An answer with this status, that is JSON.
fn answer(status: u16) -> StandInBuilder {
    StandIn::builder().status(status).response("{}")
}

/// An answer with this status that says when to come again.
fn busy(status: u16, when: &str) -> StandInBuilder {
    answer(status).header(RETRY_AFTER, when.parse().unwrap())
}

/// The connection is reset instead.
fn reset() -> StandInBuilder {
    StandIn::builder().reset_when_read()
}

/// Asserts that the engine was sent the document so many times, each time all of it.
fn sent_whole(engine: &Engine, times: usize) {
    let requests = engine.requests();
    assert_eq!(requests.len(), times);
    let digest = sha256(&content(LENGTH));
    for request in requests {
        assert!(request.is_whole);
        assert_eq!(sha256(&request.body), digest);
    }
}

#[track_caller]
fn went_well(solver: &SolverOutcome, attempts: u32) {
    assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
    assert_eq!((solver.attempts, solver.http_status), (attempts, Some(200)));
    assert_eq!(solver.bytes_sent, Some(LENGTH as u64));
    let digest = sha256(&content(LENGTH));
    assert_eq!(solver.document_sha256.as_deref(), Some(&*digest));
    assert_eq!(solver.error, None);
}

#[test]
fn an_engine_that_starts_late_gets_everything() {
    // Whoever connects is refused until somebody listens.
    let socket = bound();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let solver = Solver::new("late", &url).unwrap().with_retries(100);
    let pipeline = Pipeline::builder().solver(solver).deadline(NEVER);
    let pipeline = pipeline.build().unwrap();
    run(async {
        let progress = pipeline.progress();
        let started = async {
            // The first attempt connects in the poll in which it begins.
            until(|| stage(&progress, "late") == Stage::Sending).await;
            Engine::keeping_on(socket)
        };
        let sent = pipeline
            .run(Dispatch::new(document()).observed_by(std::sync::Arc::new(progress.clone())));
        let (outcome, engine) = tokio::join!(sent, started);
        let solver = &outcome.solvers[0];
        assert!(solver.attempts > 1);
        went_well(solver, solver.attempts);
        sent_whole(&engine, 1);
    });
}

#[test]
fn resets_before_an_answer_are_tried_again_from_byte_0() {
    let engine = Engine::scripted(vec![reset(), reset()]);
    let solver = send(document(), engine.solver("a"), NEVER);
    went_well(&solver, 3);
    sent_whole(&engine, 3);

    // As often as was asked for, and no more.
    let engine = Engine::scripted(vec![reset(), reset()]);
    let solver = send(document(), engine.solver("a").with_retries(1), NEVER);
    assert_eq!(solver.status, SolverStatus::Failed);
    assert_eq!((solver.attempts, solver.http_status), (2, None));
    assert!(solver.error.unwrap().contains("the connection broke"));
    sent_whole(&engine, 2);
}

#[test]
fn a_busy_engine_is_asked_again() {
    let past = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH);
    for script in [
        vec![busy(502, "0"), busy(503, "0"), busy(504, "0")],
        vec![answer(502), busy(503, &past), busy(503, "some time")],
    ] {
        let engine = Engine::scripted(script);
        let solver = send(document(), engine.solver("a").with_retries(3), NEVER);
        went_well(&solver, 4);
        sent_whole(&engine, 4);
    }
}

#[test]
fn with_an_encoding_or_a_length_retries_are_the_same() {
    let script = || vec![reset(), answer(503)];
    let engine = Engine::scripted(script());
    let solver = send(document(), engine.solver("a").with_content_length(), NEVER);
    went_well(&solver, 3);
    sent_whole(&engine, 3);

    let engine = Engine::scripted(script());
    let gzip = archive_sink::Codec::gzip(1).unwrap();
    let solver = send(document(), engine.solver("a").with_encoding(gzip), NEVER);
    assert_eq!((solver.status, solver.attempts), (SolverStatus::Ok, 3));
    let bodies = engine.requests();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|request| request.body == bodies[0].body));
    let raw = crate::end_to_end::decompressed(&bodies[0].body, "gzip");
    assert!(raw == content(LENGTH));
}

#[test]
fn retry_after_is_waited_for() {
    let (clock, wall) = (Instant::now(), SystemTime::now());
    // A date has no fractions: this is at least a second from now.
    let seconds = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 2;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let engine = Engine::scripted(vec![
        busy(503, &httpdate::fmt_http_date(date)),
        busy(503, "1"),
    ]);
    let solver = send(document(), engine.solver("a"), NEVER);
    went_well(&solver, 3);
    let [_, second, third] = [(); 3].map(|()| engine.request().came_at);
    // Two clocks, and a timer of whole milliseconds.
    let tolerance = Duration::from_millis(50);
    assert!(second - clock + tolerance >= date.duration_since(wall).unwrap());
    assert!(third - second >= Duration::from_secs(1));
}

#[test]
fn what_lies_beyond_the_deadline_is_not_waited_for() {
    // Were it, this would outlast the test.
    let engine = Engine::scripted(vec![busy(503, "3600")]);
    let solver = send(document(), engine.solver("a"), NEVER);
    assert_eq!(solver.status, SolverStatus::Failed);
    assert_eq!((solver.attempts, solver.http_status), (1, Some(503)));
    assert!(solver.error.unwrap().contains("503"));

    // Nor is what no clock can tell, or no number holds.
    for seconds in [i64::MAX.to_string(), u64::MAX.to_string(), "9".repeat(40)] {
        let engine = Engine::scripted(vec![busy(503, &seconds)]);
        let solver = send(document(), engine.solver("a"), NEVER);
        assert_eq!((solver.attempts, solver.http_status), (1, Some(503)));
    }

    // A second and another are more than there is.
    let engine = Engine::scripted(vec![busy(503, "1"); 3]);
    let deadline = Duration::from_millis(1900);
    let solver = send(document(), engine.solver("a").with_retries(9), deadline);
    assert!(solver.attempts <= 2, "{solver:?}");

    // A pause at a time, until the next would be too long.
    let dead = Engine::unreachable_url();
    let solver = Solver::new("dead", &dead).unwrap().with_retries(u32::MAX);
    let solver = send(document(), solver, Duration::from_millis(300));
    assert_ne!(solver.status, SolverStatus::Ok);
    assert_eq!(solver.http_status, None);
}

#[test]
fn without_retries_there_is_one_request() {
    for reply in [reset(), busy(503, "0")] {
        let engine = Engine::scripted(vec![reply]);
        let solver = send(document(), engine.solver("a").with_retries(0), NEVER);
        assert_eq!((solver.status, solver.attempts), (SolverStatus::Failed, 1));
        // There is none that would make its content uninteresting.
        assert_eq!(solver.response.is_some(), solver.http_status.is_some());
        sent_whole(&engine, 1);
    }
}

#[test]
fn an_answer_that_counts_is_not_asked_for_again() {
    for (reply, code) in [
        (answer(400), 400),
        (answer(429), 429),
        (answer(500), 500),
        (answer(200).response("<html>"), 200),
        (answer(200).response(""), 200),
    ] {
        let engine = Engine::scripted(vec![reply]);
        let solver = send(document(), engine.solver("a").with_retries(5), NEVER);
        assert_eq!(solver.status, SolverStatus::Failed);
        assert_eq!((solver.attempts, solver.http_status), (1, Some(code)));
        sent_whole(&engine, 1);
    }
}

#[test]
fn an_answer_that_has_begun_counts() {
    let half = |status: &'static str| {
        RawSolver::start(move |mut connection| async move {
            let _request = connection.request().await;
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n{{");
            connection.write(head.as_bytes()).await;
        })
    };
    let engine = half("200 OK");
    let solver = send(document(), engine.solver("a").with_retries(5), NEVER);
    assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
    assert_eq!((solver.attempts, solver.http_status), (1, Some(200)));
    assert!(solver.error.unwrap().contains("broke off"));
    // One that would not count if it were whole does not count by its beginning either.
    let engine = half("503 Busy");
    let solver = send(document(), engine.solver("a").with_retries(2), NEVER);
    assert_eq!((solver.attempts, solver.http_status), (3, Some(503)));
}

#[test]
fn an_engine_that_is_busy_at_once_is_asked_again() {
    let (sender, bodies) = channel();
    let engine = RawSolver::numbered(move |number, mut connection| {
        let sender = sender.clone();
        async move {
            let Some(head) = connection.head().await else {
                return;
            };
            if number == 0 {
                let _kilobyte = connection.skip(1000).await;
                connection
                    .answer("503 Busy", "retry-after: 0\r\n", b"{}")
                    .await;
                return connection.hold().await;
            }
            let _heard = sender.send(connection.rest_of(head).await.body);
            connection.answer_well().await;
        }
    });
    // Much more than sockets hold: or else the kernel takes all of it, and the connection is kept.
    let long = content(8_500_000);
    let document = ScriptedDocument::new(long.clone());
    let solver = send(document, engine.solver("a"), NEVER);
    assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
    assert_eq!((solver.attempts, solver.http_status), (2, Some(200)));
    assert_eq!(solver.document_sha256, Some(sha256(&long)));
    assert!(bodies.try_recv().unwrap() == long);
}

#[test]
fn what_a_busy_engine_has_to_say_is_not_waited_for() {
    let head = b"HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 1000000000\r\n\r\n{";
    for stalls in [true, false] {
        let engine = RawSolver::numbered(move |number, mut connection| async move {
            let Some(_request) = connection.request().await else {
                return;
            };
            if number > 0 {
                return connection.answer_well().await;
            }
            connection.write(head).await;
            if stalls {
                return connection.hold().await;
            }
            for _ in 0..1_000 {
                connection.write(&[b' '; 1_000_000]).await;
            }
        });
        let solver = send(document(), engine.solver("a"), NEVER);
        went_well(&solver, 2);
        assert_eq!(engine.accepted(), 2);
    }
}

#[test]
fn an_engine_that_is_busy_in_few_words_keeps_its_connection() {
    let engine = Engine::scripted(vec![busy(503, "0"); 2]);
    let solver = send(document(), engine.solver("a"), NEVER);
    went_well(&solver, 3);
    assert_eq!(engine.accepted(), 1);
}
