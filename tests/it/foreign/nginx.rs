//! nginx as a reverse proxy before an engine.

use serde_json::json;
use solver_stand_in::EarlyAnswer;

use super::driver::Driver;
use super::proxy::Proxy;
use super::{FORMS, refused};
use crate::end_to_end::decompressed;
use crate::support::{Engine, Size, sha256};

#[test]
fn the_engine_gets_every_form_with_and_without_buffering() {
    let engine = Engine::keeping();
    let Some(proxy) = Proxy::before(&engine) else {
        return;
    };
    let driver = Driver::with(Size::Mainnet);
    let encoded = [r#"encoding = "zstd""#, r#"encoding = "br""#];
    for (location, path) in [
        ("buffered", "/buffered/solve"),
        ("unbuffered", "/unbuffered/solve"),
        ("mainnet", "/solve"),
    ] {
        for form in FORMS.into_iter().chain(encoded) {
            let solver = driver.solve_one(&proxy.endpoint(location), form, 0);
            let request = engine.request();
            assert_eq!(request.path(), path);
            assert_eq!(solver["status"], "ok");
            assert_eq!(solver["attempts"], 1);
            let encoding = request.header("content-encoding");
            assert_eq!(solver["encoding"], json!(encoding));
            let codec = encoding.unwrap_or("identity").replace("br", "brotli");
            let digest = sha256(&decompressed(&request.body, &codec));
            assert_eq!(solver["document_sha256"], digest.as_str());
            assert_eq!(solver["bytes_sent"], request.body.len());
            // What is buffered has a length, whether it had one before or not.
            let chunked = location != "buffered" && form != "length = true";
            let framing = chunked.then_some("chunked");
            assert_eq!(request.header("transfer-encoding"), framing);
            assert_eq!(request.header("content-length").is_none(), chunked);
        }
    }
}

#[test]
fn it_keeps_its_connection() {
    let engine = Engine::stand_in(|builder| builder.status(503));
    let Some(proxy) = Proxy::before(&engine) else {
        return;
    };
    let driver = Driver::with(Size::Small);
    for form in FORMS {
        let solver = driver.solve_one(&proxy.endpoint("counting"), form, 1);
        assert_eq!(solver["http_status"], 503);
        assert_eq!(solver["attempts"], 3);
        // So many requests came over the connection of the last.
        assert_eq!(solver["response"], json!({"requests": 3}));
    }
}

#[test]
fn what_is_too_large_for_it_is_refused_early_and_its_answer_is_whole() {
    let engine = Engine::stand_in(|builder| builder);
    let Some(proxy) = Proxy::before(&engine) else {
        return;
    };
    for location in ["small", "small-unbuffered"] {
        for solver in refused(&proxy.endpoint(location), "") {
            let shown = format!("{solver}");
            assert_eq!(solver["status"], "failed", "{shown}");
            assert_eq!(solver["http_status"], 413, "{shown}");
            assert_eq!(solver["attempts"], 1, "{shown}");
            let error = solver["error"].as_str().unwrap();
            assert!(
                error.starts_with("the engine answered 413 ") && error.contains("an HTML page"),
                "{shown}"
            );
        }
        if location == "small" {
            assert!(!engine.had_request());
        }
    }
}

#[test]
fn an_early_answer_of_an_engine_that_goes_on_reading_is_whole() {
    let engine = Engine::stand_in(|builder| {
        builder
            .answer_after(1, EarlyAnswer::ThenRead)
            .status(400)
            .response(r#"{"error":"not now"}"#)
    });
    let Some(proxy) = Proxy::before(&engine) else {
        return;
    };
    for location in ["buffered", "unbuffered"] {
        for solver in refused(&proxy.endpoint(location), "") {
            let shown = format!("{solver}");
            assert_eq!(solver["http_status"], 400, "{shown}");
            assert_eq!(solver["attempts"], 1, "{shown}");
            assert_eq!(solver["response"], json!({"error": "not now"}), "{shown}");
        }
    }
}

#[test]
fn to_an_engine_of_http_1_0_nothing_is_unbuffered() {
    let engine = Engine::keeping();
    let Some(proxy) = Proxy::before(&engine) else {
        return;
    };
    let driver = Driver::with(Size::Mainnet);
    let solver = driver.solve_one(&proxy.endpoint("unbuffered-old"), "", 0);
    let request = engine.request();
    assert_eq!(solver["document_sha256"], sha256(&request.body).as_str());
    assert_eq!(request.header("transfer-encoding"), None);
    assert!(request.header("content-length").is_some());
}
