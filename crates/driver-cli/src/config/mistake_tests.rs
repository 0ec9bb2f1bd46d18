//! What is said of mistakes in the text, at the top level and in `[archive]`.

use std::path::Path;

use super::Config;
use crate::exit::Failure;

/// Stands in the tests where something secret may stand.
const SECRET: &str = "hunter2";

/// Why a file is refused, after checking that the error shows nothing secret, in either way.
fn refuse(bytes: &[u8]) -> Failure {
    let config = Config::parse(Path::new("driver.toml"), bytes);
    let error = config.err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    error
}

/// That each text is refused with the message that follows it.
pub(super) fn assert_refused(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(refuse(text.as_bytes()).to_string(), *message, "{text}");
    }
}

#[test]
fn the_text_must_be_toml() {
    assert_refused(&[
        (
            "deadline = 15s",
            "driver.toml:1:12: string values must be quoted, expected literal string",
        ),
        (
            "id = \"1\"\nformat",
            "driver.toml:2:7: key with no value, expected `=`",
        ),
        (
            "[archive\nlevel = 3",
            "driver.toml:1:9: unclosed table, expected `]`",
        ),
        (
            "id = \"hunter2",
            "driver.toml:1:14: invalid basic string, expected `\"`",
        ),
        (
            "id = \"1\"\n\"id\" = \"2\"",
            "driver.toml:2:1: id: duplicate key",
        ),
        (
            "set = { \"ä\" = 1, deadline = 2, deadline = 3 }",
            "driver.toml:1:32: deadline: duplicate key",
        ),
        (
            "[archive]\n[set]\n[archive]",
            "driver.toml:3:2: archive: duplicate key",
        ),
    ]);
}

#[test]
fn the_text_must_be_utf_8() {
    assert_eq!(
        refuse(b"id = '1'\notlp = '\xc3\xa4\xff'").to_string(),
        "driver.toml:2:10: is not UTF-8"
    );
    assert_eq!(refuse(b"\xff").to_string(), "driver.toml:1:1: is not UTF-8");
}

#[test]
fn depth_is_bounded() {
    for text in [
        vec!["a"; 100_000].join(".") + " = 1",
        format!("[{}]", vec!["a"; 100_000].join(".")),
        "set = ".to_owned() + &"{ a = ".repeat(100_000),
        "set = ".to_owned() + &"[".repeat(100_000),
    ] {
        let message = refuse(text.as_bytes()).to_string();
        assert!(message.contains("recursion"), "{message}");
    }
}

#[test]
fn keys_must_be_known() {
    assert_refused(&[
        (
            "\n  deadlin = '15s'",
            "driver.toml:2:3: deadlin: there is no such key: is it deadline?",
        ),
        (
            "[[solvers]]\nname = 'a'",
            "driver.toml:1:3: solvers: there is no such key: is it solver?",
        ),
        (
            "zzz = 1\naaa = 2",
            "driver.toml:1:1: zzz: there is no such key",
        ),
        (
            "\"a\\n\" = 1",
            "driver.toml:1:1: \"a\\n\": there is no such key",
        ),
        (
            "archive.Codec = 'zstd'",
            "driver.toml:1:9: archive.Codec: there is no such key: is it codec?",
        ),
        (
            "[archive.x]",
            "driver.toml:1:10: archive.x: there is no such key",
        ),
    ]);
}

#[test]
fn values_must_have_their_type() {
    assert_refused(&[
        (
            "auction = 1",
            "driver.toml:1:1: auction: must be a string, and is of type integer",
        ),
        (
            "id = 8339027",
            "driver.toml:1:1: id: must be a string, and is of type integer",
        ),
        (
            "deadline = 15",
            "driver.toml:1:1: deadline: has no unit: write \"15s\"",
        ),
        (
            "deadline = 1.5",
            "driver.toml:1:1: deadline: must be a string, and is of type float",
        ),
        (
            "format = true",
            "driver.toml:1:1: format: must be a string, and is of type boolean",
        ),
        (
            "otlp = ['http://hunter2@h']",
            "driver.toml:1:1: otlp: must be a string, and is of type array",
        ),
        (
            "set = 1979-05-27",
            "driver.toml:1:1: set: must be a table, and is a date or time",
        ),
        (
            "archive = './archive'",
            "driver.toml:1:1: archive: must be a table, and is of type string",
        ),
        (
            "[archive]\nlocation = {}",
            "driver.toml:2:1: archive.location: must be a string, and is of type table",
        ),
        (
            "[archive]\ncodec = 1",
            "driver.toml:2:1: archive.codec: must be a string, and is of type integer",
        ),
        (
            "[archive]\ncodec = 'gzip'\nlevel = '3'",
            "driver.toml:3:1: archive.level: must be an integer, and is of type string",
        ),
        (
            "[archive]\nsync = 'no'",
            "driver.toml:2:1: archive.sync: must be a boolean, and is of type string",
        ),
        (
            "[archive]\nlimit = 2",
            "driver.toml:2:1: archive.limit: has no unit: write \"2s\"",
        ),
        (
            "[solver]\nname = 'a'",
            "driver.toml:1:2: solver: must be an array of tables, each written [[solver]], and is of type table",
        ),
        (
            "solver = [\n  'a',\n]",
            "driver.toml:2:3: solver[0]: must be a table, and is of type string",
        ),
    ]);
}

#[test]
fn what_is_common_to_all_solvers_is_checked() {
    assert_refused(&[
        ("auction = ''", "driver.toml:1:1: auction: is empty"),
        (
            "id = '../8339027'",
            "driver.toml:1:1: id: the auction's id has '.' at byte 0: only ASCII letters, digits, '_', '-' and, not first, '.' are allowed",
        ),
        ("id = ''", "driver.toml:1:1: id: the auction's id is empty"),
        (
            "deadline = '15'",
            "driver.toml:1:1: deadline: expected a duration such as 500ms, 15s or 2m",
        ),
        (
            "deadline = '0s'",
            "driver.toml:1:1: deadline: must be more than 0s and at most 1day",
        ),
        (
            "deadline = '25h'",
            "driver.toml:1:1: deadline: must be more than 0s and at most 1day",
        ),
        (
            "format = 'xml'",
            "driver.toml:1:1: format: \"xml\" is none of text, json",
        ),
        (
            "otlp = 'hunter2:4318'",
            "driver.toml:1:1: otlp: the endpoint is not an http or https URL",
        ),
        (
            "otlp = 'http://user:hunter2@h:99999'",
            "driver.toml:1:1: otlp: the endpoint does not parse: invalid port number",
        ),
        (
            "[set]\n\"\" = 1",
            "driver.toml:2:1: set.\"\": the member's name is empty",
        ),
        (
            "set = { deadline = 'now+x' }",
            "driver.toml:1:9: set.deadline: is not an instant: expected number at 0",
        ),
        (
            "[set]\n\"a b\".c = [1, nan]",
            "driver.toml:2:15: set.\"a b\".c[1]: JSON has no such number",
        ),
    ]);
}

#[test]
fn the_archive_is_checked() {
    assert_refused(&[
        (
            "[archive]\nlocation = ''",
            "driver.toml:2:1: archive.location: the location is empty",
        ),
        (
            "[archive]\nlocation = 'ftp://user:hunter2@h/x'",
            "driver.toml:2:1: archive.location: ftp:// locations are not supported: use a path, file://, s3://, gs://, az:// or memory://",
        ),
        (
            "[archive]\nlocation = 's3:bucket/hunter2'",
            "driver.toml:2:1: archive.location: the location starts with s3: but not with s3://; write ./s3: for a folder of that name",
        ),
        (
            "[archive]\nlocation = 's3://user:hunter2@h:99999'",
            "driver.toml:2:1: archive.location: the location's URL does not parse: invalid port number",
        ),
        (
            "[archive]\nlocation = 's3://user:hunter2@bucket/x'",
            "driver.toml:2:1: archive.location: the location contains a user or a password: credentials belong in the environment",
        ),
        (
            "[archive]\ncodec = 'lz4'",
            "driver.toml:2:1: archive.codec: no codec is called \"lz4\", only identity, gzip, zstd and brotli",
        ),
        (
            "[archive]\nlevel = 3",
            "driver.toml:2:1: archive.level: means nothing without the key codec",
        ),
        (
            "[archive]\ncodec = 'gzip'\nlevel = 10",
            "driver.toml:3:1: archive.level: gzip has no level 10, only 1 to 9",
        ),
        (
            "[archive]\ncodec = 'zstd'\nlevel = -1",
            "driver.toml:3:1: archive.level: zstd has no level -1, only 1 to 22",
        ),
        (
            "[archive]\ncodec = 'identity'\nlevel = 1",
            "driver.toml:3:1: archive.level: identity has no levels, so none of 1",
        ),
        (
            "[archive]\ncodec = 'zstd'\nlevel = 0xffff_ffff_ffff_ffff",
            "driver.toml:3:1: archive.level: the integer is out of range",
        ),
        (
            "[archive]\nlimit = '2 fortnights'",
            "driver.toml:2:1: archive.limit: expected a duration such as 500ms, 15s or 2m",
        ),
        (
            "[archive]\nlimit = '0s'",
            "driver.toml:2:1: archive.limit: must be more than 0s and at most 1day",
        ),
    ]);
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("driver\n.toml");
    let load = || {
        let error = Config::load(&path).err().unwrap();
        let message = error.to_string();
        let (_, name) = message.rsplit_once(std::path::MAIN_SEPARATOR).unwrap();
        name.to_owned()
    };
    assert!(load().starts_with("driver .toml: cannot be read: "));
    // One byte less would be a file of one comment.
    let text = "#".repeat(1024 * 1024 + 1);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(load(), "driver .toml: is larger than 1 MiB");
    std::fs::write(&path, &text[1..]).unwrap();
    assert!(Config::load(&path).is_ok());
}
