//! `replay`: an archived auction once more, with members set anew on the way.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Engine, Finished, HoldingProxy, ObjectServer, Size, generated, program, sha256,
};

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
        // With a digest: without one, a warning says besides that it cannot be verified.
        let digest = sha256(content.as_bytes());
        fs::write(home.path().join(format!("{name}.sha256")), digest).unwrap();
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
            .contains("/1.json.gz: there is no such object"),
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

#[test]
fn one_of_two_objects_is_asked_for_and_not_picked() {
    let home = tempfile::tempdir().unwrap();
    for name in ["7.json.gz", "7.json.zst"] {
        fs::write(home.path().join(name), "x").unwrap();
    }
    let finished = Finished::run(&mut program(&[
        "replay",
        home.path().join("7.json").to_str().unwrap(),
        "--solver",
        "a=http://127.0.0.1:1",
    ]));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    let both = "7.json.gz and 7.json.zst";
    assert!(finished.errors.contains(both), "{finished:?}");
}

#[test]
fn what_an_outcome_names_can_be_replayed_whatever_is_in_its_key() {
    let server = ObjectServer::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    fs::write(&path, r#"{"id":"7"}"#).unwrap();
    let local = home.path().join("ü~50% b");
    let remote = format!("s3://{}/", ObjectServer::BUCKET);
    let remote = ["ü", "a~b", "50%25", "a%20b", "%C3%BC"].map(|prefix| format!("{remote}{prefix}"));
    let folders = remote.iter().map(String::as_str);
    for folder in folders.chain([local.to_str().unwrap()]) {
        let engine = Engine::keeping();
        let solver = engine.argument("a");
        let path = path.to_str().unwrap();
        let run = |arguments: &[&str]| {
            let mut command = program(&[arguments, &["--format", "json"]].concat());
            let finished = Finished::run(server.point(&mut command));
            assert_eq!(finished.code, Some(0), "{folder}: {finished:?}");
            finished.outcome()
        };
        let outcome = run(&["solve", "--auction", path, "--archive", folder]);
        let location = outcome["archive"]["location"].as_str().unwrap();
        run(&["replay", location, "--solver", &solver]);
        assert_eq!(engine.body(), br#"{"id":"7"}"#);
        let written = format!(
            "{folder}/7.json{}",
            if folder.starts_with("s3:") { "" } else { ".gz" }
        );
        run(&["replay", &written, "--solver", &solver]);
        assert_eq!(engine.body(), br#"{"id":"7"}"#);
    }
}

#[test]
fn the_deadline_covers_a_store_that_hangs_and_the_failure_is_not_the_users() {
    let server = ObjectServer::start();
    let proxy = HoldingProxy::start(server.endpoint(), "GET /");
    let location = format!("s3://{}/7.json", ObjectServer::BUCKET);
    let solver = ["--solver", "a=http://127.0.0.1:1"];
    let started = Instant::now();
    let mut command = program(&[
        "replay",
        &location,
        solver[0],
        solver[1],
        "--deadline",
        "1s",
    ]);
    let command = server.point(&mut command);
    let finished = Finished::run(command.env("AWS_ENDPOINT_URL", proxy.endpoint()));
    assert!(started.elapsed() < Duration::from_secs(20), "{finished:?}");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    assert!(
        finished.errors.contains("not opened within 1s"),
        "{finished:?}"
    );
}

#[test]
fn a_bomb_is_refused_by_its_size_and_by_its_ratio() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("7.json.gz");
    let bomb = |bytes: usize| {
        let file = fs::File::create(&path).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        gzip.write_all(br#"{"id":"7","a":"#).unwrap();
        gzip.write_all(&vec![b' '; bytes]).unwrap();
        gzip.write_all(b"1}").unwrap();
        gzip.finish().unwrap();
    };
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    for (bytes, most, code) in [
        (1_000_000, None, 0),
        (1_000_000, Some("999999"), 1),
        (10_000_000, None, 1),
    ] {
        bomb(bytes);
        let mut arguments = vec!["replay", path.to_str().unwrap(), "--solver", &solver];
        if let Some(most) = most {
            arguments.extend(["--max-size", most]);
        }
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert_eq!(engine.report().complete, code == 0);
        let said = finished.output.contains("which is the limit");
        assert_eq!(said, code != 0, "{finished:?}");
        // It is of somebody else, and has no digest.
        let warned = finished.errors.contains("cannot be verified");
        assert_eq!(warned, code == 0, "{finished:?}");
    }
}
