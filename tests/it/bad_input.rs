//! Wrong usage and input: one clear line, exit 2, nothing sent, nothing archived.

use std::fs;

use crate::support::{Engine, Finished, program};

/// Runs `solve` on an auction with an engine and an archive, and expects a refusal that says `parts`.
fn refused(auction: &[u8], more: &[&str], parts: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    fs::write(&path, auction).unwrap();
    let archive = home.path().join("archive");
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("engine");
    let mut arguments = vec![
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--solver",
        &solver,
    ];
    if !more.contains(&"--archive") {
        arguments.extend(["--archive", archive.to_str().unwrap()]);
    }
    arguments.extend(more);
    let finished = Finished::run(&mut program(&arguments));
    let shown = String::from_utf8_lossy(auction)
        .chars()
        .take(60)
        .collect::<String>();
    assert_eq!(finished.code, Some(2), "{shown}: {more:?}: {finished:?}");
    assert_eq!(finished.output, "");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    for part in parts {
        assert!(
            finished.errors.contains(part),
            "{part:?} is not in {:?}",
            finished.errors
        );
    }
    assert!(!engine.had_request());
    assert!(!archive.exists());
}

#[test]
fn auctions_that_are_none() {
    let deep = format!("{{\"id\":1,\"a\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for (auction, parts) in [
        (b"".as_slice(), &["auction.json: ", "empty"][..]),
        (b" \n ", &["auction.json: ", "empty"]),
        (
            b"nonsense",
            &["auction.json: ", "JSON object", "line 1, column 1"],
        ),
        (
            b"{\"id\":1,\n\"a\":[1,2",
            &["auction.json: ", "EOF", "line 2, column 8"],
        ),
        (
            b"{\"id\":1}\n{}",
            &["auction.json: ", "trailing", "line 2, column 1"],
        ),
        (
            b"{\"id\":1,\"a\":\"\xff\"}",
            &["auction.json: ", "UTF-8", "line 1, column 14"],
        ),
        (
            b"\xef\xbb\xbf{\"id\":1}",
            &["auction.json: ", "byte-order mark"],
        ),
        (b"[1]", &["auction.json: ", "JSON object", "line 1"]),
        (b"7", &["auction.json: ", "JSON object", "line 1"]),
        (
            b"{\"id\":1,\"id\":1}",
            &["auction.json: ", "\"id\" appears twice", "line 1"],
        ),
        (
            deep.as_bytes(),
            &["auction.json: ", "deeper than 128", "line 1, column 140"],
        ),
    ] {
        refused(auction, &[], parts);
    }
}

#[test]
fn ids_that_are_none() {
    for (auction, parts) in [
        (b"{}".as_slice(), &["auction.json: ", "no id", "--id"][..]),
        (b"{\"id\":null}", &["auction.json: ", "no id", "--id"]),
        (b"{\"id\":1.5}", &["auction.json: ", "id is 1.5"]),
        (b"{\"id\":[]}", &["auction.json: ", "id is an array"]),
        (b"{\"id\":\"\"}", &["auction.json: ", "empty"]),
        (b"{\"id\":\"../x\"}", &["auction.json: ", "'.'"]),
        (b"{\"id\":\"a/b\"}", &["auction.json: ", "'/'"]),
        (
            b"{\"metadata\":{\"auction_id\":\"a b\"}}",
            &["auction.json: ", "' '"],
        ),
    ] {
        refused(auction, &[], parts);
    }
    for id in ["", "../x", "a/b", ".a", "-\u{e4}"] {
        refused(b"{\"id\":1}", &["--id", id], &["--id: "]);
    }
}

#[test]
fn options_that_make_no_sense() {
    for (more, parts) in [
        (
            &["--solver", "http://127.0.0.1:1"][..],
            &["--solver", "NAME=URL"][..],
        ),
        (
            &["--solver", "=http://127.0.0.1:1"],
            &["--solver", "name is empty"],
        ),
        (&["--solver", "b=127.0.0.1"], &["--solver", "\"b\""]),
        (
            &["--solver", "b=ftp://user:secret@h"],
            &["--solver", "\"b\"", "\"ftp\""],
        ),
        (&["--solver", "engine=http://127.0.0.1:1"], &["\"engine\""]),
        (
            &["--archive", "ftp://user:secret@h/x"],
            &["--archive", "ftp"],
        ),
        (
            &["--archive", "memory://user:secret@bucket/x"],
            &["--archive", "credentials belong in the environment"],
        ),
        (&["--archive", ""], &["--archive", "empty"]),
        (&["--archive", "s3:bucket"], &["--archive", "s3://"]),
        (&["--codec", "lzma"], &["--codec", "lzma"]),
        (&["--level", "10"], &["--level", "10"]),
        (&["--level", "-1"], &["--level"]),
        (&["--level", "x"], &["--level"]),
        (&["--codec", "zstd", "--level", "23"], &["--level", "23"]),
        (&["--codec", "brotli", "--level", "12"], &["--level", "12"]),
        (
            &["--codec", "identity", "--level", "1"],
            &["--level", "identity"],
        ),
        (&["--deadline", "0s"], &["--deadline"]),
        (&["--deadline", "soon"], &["--deadline"]),
        (&["--deadline", "-5s"], &["--deadline"]),
        (&["--deadline", "40days"], &["--deadline"]),
        (&["--format", "xml"], &["--format", "xml"]),
        (&["--unknown"], &["--unknown"]),
    ] {
        refused(b"{\"id\":1}", more, parts);
    }
}

#[test]
fn messages_hold_no_password() {
    for more in [
        ["--solver", "b=ftp://user:secret@h"],
        ["--solver", "b=http://user:secret@h:99999"],
        ["--archive", "ftp://user:secret@h"],
        ["--archive", "memory://user:secret@h"],
        ["--solver", "http://user:secret@h/?next=http://h"],
        ["http://user:secret@h/", "--solver"],
        ["--deadline", "http://user:secret@h"],
    ] {
        let mut arguments = vec!["solve", "--auction", "-"];
        arguments.extend(more);
        let finished = Finished::run(program(&arguments).stdin(std::process::Stdio::null()));
        assert_eq!(finished.code, Some(2));
        assert!(!finished.errors.contains("secret"), "{finished:?}");
    }
}

#[test]
fn commands_with_nothing_to_do() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    fs::write(&path, "{}").unwrap();
    let path = path.to_str().unwrap();
    for (arguments, part) in [
        (&["solve", "--auction", path][..], "--solver"),
        (&["solve", "--format", "json"], "--auction"),
        (
            &[
                "solve",
                "--auction",
                "no/such/file.json",
                "--solver",
                "a=http://127.0.0.1:1",
            ],
            "no/such/file.json",
        ),
        (
            &[
                "solve",
                "--auction",
                "-",
                "--solver",
                "a=http://127.0.0.1:1",
            ],
            "standard input",
        ),
        (&["replay", path], "--solver"),
        (
            &[
                "replay",
                "no/such/1.json.gz",
                "--solver",
                "a=http://127.0.0.1:1",
            ],
            "no/such",
        ),
        (
            &["replay", "ftp://h/x", "--solver", "a=http://127.0.0.1:1"],
            "ftp",
        ),
        (
            &[
                "replay",
                path,
                "--solver",
                "a=http://127.0.0.1:1",
                "--set",
                "deadline",
            ],
            "--set",
        ),
        (&["solver", "--listen", "nowhere"], "--listen"),
        (&["solver", "--status", "99"], "--status"),
        (&["generate", "--orders", "x"], "--orders"),
        (&["nonsense"], "nonsense"),
    ] {
        let finished = Finished::run(program(arguments).stdin(std::process::Stdio::null()));
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert_eq!(finished.output, "");
        assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
        assert!(
            finished.errors.contains(part),
            "{arguments:?}: {finished:?}"
        );
    }
}

#[test]
fn settings_of_stores_are_checked_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auction.json");
    fs::write(&path, "{\"id\":1}").unwrap();
    let plain = "http://127.0.0.1:1";
    for (location, wrong, parts) in [
        (
            "s3://b/x",
            ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
            "http:// or https://",
        ),
        (
            "s3://b/x",
            ("AWS_ENDPOINT_URL", "http://user:secret@127.0.0.1:1"),
            "user or a password",
        ),
        (
            "s3://b/x",
            ("AWS_ENDPOINT_URL", plain),
            "AWS_ALLOW_HTTP=true",
        ),
        (
            "s3://b/x",
            ("AWS_SECRET_ACCESS_KEY", "secret\n"),
            "blank or a line break",
        ),
        (
            "s3://b/x",
            ("AWS_SESSION_TOKEN", "secret\r\n"),
            "blank or a line break",
        ),
        (
            "s3://b/x",
            ("AWS_REGION", "us east"),
            "blank or a line break",
        ),
        (
            "gs://b/x",
            ("GOOGLE_BASE_URL", "localhost:9000"),
            "http:// or https://",
        ),
        (
            "gs://b/x",
            ("GOOGLE_BEARER_TOKEN", "secret\n"),
            "blank or a line break",
        ),
        (
            "az://b/x",
            ("AZURE_STORAGE_ENDPOINT", plain),
            "AZURE_ALLOW_HTTP=true",
        ),
        (
            "az://b/x",
            ("AZURE_STORAGE_ACCOUNT_KEY", "sec ret"),
            "blank or a line break",
        ),
    ] {
        let engine = Engine::stand_in(|builder| builder);
        let solver = engine.argument("a");
        let object = format!("{location}/1.json");
        let path = path.to_str().unwrap();
        for arguments in [
            &[
                "solve",
                "--auction",
                path,
                "--archive",
                location,
                "--solver",
                &solver,
            ][..],
            &["replay", &object, "--solver", &solver],
        ] {
            let mut command = program(arguments);
            command
                .env("AWS_METADATA_ENDPOINT", plain)
                .env("AWS_ACCESS_KEY_ID", "key")
                .env("AWS_SECRET_ACCESS_KEY", "secret")
                .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
                .env("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
                .env(wrong.0, wrong.1);
            let finished = Finished::run(&mut command);
            assert_eq!(finished.code, Some(2), "{wrong:?}: {finished:?}");
            assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
            assert!(finished.errors.contains(wrong.0), "{finished:?}");
            assert!(finished.errors.contains(parts), "{finished:?}");
            let texts = format!("{}{}", finished.output, finished.errors);
            assert!(
                !texts.contains("secret") && !texts.contains("sec ret"),
                "{texts}"
            );
            assert!(!engine.had_request());
        }
    }
}
