//! An engine that answers before it has read everything has its whole answer reported, and is sent no more.

use driver_streaming::{Dispatch, Ending, Outcome, Pipeline, SolverOutcome, SolverStatus};
use solver_stand_in::EarlyAnswer;

use crate::support::{Engine, RawConnection, RawSolver, ScriptedDocument, content, run, sha256};

/// Much more than sockets hold.
const LONG: usize = 8_500_000;

/// What comes once may be luck.
const TIMES: usize = 20;

/// What an engine says after a kilobyte, and what it does then.
#[derive(Clone, Copy, Debug)]
struct Early {
    status: &'static str,
    closes: bool,
}

impl Early {
    async fn serve(self, mut connection: RawConnection) {
        let _head = connection.head().await;
        let _kilobyte = connection.skip(1000).await;
        connection
            .answer(self.status, "", answer().as_bytes())
            .await;
        if !self.closes {
            connection.hold().await;
        }
        // With so much unread, closing is a reset.
    }
}

/// Longer than a segment, so that it could break off.
fn answer() -> String {
    format!(r#"{{"reason":"{}"}}"#, "too early ".repeat(2_000))
}

fn check(solver: &SolverOutcome, early: Early) {
    let code: u16 = early.status[..3].parse().unwrap();
    let expected = if code == 200 {
        SolverStatus::Ok
    } else {
        SolverStatus::Failed
    };
    assert_eq!(solver.status, expected, "{early:?}: {solver:?}");
    assert_eq!((solver.http_status, solver.attempts), (Some(code), 1));
    let response = solver.response.as_ref().map(|json| json.get());
    assert_eq!(response, Some(&*answer()), "{early:?}: {solver:?}");
    let error = solver.error.as_deref().unwrap_or_default();
    assert!(
        !error.contains("broke") && !error.contains("pipe"),
        "{error}"
    );
    assert_eq!(solver.ending, Some(Ending::Cancelled), "{early:?}");
    assert_eq!(solver.document_sha256, None);
    let sent = solver.bytes_sent.unwrap();
    assert!(sent < 3 * LONG as u64 / 4, "{early:?}: {sent}");
}

fn send(early: Early) {
    let engine = RawSolver::start(move |connection| early.serve(connection));
    let pipeline = Pipeline::builder().solver(engine.solver("early")).build();
    let pipeline = pipeline.unwrap();
    run(async {
        for _ in 0..TIMES {
            let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
            let outcome: Outcome = pipeline.run(dispatch).await;
            check(&outcome.solvers[0], early);
            // The rest was produced for nobody.
            assert_eq!(outcome.serialize.passes, None);
        }
    });
    assert_eq!(
        engine.accepted(),
        TIMES,
        "a connection half-way through a request was used again"
    );
}

#[test]
fn from_an_engine_that_stops_reading() {
    for status in ["200 OK", "400 Bad Request", "413 Content Too Large"] {
        send(Early {
            status,
            closes: false,
        });
    }
}

#[test]
fn from_an_engine_that_closes_at_once() {
    for status in ["200 OK", "400 Bad Request", "413 Content Too Large"] {
        send(Early {
            status,
            closes: true,
        });
    }
}

#[test]
fn others_get_everything() {
    let engines = [false, true].map(|closes| {
        let early = Early {
            status: "413 Content Too Large",
            closes,
        };
        (
            early,
            RawSolver::start(move |connection| early.serve(connection)),
        )
    });
    let healthy = Engine::stand_in(|builder| builder);
    let pipeline = Pipeline::builder()
        .solver(engines[0].1.solver("holds"))
        .solver(engines[1].1.solver("closes"))
        .solver(healthy.solver("healthy"))
        .build()
        .unwrap();
    let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
    let outcome = run(async { pipeline.run(dispatch).await });
    for ((early, _), solver) in engines.iter().zip(&outcome.solvers) {
        check(solver, *early);
    }
    assert_eq!(outcome.solvers[2].status, SolverStatus::Ok);
    assert_eq!(healthy.report().sha256, sha256(&content(LONG)));
}

#[test]
fn over_http2_too() {
    const REFUSAL: &str = r#"{"reason":"too much"}"#;
    let engine = Engine::stand_in(|builder| {
        builder
            .answer_after(0, EarlyAnswer::ThenClose)
            .status(413)
            .response(REFUSAL)
    });
    let solver = engine.solver("early").with_http2();
    let pipeline = Pipeline::builder().solver(solver).build();
    let pipeline = pipeline.unwrap();
    run(async {
        for _ in 0..TIMES {
            let dispatch = Dispatch::new(ScriptedDocument::new(content(LONG)));
            let outcome = pipeline.run(dispatch).await;
            let solver = &outcome.solvers[0];
            assert_eq!(solver.http_status, Some(413), "{solver:?}");
            let response = solver.response.as_ref().map(|json| json.get());
            assert_eq!(response, Some(REFUSAL));
            assert_eq!((solver.status, solver.attempts), (SolverStatus::Failed, 1));
            assert!(solver.bytes_sent.unwrap() < LONG as u64 / 2);
        }
    });
}
