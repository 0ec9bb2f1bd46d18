//! Panics below the writer, and runtimes that go away under it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use archive_sink::{Archive, Codec, CommitError, WriteError, WriteErrorKind};
use scripted_store::{Effect, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::support::{block_on, noise};

const PART: usize = 40_000;

fn archive(rules: impl IntoIterator<Item = Rule>) -> Archive {
    let store = ScriptedStore::in_memory().with(rules);
    Archive::builder(Arc::new(store))
        .codec(Codec::Identity)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .unwrap()
}

#[test]
fn a_panic_below_a_poll_poisons_the_writer() {
    for operation in [Operation::Create, Operation::Part] {
        let archive = archive([Rule::nth(operation, 0, Effect::Panic)]);
        // Without a runtime, requests run in the writer's own polls, and so do their panics.
        let mut writer = archive.create("a").unwrap();
        let document = noise(PART * 3);
        let write = AssertUnwindSafe(|| block_on(writer.write_all(&document)));
        assert!(catch_unwind(write).is_err());
        for _ in 0..2 {
            let error = block_on(writer.write_all(b"more")).unwrap_err();
            let cause = error.get_ref().unwrap().downcast_ref::<WriteError>();
            assert!(matches!(
                cause,
                Some(WriteError {
                    kind: WriteErrorKind::Panicked,
                    ..
                })
            ));
        }
        block_on(writer.flush()).unwrap_err();
        // What panicked is not polled again to clean up.
        let error = block_on(writer.commit()).unwrap_err();
        let cause = match &error {
            CommitError::Write { cause, .. } => cause,
            other => panic!("{other}"),
        };
        assert!(matches!(
            cause,
            WriteError {
                kind: WriteErrorKind::Panicked,
                ..
            }
        ));
        block_on(archive.open("a")).unwrap_err();
    }
}

#[test]
fn a_runtime_that_is_gone_is_an_error_and_no_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let archive = archive([]);
    let writer = || runtime.block_on(async { archive.create("a").unwrap() });
    let (mut written, mut parts, small) = (writer(), writer(), writer());
    runtime.block_on(parts.write_all(&noise(PART * 3))).unwrap();
    drop(runtime);

    let error = block_on(written.write_all(&noise(PART * 3))).unwrap_err();
    assert!(
        error.to_string().contains("cannot start to upload"),
        "{error}"
    );
    block_on(written.commit()).unwrap_err();
    let error = block_on(small.commit()).unwrap_err();
    assert!(matches!(error, CommitError::Lost { .. }));
    drop(parts);
    block_on(archive.settled());
    block_on(archive.open("a")).unwrap_err();
}
