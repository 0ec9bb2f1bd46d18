//! Many auctions at once through one pipeline.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Codec, Dispatch, Outcome, Pipeline, SolverStatus, View};
use futures_util::future::join_all;
use scripted_store::{Effect, Operation, Rule, ScriptedStore};
use tokio::sync::{mpsc, watch};

use crate::support::{
    Engine, RawConnection, RawSolver, ScriptedDocument, archive_in, content, noise, run, sha256,
    until,
};

/// Much more than sockets hold.
const LONG: usize = 8_500_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn eight_that_overlap_are_kept_apart() {
    let engines: Vec<_> = (0..3).map(|_| Engine::keeping()).collect();
    let gzip = Codec::gzip(1).unwrap();
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("auction"))
        .solver(engines[1].solver("view"))
        .solver(engines[2].solver("encoded").with_encoding(gzip))
        .archive(archive_in(&store, gzip))
        .window(256 * 1024)
        // Not enough for all of them at full size.
        .window_budget(12 * 1024 * 1024)
        .deadline(NEVER)
        .build()
        .unwrap();
    // Different lengths are different documents.
    let length = |number: usize| 1_000_000 + 100_003 * number;
    let auction =
        |number: usize| [&content(length(number)), number.to_string().as_bytes()].concat();
    let send = |number: usize| {
        let document = move || ScriptedDocument::new(auction(number).into());
        let dispatch = Dispatch::new(document())
            .archive_as(number.to_string().parse().unwrap())
            .views(
                pipeline.solvers(),
                |solver| match solver.name() {
                    "view" => View::keyed(()).tail(format!(" for {number}")),
                    _ => View::auction(),
                },
                |()| document(),
            );
        pipeline.run(dispatch)
    };
    run(async {
        let outcomes: Vec<Outcome> = join_all((0..8).map(send)).await;
        let mut received: Vec<HashMap<String, Vec<u8>>> = engines
            .iter()
            .map(|engine| {
                let requests = engine.requests().into_iter();
                let named = requests.map(|request| {
                    let id = request.header("x-request-id").unwrap().to_owned();
                    (id, request.body)
                });
                named.collect()
            })
            .collect();
        for (number, outcome) in outcomes.iter().enumerate() {
            assert!(outcome.is_ok(), "{outcome:?}");
            let id = number.to_string();
            assert_eq!(outcome.auction.id.as_deref(), Some(&*id));
            let raw = auction(number);
            let view = [&raw[..], format!(" for {number}").as_bytes()].concat();
            let mut body = |engine: usize| received[engine].remove(&id).unwrap();
            assert!(body(0) == raw);
            assert!(body(1) == view);
            let stored = store.object(&format!("{number}.json")).await.unwrap();
            assert!(body(2) == crate::end_to_end::encoding_in(&stored, "gzip"));
            assert!(crate::end_to_end::decompressed(&stored, "gzip") == raw);
            let digests = [sha256(&raw), sha256(&view), sha256(&raw)];
            for (solver, digest) in outcome.solvers.iter().zip(digests) {
                assert_eq!(solver.document_sha256, Some(digest));
            }
        }
    });
}

#[test]
fn one_after_the_other_uses_one_connection_for_each_engine() {
    let engines: Vec<_> = (0..3).map(|_| Engine::keeping()).collect();
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("chunked"))
        .solver(engines[1].solver("length").with_content_length())
        .solver(
            engines[2]
                .solver("encoded")
                .with_encoding(Codec::gzip(1).unwrap()),
        )
        .build()
        .unwrap();
    run(async {
        for number in 0..10 {
            let document = ScriptedDocument::new(content(300_000 + number));
            let outcome = pipeline.run(Dispatch::new(document)).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        }
    });
    for engine in &engines {
        assert_eq!(engine.requests().len(), 10);
        assert_eq!(engine.accepted(), 1);
    }
}

#[test]
fn the_second_does_not_wait_for_the_first() {
    // Engines that read the first auction no further than its first byte until they are told to.
    let release = Arc::new(watch::Sender::new(false));
    let (sender, mut first_bytes) = mpsc::unbounded_channel();
    let engine = |name: &'static str| {
        let (release, sender) = (Arc::clone(&release), sender.clone());
        RawSolver::start(move |mut connection| {
            let (mut released, sender) = (release.subscribe(), sender.clone());
            async move {
                while let Some(head) = connection.head().await {
                    let id = head.header("x-request-id").unwrap_or_default().to_owned();
                    let _heard = connection.peek().await;
                    let _heard = sender.send((name, id.clone()));
                    if id == "first" {
                        let _heard = released.wait_for(|released| *released).await;
                    }
                    let request = connection.rest_of(head).await;
                    assert!(request.is_whole);
                    connection.answer_well().await;
                }
            }
        })
    };
    let engines = [engine("a"), engine("b")];
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("a"))
        .solver(engines[1].solver("b"))
        .archive(archive_in(&store, Codec::Identity))
        .deadline(NEVER)
        .build()
        .unwrap();
    let send = |id: &str| {
        let document = ScriptedDocument::new(content(LONG));
        pipeline.run(Dispatch::new(document).archive_as(id.parse().unwrap()))
    };
    run(async {
        let mut first = Box::pin(send("first"));
        let begun = async {
            for _ in 0..2 {
                assert_eq!(first_bytes.recv().await.unwrap().1, "first");
            }
        };
        tokio::select! {
            outcome = &mut first => panic!("{outcome:?}"),
            () = begun => {}
        }
        let second = async {
            let outcome = send("second").await;
            for _ in 0..2 {
                assert_eq!(first_bytes.recv().await.unwrap().1, "second");
            }
            outcome
        };
        // All of the second, not only its first byte.
        let outcome = tokio::select! {
            outcome = &mut first => panic!("{outcome:?}"),
            outcome = second => outcome,
        };
        assert!(outcome.is_ok(), "{outcome:?}");
        release.send_replace(true);
        let outcome = first.await;
        assert!(outcome.is_ok(), "{outcome:?}");
        for solver in &outcome.solvers {
            assert_eq!(solver.document_sha256, Some(sha256(&content(LONG))));
        }
        for id in ["first", "second"] {
            assert!(store.object(&format!("{id}.json")).await.unwrap() == content(LONG));
        }
    });
}

#[test]
fn a_stalled_auction_holds_up_no_other_however_small_the_budget() {
    for budget in [8 * 1024 * 1024, 1] {
        stall_six(budget);
    }
}

/// Six auctions at once, each stuck at one engine for good: none keeps the healthy engine from the others.
fn stall_six(budget: usize) {
    let stalled = RawSolver::start(RawConnection::hold);
    let healthy = Engine::stand_in(|builder| builder);
    let pipeline = Pipeline::builder()
        .solver(stalled.solver("stalled").with_timeout(NEVER))
        .solver(healthy.solver("healthy"))
        .window_budget(budget)
        .deadline(NEVER)
        .build()
        .unwrap();
    run(async {
        let runs: Vec<_> = (0..6)
            .map(|number| {
                let document = ScriptedDocument::new(content(LONG - number));
                let pipeline = pipeline.clone();
                tokio::spawn(async move { pipeline.run(Dispatch::new(document)).await })
            })
            .collect();
        let mut digests: Vec<_> = (0..6)
            .map(|number| sha256(&content(LONG - number)))
            .collect();
        let mut found =
            tokio::task::spawn_blocking(move || [(); 6].map(|()| healthy.report().sha256).to_vec())
                .await
                .unwrap();
        digests.sort();
        found.sort();
        assert!(digests == found);
        for run in runs {
            assert!(!run.is_finished());
            run.abort();
        }
    });
}

#[test]
fn archives_that_hang_hold_up_no_later_auction() {
    let engines: Vec<_> = (0..3).map(|_| Engine::keeping()).collect();
    let gzip = Codec::gzip(1).unwrap();
    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Put, Effect::Hold)]);
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("auction"))
        .solver(engines[1].solver("view"))
        .solver(engines[2].solver("encoded").with_encoding(gzip))
        .archive(archive_in(&store, gzip))
        .archive_limit(NEVER)
        // A fraction of what one auction takes.
        .window_budget(1024 * 1024)
        .deadline(NEVER)
        .build()
        .unwrap();
    let auction = |number: usize| noise(200_000 + number);
    run(async {
        let mut archives = Vec::new();
        for number in 0..12 {
            let dispatch = Dispatch::new(ScriptedDocument::new(auction(number)))
                .archive_as(number.to_string().parse().unwrap())
                .views(
                    pipeline.solvers(),
                    |solver| match solver.name() {
                        "view" => View::keyed(()),
                        _ => View::auction(),
                    },
                    |()| ScriptedDocument::new(content(300_000)),
                );
            let (running, archive) =
                pipeline.run_ahead_of_archive(dispatch, std::future::pending());
            let outcome = running.await;
            assert!(
                outcome
                    .solvers
                    .iter()
                    .all(|solver| solver.status == SolverStatus::Ok),
                "{outcome:?}"
            );
            archives.push(archive);
        }
        until(|| store.held() == 12).await;
        store.release();
        for (number, archive) in archives.into_iter().enumerate() {
            let outcome = archive.ended().await;
            assert_eq!(outcome.status, ArchiveStatus::Ok, "{outcome:?}");
            let stored = store.object(&format!("{number}.json")).await.unwrap();
            assert!(crate::end_to_end::decompressed(&stored, "gzip") == auction(number));
        }
    });
}
