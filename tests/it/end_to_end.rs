//! Whatever the size and the codec: what solvers received is what is archived, and is the auction.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Engine, Finished, Size, generated, program, same_value, sha256};

/// Decompresses an archive with a decoder of its own, not the crate's.
pub(crate) fn decompressed(stored: &[u8], codec: &str) -> Vec<u8> {
    use std::io::Read;
    let mut raw = Vec::new();
    match codec {
        "gzip" => flate2::read::MultiGzDecoder::new(stored)
            .read_to_end(&mut raw)
            .map(drop),
        "zstd" => zstd::stream::copy_decode(stored, &mut raw),
        "brotli" => brotli::BrotliDecompress(&mut { stored }, &mut raw),
        "identity" => stored.take(u64::MAX).read_to_end(&mut raw).map(drop),
        _ => panic!("unknown codec {codec}"),
    }
    .expect("the archive decompresses");
    raw
}

/// The encoding in an object, without the digest that follows it where there is room for one.
pub(crate) fn encoding_in<'o>(stored: &'o [u8], codec: &str) -> &'o [u8] {
    let digest = match codec {
        "gzip" => 79,
        "zstd" => 61,
        _ => return stored,
    };
    let (encoding, digest) = stored.split_at(stored.len() - digest);
    assert!(digest.windows(13).any(|found| found == b"archivesha256"));
    encoding
}

/// Sends the auction in `path` to three engines and a folder, and checks all that left.
pub(crate) fn send_and_check(path: &Path, codec: &str, extension: &str) {
    let home = tempfile::tempdir().unwrap();
    let archive = home.path().join("archive");
    let digesting = [
        Engine::stand_in(|builder| builder),
        Engine::stand_in(|builder| builder),
    ];
    let keeping = Engine::keeping();
    let finished = Finished::run(&mut program(&[
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--id",
        "test-1",
        "--archive",
        archive.to_str().unwrap(),
        "--codec",
        codec,
        "--format",
        "json",
        "--deadline",
        "5m",
        "--solver",
        &digesting[0].argument("a"),
        "--solver",
        &digesting[1].argument("b"),
        "--solver",
        &keeping.argument("c"),
    ]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.errors, "");
    let outcome = finished.outcome();

    let file = archive.join(format!("test-1.json{extension}"));
    let stored = fs::read(&file).unwrap();
    let raw = decompressed(&stored, codec);
    let digest = sha256(&raw);
    let input = fs::read(path).unwrap();
    same_value(&raw, &input);
    // Where there is no room for the digest in the object, it is beside it.
    let has_room = matches!(codec, "gzip" | "zstd");
    let objects = if has_room { 1 } else { 2 };
    assert_eq!(fs::read_dir(&archive).unwrap().count(), objects);
    if !has_room {
        let beside = archive.join(format!("test-1.json{extension}.sha256"));
        assert!(fs::read_to_string(beside).unwrap().starts_with(&digest));
    }

    for engine in &digesting {
        let report = engine.report();
        assert_eq!(
            (report.sha256.as_str(), report.bytes),
            (digest.as_str(), raw.len() as u64)
        );
        assert!(report.complete);
        assert_eq!(report.content_encoding, None);
    }
    assert!(keeping.body() == raw);

    assert_eq!(outcome["auction"]["id"], "test-1");
    assert_eq!(outcome["auction"]["bytes"], raw.len() as u64);
    assert_eq!(outcome["auction"]["sha256"], digest.as_str());
    for (solver, name) in outcome["solvers"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["a", "b", "c"])
    {
        assert_eq!(solver["name"], name);
        assert_eq!(solver["status"], "ok");
        assert_eq!(solver["http_status"], 200);
        assert_eq!(solver["attempts"], 1);
        assert_eq!(solver["bytes_sent"], raw.len() as u64);
        assert_eq!(solver["document_sha256"], digest.as_str());
        assert_eq!(solver["ending"], "complete");
        assert_eq!(solver["error"], Value::Null);
        assert_eq!(solver["response"], serde_json::json!({"solutions": []}));
        let milliseconds = [
            "to_first_poll_ms",
            "sending_ms",
            "busy_ms",
            "waiting_for_data_ms",
            "waiting_for_solver_ms",
            "delivered_ms",
            "thinking_ms",
            "total_ms",
        ];
        for name in milliseconds {
            assert!(solver[name].is_f64(), "{name}: {}", solver[name]);
        }
    }
    let kept = &outcome["archive"];
    assert_eq!(kept["status"], "ok");
    assert_eq!(kept["codec"], codec);
    assert_eq!(kept["raw_bytes"], raw.len() as u64);
    assert_eq!(kept["stored_bytes"], stored.len() as u64);
    assert_eq!(kept["sha256"], digest.as_str());
    assert_eq!(kept["error"], Value::Null);
    let location = kept["location"].as_str().unwrap();
    assert!(
        location.starts_with("file:///") && location.ends_with(&format!("/test-1.json{extension}"))
    );
    assert!(outcome["serialize"]["passes"].as_f64().unwrap() >= 1.0);
    assert!(outcome["wall_ms"].is_f64());
}

#[test]
fn a_small_auction_with_every_codec() {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Small);
    for (codec, extension) in [
        ("gzip", ".gz"),
        ("zstd", ".zst"),
        ("brotli", ".br"),
        ("identity", ""),
    ] {
        send_and_check(&path, codec, extension);
    }
}

#[test]
fn an_auction_of_today() {
    let home = tempfile::tempdir().unwrap();
    send_and_check(&generated(home.path(), Size::Mainnet), "gzip", ".gz");
}

#[test]
fn a_large_auction() {
    let home = tempfile::tempdir().unwrap();
    send_and_check(&generated(home.path(), Size::Large), "zstd", ".zst");
}

#[test]
fn the_smallest_auctions() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    for text in ["{}", "{ }\n", r#"{"a":1.10,"b":[],"c":{}}"#] {
        fs::write(&path, text).unwrap();
        send_and_check(&path, "gzip", ".gz");
    }
}

#[test]
fn numbers_keep_their_digits() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    let text =
        r#"{"id":18446744073709551617,"x":[1.000,-0,1e400,123456789012345678901234567890.10]}"#;
    fs::write(&path, text).unwrap();
    let engine = Engine::keeping();
    let finished = Finished::run(&mut program(&[
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--format",
        "json",
        "--solver",
        &engine.argument("a"),
    ]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(String::from_utf8(engine.body()).unwrap(), text);
    let outcome = finished.outcome();
    assert_eq!(outcome["auction"]["id"], "18446744073709551617");
    assert_eq!(outcome["archive"]["status"], "skipped");
    assert_eq!(outcome["archive"]["location"], Value::Null);
}

#[test]
fn the_same_auction_twice_is_one_archive_and_another_is_a_conflict() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    let archive = home.path().join("archive");
    for (text, code, status, placement) in [
        (r#"{"id":1,"a":1}"#, 0, "ok", Some("exclusive")),
        (
            r#"{"id":1,"a":1}"#,
            0,
            "already_there",
            Some("already_there"),
        ),
        (r#"{"id":1,"a":2}"#, 1, "conflict", None),
    ] {
        fs::write(&path, text).unwrap();
        let finished = Finished::run(&mut program(&[
            "solve",
            "--auction",
            path.to_str().unwrap(),
            "--archive",
            archive.to_str().unwrap(),
            "--format",
            "json",
        ]));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        let outcome = &finished.outcome()["archive"];
        assert_eq!(outcome["status"], status);
        assert_eq!(outcome["placement"].as_str(), placement);
        let kept = decompressed(&fs::read(archive.join("1.json.gz")).unwrap(), "gzip");
        assert_eq!(kept, br#"{"id":1,"a":1}"#);
    }
}
