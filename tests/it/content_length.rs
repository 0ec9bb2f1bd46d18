//! `Content-Length` for engines that insist on one.

use std::fs;

use driver_streaming::{Dispatch, JsonDocument, Pipeline, View};
use serde_json::json;

use crate::support::{
    Engine, Finished, Request, ScriptedDocument, Size, content, generated, program, run, sha256,
};

/// Asserts that the request says how long it is, and is.
#[track_caller]
fn says_its_length(request: &Request) {
    assert!(request.is_whole);
    let length = request.body.len().to_string();
    assert_eq!(request.header("content-length"), Some(&*length));
    assert_eq!(request.header("transfer-encoding"), None);
}

#[test]
fn a_file_may_ask_for_it() {
    let home = tempfile::tempdir().unwrap();
    let auction = generated(home.path(), Size::Small);
    let engines: Vec<_> = (0..3).map(|_| Engine::keeping()).collect();
    let table = |name: &str, engine: &Engine, more: &str| {
        let url = engine.url();
        format!("[[solver]]\nname = {name:?}\nendpoint = {url:?}\n{more}\n")
    };
    let config = [
        "auction = \"auction.json\"\nformat = \"json\"\ndeadline = \"50s\"\n".to_owned(),
        table("chunked", &engines[0], ""),
        table("length", &engines[1], "length = true"),
        table(
            "tail",
            &engines[2],
            "length = true\nset = { deadline = \"late\" }",
        ),
    ];
    let path = home.path().join("driver.toml");
    fs::write(&path, config.concat()).unwrap();
    let finished = Finished::run(&mut program(&["solve", "--config", path.to_str().unwrap()]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let outcome = finished.outcome();
    let requests: Vec<_> = engines.iter().map(Engine::request).collect();
    assert_eq!(requests[0].header("content-length"), None);
    assert_eq!(requests[0].header("transfer-encoding"), Some("chunked"));
    says_its_length(&requests[1]);
    says_its_length(&requests[2]);
    assert!(requests[1].body == fs::read(auction).unwrap());
    assert!(requests[2].body.ends_with(br#""deadline":"late"}"#));
    for (request, solver) in requests.iter().zip(outcome["solvers"].as_array().unwrap()) {
        assert_eq!(solver["status"], "ok");
        assert_eq!(solver["document_sha256"], sha256(&request.body));
        assert_eq!(solver["bytes_sent"], request.body.len() as u64);
    }
}

#[test]
fn it_counts_what_is_appended_whatever_the_length() {
    let engines = [Engine::keeping(), Engine::keeping()];
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("a").with_content_length())
        .solver(engines[1].solver("b").with_content_length())
        .build()
        .unwrap();
    let chunk = 64 * 1024;
    for length in [1, chunk - 1, chunk, chunk + 1, 10 * chunk] {
        for tail in ["", "}", r#","deadline":1}"#] {
            let document = || ScriptedDocument::new(content(length));
            let dispatch = Dispatch::new(document()).views(
                pipeline.solvers(),
                |solver| View::keyed(()).tail(if solver.name() == "a" { tail } else { "" }),
                |()| document(),
            );
            let outcome = run(async { pipeline.run(dispatch).await });
            assert!(outcome.is_ok(), "{length} {tail:?}: {outcome:?}");
            for (engine, tail) in engines.iter().zip([tail, ""]) {
                let request = engine.request();
                says_its_length(&request);
                assert!(request.body == [&content(length), tail.as_bytes()].concat());
            }
        }
    }
}

#[test]
fn counting_is_no_production() {
    let engine = Engine::keeping();
    let solver = engine.solver("a").with_content_length();
    let pipeline = Pipeline::builder().solver(solver).build().unwrap();
    let auction = json!({"id": 1, "orders": vec!["0x00"; 100_000]});
    let text = auction.to_string();
    let dispatch = Dispatch::new(JsonDocument::new(auction));
    let outcome = run(async { pipeline.run(dispatch).await });
    assert!(outcome.is_ok(), "{outcome:?}");
    let request = engine.request();
    says_its_length(&request);
    assert!(request.body == text.as_bytes());
    assert_eq!(outcome.serialize.passes, Some(1.0));
}
