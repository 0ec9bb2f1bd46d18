//! The archive does not depend on solvers, nor they on it.

use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{ArchiveStatus, Dispatch, Pipeline, SolverStatus};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};

use crate::support::{
    Engine, RawConnection, RawSolver, ScriptedDocument, archive_in, content, run, sha256,
};

/// Much more than sockets hold.
const LONG: usize = 8_500_000;

fn dispatch(bytes: usize) -> Dispatch {
    Dispatch::new(ScriptedDocument::new(content(bytes))).archive_as("1".parse().unwrap())
}

/// Reads a kilobyte of a body, and is gone.
async fn go(mut connection: RawConnection) {
    let _head = connection.head().await;
    let _kilobyte = connection.skip(1000).await;
    connection.reset();
}

#[test]
fn it_is_whole_when_all_solvers_are_gone_in_the_first_kilobyte() {
    let engines: Vec<_> = (0..3).map(|_| RawSolver::start(go)).collect();
    let gzip = Codec::default_for(CodecKind::Gzip);
    for codec in [Codec::Identity, gzip] {
        let store = ScriptedStore::in_memory();
        let solvers = engines.iter().enumerate().map(|(index, engine)| {
            let solver = engine.solver(&index.to_string()).with_encoding(codec);
            solver.with_retries(1)
        });
        let pipeline = Pipeline::builder()
            .solvers(solvers)
            .archive(archive_in(&store, codec))
            .build()
            .unwrap();
        run(async {
            let outcome = pipeline.run(dispatch(LONG)).await;
            for solver in &outcome.solvers {
                assert_eq!(solver.status, SolverStatus::Failed, "{solver:?}");
                assert_eq!(solver.attempts, 2);
                assert_eq!(solver.document_sha256, None);
                assert!(solver.error.as_deref().unwrap().contains("broke"));
            }
            assert_eq!(outcome.archive.status, ArchiveStatus::Ok);
            let digest = sha256(&content(LONG));
            assert_eq!(outcome.archive.sha256.as_deref(), Some(&*digest));
            let stored = store.object("1.json").await.unwrap();
            let raw = if codec == gzip {
                crate::end_to_end::decompressed(&stored, "gzip")
            } else {
                stored.to_vec()
            };
            assert!(raw == content(LONG));
        });
    }
}

#[test]
fn whatever_of_it_fails_every_solver_gets_everything() {
    for (call, bytes) in [
        // So little that it is one put.
        (Operation::Put, 100_000),
        (Operation::Create, LONG),
        (Operation::Part, LONG),
        (Operation::Complete, LONG),
    ] {
        let engines = [
            Engine::stand_in(|builder| builder),
            Engine::stand_in(|builder| builder),
        ];
        let store =
            ScriptedStore::in_memory().with([Rule::always(call, Effect::Refuse(Failure::Other))]);
        let pipeline = Pipeline::builder()
            .solver(engines[0].solver("a"))
            .solver(engines[1].solver("b"))
            .archive(archive_in(&store, Codec::Identity))
            .archive_limit(Duration::from_secs(2))
            .build()
            .unwrap();
        run(async {
            let outcome = pipeline.run(dispatch(bytes)).await;
            let digest = sha256(&content(bytes));
            for (engine, solver) in engines.iter().zip(&outcome.solvers) {
                assert_eq!(solver.status, SolverStatus::Ok, "{solver:?}");
                assert_eq!(solver.document_sha256.as_deref(), Some(&*digest));
                assert_eq!(engine.report().sha256, digest);
            }
            // An upload is aborted, but no put can be.
            let expected = match call {
                Operation::Put => ArchiveStatus::Unknown,
                _ => ArchiveStatus::Failed,
            };
            assert_eq!(outcome.archive.status, expected);
            let error = outcome.archive.error.as_deref().unwrap();
            let cause = format!("injected into {call:?} 0");
            assert!(error.contains(&cause), "{error}");
            pipeline.drain().await;
            assert_eq!(store.names().await, Vec::<String>::new());
            assert_eq!(store.open_uploads().len(), 0);
        });
    }
}
