//! Ctrl-C in the middle of an archive leaves nothing, and says what had ended by then.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::{
    Engine, Finished, HoldingProxy, ObjectServer, RawSolver, Size, generated, program,
};

#[test]
fn an_interrupted_archive_leaves_nothing() {
    let server = ObjectServer::start();
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Large);
    let folder = home.path().join("archive");
    let bucket = format!("s3://{}/x", ObjectServer::BUCKET);
    for archive in [folder.to_str().unwrap(), &bucket] {
        let engine = Engine::stand_in(|builder| builder);
        // At this quality the archive needs minutes, the engine less than a second.
        let mut command = program(&[
            "solve",
            "--auction",
            path.to_str().unwrap(),
            "--archive",
            archive,
            "--codec",
            "brotli",
            "--level",
            "11",
            "--solver",
            &engine.argument("a"),
            "--format",
            "json",
        ]);
        let child = server
            .point(&mut command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert!(engine.report().complete);
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let finished = Finished::of(child);
        assert_eq!(finished.code, Some(130), "{finished:?}");
        assert!(finished.errors.contains("interrupted"), "{finished:?}");
        let archive = &finished.outcome()["archive"];
        assert_eq!(archive["status"], "cancelled");
        assert_eq!(archive["error"], "cancelled before it was committed");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(server.files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_upload_that_has_begun_is_taken_back_and_connections_are_closed() {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Large);
    let report = home.path().join("report.html");
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let server = ObjectServer::start();
        // The second part arrives late, so that the upload is half-way when the program is interrupted.
        let proxy = HoldingProxy::start(server.endpoint(), "partNumber=2");
        let (sender, closed) = channel();
        let engine = RawSolver::start(move |mut connection| {
            let sender = sender.clone();
            async move {
                let _head = connection.head().await;
                connection.closed().await;
                let _heard = sender.send(());
            }
        });
        let bucket = format!("s3://{}/x", ObjectServer::BUCKET);
        let mut command = program(&[
            "solve",
            "--auction",
            path.to_str().unwrap(),
            "--archive",
            &bucket,
            "--codec",
            "identity",
            "--deadline",
            "10m",
            "--solver",
            &engine.argument("a"),
            "--format",
            "json",
            "--report",
            report.to_str().unwrap(),
        ]);
        let child = server
            .point(&mut command)
            .env("AWS_ENDPOINT_URL", proxy.endpoint())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        proxy.wait();
        assert!(!server.files().is_empty(), "no upload has begun");
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        // Its connection to the engine is closed at once, whatever the store does.
        closed.recv_timeout(Duration::from_secs(60)).unwrap();
        proxy.open();
        let finished = Finished::of(child);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.errors.contains("interrupted"), "{finished:?}");
        let outcome = finished.outcome();
        let solver = &outcome["solvers"][0];
        assert_eq!(solver["status"], "cancelled");
        assert_eq!(solver["error"], "cancelled before it had answered");
        assert_eq!(solver["attempts"], 1);
        assert_eq!(outcome["archive"]["status"], "cancelled");
        let page = fs::read_to_string(&report).unwrap();
        assert!(page.contains("cancelled before it had answered"), "{page}");
        fs::remove_file(&report).unwrap();
        assert_eq!(server.files(), Vec::<std::path::PathBuf>::new());
    }
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Starts a program that archives in a store which takes the first part and never answers, with one engine that answers after
/// `thinking`.
fn archiving_for_ever(
    server: &ObjectServer,
    proxy: &HoldingProxy,
    thinking: Duration,
    more: &[&str],
) -> (Engine, Child) {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Large);
    let engine = Engine::stand_in(|builder| builder.delay(thinking));
    let solver = engine.argument("swift");
    let bucket = format!("s3://{}/x", ObjectServer::BUCKET);
    let arguments = [
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--archive",
        &bucket,
        "--codec",
        "identity",
        "--deadline",
        "10m",
        "--solver",
        &solver,
    ];
    let mut command = program(&[&arguments, more].concat());
    let child = server
        .point(&mut command)
        .env("AWS_ENDPOINT_URL", proxy.endpoint())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(engine.report().complete);
    proxy.wait();
    (engine, child)
}

#[test]
fn a_solver_is_shown_while_the_store_hangs_and_a_second_interrupt_leaves_it() {
    let server = ObjectServer::start();
    let proxy = HoldingProxy::start(server.endpoint(), "partNumber=1");
    let (_engine, mut child) = archiving_for_ever(&server, &proxy, Duration::ZERO, &[]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("\nswift   ok 200 "), "{line}");
    interrupt(&child);
    // The outcome comes at once; only the clean-up waits for the store.
    while !line.contains("in all") {
        assert!(output.read_line(&mut line).unwrap() > 0, "{line}");
    }
    assert!(
        line.contains("archive cancelled before it was committed"),
        "{line}"
    );
    let left = Instant::now();
    interrupt(&child);
    let finished = Finished::of(child);
    assert!(left.elapsed() < Duration::from_secs(9), "{finished:?}");
    assert_eq!(finished.code, Some(130), "{finished:?}");
    for part in [
        "the store was left",
        "interrupted again",
        "error: interrupted: ",
    ] {
        assert!(finished.errors.contains(part), "{part}: {finished:?}");
    }
}

#[test]
fn without_waiting_the_archive_is_left_and_it_is_said() {
    let server = ObjectServer::start();
    let proxy = HoldingProxy::start(server.endpoint(), "partNumber=1");
    // Long enough for the archive to begin, which it does when the engine has the auction.
    let thinking = Duration::from_secs(5);
    let more = ["--no-wait", "--format", "json"];
    let (_engine, child) = archiving_for_ever(&server, &proxy, thinking, &more);
    let finished = Finished::of(child);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let outcome = finished.outcome();
    assert_eq!(outcome["solvers"][0]["status"], "ok");
    assert_eq!(outcome["archive"]["status"], "cancelled");
    let said = "--no-wait: the archive was not waited for";
    assert!(finished.errors.contains(said), "{finished:?}");
}

#[test]
fn an_interrupt_while_the_auction_is_read_ends_with_an_outcome() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("archive");
    let engine = Engine::stand_in(|builder| builder);
    let mut child = program(&[
        "solve",
        "--auction",
        "-",
        "--archive",
        folder.to_str().unwrap(),
        "--solver",
        &engine.argument("a"),
        "--format",
        "json",
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // More than a pipe holds: when it is written, the program is reading.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&vec![b' '; 1 << 20]).unwrap();
    interrupt(&child);
    let mut output = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    let finished = Finished::of(child);
    assert_eq!(finished.code, Some(130), "{finished:?}");
    let outcome: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(outcome["solvers"][0]["status"], "cancelled");
    assert_eq!(outcome["solvers"][0]["bytes_sent"], serde_json::Value::Null);
    assert_ne!(outcome["archive"]["status"], "ok");
    assert!(!engine.had_request());
    assert_eq!(engine.accepted(), 0);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    drop(input);
}
