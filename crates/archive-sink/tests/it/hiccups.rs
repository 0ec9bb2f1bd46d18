//! A store that hesitates, hangs or is away for a while: nothing is lost that could be saved, and what is said of the
//! rest is true.

use std::{sync::Arc, time::Duration};

use archive_sink::{
    Archive, ArchiveWriter, AttributeSupport, Codec, CommitError, Overwrite, Placement, Receipt,
    WriteErrorKind,
};
use bytes::Bytes;
use futures_util::FutureExt;
use object_store::ObjectStoreExt;
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::support::noise;

const PART: usize = 20_000;

const LIMIT: Duration = Duration::from_secs(60);

fn archive(store: &ScriptedStore, attributes: AttributeSupport) -> Archive {
    Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .attributes(attributes)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .unwrap()
}

async fn writer(archive: &Archive, parts: usize) -> ArchiveWriter {
    let writer = archive.create("a").unwrap();
    let mut writer = writer.until(Instant::now() + LIMIT);
    writer.write_all(&noise(PART * parts - 7)).await.unwrap();
    writer
}

/// Commits a document of one PUT, and says how long that took.
async fn put(
    rules: impl IntoIterator<Item = Rule>,
    attributes: AttributeSupport,
) -> (ScriptedStore, Result<Receipt, CommitError>, Duration) {
    let store = ScriptedStore::in_memory().with(rules);
    let archive = archive(&store, attributes);
    let writer = writer(&archive, 1).await;
    let start = Instant::now();
    let committed = writer.commit().await;
    let took = start.elapsed();
    archive.settled().await;
    (store, committed, took)
}

/// Timers go by whole milliseconds.
fn assert_about(took: Duration, expected: Duration) {
    let allowed = expected..=expected + Duration::from_millis(50);
    assert!(allowed.contains(&took), "{took:?}, not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_put_that_fails_is_made_again() {
    for attributes in [AttributeSupport::Kept, AttributeSupport::Absent] {
        for failure in [Failure::Other, Failure::AlreadyExists] {
            // For more than 3 s. The conflict is that of two writers at the same time, none of which has won.
            let rules = (0..5).map(|nth| Rule::nth(Operation::Put, nth, Effect::Refuse(failure)));
            let (store, committed, took) = put(rules, attributes).await;
            assert_eq!(committed.unwrap().placement, Placement::Exclusive);
            // Where there is no metadata, the digest is put beside it.
            let beside = usize::from(attributes == AttributeSupport::Absent);
            assert_eq!(store.count(Operation::Put), 6 + beside);
            assert_about(took, Duration::from_millis(3100));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_is_made_again_until_the_deadline_with_pauses_of_at_most_five_seconds() {
    let rule = Rule::always(Operation::Put, Effect::Refuse(Failure::Other));
    let (store, committed, took) = put([rule], AttributeSupport::Kept).await;
    let error = committed.unwrap_err();
    assert!(
        matches!(
            error,
            CommitError::Unknown {
                look: None,
                is_there: false,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("may still come"), "{error}");
    assert_about(took, LIMIT - Duration::from_secs(5));
    // 0.1, 0.2, 0.4 … 3.2 s are 6.3 s in all.
    assert_eq!(store.count(Operation::Put), 1 + 6 + 9);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_is_not_made_again() {
    let rule = Rule::always(Operation::Put, Effect::Refuse(Failure::Forbidden));
    let (store, committed, took) = put([rule], AttributeSupport::Kept).await;
    assert!(matches!(committed, Err(CommitError::Refused { .. })));
    assert_eq!((store.count(Operation::Put), took), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_lands_after_its_request_failed_is_found() {
    let late = Effect::Late(Duration::from_secs(30), Failure::Other);
    for then in [Failure::Other, Failure::Forbidden] {
        let rules = [
            Rule::nth(Operation::Put, 0, late),
            Rule::always(Operation::Put, Effect::Refuse(then)),
            // A look that fails is made again too.
            Rule::nth(Operation::Get, 1, Effect::Refuse(Failure::Other)),
        ];
        let (store, committed, took) = put(rules, AttributeSupport::Kept).await;
        assert_eq!(committed.unwrap().placement, Placement::Exclusive);
        assert!((30..36).contains(&took.as_secs()), "{took:?}");
        assert_eq!(store.names().await, ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_are_made_again_until_the_deadline() {
    let rules = [
        Rule::nth(Operation::Put, 0, Effect::Refuse(Failure::Other)),
        Rule::always(Operation::Put, Effect::Refuse(Failure::Forbidden)),
        Rule::always(Operation::Get, Effect::Refuse(Failure::Other)),
    ];
    let (store, committed, took) = put(rules, AttributeSupport::Kept).await;
    assert!(matches!(
        committed,
        Err(CommitError::Unknown { look: Some(_), .. })
    ));
    assert!(store.count(Operation::Get) > 10);
    assert_about(took, LIMIT - Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn what_lands_after_the_limit_was_reported_as_unknown() {
    let rules = [
        Rule::nth(Operation::Put, 0, Effect::Late(LIMIT, Failure::Other)),
        Rule::always(Operation::Put, Effect::Refuse(Failure::Forbidden)),
    ];
    let (_, committed, took) = put(rules, AttributeSupport::Kept).await;
    assert!(matches!(
        committed,
        Err(CommitError::Unknown { look: None, .. })
    ));
    assert!(took < LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_short_deadline_leaves_most_of_its_time_to_the_store() {
    let limit = Duration::from_secs(2);
    let slow = Rule::nth(Operation::Put, 0, Effect::Delay(limit * 8 / 10));
    let archive = archive(
        &ScriptedStore::in_memory().with([slow]),
        AttributeSupport::Kept,
    );
    let writer = archive.create("a").unwrap();
    writer.until(Instant::now() + limit).commit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_answers_just_before_the_deadline_has_committed() {
    let slow = Rule::nth(
        Operation::Put,
        0,
        Effect::Delay(LIMIT - Duration::from_secs(4)),
    );
    let (_, committed, _) = put([slow], AttributeSupport::Absent).await;
    assert_eq!(committed.unwrap().placement, Placement::Exclusive);
}

/// Commits a document to a store that holds another of the same length, without a digest to compare them.
async fn put_beside_another(
    rules: impl IntoIterator<Item = Rule>,
    attributes: AttributeSupport,
) -> CommitError {
    let store = ScriptedStore::in_memory().with(rules);
    let other = Bytes::from(vec![7; PART - 7]);
    store.put(&"a".into(), other.into()).await.unwrap();
    let archive = archive(&store, attributes);
    let writer = writer(&archive, 1).await.without_digest();
    writer.commit().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_attempt_may_have_created_is_no_conflict() {
    // It appears between two attempts, the second of which finds it.
    let landing = Effect::Late(Duration::from_millis(50), Failure::Other);
    let rule = Rule::nth(Operation::Put, 0, landing);
    for (attributes, placement) in [
        (AttributeSupport::Kept, Placement::Exclusive),
        (AttributeSupport::Absent, Placement::AlreadyThere),
    ] {
        let (_, committed, _) = put([rule], attributes).await;
        assert_eq!(committed.unwrap().placement, placement);
    }
    let archive = archive(
        &ScriptedStore::in_memory().with([rule]),
        AttributeSupport::Absent,
    );
    let writer = writer(&archive, 1).await.without_digest();
    let error = writer.commit().await.unwrap_err();
    assert!(
        matches!(error, CommitError::Unknown { is_there: true, .. }),
        "{error}"
    );

    // Where the nonce tells whose it is, another's is a conflict, whatever came of the first attempt.
    let failing = Rule::nth(Operation::Put, 1, Effect::Refuse(Failure::Other));
    let error = put_beside_another([failing], AttributeSupport::Kept).await;
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_not_be_looked_at_is_a_conflict_unless_it_may_be_an_earlier_attempts() {
    let blind = Rule::always(Operation::Get, Effect::Refuse(Failure::Forbidden));
    for attributes in [AttributeSupport::Kept, AttributeSupport::Absent] {
        let error = put_beside_another([blind], attributes).await;
        assert!(
            matches!(
                error,
                CommitError::Conflict {
                    compared: false,
                    ..
                }
            ),
            "{error}"
        );
        let lost = Rule::nth(Operation::Put, 0, Effect::LoseAnswer(Failure::Other));
        let (store, committed, took) = put([lost, blind], attributes).await;
        assert!(matches!(
            committed,
            Err(CommitError::Unknown { look: Some(_), .. })
        ));
        // More attempts and looks would tell nothing new.
        assert_eq!(store.count(Operation::Put), 2);
        assert_about(took, Duration::from_millis(100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_commit_ends_by_the_deadline() {
    let rule = Rule::always(Operation::Put, Effect::Hang);
    let (_, committed, took) = put([rule], AttributeSupport::Kept).await;
    assert!(matches!(committed, Err(CommitError::Unknown { .. })));
    assert!(took <= LIMIT, "{took:?}");

    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Complete, Effect::Hang)]);
    let archive = archive(&store, AttributeSupport::Kept);
    let writer = writer(&archive, 3).await;
    let start = Instant::now();
    // Its upload has been aborted, so that it cannot be completed any more.
    let committed = writer.commit().await;
    assert!(matches!(
        committed,
        Err(CommitError::Refused { clean_up: None, .. })
    ));
    assert!(start.elapsed() <= LIMIT);
    assert_eq!(store.open_uploads().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_part_keeps_neither_the_commit_nor_the_abort_waiting() {
    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Part, Effect::Hang)]);
    let archive = archive(&store, AttributeSupport::Kept);
    let start = Instant::now();
    let error = writer(&archive, 2).await.commit().await.unwrap_err();
    assert!(
        matches!(&error, CommitError::Write { cause, clean_up: None } if matches!(cause.kind, WriteErrorKind::Late)),
        "{error}"
    );
    assert_about(start.elapsed(), LIMIT + Duration::from_secs(10));
    assert_eq!(store.open_uploads().len(), 0);
    let writer = writer(&archive, 2).await;
    let start = Instant::now();
    writer.abort().await.unwrap();
    assert_about(start.elapsed(), Duration::from_secs(10));
    assert_eq!(store.open_uploads().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn work_in_a_folder_that_is_not_waited_for_is_unknown_and_settled_waits_for_it() {
    let (nothing, panic) = (Effect::Delay(Duration::ZERO), Effect::Panic);
    for (operation, parts, look) in [
        (Operation::Put, 1, nothing),
        (Operation::Complete, 3, nothing),
        (Operation::Put, 1, panic),
        (Operation::Complete, 3, panic),
    ] {
        let rules = [
            Rule::always(operation, Effect::Hold),
            // Not the look before completing.
            Rule::nth(Operation::Get, parts.min(2) - 1, look),
        ];
        let store = ScriptedStore::in_memory().with(rules);
        let archive = archive(&store, AttributeSupport::Absent);
        let writer = writer(&archive, parts).await;
        let start = Instant::now();
        let error = writer.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Unknown { .. }), "{error}");
        assert!(start.elapsed() <= LIMIT);
        assert!(archive.settled().now_or_never().is_none());
        store.release();
        archive.settled().await;
        // The object, and its digest beside it.
        assert_eq!(
            (store.names().await.len(), store.open_uploads().len()),
            (2, 0)
        );
    }
}

#[tokio::test]
async fn writers_of_other_content_at_the_same_time_are_told_apart() {
    for attributes in [AttributeSupport::Kept, AttributeSupport::Absent] {
        let store = ScriptedStore::in_memory().with([Rule::always(Operation::Put, Effect::Hold)]);
        let archive = archive(&store, attributes);
        let commit = |content: &'static [u8]| {
            let archive = archive.clone();
            async move {
                let mut writer = archive.create("a").unwrap();
                writer.write_all(content).await.unwrap();
                writer.commit().await
            }
        };
        let (mine, ours) = (tokio::spawn(commit(b"mine")), tokio::spawn(commit(b"ours")));
        while store.held() < 2 {
            tokio::task::yield_now().await;
        }
        store.release();
        let results = [mine.await.unwrap(), ours.await.unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(
            results
                .iter()
                .any(|result| matches!(result, Err(CommitError::Conflict { compared: true, .. })))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn replacing_is_made_again_too() {
    let store = ScriptedStore::in_memory().with([Rule::nth(
        Operation::Put,
        0,
        Effect::Refuse(Failure::Other),
    )]);
    let archive = Archive::builder(Arc::new(store.clone()));
    let archive = archive.overwrite(Overwrite::Replace).build().unwrap();
    let receipt = writer(&archive, 1).await.commit().await.unwrap();
    assert_eq!(receipt.placement, Placement::Replacing);
    assert_eq!(store.count(Operation::Put), 2);
}

#[tokio::test(start_paused = true)]
async fn a_digest_beside_its_object_is_put_again_and_what_is_stuck_there_holds_nothing_up() {
    for attributes in [AttributeSupport::Kept, AttributeSupport::Absent] {
        let rules =
            (0..3).map(|nth| Rule::nth(Operation::Put, nth, Effect::Refuse(Failure::Other)));
        let store = ScriptedStore::in_memory().with(rules);
        writer(&archive(&store, attributes), 3)
            .await
            .commit()
            .await
            .unwrap();
        assert_eq!(store.names().await, ["a", "a.sha256"]);
    }
    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Put, Effect::Hang)]);
    let archive = archive(&store, AttributeSupport::Kept);
    let start = Instant::now();
    writer(&archive, 3).await.commit().await.unwrap();
    archive.settled().await;
    assert!(start.elapsed() <= LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_look_before_completing_that_is_stuck_holds_nothing_up() {
    let store = ScriptedStore::in_memory().with([Rule::always(Operation::Get, Effect::Hang)]);
    let archive = archive(&store, AttributeSupport::Kept);
    let start = Instant::now();
    // Nothing was asked to be completed.
    let committed = writer(&archive, 3).await.commit().await;
    assert!(matches!(
        committed,
        Err(CommitError::Refused { clean_up: None, .. })
    ));
    assert!(start.elapsed() <= LIMIT);
    assert_eq!(store.open_uploads().len(), 0);
}
