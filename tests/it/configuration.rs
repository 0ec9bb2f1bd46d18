//! `--config` and `--set`, of `solve` and of `replay`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Engine, Finished, Request, program, sha256};

const AUCTION: &str = r#"{"id":"7","orders":[{"uid":"0x1","amount":1.50}],"liquidity":[{"pool":1},{"pool":2}],"deadline":"2020-01-01T00:00:00Z"}"#;

/// A folder with an auction, and an engine for each solver.
struct Home<const N: usize> {
    folder: tempfile::TempDir,
    engines: [Engine; N],
}

impl<const N: usize> Home<N> {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("auction.json"), AUCTION).unwrap();
        Self {
            folder,
            engines: [(); N].map(|()| Engine::keeping()),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file with these lines and a table for each solver.
    fn config(&self, top: &str, solvers: [&str; N]) -> PathBuf {
        let tables = self.engines.iter().zip(solvers).enumerate();
        let tables = tables.map(|(index, (engine, more))| {
            let url = engine.url();
            format!("[[solver]]\nname = \"s{index}\"\nendpoint = {url:?}\n{more}\n")
        });
        let text: String = std::iter::once(format!("{top}\n")).chain(tables).collect();
        let path = self.path().join("driver.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn requests(&self) -> [Request; N] {
        std::array::from_fn(|index| self.engines[index].request())
    }
}

fn run(arguments: &[&str]) -> Finished {
    Finished::run(&mut program(arguments))
}

fn value(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Asserts that these are the auction with other members, and that outcomes name what was sent.
fn check(requests: &[Request; 4], outcome: &Value) {
    let auction: Value = serde_json::from_str(AUCTION).unwrap();
    let with = |members: Value| {
        let mut auction = auction.clone();
        let changed = auction.as_object_mut().unwrap();
        changed.extend(members.as_object().unwrap().clone());
        auction
    };
    // What all are sent, and what one has of its own before that.
    let common = with(json!({"note": "all"}));
    assert_eq!(value(&requests[0]), common);
    assert_eq!(
        value(&requests[1]),
        with(json!({"note": "own", "limits": {"a": [1, 2.5]}}))
    );
    assert_eq!(
        value(&requests[2]),
        with(json!({"note": "all", "liquidity": []}))
    );
    let mut fourth = value(&requests[3]);
    let deadline = fourth["deadline"].as_str().unwrap().to_owned();
    assert!(
        deadline.as_str() > "2026-" && deadline.ends_with('Z'),
        "{deadline}"
    );
    fourth["deadline"] = auction["deadline"].clone();
    assert_eq!(fourth, common);
    for request in requests {
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains(r#""amount":1.50"#), "{body}");
    }
    assert_eq!(requests[1].header("x-api-key"), Some("secret"));
    assert_eq!(requests[0].header("x-api-key"), None);
    assert!(requests[1].header("content-length").is_some());

    for (request, solver) in requests.iter().zip(outcome["solvers"].as_array().unwrap()) {
        assert_eq!(solver["status"], "ok", "{solver}");
        assert_eq!(solver["document_sha256"], sha256(&request.body));
    }
    assert_eq!(outcome["auction"]["id"], "7");
    assert_eq!(outcome["auction"]["sha256"], sha256(AUCTION.as_bytes()));
    assert!(!outcome.to_string().contains("secret"));
}

/// Tables that [`check`] expects.
const SOLVERS: [&str; 4] = [
    "",
    "set = { note = \"own\", limits = { a = [1, 2.5] } }\nheaders = { x-api-key = \"secret\" }\nlength = true",
    "skip-liquidity = true",
    "set = { deadline = \"now+10s\" }",
];

#[test]
fn solving_by_a_file_and_replaying_by_it_send_the_same_views() {
    for codec in ["gzip", "identity"] {
        let home = Home::<4>::new();
        let top = format!(
            "auction = \"auction.json\"\nformat = \"json\"\nset = {{ note = \"all\" }}\n\
             [archive]\nlocation = \"kept\"\ncodec = {codec:?}\n"
        );
        let config = home.config(&top, SOLVERS);
        let config = config.to_str().unwrap();
        let finished = run(&["solve", "--config", config]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        check(&home.requests(), &outcome);
        assert_eq!(outcome["archive"]["sha256"], sha256(AUCTION.as_bytes()));
        // Without `note`; that and without liquidity; that and without `limits`; that and without `deadline`; and all.
        assert_eq!(outcome["serialize"]["documents"], 5);

        let location = outcome["archive"]["location"].as_str().unwrap();
        let finished = run(&["replay", location, "--config", config]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        check(&home.requests(), &outcome);
        assert_eq!(outcome["archive"]["status"], "skipped");
    }
}

#[test]
fn options_count_before_the_file() {
    let home = Home::<2>::new();
    let config = home.config(
        "auction = \"nowhere.json\"\nid = \"file\"\nformat = \"text\"\nset = { note = \"file\", more = 1 }",
        ["", "set = { note = \"own\" }"],
    );
    let extra = Engine::keeping();
    let auction = home.path().join("auction.json");
    let finished = run(&[
        "solve",
        "--config",
        config.to_str().unwrap(),
        "--auction",
        auction.to_str().unwrap(),
        "--id",
        "option",
        "--format",
        "json",
        "--set",
        "note=option",
        "--solver",
        &format!("extra={}", extra.url()),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let outcome = finished.outcome();
    assert_eq!(outcome["auction"]["id"], "option");
    let names = outcome["solvers"].as_array().unwrap();
    assert_eq!(names.len(), 3);
    let [first, second] = home.requests().map(|request| value(&request));
    assert_eq!(
        (&first["note"], &first["more"]),
        (&json!("option"), &json!(1))
    );
    assert_eq!(
        (&second["note"], &second["more"]),
        (&json!("own"), &json!(1))
    );
    let extra = value(&extra.request());
    assert_eq!(
        (&extra["note"], &extra["more"]),
        (&json!("option"), &json!(1))
    );
}

#[test]
fn set_replaces_and_appends_for_all_and_not_in_the_archive() {
    let home = Home::<1>::new();
    let auction = home.path().join("auction.json");
    let kept = home.path().join("kept");
    let finished = run(&[
        "solve",
        "--auction",
        auction.to_str().unwrap(),
        "--archive",
        kept.to_str().unwrap(),
        "--codec",
        "identity",
        "--format",
        "json",
        "--set",
        "deadline=now+15s",
        "--set",
        "new={\"x\":[1.10]}",
        "--solver",
        &format!("a={}", home.engines[0].url()),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let outcome = finished.outcome();
    let [request] = home.requests();
    let body = String::from_utf8(request.body.clone()).unwrap();
    let shared = AUCTION.split_once(r#""deadline""#).unwrap().0;
    assert!(body.starts_with(shared), "{body}");
    assert!(body.ends_with(r#","new":{"x":[1.10]}}"#), "{body}");
    assert_eq!(
        outcome["solvers"][0]["document_sha256"],
        sha256(&request.body)
    );
    assert_eq!(fs::read_to_string(kept.join("7.json")).unwrap(), AUCTION);
    assert_eq!(outcome["archive"]["sha256"], sha256(AUCTION.as_bytes()));
}

#[test]
fn a_bad_file_ends_the_program_with_one_line_before_anything_is_sent() {
    for (top, solver, what) in [
        ("", "encoding = \"lz4\"", ":7:1: solver[0].encoding: "),
        ("", "retires = 2", ":7:1: solver[0].retires: "),
        ("", "timeout = \"0s\"", ":7:1: solver[0].timeout: "),
        (
            "",
            "headers = { content-length = \"1\" }",
            ":7:13: solver[0].headers.content-length: ",
        ),
        (
            "",
            "length = true\nencoding = \"gzip\"",
            "solver[0].length: ",
        ),
        ("deadline = 15", "", ":2:1: deadline: "),
        ("[archive]\ncodec = \"lzma\"", "", ":3:1: archive.codec: "),
        (
            "[archive]\nlocation = \"memory://user:secret@bucket\"",
            "",
            ":3:1: archive.location: ",
        ),
        ("report = \"missing/report.html\"", "", ":2:1: report: "),
        (
            "",
            "headers = { accept-encoding = \"identity\" }",
            ":7:13: solver[0].headers.accept-encoding: ",
        ),
        ("this is no TOML", "", ":2:"),
    ] {
        let home = Home::<1>::new();
        let kept = home.path().join("kept");
        let top = format!("auction = \"auction.json\"\n{top}\n");
        let config = home.config(&top, [solver]);
        let config = config.to_str().unwrap();
        let auction = home.path().join("auction.json");
        for command in [
            &["solve", "--archive", kept.to_str().unwrap()][..],
            &["replay", auction.to_str().unwrap()],
        ] {
            let finished = run(&[command, &["--config", config]].concat());
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert_eq!(finished.output, "");
            assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
            assert!(finished.errors.contains(config), "{finished:?}");
            assert!(finished.errors.contains(what), "{what}: {finished:?}");
            assert_eq!(home.engines[0].accepted(), 0, "{what}");
            assert!(!kept.exists(), "{what}");
        }
    }
}

#[test]
fn an_archive_needs_a_location_of_the_file_or_of_an_option() {
    let home = Home::<1>::new();
    let config = home.config(
        "auction = \"auction.json\"\n[archive]\ncodec = \"zstd\"",
        [""],
    );
    let config = config.to_str().unwrap();
    let finished = run(&["solve", "--config", config]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let message = format!(
        "error: {config}:2:2: archive: the key location is missing, and there is no --archive either\n"
    );
    assert_eq!(finished.errors, message);
    assert_eq!(home.engines[0].accepted(), 0);

    let kept = home.path().join("kept");
    let kept = kept.to_str().unwrap();
    let finished = run(&[
        "solve",
        "--config",
        config,
        "--archive",
        kept,
        "--format",
        "json",
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.outcome()["archive"]["codec"], "zstd");
}

#[test]
fn a_location_that_cannot_be_used_is_told_by_its_key() {
    let home = Home::<1>::new();
    let top = "auction = \"auction.json\"\n[archive]\nlocation = \"auction.json/kept\"";
    let config = home.config(top, [""]);
    let config = config.to_str().unwrap();
    let finished = run(&["solve", "--config", config]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let beginning = format!("error: {config}:3:1: archive.location: the folder ");
    assert!(finished.errors.starts_with(&beginning), "{finished:?}");
}

#[test]
fn replaying_leaves_alone_what_is_for_solving() {
    let home = Home::<1>::new();
    // `[archive]` without a location is a mistake, but of `solve`.
    let top =
        "auction = \"nowhere.json\"\nid = \"file\"\nformat = \"json\"\n[archive]\nlimit = \"1s\"";
    let config = home.config(top, [""]);
    let archived = home.path().join("8.json");
    fs::write(&archived, AUCTION).unwrap();
    // As `sha256sum` writes it: without one, a warning says that nothing is verified.
    let digest = format!("{}  8.json\n", sha256(AUCTION.as_bytes()));
    fs::write(home.path().join("8.json.sha256"), digest).unwrap();
    let finished = run(&[
        "replay",
        archived.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.errors, "");
    let outcome = finished.outcome();
    assert_eq!(outcome["auction"]["id"], "8");
    assert_eq!(outcome["archive"]["status"], "skipped");

    let help = run(&["replay", "--help"]);
    assert!(help.output.contains("[archive]"), "{help:?}");
}
