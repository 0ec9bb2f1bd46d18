//! Answers: how long they may be and take, how they may be compressed, and that they pass as they came.

use std::io::Write;
use std::time::Duration;

use driver_streaming::{Dispatch, Pipeline, PipelineBuilder, SolverOutcome, SolverStatus};
use hyper::header::CONTENT_ENCODING;
use solver_stand_in::StandIn;

use crate::support::{Engine, RawSolver, ScriptedDocument, content, run};

/// What an answer may have if nothing else is said, in bytes.
const LIMIT: usize = 30_000_000;

fn send(engine: &Engine, set_up: impl FnOnce(PipelineBuilder) -> PipelineBuilder) -> SolverOutcome {
    let pipeline = set_up(Pipeline::builder().solver(engine.solver("a")));
    let pipeline = pipeline.build().unwrap();
    let dispatch = Dispatch::new(ScriptedDocument::new(content(100_000)));
    let mut outcome = run(async { pipeline.run(dispatch).await });
    outcome.solvers.remove(0)
}

/// What comes of an answer with this body and encoding.
fn answered(encoding: &str, body: Vec<u8>) -> SolverOutcome {
    let mut answer = StandIn::builder().response(body);
    if !encoding.is_empty() {
        answer = answer.header(CONTENT_ENCODING, encoding.parse().unwrap());
    }
    let engine = Engine::scripted(vec![answer]);
    let solver = send(&engine, |builder| builder);
    let accepted = engine.request();
    let accepted = accepted.header("accept-encoding").unwrap();
    if !encoding.is_empty() {
        assert!(accepted.contains(encoding), "{encoding} was not asked for");
    }
    solver
}

#[track_caller]
fn is_too_long(solver: &SolverOutcome, limit: usize) {
    assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
    assert_eq!(solver.http_status, Some(200));
    assert!(solver.response.is_none());
    let expected = format!("longer than {limit} bytes");
    let error = solver.error.as_deref().unwrap();
    assert!(error.contains(&expected), "{error}");
}

/// A JSON string of exactly so many bytes.
fn json_of(bytes: usize) -> Vec<u8> {
    let mut json = vec![b'x'; bytes];
    json[0] = b'"';
    json[bytes - 1] = b'"';
    json
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 1,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut { content }, &mut encoded, &parameters).unwrap();
    encoded
}

#[test]
fn as_long_as_the_limit_is_not_too_long() {
    let whole = json_of(LIMIT);
    let solver = answered("", whole.clone());
    assert_eq!(solver.status, SolverStatus::Ok, "{:?}", solver.error);
    assert!(solver.response.unwrap().get().as_bytes() == whole);
    is_too_long(&answered("", json_of(LIMIT + 1)), LIMIT);
}

#[test]
fn the_limit_can_be_chosen() {
    for (length, fits) in [(10, true), (11, false)] {
        let engine = Engine::stand_in(|builder| builder.response(json_of(length)));
        let solver = send(&engine, |builder| builder.answer_limit(10));
        if fits {
            assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
        } else {
            is_too_long(&solver, 10);
        }
    }
}

#[test]
fn compressed_answers_are_decompressed() {
    let json = br#"{"solutions":[ {"id":1} ]}"#;
    for (encoding, body) in [
        ("gzip", gzip(json)),
        ("zstd", zstd::encode_all(&json[..], 1).unwrap()),
        ("br", brotli(json)),
    ] {
        let solver = answered(encoding, body.clone());
        assert_eq!(solver.status, SolverStatus::Ok, "{encoding}: {solver:?}");
        assert_eq!(solver.response.unwrap().get().as_bytes(), json);

        let cut = body[..body.len() - 1].to_vec();
        let solver = answered(encoding, cut);
        assert_eq!(
            solver.status,
            SolverStatus::Failed,
            "{encoding}: {solver:?}"
        );
        assert!(solver.error.unwrap().contains("broke off"));
    }
}

#[test]
fn a_small_answer_that_decompresses_to_more_than_the_limit_is_too_long() {
    let long = json_of(3 * LIMIT);
    for (encoding, bomb) in [
        ("gzip", gzip(&long)),
        ("zstd", zstd::encode_all(&long[..], 1).unwrap()),
        ("br", brotli(&long)),
    ] {
        assert!(bomb.len() < LIMIT / 10, "{encoding}");
        is_too_long(&answered(encoding, bomb), LIMIT);
    }
}

#[test]
fn an_answer_that_trickles_is_cut_off_at_the_deadline() {
    let engine = RawSolver::start(|mut connection| async move {
        let _request = connection.request().await;
        connection
            .write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n[")
            .await;
        loop {
            connection.write(b"1,").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let pipeline = Pipeline::builder()
        .solver(engine.solver("a"))
        .deadline(Duration::from_millis(500))
        .build()
        .unwrap();
    let dispatch = Dispatch::new(ScriptedDocument::new(content(1000)));
    let outcome = run(async { pipeline.run(dispatch).await });
    let solver = &outcome.solvers[0];
    assert_eq!(solver.status, SolverStatus::TimedOut, "{solver:?}");
    assert_eq!((solver.http_status, solver.attempts), (Some(200), 1));
    assert!(solver.response.is_none());
    assert!(solver.error.as_deref().unwrap().contains("did not end"));
    // The document had been sent, and is no longer at fault.
    assert_eq!(solver.bytes_sent, Some(1000));
}

#[test]
fn an_answer_passes_as_it_came() {
    let json =
        "\n{ \"a\" : 1.50e+3 ,\t\"a\":123456789012345678901234567890.10, \"\\u0062\":\"\u{e9}\" }";
    let solver = answered("", json.as_bytes().to_vec());
    assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
    let response = solver.response.unwrap();
    assert_eq!(response.get(), json.trim_start());
}

#[test]
fn an_answer_without_a_body_is_said_to_be_empty() {
    for status in [200, 204] {
        let engine = Engine::stand_in(|builder| builder.status(status).response(""));
        let solver = send(&engine, |builder| builder);
        assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
        assert_eq!(solver.http_status, Some(status));
        assert_eq!(solver.error.as_deref(), Some("the answer is empty"));
    }
}

#[test]
fn an_answer_that_is_no_json_is_shown() {
    let page = "an HTML page".to_owned();
    let cases = ["{\"a\":1", "{} {}", "NaN"].map(|body| (body, format!("{body:?}")));
    for (body, shown) in cases.into_iter().chain([("<html>", page)]) {
        let solver = answered("", body.into());
        assert_eq!(solver.status, SolverStatus::Failed, "{body}");
        let error = solver.error.unwrap();
        assert!(error.contains("not JSON"), "{error}");
        assert!(error.contains(&shown), "{error}");
    }
}
