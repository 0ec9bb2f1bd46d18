//! `replay` of several auctions, or several times: one after the other, with a table of the solvers' times.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Engine, Finished, ObjectServer, program};

/// Archives small auctions of these ids at a location, in this order.
fn archived(home: &Path, location: &str, ids: &[&str], server: Option<&ObjectServer>) {
    let path = home.join("auction.json");
    for id in ids {
        fs::write(&path, format!("{{\"id\":\"{id}\"}}")).unwrap();
        let mut command = program(&["solve", "--archive", location, "--auction"]);
        command.arg(&path);
        if let Some(server) = server {
            server.point(&mut command);
        }
        let finished = Finished::run(&mut command);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
}

fn replay(location: &str, more: &[&str], server: Option<&ObjectServer>) -> Finished {
    let mut command = program(&["replay", location]);
    if let Some(server) = server {
        server.point(&mut command);
    }
    Finished::run(command.args(more))
}

/// The ids of the auctions that an engine was sent.
fn ids(engine: &Engine) -> Vec<String> {
    let requests = engine.requests().into_iter();
    let sent = requests.map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
    sent.map(|sent| sent["id"].as_str().unwrap().to_owned())
        .collect()
}

fn lines(finished: &Finished) -> Vec<Value> {
    let lines = finished.output.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_range_is_sent_by_time_and_as_often_as_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("archive");
    let location = folder.to_str().unwrap();
    archived(home.path(), location, &["9", "1", "5"], None);
    let (good, bad) = (
        Engine::keeping(),
        Engine::stand_in(|builder| builder.status(500)),
    );
    let solvers = [
        "--solver",
        &good.argument("good"),
        "--solver",
        &bad.argument("bad"),
    ];
    let run = |more: &[&str]| replay(location, &[&solvers, more].concat(), None);

    let finished = run(&["--since", "1h", "--format", "json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(ids(&good), ["9", "1", "5"]);
    let lines = lines(&finished);
    let [outcomes @ .., figures] = &lines[..] else {
        panic!("{finished:?}");
    };
    let of_outcomes: Vec<_> = outcomes.iter().map(|line| &line["auction"]["id"]).collect();
    assert_eq!(of_outcomes, ["9", "1", "5"]);
    assert_eq!(figures["runs"], 3);
    let [of_good, of_bad] = [0, 1].map(|index| &figures["solvers"][index]);
    assert_eq!(
        (&of_good["name"], &of_bad["name"]),
        (&"good".into(), &"bad".into())
    );
    assert_eq!(
        (&of_good["answers"], &of_good["failures"]),
        (&3.into(), &0.into())
    );
    assert_eq!(
        (&of_bad["answers"], &of_bad["failures"]),
        (&0.into(), &3.into())
    );
    assert!(of_bad["mean_ms"].is_null());
    let [mean, p50, p95] =
        ["mean_ms", "p50_ms", "p95_ms"].map(|name| of_good[name].as_f64().unwrap());
    assert!(mean > 0.0 && p50 <= p95 && mean <= p95 && of_good["deviation_ms"].is_f64());
    assert_eq!(figures["total"]["failures"], 3);

    let finished = replay(
        location,
        &[&solvers[..2], &["--last", "2", "--repeat", "2"]].concat(),
        None,
    );
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(ids(&good), ["1", "5", "1", "5"]);
    let printed: Vec<_> = finished.output.lines().collect();
    let [a, b, c, d, titles, of_good, total] = printed[..] else {
        panic!("{finished:?}");
    };
    for (line, id) in [(a, "1"), (b, "5"), (c, "1"), (d, "5")] {
        assert!(
            line.starts_with(&format!("auction {id}: 1 of 1 solvers ok, ")),
            "{line}"
        );
    }
    let words: Vec<_> = titles.split_whitespace().collect();
    assert_eq!(
        words,
        ["answers", "failures", "mean", "deviation", "p50", "p95"]
    );
    assert!(
        of_good.starts_with("good ") && total.starts_with("total "),
        "{finished:?}"
    );
    assert_eq!(of_good.split_whitespace().nth(1), Some("4"));

    // One that is broken is a failure, and holds up no other.
    fs::write(folder.join("1.json.gz"), "no gzip").unwrap();
    let finished = replay(location, &[&solvers[..2], &["--last", "3"]].concat(), None);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let mut sent = ids(&good);
    sent.sort();
    assert_eq!(sent, ["5", "9"]);
    assert!(finished.errors.contains("1.json.gz"), "{finished:?}");
    assert!(
        finished.output.lines().last().unwrap().starts_with("total"),
        "{finished:?}"
    );
}

#[test]
fn an_id_is_enough_and_one_that_is_not_there_is_told_its_neighbours() {
    let home = tempfile::tempdir().unwrap();
    let server = ObjectServer::start();
    let remote = format!("s3://{}/prod/mainnet", ObjectServer::BUCKET);
    let folder = home.path().join("archive");
    let engine = Engine::keeping();
    let solver = ["--solver", &engine.argument("a")];
    for (location, server) in [(folder.to_str().unwrap(), None), (&*remote, Some(&server))] {
        archived(
            home.path(),
            location,
            &["8531083", "8531084", "8531090", "77"],
            server,
        );
        let finished = replay(&format!("{location}/8531084"), &solver, server);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(ids(&engine), ["8531084"]);
        let twice = [&solver[..], &["--repeat", "2", "--format", "json"]].concat();
        let finished = replay(&format!("{location}/77"), &twice, server);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(ids(&engine), ["77", "77"]);
        assert_eq!(lines(&finished)[2]["solvers"][0]["answers"], 2);
        // Below a folder of folders, ids have a path.
        let above = location.rsplit_once('/').unwrap().0;
        let finished = replay(above, &[&solver[..], &["--last", "1"]].concat(), server);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(ids(&engine), ["77"]);

        let refused = |location: &str, more: &[&str], parts: &[&str]| {
            let finished = replay(location, &[&solver[..], more].concat(), server);
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert_eq!(finished.output, "");
            assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
            for part in parts {
                assert!(finished.errors.contains(part), "{part}: {finished:?}");
            }
        };
        let nearest = ["no such object", "8531083", "8531084", "8531090"];
        refused(&format!("{location}/8531085"), &[], &nearest);
        refused(
            location,
            &["--since", "yesterday"],
            &["--since", "yesterday"],
        );
        refused(location, &["--until", "1h"], &["nothing is archived there"]);
        refused(location, &["--last", "0"], &["--last"]);
        refused(
            location,
            &["--last", "2", "--report", "report.html"],
            &["report"],
        );
        refused(
            &format!("{location}/missing"),
            &["--last", "2"],
            &["missing"],
        );
    }
    assert!(ids(&engine).is_empty());
    let finished = replay(folder.to_str().unwrap(), &solver, None);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.errors.contains("--last"), "{finished:?}");
    let finished = replay(
        "s3://no-such-bucket",
        &[&solver[..], &["--last", "1"]].concat(),
        Some(&server),
    );
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let one = format!("{remote}/77");
    for words in [&["replay", &remote, "--last", "1"][..], &["replay", &one]] {
        let mut forbidden = program(words);
        let forbidden = server
            .point(&mut forbidden)
            .env("AWS_SECRET_ACCESS_KEY", "wrong")
            .args(solver);
        let finished = Finished::run(forbidden);
        assert_eq!(finished.code, Some(2), "{finished:?}");
    }
}
