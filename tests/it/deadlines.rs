//! At its deadline a request is cancelled and its branch freed; the archive has a limit of its own; and a run that is
//! dropped leaves nothing.

use std::fs;
use std::sync::mpsc::channel;
use std::time::Duration;

use archive_sink::AttributeSupport;
use driver_cli::StoreLocation;
use driver_streaming::{ArchiveStatus, Codec, Dispatch, Ending, Pipeline, SolverStatus, Stage};
use scripted_store::{Effect, Operation, Rule, ScriptedStore};

use crate::support::{
    Engine, Finished, RawConnection, RawSolver, ScriptedDocument, Service, Size, alive_tasks,
    archive_in, content, generated, program, run, sha256, stage, until, until_tasks_are,
};

/// Much more than sockets hold.
const LONG: usize = 8_500_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

fn dispatch(document: ScriptedDocument) -> Dispatch {
    Dispatch::new(document).archive_as("1".parse().unwrap())
}

#[test]
fn a_solver_of_a_file_may_have_less_time_than_others() {
    let home = tempfile::tempdir().unwrap();
    generated(home.path(), Size::Mainnet);
    let stalled = Engine::stand_in(|builder| builder.stall_after(50_000));
    let healthy = Engine::stand_in(|builder| builder);
    let config = format!(
        "auction = \"auction.json\"\nformat = \"json\"\ndeadline = \"50s\"\n\
         [[solver]]\nname = \"stalled\"\nendpoint = \"{}\"\ntimeout = \"1s\"\n\
         [[solver]]\nname = \"healthy\"\nendpoint = \"{}\"\n",
        stalled.url(),
        healthy.url()
    );
    let path = home.path().join("driver.toml");
    fs::write(&path, config).unwrap();
    let finished = Finished::run(&mut program(&["solve", "--config", path.to_str().unwrap()]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let outcome = finished.outcome();
    let (stalled, healthy) = (&outcome["solvers"][0], &outcome["solvers"][1]);
    assert_eq!(stalled["status"], "timed_out");
    assert_eq!(stalled["ending"], "cancelled");
    let error = stalled["error"].as_str().unwrap();
    assert!(error.contains("within the solver's own timeout"), "{error}");
    let length = outcome["auction"]["bytes"].as_u64().unwrap();
    let sent = stalled["bytes_sent"].as_u64().unwrap();
    assert!((50_000..length).contains(&sent), "{sent}");
    assert_eq!(healthy["status"], "ok");
    assert_eq!(healthy["bytes_sent"], length);
    // Had it waited for the deadline of all, it would have been slower than that.
    assert!(outcome["wall_ms"].as_f64().unwrap() < 50_000.0);
}

#[test]
fn the_deadline_of_all_holds_for_those_with_more_time_of_their_own() {
    let engine = RawSolver::start(RawConnection::hold);
    let solver = engine.solver("a").with_timeout(NEVER);
    let pipeline = Pipeline::builder().solver(solver);
    let pipeline = pipeline.deadline(Duration::from_millis(200));
    let outcome = run(async {
        let document = ScriptedDocument::new(content(LONG));
        pipeline.build().unwrap().run(dispatch(document)).await
    });
    assert_eq!(outcome.solvers[0].status, SolverStatus::TimedOut);
    assert_eq!(outcome.solvers[0].ending, Some(Ending::Cancelled));
    let error = outcome.solvers[0].error.as_deref().unwrap();
    assert!(error.contains("within the deadline"), "{error}");
}

#[test]
fn a_request_that_is_cut_off_does_not_look_whole() {
    let engine = Engine::keeping();
    let http2 = Engine::keeping();
    let pipeline = Pipeline::builder()
        .solver(engine.solver("chunked"))
        .solver(engine.solver("length").with_content_length())
        .solver(
            engine
                .solver("encoded")
                .with_encoding(Codec::gzip(1).unwrap()),
        )
        .solver(http2.solver("http2").with_http2())
        .deadline(Duration::from_millis(500))
        .build()
        .unwrap();
    run(async {
        // All of what the deadline lets through: what is not there cannot be late.
        let document = ScriptedDocument::pausing_at(content(LONG), 1_000_000);
        let outcome = pipeline.run(dispatch(document)).await;
        for solver in &outcome.solvers {
            assert_eq!(solver.status, SolverStatus::TimedOut, "{solver:?}");
            assert_eq!(solver.ending, Some(Ending::Cancelled));
            assert_eq!(solver.document_sha256, None);
        }
        for _ in 0..3 {
            let mut request = None;
            until(|| {
                request = engine.try_request();
                request.is_some()
            })
            .await;
            assert!(!request.unwrap().is_whole);
        }
        let mut request = None;
        until(|| {
            request = http2.try_request();
            request.is_some()
        })
        .await;
        assert!(!request.unwrap().is_whole);
    });
}

#[test]
fn limits_that_no_clock_can_tell_are_limits_all_the_same() {
    let engine = Engine::stand_in(|builder| builder);
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(engine.solver("a").with_timeout(Duration::MAX))
        .archive(archive_in(&store, Codec::Identity))
        .deadline(Duration::MAX)
        .archive_limit(Duration::MAX);
    let outcome = run(async {
        let document = ScriptedDocument::new(content(1000));
        pipeline.build().unwrap().run(dispatch(document)).await
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn the_archive_goes_on_after_the_deadline() {
    let engine = RawSolver::start(RawConnection::hold);
    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Part, Effect::Hold)]);
    let pipeline = Pipeline::builder()
        .solver(engine.solver("a"))
        .archive(archive_in(&store, Codec::Identity))
        .deadline(Duration::from_millis(200))
        .archive_limit(NEVER)
        .build()
        .unwrap();
    run(async {
        let progress = pipeline.progress();
        let opened = async {
            until(|| stage(&progress, "a") == Stage::Failed).await;
            until(|| store.held() > 0).await;
            store.release();
        };
        let document = ScriptedDocument::new(content(LONG));
        let sent =
            pipeline.run(dispatch(document).observed_by(std::sync::Arc::new(progress.clone())));
        let (outcome, ()) = tokio::join!(sent, opened);
        assert_eq!(outcome.solvers[0].status, SolverStatus::TimedOut);
        assert_eq!(outcome.archive.status, ArchiveStatus::Ok);
        assert!(store.object("1.json").await.unwrap() == content(LONG));
    });
}

#[test]
fn the_archive_has_a_limit_of_its_own() {
    for call in [Operation::Create, Operation::Part, Operation::Complete] {
        let engine = Engine::stand_in(|builder| builder);
        let store = ScriptedStore::in_memory().with([Rule::always(call, Effect::Hold)]);
        let pipeline = Pipeline::builder()
            .solver(engine.solver("a"))
            .archive(archive_in(&store, Codec::Identity))
            .deadline(NEVER)
            .archive_limit(Duration::from_millis(500))
            .build()
            .unwrap();
        run(async {
            let document = ScriptedDocument::new(content(LONG));
            let outcome = pipeline.run(dispatch(document)).await;
            assert_eq!(outcome.solvers[0].status, SolverStatus::Ok);
            assert_eq!(engine.report().sha256, sha256(&content(LONG)));
            assert_eq!(outcome.archive.status, ArchiveStatus::Failed);
            let error = outcome.archive.error.as_deref().unwrap();
            let expected = match call {
                Operation::Complete => "the store has not answered in time",
                _ => "not written within 500ms",
            };
            assert!(error.contains(expected), "{call:?}: {error}");
            assert!(store.names().await.is_empty());
            // What was asked of the store and not answered is given up as soon as it is.
            store.release();
            pipeline.drain().await;
            assert_eq!(store.open_uploads().len(), 0, "{call:?}");
        });
    }
}

#[test]
fn a_run_that_is_dropped_leaves_no_connection_no_upload_and_no_task() {
    let (sender, events) = channel();
    let engine = RawSolver::start(move |mut connection| {
        let sender = sender.clone();
        async move {
            connection.closed().await;
            let _heard = sender.send("closed");
        }
    });
    let gzip = Codec::gzip(1).unwrap();
    for (solver, codec) in [
        (engine.solver("raw"), Codec::Identity),
        (engine.solver("encoded").with_encoding(gzip), gzip),
    ] {
        let store = ScriptedStore::in_memory();
        run(async {
            let pipeline = Pipeline::builder()
                .solver(solver)
                .archive(archive_in(&store, codec))
                .build()
                .unwrap();
            let before = alive_tasks();
            let progress = pipeline.progress();
            let document = ScriptedDocument::pausing_at(content(LONG), 6_000_000);
            let sent =
                pipeline.run(dispatch(document).observed_by(std::sync::Arc::new(progress.clone())));
            tokio::select! {
                outcome = sent => panic!("{outcome:?}"),
                () = until(|| {
                    // All that there is to have has been had.
                    let mut readers = progress.readers();
                    let solver = readers.next().unwrap();
                    solver.bytes >= 1_000_000 && store.open_uploads().len() == 1
                }) => {}
            }
            assert!(alive_tasks() > before);
            pipeline.drain().await;
            assert_eq!(store.open_uploads().len(), 0);
            assert_eq!(store.names().await, Vec::<String>::new());
            until_tasks_are(before).await;
            // The end of the runtime would close it as well.
            until(|| events.try_recv() == Ok("closed")).await;
        });
    }
}

#[test]
fn an_engine_that_never_reads_holds_no_connection_of_a_run_that_is_dropped() {
    let engine = RawSolver::start(RawConnection::hold);
    let solver = engine.solver("a");
    run(async {
        let pipeline = Pipeline::builder().solver(solver).deadline(NEVER);
        let pipeline = pipeline.build().unwrap();
        let before = alive_tasks();
        let progress = pipeline.progress();
        let document = ScriptedDocument::new(content(LONG));
        let mut last = 0;
        tokio::select! {
            outcome = pipeline.run(dispatch(document).observed_by(std::sync::Arc::new(progress.clone()))) => panic!("{outcome:?}"),
            // Until sockets are full.
            () = until(|| {
                let bytes = progress.readers().next().unwrap().bytes;
                let is_stuck = bytes > 0 && bytes == last;
                last = bytes;
                is_stuck
            }) => {}
        }
        assert!(alive_tasks() > before);
        // Nobody but the run itself would end it: there is no time limit for that.
        until_tasks_are(before).await;
    });
}

#[test]
fn a_run_that_is_dropped_leaves_no_file() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("archive");
    let location = StoreLocation::folder(folder.to_str().unwrap(), NEVER).unwrap();
    let archive = location
        .archive()
        .codec(Codec::Identity)
        .part_size(256 * 1024)
        .allow_small_parts()
        .attributes(AttributeSupport::Absent)
        .build()
        .unwrap();
    let files = || fs::read_dir(&folder).unwrap().count();
    let pipeline = Pipeline::builder()
        .archive(location.target(archive))
        .build()
        .unwrap();
    run(async {
        let document = ScriptedDocument::pausing_at(content(LONG), 6_000_000);
        tokio::select! {
            outcome = pipeline.run(dispatch(document)) => panic!("{outcome:?}"),
            () = until(|| files() > 0) => {}
        }
        pipeline.drain().await;
        assert_eq!(files(), 0);
    });
}

#[test]
fn nothing_but_the_deadline_limits_how_long_an_engine_reads_nothing() {
    let engine = RawSolver::start(|mut connection| async move {
        let head = connection.head().await.unwrap();
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(connection.rest_of(head).await.is_whole);
        connection.answer_well().await;
    });
    let url = engine.url();
    let config =
        format!("deadline = \"60s\"\n[[solver]]\nname = \"a\"\nendpoint = \"{url}\"\nretries = 0");
    let service = Service::start(&config, &["--body-timeout", "5s"]);
    let auction = [&b"{\"id\":1,\"orders\":[\""[..], &vec![b'x'; LONG], b"\"]}"].concat();
    let answer = service.solve("", auction);
    assert_eq!(answer.status(), 200, "{answer:?}");
}
