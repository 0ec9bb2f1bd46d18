//! No solver holds another or the archive, and the archive holds no solver: shown by what has ended while what is slow
//! is still on its way, not by the clock.

use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{ArchiveStatus, Dispatch, Pipeline, Progress, SolverStatus, Stage};
use scripted_store::{Effect, Operation, Rule, ScriptedStore};

use crate::end_to_end::decompressed;
use crate::isolation::MAXIMUM_PASSES;
use crate::support::{
    Engine, RawConnection, RawSolver, ScriptedDocument, archive_in, content, noise, run, sha256,
    stage, until,
};

/// Much more than sockets hold.
const LONG: usize = 8_500_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

fn dispatch(bytes: usize) -> Dispatch {
    Dispatch::new(ScriptedDocument::new(content(bytes))).archive_as("1".parse().unwrap())
}

/// Waits until all of these have ended well.
async fn until_ok(progress: &Progress, names: &[&str]) {
    until(|| {
        names.iter().all(|name| {
            let stage = stage(progress, name);
            assert_ne!(stage, Stage::Failed, "{name}");
            stage == Stage::Ok
        })
    })
    .await;
}

#[test]
fn healthy_solvers_and_the_archive_end_while_others_are_slow_or_gone() {
    let healthy = [
        Engine::stand_in(|builder| builder),
        Engine::stand_in(|builder| builder),
    ];
    let stalled = Engine::stand_in(|builder| builder.stall_after(50_000));
    let slow = Engine::stand_in(|builder| builder.read_rate(10_000));
    let resetting = Engine::stand_in(|builder| builder.reset_after(100_000));
    let never_reading = RawSolver::start(RawConnection::hold);
    let refusing = Engine::unreachable_url();
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(healthy[0].solver("first"))
        .solver(stalled.solver("stalled"))
        .solver(slow.solver("slow"))
        .solver(resetting.solver("resetting"))
        .solver(format!("refusing={refusing}").parse().unwrap())
        .solver(never_reading.solver("never-reading"))
        .solver(healthy[1].solver("last"))
        .archive(archive_in(&store, Codec::default_for(CodecKind::Zstd)))
        .deadline(NEVER)
        .build()
        .unwrap();
    run(async {
        let progress = pipeline.progress();
        let ended = async {
            until_ok(&progress, &["first", "last", "archive"]).await;
            for gone in ["resetting", "refusing"] {
                until(|| stage(&progress, gone) == Stage::Failed).await;
            }
        };
        tokio::select! {
            outcome = pipeline.run(dispatch(LONG).observed_by(std::sync::Arc::new(progress.clone()))) => panic!("{outcome:?}"),
            () = ended => {}
        }
        for slow in ["stalled", "slow", "never-reading"] {
            assert_eq!(stage(&progress, slow), Stage::Sending, "{slow}");
        }
        let digest = sha256(&content(LONG));
        for engine in &healthy {
            assert_eq!(engine.report().sha256, digest);
        }
        let stored = store.object("1.json").await.unwrap();
        assert_eq!(sha256(&zstd::decode_all(&*stored).unwrap()), digest);
    });
}

#[test]
fn at_the_deadline_each_slow_solver_says_how_far_it_got() {
    let healthy = Engine::stand_in(|builder| builder);
    let stalled = Engine::stand_in(|builder| builder.stall_after(50_000));
    let slow = Engine::stand_in(|builder| builder.read_rate(10_000));
    let never_reading = RawSolver::start(RawConnection::hold);
    let pipeline = Pipeline::builder()
        .solver(healthy.solver("healthy"))
        .solver(stalled.solver("stalled"))
        .solver(slow.solver("slow"))
        .solver(never_reading.solver("never-reading"))
        .deadline(Duration::from_secs(8))
        .build()
        .unwrap();
    run(async {
        let outcome = pipeline.run(dispatch(LONG)).await;
        let [healthy, slow @ ..] = &outcome.solvers[..] else {
            panic!("there is a first");
        };
        assert_eq!(healthy.status, SolverStatus::Ok, "{healthy:?}");
        for solver in slow {
            assert_eq!(solver.status, SolverStatus::TimedOut, "{solver:?}");
            let sent = solver.bytes_sent.unwrap();
            assert!((1..LONG as u64).contains(&sent), "{sent}");
            assert_eq!(solver.document_sha256, None);
            assert!(healthy.total_ms < outcome.wall_ms);
        }
        let passes = outcome.serialize.passes.unwrap();
        assert!((1.0..=MAXIMUM_PASSES).contains(&passes), "{passes}");
    });
}

#[test]
fn solvers_are_answered_while_the_store_waits() {
    let gzip = Codec::default_for(CodecKind::Gzip);
    for (call, codec) in [
        (Operation::Create, Codec::Identity),
        (Operation::Part, Codec::Identity),
        (Operation::Complete, Codec::Identity),
        (Operation::Part, gzip),
    ] {
        let engines = [
            Engine::stand_in(|builder| builder),
            Engine::stand_in(|builder| builder),
        ];
        let store = ScriptedStore::in_memory().with([Rule::always(call, Effect::Hold)]);
        let pipeline = Pipeline::builder()
            .solver(engines[0].solver("plain"))
            // Of the same compression as the archive, if there is one.
            .solver(engines[1].solver("same").with_encoding(codec))
            .archive(archive_in(&store, codec))
            .build()
            .unwrap();
        let document = ScriptedDocument::new(noise(LONG));
        let dispatch = Dispatch::new(document).archive_as("1".parse().unwrap());
        run(async {
            let progress = pipeline.progress();
            let opened = async {
                until_ok(&progress, &["plain", "same"]).await;
                until(|| store.held() > 0).await;
                assert!(store.names().await.is_empty());
                store.release();
            };
            let sent = pipeline.run(dispatch.observed_by(std::sync::Arc::new(progress.clone())));
            let (outcome, ()) = tokio::join!(sent, opened);
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(outcome.archive.status, ArchiveStatus::Ok);
            let digest = sha256(&noise(LONG));
            assert_eq!(outcome.archive.sha256.as_deref(), Some(&*digest));
            let stored = store.object("1.json").await.unwrap();
            let raw = decompressed(&stored, codec.kind().name());
            assert!(raw == noise(LONG));
            for engine in &engines {
                assert_eq!(engine.report().sha256, digest);
            }
        });
    }
}
