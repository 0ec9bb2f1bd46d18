//! `--report`: a page that shows one run, and needs nothing but itself.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Engine, Finished, Size, generated, program};

/// What no page may contain: all that runs, or is loaded from elsewhere. URLs as text are none of it.
const LOADING: [&str; 8] = [
    "<script", "<link", "<img", "<iframe", " src=", "href=", "url(", "@import",
];

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
}

/// The page, which is whole and needs nothing.
fn page(path: &Path) -> String {
    let html = fs::read_to_string(path).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for loading in LOADING {
        assert!(!html.contains(loading), "{loading}");
    }
    html
}

#[test]
fn shows_each_solver_and_the_archive_whatever_became_of_them() {
    let home = tempfile::tempdir().unwrap();
    let auction = generated(home.path(), Size::Small);
    let folder = home.path().join("reports");
    fs::create_dir(&folder).unwrap();
    let report = folder.join("report.html");
    fs::write(&report, "an older one").unwrap();
    let (well, refusing) = (
        Engine::stand_in(|builder| builder),
        Engine::stand_in(|builder| builder.status(422)),
    );
    let with_password = well.argument("well").replace("//", "//user:hunter2@") + "/?key=hunter2";
    let finished = Finished::run(&mut program(&[
        "solve",
        "--auction",
        auction.to_str().unwrap(),
        "--id",
        "report-1",
        "--archive",
        home.path().join("archive").to_str().unwrap(),
        "--solver",
        &with_password,
        "--solver",
        &refusing.argument("re<fus>ing"),
        "--solver",
        &format!("away={}", Engine::unreachable_url()),
        "--report",
        report.to_str().unwrap(),
        "--format",
        "json",
    ]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.errors, "");
    let outcome = finished.outcome();
    let html = page(&report);
    let shown = |value: &Value| html.contains(&value.as_str().unwrap().replace('"', "&quot;"));
    for part in [
        "<title>Auction report-1</title>",
        "<b>well</b> <span class=\"good\">ok</span>",
        "<b>re&lt;fus&gt;ing</b> <span class=\"bad\">failed</span> <span class=\"muted\">422</span>",
        "<b>away</b> <span class=\"bad\">failed</span> <span class=\"muted\">3 attempts</span>",
        "<b>archive</b> <span class=\"good\">ok</span> <span class=\"muted\">gzip</span>",
        "class=\"sending\"",
        "<li>1 of 3 solvers succeeded",
        "deadline of 15.0 s",
        "class=\"answer\"",
        "class=\"failure\"",
        "class=\"curve\"",
        "//***",
        "/solve?key=REDACTED",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(shown(&outcome["auction"]["sha256"]));
    assert!(shown(&outcome["archive"]["location"]));
    for solver in outcome["solvers"].as_array().unwrap() {
        assert!(
            solver["error"].is_null() || shown(&solver["error"]),
            "{solver}"
        );
        assert!(shown(&solver["url"]), "{solver}");
    }
    assert!(!html.contains("re<fus>ing") && !html.contains("hunter2"));
    assert_eq!(names(&folder), [report]);
}

#[test]
fn replay_writes_one_too_at_the_path_of_the_configuration_file() {
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("7.json");
    fs::write(&auction, r#"{"id":"7","orders":[]}"#).unwrap();
    let config = home.path().join("driver.toml");
    fs::write(&config, "report = 'of-config.html'").unwrap();
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    let mut arguments = vec!["replay", auction.to_str().unwrap(), "--solver", &solver];
    arguments.extend(["--config", config.to_str().unwrap()]);
    let finished = Finished::run(&mut program(&arguments));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let html = page(&home.path().join("of-config.html"));
    assert!(html.contains("<title>Auction 7</title>") && html.contains("<b>a</b>"));
    assert!(!html.contains("<b>archive</b>"));

    let of_option = home.path().join("of-option.html");
    fs::remove_file(home.path().join("of-config.html")).unwrap();
    arguments.extend(["--report", of_option.to_str().unwrap()]);
    let finished = Finished::run(&mut program(&arguments));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    page(&of_option);
    assert!(!home.path().join("of-config.html").exists());
}

#[test]
fn a_path_that_cannot_be_written_to_is_refused_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("1.json");
    fs::write(&auction, r#"{"id":"1"}"#).unwrap();
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    for report in [
        home.path().join("missing/report.html"),
        home.path().to_owned(),
    ] {
        let finished = Finished::run(&mut program(&[
            "solve",
            "--auction",
            auction.to_str().unwrap(),
            "--solver",
            &solver,
            "--report",
            report.to_str().unwrap(),
        ]));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert_eq!(finished.output, "");
        assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
        assert!(
            finished.errors.starts_with("error: --report: "),
            "{finished:?}"
        );
        assert!(!engine.had_request());
    }
    assert_eq!(names(home.path()), [auction]);
}

#[test]
fn one_that_cannot_be_written_any_more_is_a_failure_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("1.json");
    fs::write(&auction, r#"{"id":"1"}"#).unwrap();
    let folder = home.path().join("reports");
    fs::create_dir(&folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let solver = format!("a=http://{}", listener.local_addr().unwrap());
    let gone = folder.clone();
    let engine = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut some = [0; 4096];
        while !request.ends_with(b"0\r\n\r\n") {
            let read = stream.read(&mut some).unwrap();
            request.extend_from_slice(&some[..read]);
        }
        fs::remove_dir_all(&gone).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"solutions\":[]}";
        stream.write_all(answer).unwrap();
    });
    let finished = Finished::run(&mut program(&[
        "solve",
        "--auction",
        auction.to_str().unwrap(),
        "--solver",
        &solver,
        "--report",
        folder.join("report.html").to_str().unwrap(),
        "--format",
        "json",
    ]));
    engine.join().unwrap();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.outcome()["solvers"][0]["status"], "ok");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    assert!(
        finished.errors.starts_with("error: --report: "),
        "{finished:?}"
    );
}

#[test]
fn takes_the_place_of_no_input() {
    let home = tempfile::tempdir().unwrap();
    let auction = generated(home.path(), Size::Small);
    let config = home.path().join("driver.toml");
    fs::write(&config, "deadline = \"5s\"\n").unwrap();
    let engine = Engine::stand_in(|builder| builder);
    for input in [&auction, &config] {
        let before = fs::read(input).unwrap();
        let finished = Finished::run(&mut program(&[
            "solve",
            "--auction",
            auction.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
            "--solver",
            &engine.argument("a"),
            "--report",
            input.to_str().unwrap(),
        ]));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(
            finished.errors.contains("would be replaced"),
            "{finished:?}"
        );
        assert_eq!(fs::read(input).unwrap(), before);
        assert_eq!(names(home.path()), [auction.clone(), config.clone()]);
    }
}
