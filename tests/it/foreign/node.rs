//! Node's own servers, over HTTP/1.1 and HTTP/2.

use super::scripted_server::ScriptedServer;
use super::{connections_of_three_requests, refuses_early, takes_every_form};

fn server(http2: bool) -> Option<ScriptedServer> {
    let module = if http2 { "http2" } else { "http" };
    ScriptedServer::start("node", "server.mjs", &[module])
}

#[test]
fn every_form() {
    for http2 in [false, true] {
        if let Some(server) = server(http2) {
            takes_every_form(&server, http2);
        }
    }
}

#[test]
fn an_answer_that_comes_early_is_whole() {
    for http2 in [false, true] {
        if let Some(server) = server(http2) {
            refuses_early(&server, http2);
        }
    }
}

#[test]
fn it_keeps_its_connection() {
    for http2 in [false, true] {
        if let Some(server) = server(http2) {
            assert_eq!(connections_of_three_requests(&server, http2), 1);
        }
    }
}
