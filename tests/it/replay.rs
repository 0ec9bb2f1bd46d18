//! `replay`: an archived auction once more, with members set anew on the way.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Engine, Finished, Size, generated, program, sha256};

/// Archives the auction in `path` and returns where it is.
fn archive(path: &Path, folder: &Path, codec: &str) -> String {
    let folder = folder.to_str().unwrap();
    let arguments = [
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--id",
        "7",
        "--archive",
        folder,
        "--codec",
        codec,
        "--format",
        "json",
    ];
    let finished = Finished::run(&mut program(&arguments));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.outcome()["archive"]["location"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn sends_what_was_archived() {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Mainnet);
    for codec in ["gzip", "zstd", "brotli", "identity"] {
        let location = archive(&path, &home.path().join(codec), codec);
        let engines = [
            Engine::stand_in(|builder| builder),
            Engine::stand_in(|builder| builder),
        ];
        let arguments = [
            "replay",
            &location,
            "--format",
            "json",
            "--deadline",
            "5m",
            "--solver",
            &engines[0].argument("a"),
            "--solver",
            &engines[1].argument("b"),
        ];
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        assert_eq!(outcome["auction"]["id"], "7");
        assert_eq!(outcome["archive"]["status"], "skipped");
        assert_eq!(outcome["serialize"]["passes"], 1.0);
        let digest = outcome["auction"]["sha256"].as_str().unwrap();
        for (engine, solver) in engines.iter().zip(outcome["solvers"].as_array().unwrap()) {
            assert_eq!(engine.report().sha256, digest);
            assert_eq!(solver["document_sha256"], digest);
        }
    }
}

#[test]
fn sets_members_on_the_way() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("9.json");
    let text =
        r#"{"id":"9","orders":[{"deadline":1}],"deadline":"2020-01-01T00:00:00Z","gas":1.50}"#;
    fs::write(&path, text).unwrap();
    let location = archive(&path, &home.path().join("archive"), "gzip");
    let engine = Engine::keeping();
    let arguments = [
        "replay",
        &location,
        "--solver",
        &engine.argument("a"),
        "--set",
        "deadline=now+15s",
        "--set",
        "new={\"x\":[1]}",
        "--set",
        "id=ten",
        "--format",
        "json",
    ];
    let finished = Finished::run(&mut program(&arguments));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let body = engine.body();
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent["orders"], json!([{"deadline": 1}]));
    assert_eq!(sent["new"], json!({"x": [1]}));
    assert_eq!(sent["id"], "ten");
    let deadline = sent["deadline"].as_str().unwrap();
    assert!(deadline > "2026-" && deadline.ends_with('Z'), "{deadline}");
    assert!(String::from_utf8_lossy(&body).contains(r#""gas":1.50"#));
    let outcome = finished.outcome();
    assert_eq!(outcome["auction"]["sha256"], sha256(text.as_bytes()));
    assert_eq!(outcome["solvers"][0]["document_sha256"], sha256(&body));
    assert_eq!(outcome["solvers"][0]["bytes_sent"], body.len() as u64);
}

#[test]
fn a_damaged_archive_never_looks_whole() {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Small);
    let folder = home.path().join("archive");
    archive(&path, &folder, "gzip");
    let file = folder.join("7.json.gz");
    let stored = fs::read(&file).unwrap();
    let mut flipped = stored.clone();
    let checksum = flipped.len() - 8;
    flipped[checksum] ^= 1;
    for damaged in [
        &stored[..stored.len() / 2],
        &stored[..stored.len() - 1],
        &flipped,
    ] {
        fs::write(&file, damaged).unwrap();
        let engine = Engine::stand_in(|builder| builder);
        let solver = engine.argument("a");
        let finished = Finished::run(&mut program(&[
            "replay",
            file.to_str().unwrap(),
            "--solver",
            &solver,
            "--format",
            "json",
        ]));
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let outcome = finished.outcome();
        assert_eq!(outcome["solvers"][0]["status"], "failed");
        assert_eq!(outcome["auction"]["sha256"], Value::Null);
        assert!(!engine.report().complete);
    }
}

#[test]
fn what_is_no_auction_is_refused_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::stand_in(|builder| builder);
    for (name, content) in [
        ("1.json", "[1,2]"),
        ("2.json", "{\"a\":1"),
        ("3.json", ""),
        ("4.json.gz", "{\"a\":1}"),
    ] {
        let path = home.path().join(name);
        fs::write(&path, content).unwrap();
        let solver = engine.argument("a");
        let finished = Finished::run(&mut program(&[
            "replay",
            path.to_str().unwrap(),
            "--solver",
            &solver,
        ]));
        assert_eq!(finished.code, Some(2), "{name}: {finished:?}");
        assert_eq!(finished.errors.lines().count(), 1);
        assert!(finished.errors.contains(name), "{finished:?}");
        assert!(!engine.had_request());
    }
}

#[test]
fn an_object_that_is_not_there_is_named_as_it_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("1.json.gz");
    let finished = Finished::run(&mut program(&[
        "replay",
        path.to_str().unwrap(),
        "--solver",
        "a=http://127.0.0.1:1",
    ]));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished
            .errors
            .contains("cannot read 1.json.gz: there is none"),
        "{finished:?}"
    );
    assert!(!finished.errors.contains(".gz.gz"), "{finished:?}");
}

#[test]
fn a_report_does_not_take_the_place_of_what_is_replayed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("1.json");
    fs::write(&path, "{}").unwrap();
    let path = path.to_str().unwrap();
    for location in [path.to_owned(), format!("file://{path}")] {
        let finished = Finished::run(&mut program(&[
            "replay",
            &location,
            "--solver",
            "a=http://127.0.0.1:1",
            "--report",
            path,
        ]));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(
            finished.errors.starts_with("error: --report: "),
            "{finished:?}"
        );
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "{}");
}

#[test]
fn a_member_is_set_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("1.json");
    fs::write(&path, "{}").unwrap();
    let arguments = [
        "replay",
        path.to_str().unwrap(),
        "--solver",
        "a=http://127.0.0.1:1",
        "--set",
        "n=1",
        "--set",
        "n=2",
    ];
    let finished = Finished::run(&mut program(&arguments));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished.errors.contains("\"n\" is set twice"),
        "{finished:?}"
    );
}
