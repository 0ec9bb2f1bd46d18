//! What a person at a terminal meets: flags for one run, the text outcome, messages, logs, completions.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Engine, Finished, content, program, sha256};

const AUCTION: &str = r#"{"id":"7","orders":[],"liquidity":[{"pool":1}]}"#;

fn run(arguments: &[&str]) -> Finished {
    Finished::run(&mut program(arguments))
}

/// A folder with the auction, and its path.
fn auction() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auction.json");
    fs::write(&path, AUCTION).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn flags_are_for_all_solvers_or_for_one() {
    let (_folder, path) = auction();
    let [a, b] = [Engine::keeping(), Engine::keeping()];
    let finished = run(&[
        "solve",
        &path,
        "--solver",
        &a.argument("a"),
        "--solver",
        &format!("b={}/solve", b.url()),
        "--header",
        "x-all: 1",
        "--header",
        "b:x-own: 2",
        "--length=a",
        "--encoding",
        "b:gzip",
        "--skip-liquidity=a",
        "--timeout",
        "5s",
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let [a, b] = [a.request(), b.request()];
    assert_eq!((a.path(), b.path()), ("/solve", "/solve"));
    assert_eq!((a.header("x-all"), a.header("x-own")), (Some("1"), None));
    assert_eq!(
        (b.header("x-all"), b.header("x-own")),
        (Some("1"), Some("2"))
    );
    assert!(a.header("content-length").is_some() && b.header("content-length").is_none());
    assert_eq!(b.header("content-encoding"), Some("gzip"));
    let sent: Value = serde_json::from_slice(&a.body).unwrap();
    assert_eq!(sent["liquidity"], Value::Array(Vec::new()));
}

#[test]
fn a_flag_with_the_name_of_a_solver_in_the_file_replaces_its_endpoint() {
    let (folder, path) = auction();
    let engine = Engine::keeping();
    let config = folder.path().join("driver.toml");
    let gone = Engine::unreachable_url();
    let text =
        format!("[[solver]]\nname = 'a'\nendpoint = {gone:?}\nheaders = {{ x-of-file = '1' }}");
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let finished = run(&[
        "solve",
        &path,
        "--config",
        config,
        "--solver",
        &engine.argument("a"),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(engine.request().header("x-of-file"), Some("1"));
}

#[test]
fn a_compressed_auction_is_sent_as_it_was() {
    let (folder, path) = auction();
    for codec in ["gzip", "zstd", "brotli"] {
        let archive = folder.path().join(codec);
        let archive = archive.to_str().unwrap();
        let kept = run(&["solve", &path, "--archive", archive, "--codec", codec]);
        assert_eq!(kept.code, Some(0), "{kept:?}");
        let mut files = fs::read_dir(archive)
            .unwrap()
            .map(|file| file.unwrap().path());
        let file = files
            .find(|file| {
                file.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("7.json")
            })
            .unwrap();
        let engine = Engine::keeping();
        let file = file.to_str().unwrap();
        let sent = run(&[
            "solve",
            file,
            "--solver",
            &engine.argument("a"),
            "--format",
            "json",
        ]);
        assert_eq!(sent.code, Some(0), "{sent:?}");
        assert_eq!(
            sent.outcome()["auction"]["sha256"],
            sha256(AUCTION.as_bytes())
        );
        assert_eq!(engine.body(), AUCTION.as_bytes());
    }
    let cut = folder.path().join("cut.json.gz");
    let long = [
        b"{\"id\":\"7\",\"orders\":[".to_vec(),
        content(1_000_000).to_vec(),
    ]
    .concat();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&long).unwrap();
    let long = encoder.finish().unwrap();
    for part in [4, long.len() / 2] {
        fs::write(&cut, &long[..part]).unwrap();
        let solver = ["--solver", "a=http://127.0.0.1:1"];
        let refused = run(&[&["solve", cut.to_str().unwrap()][..], &solver].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let said = |what| refused.errors.matches(what).count();
        assert_eq!(
            (said("cannot read cut.json.gz"), said("broke off")),
            (1, 1),
            "{refused:?}"
        );
    }
}

#[test]
fn the_outcome_is_a_plain_table_of_80_columns_and_a_verdict() {
    let (_folder, path) = auction();
    let well = Engine::stand_in(|builder| builder);
    let odd = Engine::stand_in(|builder| builder.response("null"));
    let full = Engine::stand_in(|builder| builder.status(413).response("Too large\nby far"));
    let [well, odd, full] = [
        well.argument("well"),
        odd.argument("odd"),
        full.argument("a-name-that-does-not-fit"),
    ];
    let finished = run(&[
        "solve", &path, "--solver", &well, "--solver", &odd, "--solver", &full,
    ]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let lines: Vec<_> = finished.output.lines().collect();
    assert_eq!(lines[0].chars().count(), 80, "{finished:?}");
    assert!(
        lines[..4].iter().all(|line| line.chars().count() <= 80),
        "{finished:?}"
    );
    assert!(!finished.output.contains('\u{1b}'), "{finished:?}");
    for part in [
        "solver           status ",
        "a-name-that-do…  failed 413",
        "2 of 3 solvers succeeded",
        "a-name-that-does-not-fit: the engine answered 413 Payload Too Large: \"Too large\"; raise",
        "odd answered null, which has no list of solutions",
        "archive none: no --archive was given",
    ] {
        assert!(finished.output.contains(part), "{part}: {finished:?}");
    }
    assert!(!finished.output.contains('–'), "{finished:?}");
}

#[test]
fn mistakes_come_with_what_may_be_meant() {
    for (arguments, part) in [
        (&["slove"][..], "'solve'"),
        (&["solve", "--auctoin", "x"], "'--auction'"),
        (
            &["solve", "x", "--solver", "a=localhost:80"],
            "write http://",
        ),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.errors.contains(part), "{refused:?}");
        assert_eq!(refused.errors.lines().count(), 1, "{refused:?}");
    }
}

#[test]
fn logs_are_json_where_that_is_asked_for() {
    let (folder, path) = auction();
    let engine = Engine::stand_in(|builder| builder);
    let archive = folder.path().join("archive");
    let solver = engine.argument("a");
    let arguments = [
        "--log-format",
        "json",
        "solve",
        &path,
        "--solver",
        &solver,
        "--archive",
    ];
    let arguments = [&arguments[..], &[archive.to_str().unwrap()]].concat();
    let finished = Finished::run(program(&arguments).env("RUST_LOG", "driver_cli=info"));
    let lines = finished.errors.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_solver = lines.iter().find(|line| line["solver"] == "a").unwrap();
    assert_eq!(of_solver["status"], "ok");
    for name in ["sending_ms", "thinking_ms", "delivered_ms", "total_ms"] {
        assert!(of_solver[name].is_f64(), "{name}: {of_solver}");
    }
    let of_archive = lines.iter().find(|line| line["codec"] == "gzip").unwrap();
    assert!(of_archive["stored_bytes"].is_u64(), "{of_archive}");
}

#[test]
fn completions_manual_and_version_are_there() {
    for (arguments, part) in [
        (&["completions", "bash"][..], "--skip-liquidity"),
        (&["completions", "zsh"], "driver-streaming"),
        (&["man"], ".TH driver-streaming-solve"),
        (&["--version"], "encodings: gzip, zstd, brotli"),
    ] {
        let finished = run(arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.output.contains(part), "{part}");
    }
}

#[test]
fn an_engine_is_asked_what_it_takes() {
    let takes = Engine::stand_in(|builder| builder);
    let refuses = Engine::stand_in(|builder| builder.status(413).response("Too large"));
    let gone = format!("gone={}", Engine::unreachable_url());
    let checked = run(&["check", "--probe", "--solver", &takes.argument("takes")]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for line in [
        "  a chunked body: accepted\n",
        "  a Content-Length: accepted\n",
        "  gzip: accepted\n",
        "  64.0 MB: accepted\n",
    ] {
        assert!(checked.output.contains(line), "{line}: {checked:?}");
    }
    let refused = run(&[
        "check",
        "--probe",
        "--solver",
        &refuses.argument("a"),
        "--solver",
        &gone,
    ]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .output
            .contains("not accepted: the engine answered 413"),
        "{refused:?}"
    );
    // Without --probe, nobody is asked.
    let config = run(&["check", "--solver", &gone]);
    assert_eq!(config.code, Some(0), "{config:?}");
    assert_eq!(run(&["check"]).code, Some(2));
}

#[test]
fn of_a_folder_that_is_to_be_replayed_the_newest_auctions_are_named() {
    let (folder, path) = auction();
    let archive = folder.path().join("archive");
    let archive = archive.to_str().unwrap();
    for id in ["7", "8"] {
        let kept = run(&["solve", &path, "--archive", archive, "--id", id]);
        assert_eq!(kept.code, Some(0), "{kept:?}");
    }
    let refused = run(&["replay", archive, "--solver", "a=http://127.0.0.1:1"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for part in ["is a folder", "8", "7", "--last"] {
        assert!(refused.errors.contains(part), "{part}: {refused:?}");
    }
}
