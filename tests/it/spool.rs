//! `solve --spool`: the archive is written to a folder first, and from there to the store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Collector, Engine, Finished, ObjectServer, attribute, program, run, same_value, until,
};

const LOCATION: &str = "s3://auctions/kept";

/// Where nobody listens.
const AWAY: &str = "http://127.0.0.1:1";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn auction(id: &str) -> String {
        format!("{{\"id\":\"{id}\",\"orders\":[\"{}\"]}}", "x".repeat(1_000))
    }

    fn solve(&self, id: &str, location: &str, more: &[&str]) -> Command {
        let path = self.path("auction.json");
        fs::write(&path, Self::auction(id)).unwrap();
        let mut command = program(&["solve", "--format", "json", "--archive", location]);
        command.arg("--auction").arg(path).args(more);
        command.arg("--spool").arg(self.path("spool"));
        command.arg("--spool-keep-free=0");
        command
    }

    fn push(&self, location: &str) -> Command {
        let mut command = program(&["archive", "push", "--archive", location]);
        command.arg(self.path("spool"));
        command
    }

    /// How many objects wait, and how many are set aside.
    fn depth(&self) -> [usize; 2] {
        let count = |part| fs::read_dir(self.path("spool").join(part)).unwrap().count();
        assert_eq!(count("staging"), 0);
        [count("ready"), count("failed")]
    }
}

fn archive_of(finished: &Finished, code: i32) -> Value {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    finished.outcome()["archive"].clone()
}

fn unzipped(path: &Path) -> Vec<u8> {
    crate::end_to_end::decompressed(&fs::read(path).unwrap(), "gzip")
}

#[test]
fn what_the_store_has_within_the_limit_is_ok_and_no_longer_in_the_spool() {
    let home = Home::new();
    let folder = home.path("archive");
    let location = folder.to_str().unwrap();
    for (id, status) in [("1", "ok"), ("2", "ok"), ("1", "already_there")] {
        let kept = archive_of(&Finished::run(&mut home.solve(id, location, &[])), 0);
        assert_eq!(kept["status"], status);
        assert_eq!(kept["codec"], "gzip");
        assert!(
            kept["sha256"].is_string() && kept["error"].is_null(),
            "{kept}"
        );
        same_value(
            &unzipped(&folder.join(format!("{id}.json.gz"))),
            Home::auction(id).as_bytes(),
        );
        assert_eq!(home.depth(), [0, 0]);
    }
    let other = Home::auction("1").replace('x', "y");
    let path = home.path("other.json");
    fs::write(&path, other).unwrap();
    let mut command = program(&["solve", "--format", "json", "--archive", location]);
    command
        .arg("--auction")
        .arg(path)
        .arg("--spool")
        .arg(home.path("spool"));
    let kept = archive_of(&Finished::run(&mut command), 1);
    assert_eq!(kept["status"], "conflict");
    let error = kept["error"].as_str().unwrap();
    assert!(
        error.contains("exists already") && error.contains("set aside"),
        "{error}"
    );
    assert_eq!(home.depth(), [0, 1]);
}

#[test]
fn a_store_that_is_away_costs_nobody_anything_and_the_next_run_brings_all_there() {
    let home = Home::new();
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    let limited = ["--archive-limit", "300ms", "--solver", &solver];
    for id in ["1", "2"] {
        let mut command = home.solve(id, LOCATION, &limited);
        let finished = Finished::run(ObjectServer::point_at(AWAY, &mut command));
        let kept = archive_of(&finished, 0);
        assert_eq!(kept["status"], "spooled");
        let location = format!("{LOCATION}/{id}.json");
        assert_eq!(kept["location"], location.as_str());
        let error = kept["error"].as_str().unwrap();
        assert!(
            error.contains(home.path("spool").to_str().unwrap()),
            "{error}"
        );
        assert_eq!(finished.outcome()["solvers"][0]["status"], "ok");
    }
    assert_eq!(home.depth(), [2, 0]);
    // In words, it says what brings it there.
    fs::write(home.path("auction.json"), Home::auction("3")).unwrap();
    let mut command = program(&["solve", "--archive", LOCATION, "--archive-limit", "300ms"]);
    command.arg("--auction").arg(home.path("auction.json"));
    command.arg("--spool").arg(home.path("spool"));
    let finished = Finished::run(ObjectServer::point_at(AWAY, &mut command));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.output.contains("`archive push` uploads it"),
        "{finished:?}"
    );
    assert_eq!(home.depth(), [3, 0]);

    let server = ObjectServer::start();
    let mut command = home.solve("4", LOCATION, &[]);
    let kept = archive_of(&Finished::run(server.point(&mut command)), 0);
    assert_eq!(kept["status"], "ok");
    assert_eq!(kept["placement"], "exclusive");
    assert_eq!(home.depth(), [0, 0]);
    for id in ["1", "2", "3", "4"] {
        let raw =
            crate::end_to_end::decompressed(&server.object(&format!("kept/{id}.json")), "gzip");
        same_value(&raw, Home::auction(id).as_bytes());
    }
}

#[test]
fn push_brings_to_a_folder_or_a_store_what_was_left() {
    let home = Home::new();
    let server = ObjectServer::start();
    let folder = home.path("archive");
    for (location, endpoint) in [
        (LOCATION, server.endpoint()),
        (folder.to_str().unwrap(), AWAY),
    ] {
        for id in ["7", "8"] {
            let mut command = home.solve(id, LOCATION, &["--archive-limit", "200ms"]);
            archive_of(
                &Finished::run(ObjectServer::point_at(AWAY, &mut command)),
                0,
            );
        }
        let mut command = home.push(location);
        let finished = Finished::run(ObjectServer::point_at(endpoint, &mut command));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.output, "uploaded 2\n");
        assert_eq!(home.depth(), [0, 0]);
    }
    for id in ["7", "8"] {
        let auction = Home::auction(id);
        let raw =
            crate::end_to_end::decompressed(&server.object(&format!("kept/{id}.json")), "gzip");
        same_value(&raw, auction.as_bytes());
        same_value(
            &unzipped(&folder.join(format!("{id}.json.gz"))),
            auction.as_bytes(),
        );
    }
    // There is nothing left to push, and the store that is away is not missed.
    let finished = Finished::run(ObjectServer::point_at(AWAY, &mut home.push(LOCATION)));
    assert_eq!(
        (finished.code, &*finished.output),
        (Some(0), "uploaded 0\n")
    );
}

#[test]
fn a_full_spool_refuses_at_once_and_solvers_do_not_notice() {
    let home = Home::new();
    let collector = Collector::start();
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    let more = [
        "--spool-limit",
        "10",
        "--solver",
        &solver,
        "--otlp",
        &collector.url,
    ];
    let started = Instant::now();
    let mut command = home.solve("1", LOCATION, &more);
    let finished = Finished::run(ObjectServer::point_at(AWAY, &mut command));
    assert!(started.elapsed() < Duration::from_secs(10));
    let kept = archive_of(&finished, 1);
    assert_eq!(kept["status"], "spool_full");
    assert!(
        kept["error"].as_str().unwrap().contains("10 bytes"),
        "{kept}"
    );
    assert_eq!(finished.outcome()["solvers"][0]["status"], "ok");
    assert!(engine.report().complete);
    assert_eq!(home.depth(), [0, 0]);
    let exported = collector.exported();
    let names: Vec<_> = exported
        .metrics
        .iter()
        .map(|metric| metric.name.as_str())
        .collect();
    assert!(
        names.contains(&"driver_streaming.spool.refused"),
        "{names:?}"
    );
    let span = exported.span("archive", "driver_streaming.archive.status", "spool_full");
    let kind = attribute(&span.attributes, "error.type");
    assert_eq!(kind.as_deref(), Some("archive_failed"));
    let full = home
        .solve("1", LOCATION, &[])
        .args(["--spool-keep-free", "9e18"])
        .output();
    assert_eq!(full.unwrap().status.code(), Some(2), "a number of bytes");
}

#[test]
fn the_configuration_file_says_where_the_spool_is() {
    let home = Home::new();
    fs::write(home.path("auction.json"), Home::auction("5")).unwrap();
    let config = home.path("driver.toml");
    let text = "auction = 'auction.json'\n[archive]\nlocation = 's3://auctions/kept'\nlimit = '200ms'\nspool = 'spool'\nspool-keep-free = 0\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let mut command = program(&["solve", "--config", config, "--format", "json"]);
    let kept = archive_of(
        &Finished::run(ObjectServer::point_at(AWAY, &mut command)),
        0,
    );
    assert_eq!(kept["status"], "spooled");
    assert_eq!(home.depth(), [1, 0]);
    // The option counts before the file.
    let elsewhere = home.path("elsewhere");
    let mut command = program(&["solve", "--config", config, "--format", "json"]);
    command
        .arg("--spool")
        .arg(&elsewhere)
        .args(["--spool-limit", "3"]);
    let kept = archive_of(
        &Finished::run(ObjectServer::point_at(AWAY, &mut command)),
        1,
    );
    assert_eq!(kept["status"], "spool_full");
    assert!(elsewhere.join("ready").is_dir());
    let refused = |arguments: &[&str], part: &str| {
        let finished = Finished::run(&mut program(arguments));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let last = finished.errors.lines().last().unwrap();
        assert!(
            last.starts_with("error: ") && last.contains(part),
            "{finished:?}"
        );
    };
    let auction = home.path("auction.json");
    let auction = auction.to_str().unwrap();
    refused(
        &["solve", "--auction", auction, "--spool", "spool"],
        "--archive",
    );
    let folder = home.path("archive");
    let folder = folder.to_str().unwrap();
    let below_a_file = format!("{auction}/spool");
    refused(
        &[
            "solve",
            "--auction",
            auction,
            "--archive",
            folder,
            "--spool",
            &below_a_file,
        ],
        "--spool",
    );
}

#[test]
fn a_spool_knows_where_its_objects_are_to_go() {
    let home = Home::new();
    let away = ["--archive-limit", "200ms"];
    let kept = Finished::run(ObjectServer::point_at(
        AWAY,
        &mut home.solve("1", LOCATION, &away),
    ));
    assert_eq!(archive_of(&kept, 0)["status"], "spooled");
    let other = home.path("other");
    let refused = Finished::run(&mut home.solve("2", other.to_str().unwrap(), &[]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.errors.contains(LOCATION), "{refused:?}");
    assert!(refused.errors.contains("archive push"), "{refused:?}");
    let server = ObjectServer::start();
    let mut push = program(&["archive", "push"]);
    let pushed = Finished::run(server.point(push.arg(home.path("spool"))));
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(!server.object("kept/1.json").is_empty());
    // Now it is free for another.
    let kept = Finished::run(&mut home.solve("2", other.to_str().unwrap(), &[]));
    assert_eq!(archive_of(&kept, 0)["status"], "ok");
}

#[test]
fn whoever_uploads_may_end_and_the_next_goes_on() {
    let home = Home::new();
    let (folder, spool) = (home.path("archive"), home.path("spool"));
    fs::create_dir(&spool).unwrap();
    // As a process that uploads holds it.
    let lock = File::create(spool.join("upload.lock")).unwrap();
    lock.lock().unwrap();
    let mut command = home.solve("1", folder.to_str().unwrap(), &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = command.spawn().unwrap();
    let ready = spool.join("ready");
    run(until(|| {
        fs::read_dir(&ready).is_ok_and(|found| found.count() == 1)
    }));
    drop(lock);
    let kept = archive_of(&Finished::of(waiting), 0);
    assert_eq!(kept["status"], "ok", "{kept}");
    assert_eq!(home.depth(), [0, 0]);
}
