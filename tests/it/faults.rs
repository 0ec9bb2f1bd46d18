//! A solver that fails is that solver's failure: the others and the archive are not touched by it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use solver_stand_in::EarlyAnswer;
use tempfile::TempDir;

use crate::support::{Engine, Finished, RawSolver, Size, generated, program, sha256};

/// One failing engine between two healthy ones, and an archive.
struct Run {
    _home: TempDir,
    path: PathBuf,
    failing: Value,
}

impl Run {
    fn with(failing: &str, more: &[&str]) -> Self {
        Self::of(Size::Small, failing, more)
    }

    fn of(size: Size, failing: &str, more: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = generated(home.path(), size);
        let archive = home.path().join("archive");
        let healthy = [
            Engine::stand_in(|builder| builder),
            Engine::stand_in(|builder| builder),
        ];
        let first = healthy[0].argument("first");
        let last = healthy[1].argument("last");
        let mut arguments = vec![
            "solve",
            "--auction",
            path.to_str().unwrap(),
            "--id",
            "1",
            "--format",
            "json",
        ];
        arguments.extend([
            "--archive",
            archive.to_str().unwrap(),
            "--codec",
            "identity",
        ]);
        arguments.extend(["--solver", &first, "--solver", failing, "--solver", &last]);
        arguments.extend(more);
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let mut outcome = finished.outcome();
        let raw = fs::read(archive.join("1.json")).unwrap();
        let digest = sha256(&raw);
        for engine in &healthy {
            let report = engine.report();
            assert_eq!(
                (report.sha256.as_str(), report.complete),
                (digest.as_str(), true)
            );
        }
        assert_eq!(outcome["solvers"][0]["status"], "ok");
        assert_eq!(outcome["solvers"][2]["status"], "ok");
        assert_eq!(outcome["archive"]["status"], "ok");
        assert_eq!(outcome["archive"]["sha256"], digest.as_str());
        let failing = outcome["solvers"][1].take();
        Self {
            _home: home,
            path,
            failing,
        }
    }

    fn error(&self) -> &str {
        self.failing["error"].as_str().unwrap()
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.path).unwrap().len()
    }
}

#[test]
fn nobody_listens() {
    let run = Run::with(
        &format!(
            "dead=http://user:secret@{}/?key=secret",
            &Engine::unreachable_url()[7..]
        ),
        &[],
    );
    assert_eq!(run.failing["status"], "failed");
    assert_eq!(run.failing["http_status"], Value::Null);
    assert_eq!(run.failing["ending"], "never_polled");
    assert_eq!(run.failing["bytes_sent"], 0);
    assert_eq!(run.failing["document_sha256"], Value::Null);
    assert!(run.error().contains("refused"), "{}", run.error());
    assert!(
        !run.failing.to_string().contains("secret"),
        "{}",
        run.failing
    );
    assert!(
        run.failing["url"]
            .as_str()
            .unwrap()
            .starts_with("http://***@127.0.0.1")
    );
}

#[test]
fn it_answers_500() {
    let engine = Engine::stand_in(|builder| builder.status(500));
    let run = Run::with(&engine.argument("angry"), &[]);
    assert_eq!(run.failing["status"], "failed");
    assert_eq!(run.failing["http_status"], 500);
    assert_eq!(run.failing["ending"], "complete");
    assert!(run.error().contains("500"), "{}", run.error());
}

#[test]
fn it_redirects() {
    let engine = Engine::stand_in(|builder| builder.status(307));
    let run = Run::with(&engine.argument("elsewhere"), &[]);
    assert_eq!(
        (&run.failing["status"], &run.failing["http_status"]),
        (&"failed".into(), &307.into())
    );
}

#[test]
fn it_answers_no_json() {
    let engine = Engine::stand_in(|builder| builder.response("<html>"));
    let run = Run::with(&engine.argument("web"), &[]);
    assert_eq!(run.failing["status"], "failed");
    assert_eq!(run.failing["http_status"], 200);
    assert_eq!(run.failing["response"], Value::Null);
    assert!(
        run.error().contains("not JSON") && run.error().contains("an HTML page"),
        "{}",
        run.error()
    );
}

#[test]
fn it_cuts_the_connection() {
    let engine = RawSolver::start(|mut connection| async move {
        let _little = connection.skip(1).await;
    });
    // Much more than sockets hold, so that it cannot all be on its way before the engine is gone.
    let run = Run::of(Size::Large, &engine.argument("gone"), &[]);
    assert_eq!(run.failing["status"], "failed");
    assert_eq!(run.failing["document_sha256"], Value::Null);
    assert!(!run.error().is_empty());
}

#[test]
fn it_resets_the_connection() {
    let engine = Engine::stand_in(|builder| builder.reset_after(100_000));
    // Much more than sockets hold, so that it cannot all be on its way by then.
    let run = Run::of(Size::Large, &engine.argument("reset"), &[]);
    assert_eq!(run.failing["status"], "failed");
    assert_eq!(run.failing["document_sha256"], Value::Null);
    let report = engine.report();
    assert!(!report.complete && report.bytes >= 100_000, "{report:?}");
}

#[test]
fn it_stalls() {
    let engine = Engine::stand_in(|builder| builder.stall_after(100_000));
    // Much more than sockets hold, so that the stall is felt.
    let run = Run::of(
        Size::Large,
        &engine.argument("stalled"),
        &["--deadline", "5s"],
    );
    assert_eq!(run.failing["status"], "timed_out");
    assert_eq!(run.failing["ending"], "cancelled");
    assert_eq!(run.failing["http_status"], Value::Null);
    let sent = run.failing["bytes_sent"].as_u64().unwrap();
    assert!((100_000..run.length()).contains(&sent), "{sent}");
    assert!(run.error().contains("deadline"), "{}", run.error());
}

#[test]
fn an_answer_that_does_not_end_has_its_status_all_the_same() {
    for (status, code) in [("timed_out", 200), ("failed", 500)] {
        let engine = Engine::stand_in(|builder| {
            builder
                .answer_after(1, EarlyAnswer::ThenRead)
                .status(code)
                .stall_answer_after(1)
        });
        let run = Run::with(&engine.argument("half"), &["--deadline", "2s"]);
        assert_eq!(run.failing["status"], status);
        assert_eq!(run.failing["http_status"], code);
        assert!(run.error().contains("did not end"), "{}", run.error());
    }
}
