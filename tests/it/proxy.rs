//! A proxy of the environment never stands before a server on this machine.

use crate::support::{Engine, Finished, ObjectServer, program};

#[test]
fn loopback_is_reached_directly() {
    let server = ObjectServer::start();
    let engine = Engine::stand_in(|builder| builder);
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    std::fs::write(&path, r#"{"id":"1"}"#).unwrap();
    let dead = Engine::unreachable_url();
    let archive = format!("s3://{}/x", ObjectServer::BUCKET);
    let mut command = program(&[
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--archive",
        &archive,
        "--solver",
        &engine.argument("a"),
    ]);
    for variable in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(variable, &dead);
    }
    let finished = Finished::run(server.point(&mut command));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(engine.report().complete);
}
