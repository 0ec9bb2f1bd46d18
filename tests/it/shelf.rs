//! `archive`: what is archived is listed, read back and checked.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Finished, ObjectServer, program, same_value};

/// Archives an auction of this id at a location.
fn archive(home: &Path, location: &str, id: &str, codec: &str, server: Option<&ObjectServer>) {
    let auction = home.join("auction.json");
    let auction = auction.to_str().unwrap();
    let arguments = [
        "solve",
        "--auction",
        auction,
        "--id",
        id,
        "--archive",
        location,
        "--codec",
        codec,
    ];
    let mut command = program(&arguments);
    server.map(|server| server.point(&mut command));
    let finished = Finished::run(&mut command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// A folder with the auction, and the text of that.
fn home() -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let text = format!("{{\"id\":1,\"orders\":[\"{}\"]}}", "x".repeat(1_000));
    fs::write(home.path().join("auction.json"), &text).unwrap();
    (home, text)
}

fn shelf(arguments: &[&str]) -> Finished {
    let arguments: Vec<_> = ["archive"].iter().chain(arguments).copied().collect();
    Finished::run(&mut program(&arguments))
}

/// One line on standard error, and nothing on standard output.
fn refused(arguments: &[&str], parts: &[&str]) {
    let finished = shelf(arguments);
    assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
    assert_eq!(finished.output, "", "{arguments:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    for part in parts {
        assert!(finished.errors.contains(part), "{part:?}: {finished:?}");
    }
}

#[test]
fn lists_by_time_with_sizes_and_codecs() {
    let (home, text) = home();
    let folder = home.path().join("archive");
    let location = folder.to_str().unwrap();
    for (id, codec) in [("9", "gzip"), ("1", "zstd"), ("5", "identity")] {
        archive(home.path(), location, id, codec, None);
    }
    fs::write(folder.join("notes.txt"), "no archive").unwrap();
    let finished = shelf(&["ls", location]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let ids = finished.output.lines().map(|line| line.rsplit(' ').next());
    assert_eq!(ids.flatten().collect::<Vec<_>>(), ["9", "1", "5"]);

    let finished = shelf(&["ls", location, "--long", "--format", "json"]);
    let lines = finished.output.lines().map(serde_json::from_str);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().unwrap();
    let names: Vec<_> = lines.iter().map(|line| &line["name"]).collect();
    assert_eq!(names, ["9.json.gz", "1.json.zst", "5.json"]);
    let codecs: Vec<_> = lines.iter().map(|line| &line["codec"]).collect();
    assert_eq!(codecs, ["gzip", "zstd", "identity"]);
    for line in [&lines[0], &lines[2]] {
        assert_eq!(line["raw_bytes"], text.len(), "{line}");
    }
    assert_eq!(lines[2]["stored_bytes"], text.len());

    assert_eq!(shelf(&["ls", location, "--until", "1h"]).output, "");
    let all = shelf(&["ls", location, "--since", "1h", "--until", "2999-01-01"]);
    assert_eq!(all.output.lines().count(), 3, "{all:?}");
}

#[test]
fn gets_what_was_archived_whole_or_not_at_all() {
    let (home, text) = home();
    let location = home.path().join("archive");
    let location = location.to_str().unwrap();
    archive(home.path(), location, "7", "gzip", None);
    let object = format!("{location}/7");
    let printed = shelf(&["get", &object]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    same_value(printed.output.as_bytes(), text.as_bytes());

    let target = home.path().join("7.json");
    let target = target.to_str().unwrap();
    assert_eq!(shelf(&["get", &object, "-o", target]).code, Some(0));
    assert_eq!(fs::read_to_string(target).unwrap(), printed.output);
    let stored = format!("{location}/7.json.gz");
    assert_eq!(
        shelf(&["get", &object, "--stored", "-o", target]).code,
        Some(0)
    );
    assert_eq!(fs::read(target).unwrap(), fs::read(&stored).unwrap());

    // Cut off: what is there stays, and nothing else is left.
    let bytes = fs::read(&stored).unwrap();
    fs::write(&stored, &bytes[..bytes.len() - 9]).unwrap();
    let before = fs::read_dir(home.path()).unwrap().count();
    for arguments in [&["get", &object][..], &["get", &object, "-o", target]] {
        let finished = shelf(arguments);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
        assert!(finished.errors.contains("not whole"), "{finished:?}");
    }
    assert_eq!(fs::read(target).unwrap(), bytes);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), before);
}

#[test]
fn a_bomb_is_not_written() {
    let home = tempfile::tempdir().unwrap();
    let [bomb, target] = ["7.json.gz", "7.json"].map(|name| home.path().join(name));
    let file = fs::File::create(&bomb).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    gzip.write_all(&vec![b' '; 10_000_000]).unwrap();
    gzip.finish().unwrap();
    let [bomb, target] = [&bomb, &target].map(|path| path.to_str().unwrap());
    let finished = shelf(&["get", bomb, "-o", target]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.errors.contains("which is the limit"),
        "{finished:?}"
    );
    assert!(!Path::new(target).exists());
}

#[test]
fn verifies_each_and_says_what_is_damaged() {
    let (home, _) = home();
    let location = home.path().join("archive");
    let location = location.to_str().unwrap();
    for (id, codec) in [
        ("1", "gzip"),
        ("2", "zstd"),
        ("3", "identity"),
        ("4", "gzip"),
    ] {
        archive(home.path(), location, id, codec, None);
    }
    let finished = shelf(&["verify", location]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let path = format!("{location}/4.json.gz");
    let mut bytes = fs::read(&path).unwrap();
    // In the document's own member: what follows it is the digest.
    let within = bytes.len() / 4;
    bytes[within] ^= 1;
    fs::write(&path, bytes).unwrap();
    let finished = shelf(&["verify", location]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let summary = finished.output.lines().last().unwrap();
    assert!(summary.contains("1 damaged"), "{summary}");
    let found = |id: &str| {
        let line = finished
            .output
            .lines()
            .find(|line| line.contains(&format!(" {id}: ")));
        line.unwrap_or_default().to_owned()
    };
    assert!(found("1").starts_with("ok "), "{finished:?}");
    assert!(found("2").starts_with("ok "), "{finished:?}");
    assert!(found("4").starts_with("damaged "), "{finished:?}");
    assert_eq!(shelf(&["verify", &format!("{location}/1")]).code, Some(0));
    assert_eq!(shelf(&["verify", &format!("{location}/4")]).code, Some(1));
}

#[test]
fn what_is_not_there_is_one_line() {
    let (home, _) = home();
    let location = home.path().join("archive");
    let location = location.to_str().unwrap();
    for id in ["8531083", "8531084", "8531090", "77"] {
        archive(home.path(), location, id, "gzip", None);
    }
    let nearest = ["8531083", "8531084", "8531090"];
    refused(&["get", &format!("{location}/8531085")], &nearest);
    refused(&["verify", &format!("{location}/8531085")], &nearest);
    refused(&["ls", &format!("{location}/missing")], &["missing"]);
    refused(&["ls", &format!("{location}/77.json.gz")], &["77.json.gz"]);
    refused(&["check", &format!("{location}/missing")], &["missing"]);
    refused(
        &["ls", location, "--since", "yesterday"],
        &["yesterday", "--since"],
    );
    refused(&["push", location, "--archive", location], &["no spool"]);
    // A spool that does not say where its objects are to go.
    let spool = home.path().join("spool");
    fs::create_dir_all(spool.join("ready")).unwrap();
    refused(&["push", spool.to_str().unwrap()], &["--archive"]);
    refused(&["ls", "ftp://h/x"], &["ftp://"]);
}

#[test]
fn a_store_keeps_what_a_folder_does_not() {
    let (home, text) = home();
    let server = ObjectServer::start();
    let location = format!("s3://{}/prod", ObjectServer::BUCKET);
    archive(home.path(), &location, "7", "zstd", Some(&server));
    let at = |arguments: &[&str]| {
        let arguments: Vec<_> = ["archive"].iter().chain(arguments).copied().collect();
        Finished::run(server.point(&mut program(&arguments)))
    };
    let finished = at(&["ls", &location, "--long", "--format", "json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let line = finished.outcome();
    assert_eq!(line["id"], "7");
    assert_eq!(line["codec"], "zstd");
    assert_eq!(line["raw_bytes"], text.len());
    for what in [&location, &format!("{location}/7")] {
        let finished = at(&["verify", what]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.output.contains("SHA-256"), "{finished:?}");
    }
    let finished = at(&["get", &format!("{location}/7")]);
    same_value(finished.output.as_bytes(), text.as_bytes());
    let finished = at(&["get", &format!("{location}/8")]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.errors.contains("similar ids: 7"), "{finished:?}");
    let finished = at(&["ls", "s3://no-such-bucket"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let finished = at(&["check", &location]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for found in [
        "write  yes",
        "were written and removed",
        "look   yes",
        "This was tried.",
    ] {
        assert!(finished.output.contains(found), "{finished:?}");
    }
}
