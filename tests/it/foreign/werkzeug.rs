//! Werkzeug, which serves Flask in development: by `http.server`, but it decodes chunks.

use super::scripted_server::ScriptedServer;
use super::{connections_of_three_requests, refuses_early, takes_every_form};

fn server() -> Option<ScriptedServer> {
    ScriptedServer::start("python3", "server.py", &["werkzeug"])
}

#[test]
fn every_form() {
    if let Some(server) = server() {
        takes_every_form(&server, false);
    }
}

#[test]
fn an_answer_that_comes_early_is_whole() {
    if let Some(server) = server() {
        refuses_early(&server, false);
    }
}

#[test]
fn it_keeps_no_connection() {
    if let Some(server) = server() {
        assert_eq!(connections_of_three_requests(&server, false), 3);
    }
}
