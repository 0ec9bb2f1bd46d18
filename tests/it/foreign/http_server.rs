//! Python's `http.server`, which knows nothing of chunks: whoever writes a handler decodes them, or asks for a length.

use serde_json::Value;

use super::driver::Driver;
use super::scripted_server::ScriptedServer;
use super::{FORMS, connections_of_three_requests, refuses_early, takes_every_form};
use crate::support::{Size, sha256};

/// What answers are sent as by default, and as they must be for connections to be kept.
const PROTOCOLS: [&str; 2] = ["HTTP/1.0", "HTTP/1.1"];

fn server(protocol: &str) -> Option<ScriptedServer> {
    ScriptedServer::start("python3", "server.py", &["http.server", protocol])
}

#[test]
fn a_handler_that_decodes_chunks_takes_every_form() {
    for server in PROTOCOLS.into_iter().filter_map(server) {
        takes_every_form(&server, false);
    }
}

#[test]
fn an_answer_that_comes_early_is_whole() {
    for server in PROTOCOLS.into_iter().filter_map(server) {
        refuses_early(&server, false);
    }
}

#[test]
fn only_http_1_1_keeps_its_connection() {
    for (protocol, connections) in [("HTTP/1.0", 3), ("HTTP/1.1", 1)] {
        if let Some(server) = server(protocol) {
            assert_eq!(connections_of_three_requests(&server, false), connections);
        }
    }
}

/// `int(headers["Content-Length"])` throws, and the server hangs up.
#[test]
fn the_usual_handler_needs_a_length() {
    for server in PROTOCOLS.into_iter().filter_map(server) {
        let driver = Driver::with(Size::Mainnet);
        let endpoint = server.endpoint("usual");
        let solver = driver.solve_one(&endpoint, "length = true", 0);
        assert_eq!(solver["status"], "ok");
        assert_eq!(solver["document_sha256"], server.report()["sha256"]);

        let solver = driver.solve_one(&endpoint, "", 1);
        assert_eq!(solver["status"], "failed");
        assert_eq!(solver["attempts"], 3);
        assert_eq!(solver["http_status"], Value::Null);
        assert_eq!(solver["document_sha256"], Value::Null);
        let error = solver["error"].as_str().unwrap();
        assert!(error.starts_with("the connection broke: "), "{error}");
        for _ in 0..3 {
            let thrown = server.failure();
            assert!(thrown.starts_with("TypeError: int()"), "{thrown}");
        }
    }
}

/// `int(headers.get("Content-Length", 0))` reads nothing, and what it answers without looks well.
#[test]
fn a_lenient_handler_reads_nothing_and_its_answer_shows_that() {
    for server in PROTOCOLS.into_iter().filter_map(server) {
        let driver = Driver::with(Size::Mainnet);
        for form in FORMS {
            let solver = driver.solve_one(&server.endpoint("lenient"), form, 0);
            let report = server.report();
            assert_eq!(solver["status"], "ok");
            if form == "length = true" {
                assert_eq!(solver["document_sha256"], report["sha256"]);
            } else {
                assert_eq!(report["bytes"], 0);
                assert_eq!(report["sha256"], sha256(b"").as_str());
                assert_eq!(solver["ending"], "cancelled");
                assert_eq!(solver["document_sha256"], Value::Null);
            }
        }
    }
}

/// `rfile.read()` waits for the end of the connection, which waits for the answer.
#[test]
fn a_handler_that_reads_to_the_end_never_answers() {
    for server in PROTOCOLS.into_iter().filter_map(server) {
        let driver = Driver::with(Size::Small).deadline("2s");
        for (form, start) in [("", "10000\r\n{"), ("length = true", "{")] {
            let solver = driver.solve_one(&server.endpoint("to-the-end"), form, 1);
            assert_eq!(solver["status"], "timed_out");
            assert_eq!(solver["http_status"], Value::Null);
            let report = server.report();
            let found = report["start"].as_str().unwrap();
            assert!(found.starts_with(start), "{found:?}");
        }
    }
}
