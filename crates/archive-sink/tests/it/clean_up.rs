//! Aborting that fails, and the limits of uploads.

use std::{sync::Arc, time::Duration};

use archive_sink::{
    Archive, ArchiveWriter, Codec, CommitError, Placement, WriteError, WriteErrorKind,
};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::support::noise;

const PART: usize = 20_000;

fn archive(store: &ScriptedStore) -> Archive {
    Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .unwrap()
}

/// A writer with three parts.
async fn writer(store: &ScriptedStore) -> ArchiveWriter {
    let mut writer = archive(store).create("a").unwrap();
    writer.write_all(&noise(PART * 3)).await.unwrap();
    writer
}

#[tokio::test]
async fn a_failed_abort_is_told_besides_the_first_cause() {
    let calls = (0..5)
        .map(|nth| (Operation::Part, nth))
        .chain([(Operation::Complete, 0)]);
    for (operation, nth) in calls {
        let rules = [
            Rule::nth(operation, nth, Effect::Refuse(Failure::Other)),
            Rule::nth(Operation::Abort, 0, Effect::Refuse(Failure::Other)),
        ];
        let store = ScriptedStore::in_memory().with(rules);
        let mut writer = archive(&store).create("a").unwrap();
        // Whether writing or committing learns of it first, committing tells.
        writer.write_all(&noise(PART * 5)).await.ok();
        let error = writer.commit().await.unwrap_err();
        let text = error.to_string();
        let first = text
            .find(&format!("injected into {operation:?} {nth}"))
            .unwrap();
        let second = text.find("injected into Abort 0").unwrap();
        assert!(first < second, "{text}");
        assert!(error.clean_up().is_some());
        assert_eq!(store.open_uploads().len(), 1);
    }
}

#[tokio::test]
async fn an_upload_that_is_still_there_may_be_completed_later_unless_that_was_refused() {
    for (completed, is_unknown) in [(Failure::Other, true), (Failure::Forbidden, false)] {
        let store = ScriptedStore::in_memory().with([
            Rule::nth(Operation::Complete, 0, Effect::Refuse(completed)),
            Rule::nth(Operation::Abort, 0, Effect::Refuse(Failure::Other)),
        ]);
        let error = writer(&store).await.commit().await.unwrap_err();
        assert!(error.clean_up().is_some());
        match error {
            CommitError::Unknown { is_there, .. } => assert!(is_unknown && !is_there),
            error => assert!(!is_unknown && matches!(error, CommitError::Refused { .. })),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_may_take_ten_seconds_and_no_more_than_twenty() {
    let seconds = Duration::from_secs;
    for (effect, took, is_ok) in [
        (Effect::Delay(seconds(9)), seconds(9), true),
        (Effect::Hang, seconds(20), false),
    ] {
        let store = ScriptedStore::in_memory().with([Rule::nth(Operation::Abort, 0, effect)]);
        let writer = writer(&store).await;
        let start = Instant::now();
        assert_eq!(writer.abort().await.is_ok(), is_ok);
        assert_eq!(start.elapsed().as_secs(), took.as_secs());
    }
}

#[tokio::test]
async fn abort_says_when_the_store_does_not() {
    let rules = [Rule::nth(
        Operation::Abort,
        0,
        Effect::Refuse(Failure::Other),
    )];
    let store = ScriptedStore::in_memory().with(rules);
    let error = writer(&store).await.abort().await.unwrap_err();
    assert!(error.to_string().contains("injected into Abort 0"));
    assert_eq!(store.open_uploads().len(), 1);
    archive(&store).check().await.unwrap();
}

#[tokio::test]
async fn the_10_001st_part_is_refused_and_the_rest_aborted() {
    let store = ScriptedStore::in_memory();
    let archive = Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .digest(false)
        .part_size(1)
        .allow_small_parts()
        .build()
        .unwrap();
    // 10,000 parts that start with one byte and grow hold 213,360 bytes.
    let mut writer = archive.create("a").unwrap();
    let full = noise(213_360);
    writer.write_all(&full).await.unwrap();
    assert_eq!(writer.commit().await.unwrap().parts, 10_000);
    let mut writer = archive.create("b").unwrap();
    writer.write_all(&full).await.unwrap();
    writer.write_all(b"!").await.unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(
        error,
        CommitError::Write {
            cause: WriteError {
                kind: WriteErrorKind::TooLarge {
                    stored_bytes: 213_360,
                    ..
                },
                ..
            },
            clean_up: None,
            ..
        }
    ));
    assert_eq!(store.open_uploads().len(), 0);
}

#[tokio::test]
async fn an_upload_of_what_is_there_already_is_aborted() {
    let store = ScriptedStore::in_memory();
    for expected in [Placement::CheckedBefore, Placement::AlreadyThere] {
        let receipt = writer(&store).await.commit().await.unwrap();
        assert_eq!(receipt.placement, expected);
        assert_eq!(store.open_uploads().len(), 0);
    }
}

#[tokio::test]
async fn no_more_parts_are_in_flight_than_allowed_and_no_fewer() {
    for allowed in 1..=3 {
        let slow = Rule::always(Operation::Part, Effect::Yield(5));
        let store = ScriptedStore::in_memory().with([slow]);
        let archive = Archive::builder(Arc::new(store.clone()))
            .codec(Codec::Identity)
            .part_size(PART)
            .allow_small_parts()
            .parts_in_flight(allowed)
            .build()
            .unwrap();
        let mut writer = archive.create("a").unwrap();
        writer.write_all(&noise(PART * 9)).await.unwrap();
        assert_eq!(writer.commit().await.unwrap().parts, 9);
        assert_eq!(store.most_parts_in_flight(), allowed);
    }
}
