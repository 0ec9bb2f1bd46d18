//! Solvers whose views are equal share one document; the archive keeps the auction as it is.

use std::fs;
use std::process::{Command, Stdio};

use driver_streaming::{ArchiveStatus, Codec, Dispatch, Pipeline, SolverStatus, View};
use futures_util::FutureExt;
use scripted_store::{Effect, Operation, Rule, ScriptedStore};

use crate::isolation::MAXIMUM_PASSES;
use crate::support::{
    Engine, Finished, ScriptedDocument, Size, archive_in, content, generated, program, run, sha256,
    until,
};

/// A TOML table for one solver.
fn table(name: &str, engine: &Engine, more: &str) -> String {
    let url = engine.url();
    format!("[[solver]]\nname = {name:?}\nendpoint = {url:?}\n{more}\n")
}

#[test]
fn each_solver_of_a_file_is_sent_its_own_view_and_the_archive_the_auction() {
    let home = tempfile::tempdir().unwrap();
    let auction = generated(home.path(), Size::Small);
    let engines: Vec<_> = (0..4).map(|_| Engine::keeping()).collect();
    let tail = |deadline: &str| format!(r#""deadline":"{deadline}","extra":[1.50]}}"#);
    let set = |deadline: &str| format!("set = {{ deadline = \"{deadline}\", extra = [1.50] }}");
    let config = [
        "auction = \"auction.json\"\nid = \"1\"\nformat = \"json\"\ndeadline = \"1m\"\n".to_owned(),
        "[archive]\nlocation = \"archive\"\ncodec = \"identity\"\n".to_owned(),
        table("early", &engines[0], &set("early")),
        table("late", &engines[1], &set("late")),
        table("plain", &engines[2], ""),
        table("lean", &engines[3], "skip-liquidity = true"),
    ];
    let path = home.path().join("driver.toml");
    fs::write(&path, config.concat()).unwrap();
    let finished = Finished::run(&mut program(&["solve", "--config", path.to_str().unwrap()]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let outcome = finished.outcome();

    let bodies: Vec<Vec<u8>> = engines.iter().map(Engine::body).collect();
    for (body, solver) in bodies.iter().zip(outcome["solvers"].as_array().unwrap()) {
        assert_eq!(solver["status"], "ok", "{solver}");
        assert_eq!(solver["document_sha256"], sha256(body));
        assert_eq!(solver["bytes_sent"], body.len() as u64);
    }
    let early = bodies[0].strip_suffix(tail("early").as_bytes()).unwrap();
    let late = bodies[1].strip_suffix(tail("late").as_bytes()).unwrap();
    assert!(early == late, "what is shared differs");

    // Byte for byte, with the line break at its end.
    let input = fs::read(&auction).unwrap();
    assert!(fs::read(home.path().join("archive/1.json")).unwrap() == input);
    assert!(bodies[2] == input, "the plain view is not the auction");
    assert_eq!(outcome["auction"]["sha256"], sha256(&input));
    assert_eq!(outcome["archive"]["sha256"], sha256(&input));

    let values: Vec<serde_json::Value> = bodies
        .iter()
        .map(|body| serde_json::from_slice(body).unwrap())
        .collect();
    let mut expected = values[2].clone();
    expected["deadline"] = "early".into();
    expected["extra"] = serde_json::json!([1.5]);
    assert!(values[0] == expected);
    let mut expected = values[2].clone();
    assert!(!expected["liquidity"].as_array().unwrap().is_empty());
    expected["liquidity"] = serde_json::json!([]);
    assert!(values[3] == expected);

    // That with members of its own, that of the auction, and that without liquidity.
    assert_eq!(outcome["serialize"]["documents"], 3);
    let passes = outcome["serialize"]["passes"].as_f64().unwrap();
    assert!((1.0..=MAXIMUM_PASSES).contains(&passes), "{passes}");
}

#[test]
fn standard_input_is_sent_like_a_file() {
    let home = tempfile::tempdir().unwrap();
    let auction = generated(home.path(), Size::Small);
    let engines = [Engine::keeping(), Engine::keeping()];
    let config = [
        table("plain", &engines[0], ""),
        table("set", &engines[1], "set = { id = 7 }"),
    ];
    let path = home.path().join("driver.toml");
    fs::write(&path, config.concat()).unwrap();
    let mut pipe = Command::new("cat")
        .arg(&auction)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let arguments = [
        "solve",
        "--config",
        path.to_str().unwrap(),
        "--auction",
        "-",
    ];
    let finished = Finished::run(program(&arguments).stdin(pipe.stdout.take().unwrap()));
    pipe.wait().unwrap();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let input = fs::read(&auction).unwrap();
    assert!(engines[0].body() == input);
    let mut expected: serde_json::Value = serde_json::from_slice(&input).unwrap();
    expected["id"] = 7.into();
    let sent: serde_json::Value = serde_json::from_slice(&engines[1].body()).unwrap();
    assert!(sent == expected);
}

#[test]
fn an_auction_without_an_id_is_sent_and_not_archived() {
    let engines = [Engine::keeping(), Engine::keeping()];
    let store = ScriptedStore::in_memory();
    let (shared, other) = (content(300_000), content(200_000));
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("auction"))
        .solver(engines[1].solver("other"))
        .archive(archive_in(&store, Codec::Identity))
        .build()
        .unwrap();
    let dispatch = Dispatch::new(ScriptedDocument::new(shared.clone())).views(
        pipeline.solvers(),
        |solver| match solver.name() {
            "auction" => View::auction().tail("!"),
            name => View::keyed(name.len()).tail("?"),
        },
        |_| ScriptedDocument::new(other.clone()),
    );
    run(async {
        let outcome = pipeline.run(dispatch).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(outcome.archive.status, ArchiveStatus::Skipped);
        assert_eq!(outcome.auction.id, None);
        assert_eq!(outcome.serialize.documents, 2);
        assert_eq!(store.names().await, Vec::<String>::new());
        for (solver, (engine, whole)) in outcome.solvers.iter().zip([
            (&engines[0], [&shared[..], b"!"].concat()),
            (&engines[1], [&other[..], b"?"].concat()),
        ]) {
            assert_eq!(solver.document_sha256, Some(sha256(&whole)));
            assert!(engine.body() == whole, "{}", solver.name);
        }
    });
}

#[test]
fn solvers_share_what_the_archive_closes_by_a_tail_of_its_own() {
    let engine = Engine::keeping();
    let store = ScriptedStore::in_memory();
    let open = content(300_000);
    let pipeline = Pipeline::builder()
        .solver(engine.solver("a"))
        .archive(archive_in(&store, Codec::Identity))
        .build()
        .unwrap();
    let dispatch = Dispatch::new(ScriptedDocument::new(open.clone()))
        .archive_as("1".parse().unwrap())
        .archive_tail("}")
        .views(
            pipeline.solvers(),
            |_| View::<()>::auction().tail(",1}"),
            |()| ScriptedDocument::new(open.clone()),
        );
    run(async {
        let outcome = pipeline.run(dispatch).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(outcome.serialize.documents, 1);
        let archived = [&open[..], b"}"].concat();
        assert!(store.object("1.json").await.unwrap() == archived);
        assert_eq!(outcome.archive.sha256, Some(sha256(&archived)));
        assert_eq!(outcome.auction.sha256, Some(sha256(&archived)));
        let sent = [&open[..], b",1}"].concat();
        assert_eq!(outcome.solvers[0].document_sha256, Some(sha256(&sent)));
        assert!(engine.body() == sent);
    });
}

#[test]
fn draining_waits_for_archives_that_go_on() {
    // One that is being committed, and one in the middle of its document.
    for (call, bytes) in [(Operation::Put, 100_000), (Operation::Part, 8_500_000)] {
        let engine = Engine::stand_in(|builder| builder);
        let store = ScriptedStore::in_memory().with([Rule::always(call, Effect::Hold)]);
        let pipeline = Pipeline::builder()
            .solver(engine.solver("a"))
            .archive(archive_in(&store, Codec::Identity))
            .build()
            .unwrap();
        // What is sent in parts has its digest beside it.
        let objects = |ids: &[&str]| {
            let of_id = ids.iter().map(|id| match call {
                Operation::Part => vec![format!("{id}.json"), format!("{id}.json.sha256")],
                _ => vec![format!("{id}.json")],
            });
            of_id.collect::<Vec<_>>().concat()
        };
        let send = |id: &str| {
            let document = ScriptedDocument::new(content(bytes));
            let dispatch = Dispatch::new(document).archive_as(id.parse().unwrap());
            pipeline.run_ahead_of_archive(dispatch, std::future::pending())
        };
        run(async {
            let (running, first) = send("1");
            let outcome = running.await;
            assert_eq!(outcome.solvers[0].status, SolverStatus::Ok);
            assert_eq!(outcome.archive.status, ArchiveStatus::Running);
            let (running, forgotten) = send("2");
            running.await;
            drop(forgotten);
            until(|| store.held() == 2).await;
            let mut drains = [(); 2].map(|()| Box::pin(pipeline.drain()));
            for drained in &mut drains {
                assert!(drained.as_mut().now_or_never().is_none());
            }
            assert_eq!(store.names().await, Vec::<String>::new());

            store.release();
            for drained in drains {
                drained.await;
            }
            assert_eq!(store.names().await, objects(&["1", "2"]));
            assert_eq!(first.ended().await.status, ArchiveStatus::Ok);
            // The pipeline is as good as before.
            let (running, third) = send("3");
            running.await;
            pipeline.drain().await;
            assert_eq!(store.names().await, objects(&["1", "2", "3"]));
            assert_eq!(third.ended().await.status, ArchiveStatus::Ok);
        });
    }
}
