//! Ctrl-C in the middle of an archive leaves nothing.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Engine, Finished, ObjectServer, Size, generated, program};

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
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.errors.contains("interrupted"), "{finished:?}");
        assert_eq!(finished.output, "");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(server.files(), Vec::<std::path::PathBuf>::new());
}
