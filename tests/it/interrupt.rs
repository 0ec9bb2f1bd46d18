//! Ctrl-C in the middle of an archive leaves nothing, and says what had ended by then.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

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
