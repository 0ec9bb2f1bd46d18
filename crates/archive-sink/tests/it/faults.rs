//! Each operation of a run with five parts, failing in each way, at each call.

use std::error::Error;

use archive_sink::{
    Archive, AttributeSupport, CheckOptions, Codec, CommitError, Overwrite, Placement, Receipt,
};
use bytes::Bytes;
use object_store::memory::InMemory;
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::support::{noise, read, stored};

use std::sync::Arc;

const PART: usize = 20_000;
const SUPPORT: [AttributeSupport; 2] = [AttributeSupport::Kept, AttributeSupport::Absent];
const OVERWRITE: [Overwrite; 2] = [Overwrite::CreateOnly, Overwrite::Replace];

struct Run {
    archive: Archive,
    memory: Arc<InMemory>,
    store: ScriptedStore,
    document: Bytes,
    result: Result<Receipt, Box<dyn Error>>,
}

/// Archives a document of five parts, or of one PUT, in memory behind the faults.
async fn run(
    rules: impl IntoIterator<Item = Rule>,
    parts: usize,
    attributes: AttributeSupport,
    overwrite: Overwrite,
    digest: bool,
) -> Run {
    let memory = Arc::new(InMemory::new());
    let store = ScriptedStore::wrapping(Arc::clone(&memory) as _).with(rules);
    let archive = Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .attributes(attributes)
        .overwrite(overwrite)
        .digest(digest)
        .part_size(PART)
        .allow_small_parts()
        .parts_in_flight(2)
        .build()
        .unwrap();
    let document = noise(PART * parts - 7);
    let result = write(&archive, &document).await;
    archive.settled().await;
    Run {
        archive,
        memory,
        store,
        document,
        result,
    }
}

/// By the book: the writer is dropped when writing fails, and committed when it does not.
async fn write(archive: &Archive, document: &[u8]) -> Result<Receipt, Box<dyn Error>> {
    let mut writer = archive.create("a")?;
    writer.write_all(document).await?;
    Ok(writer.commit().await?)
}

impl Run {
    /// The object is whole, or not there.
    async fn is_visible(&self) -> bool {
        let location = self.archive.location_of("a").unwrap();
        let Some(bytes) = stored(&*self.memory, &location).await else {
            return false;
        };
        assert_eq!(bytes, self.document);
        true
    }

    fn causes(&self) -> Vec<String> {
        let mut causes = vec![];
        let mut cause = self
            .result
            .as_ref()
            .err()
            .map(|error| &**error as &dyn Error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = match error.downcast_ref::<std::io::Error>() {
                // Its own source is that of the error inside.
                Some(io) => io.get_ref().map(|inner| inner as &dyn Error),
                None => error.source(),
            };
        }
        causes
    }

    fn assert_caused_by(&self, operation: Operation, nth: usize) {
        let causes = self.causes();
        let injected = format!("injected into {operation:?} {nth}");
        assert!(
            causes.iter().all(|cause| cause.contains(&injected)) && !causes.is_empty(),
            "{causes:?} for {injected}"
        );
    }
}

#[tokio::test]
async fn without_faults_five_parts_are_sent() {
    for attributes in SUPPORT {
        let run = run([], 5, attributes, Overwrite::CreateOnly, true).await;
        let receipt = run.result.as_ref().unwrap();
        assert_eq!((receipt.parts, run.store.count(Operation::Part)), (5, 5));
        assert_eq!(receipt.placement, Placement::CheckedBefore);
        assert!(run.is_visible().await);
        assert_eq!(run.store.open_uploads().len(), 0);
        assert_eq!(run.store.count(Operation::Abort), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_anywhere_leaves_nothing_and_is_the_cause() {
    let calls = (0..5).map(|nth| (Operation::Part, nth, 5)).chain([
        (Operation::Create, 0, 5),
        (Operation::Complete, 0, 5),
        (Operation::Put, 0, 1),
    ]);
    for (operation, nth, parts) in calls {
        for effect in [
            Effect::Refuse(Failure::Other),
            Effect::Refuse(Failure::Forbidden),
        ] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    // A PUT is made again.
                    let rule = match operation {
                        Operation::Put => Rule::always(operation, effect),
                        _ => Rule::nth(operation, nth, effect),
                    };
                    let run = run([rule], parts, attributes, overwrite, true).await;
                    run.assert_caused_by(operation, nth);
                    assert!(!run.is_visible().await);
                    assert_eq!(run.store.open_uploads().len(), 0, "{operation:?} {nth}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_part_whose_answer_is_lost_leaves_nothing() {
    for nth in 0..5 {
        let rules = [Rule::nth(
            Operation::Part,
            nth,
            Effect::LoseAnswer(Failure::Other),
        )];
        let run = run(
            rules,
            5,
            AttributeSupport::Kept,
            Overwrite::CreateOnly,
            true,
        )
        .await;
        run.assert_caused_by(Operation::Part, nth);
        assert!(!run.is_visible().await);
        assert_eq!(run.store.open_uploads().len(), 0);
    }
}

#[tokio::test]
async fn an_upload_whose_creation_got_no_answer_is_all_that_can_be_left() {
    let rules = [Rule::nth(
        Operation::Create,
        0,
        Effect::LoseAnswer(Failure::Other),
    )];
    let run = run(
        rules,
        5,
        AttributeSupport::Kept,
        Overwrite::CreateOnly,
        true,
    )
    .await;
    run.assert_caused_by(Operation::Create, 0);
    assert!(!run.is_visible().await);
    // Nobody knows its id: this is what lifecycle rules are for.
    assert_eq!(run.store.open_uploads().len(), 1);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_settled_by_looking() {
    for (operation, parts) in [(Operation::Put, 1), (Operation::Complete, 5)] {
        for effect in [
            Effect::LoseAnswer(Failure::Other),
            Effect::LoseAnswer(Failure::NotFound),
        ] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    let rules = [Rule::nth(operation, 0, effect)];
                    let run = run(rules, parts, attributes, overwrite, true).await;
                    let receipt = run.result.as_ref().unwrap();
                    assert_eq!(receipt.parts, parts);
                    assert!(receipt.e_tag.is_some());
                    assert_ne!(receipt.placement, Placement::AlreadyThere);
                    assert!(run.is_visible().await);
                    assert_eq!(run.store.open_uploads().len(), 0);
                    assert_eq!(run.store.count(Operation::Abort), 0, "there is no upload");
                    let reader = run.archive.open("a").await.unwrap();
                    assert_eq!(read(reader).await, run.document);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_completion_that_overtakes_the_look_is_noticed_when_there_is_nothing_to_abort() {
    for attributes in SUPPORT {
        for overwrite in OVERWRITE {
            let rules = [
                Rule::nth(Operation::Complete, 0, Effect::Refuse(Failure::Other)),
                Rule::nth(
                    Operation::Abort,
                    0,
                    Effect::CompleteInstead(Failure::NotFound),
                ),
            ];
            let run = run(rules, 5, attributes, overwrite, true).await;
            assert_eq!(run.result.as_ref().unwrap().parts, 5);
            assert!(run.is_visible().await);
            assert_eq!(run.store.open_uploads().len(), 0);
        }
    }
}

#[tokio::test]
async fn an_object_of_its_own_that_a_retry_found_is_no_conflict() {
    let rules = [Rule::nth(
        Operation::Put,
        0,
        Effect::LoseAnswer(Failure::AlreadyExists),
    )];
    let kept = run(
        rules,
        1,
        AttributeSupport::Kept,
        Overwrite::CreateOnly,
        false,
    )
    .await;
    let receipt = kept.result.as_ref().unwrap();
    assert_eq!(
        (receipt.parts, receipt.placement),
        (1, Placement::Exclusive)
    );
    // Without a nonce it could be anybody's, but it holds the same document.
    let absent = run(
        rules,
        1,
        AttributeSupport::Absent,
        Overwrite::CreateOnly,
        true,
    )
    .await;
    let receipt = absent.result.as_ref().unwrap();
    assert_eq!(receipt.placement, Placement::AlreadyThere);
}

#[tokio::test]
async fn stores_that_cannot_put_conditionally_are_looked_at_first() {
    for attributes in SUPPORT {
        let rules = [Rule::nth(
            Operation::Put,
            0,
            Effect::Refuse(Failure::Unsupported),
        )];
        let run = run(rules, 1, attributes, Overwrite::CreateOnly, true).await;
        let receipt = run.result.as_ref().unwrap();
        assert_eq!(receipt.placement, Placement::CheckedBefore);
        assert!(run.is_visible().await);

        let store = ScriptedStore::wrapping(Arc::clone(&run.memory) as _).with(
            [0, 1].map(|nth| Rule::nth(Operation::Put, nth, Effect::Refuse(Failure::Unsupported))),
        );
        let again = Archive::builder(Arc::new(store))
            .codec(Codec::Identity)
            .attributes(attributes)
            .build()
            .unwrap();
        let receipt = write(&again, &run.document).await.unwrap();
        assert_eq!(receipt.placement, Placement::AlreadyThere);
        let error = write(&again, b"other").await.unwrap_err();
        assert!(matches!(
            error.downcast_ref(),
            Some(CommitError::Conflict { compared: true, .. })
        ));
        assert!(run.is_visible().await);
    }
}

#[tokio::test]
async fn the_nonce_settles_it_without_digests_and_without_attributes_it_is_unknown() {
    for (operation, parts) in [(Operation::Put, 1), (Operation::Complete, 5)] {
        for overwrite in OVERWRITE {
            let rules = [Rule::nth(operation, 0, Effect::LoseAnswer(Failure::Other))];
            let kept = run(rules, parts, AttributeSupport::Kept, overwrite, false).await;
            kept.result.as_ref().unwrap();
            let absent = run(rules, parts, AttributeSupport::Absent, overwrite, false).await;
            let error = absent.result.as_ref().unwrap_err();
            assert!(matches!(
                error.downcast_ref(),
                Some(CommitError::Unknown { look: None, .. })
            ));
            assert!(absent.is_visible().await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_unknown_and_no_upload_is_left() {
    let blind = Rule::always(Operation::Get, Effect::Refuse(Failure::Forbidden));
    for (operation, parts) in [(Operation::Put, 1), (Operation::Complete, 5)] {
        for effect in [
            Effect::LoseAnswer(Failure::Other),
            Effect::Refuse(Failure::Other),
        ] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    let rules = [Rule::always(operation, effect), blind];
                    let run = run(rules, parts, attributes, overwrite, true).await;
                    let error = run.result.as_ref().unwrap_err();
                    assert!(matches!(
                        error.downcast_ref(),
                        Some(CommitError::Unknown { look: Some(_), .. })
                    ));
                    run.assert_caused_by(operation, 0);
                    assert_eq!(
                        run.is_visible().await,
                        effect == Effect::LoseAnswer(Failure::Other)
                    );
                    assert_eq!(run.store.open_uploads().len(), 0);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_may_only_put_can_archive() {
    let blind = Rule::always(Operation::Get, Effect::Refuse(Failure::Forbidden));
    for (parts, placement) in [(1, Placement::Exclusive), (5, Placement::Unchecked)] {
        for attributes in SUPPORT {
            let run = run([blind], parts, attributes, Overwrite::CreateOnly, true).await;
            assert_eq!(run.result.as_ref().unwrap().placement, placement);
            assert!(run.is_visible().await);
            let access = run.archive.check().await.unwrap();
            assert_eq!((access.exclusive_put, access.look), (Some(true), None));
            let options = CheckOptions {
                look: true,
                ..CheckOptions::default()
            };
            let access = run.archive.check_with(options).await.unwrap();
            assert_eq!(access.look, Some(false));
            assert_eq!(run.store.open_uploads().len(), 0);
        }
    }
}

#[tokio::test]
async fn a_look_before_completing_that_fails_replaces_nothing() {
    for attributes in SUPPORT {
        let rules = [Rule::nth(Operation::Get, 0, Effect::Refuse(Failure::Other))];
        let run = run(rules, 5, attributes, Overwrite::CreateOnly, true).await;
        run.assert_caused_by(Operation::Get, 0);
        assert!(!run.is_visible().await);
        assert_eq!(run.store.count(Operation::Complete), 0);
        assert_eq!(run.store.open_uploads().len(), 0);
    }
}

#[tokio::test]
async fn delays_change_nothing() {
    let calls = (0..5)
        .map(|nth| (Operation::Part, nth, 5))
        .chain(
            [Operation::Create, Operation::Get, Operation::Complete]
                .map(|operation| (operation, 0, 5)),
        )
        .chain([(Operation::Put, 0, 1)]);
    for (operation, nth, parts) in calls {
        for attributes in SUPPORT {
            let rules = [Rule::nth(operation, nth, Effect::Yield(5))];
            let run = run(rules, parts, attributes, Overwrite::CreateOnly, true).await;
            assert_eq!(run.result.as_ref().unwrap().parts, parts);
            assert!(run.is_visible().await);
            assert_eq!(run.store.open_uploads().len(), 0);
        }
    }
}

#[tokio::test]
async fn a_digest_beside_its_object_that_fails_costs_the_object_nothing() {
    let failing = [
        Effect::Refuse(Failure::Other),
        Effect::Refuse(Failure::Forbidden),
        Effect::LoseAnswer(Failure::Other),
        Effect::Panic,
    ];
    for effect in failing {
        for overwrite in OVERWRITE {
            for (parts, nth, attributes) in [
                (1, 1, AttributeSupport::Absent),
                (5, 0, AttributeSupport::Absent),
                (5, 0, AttributeSupport::Kept),
            ] {
                let rules = [Rule::nth(Operation::Put, nth, effect)];
                let run = run(rules, parts, attributes, overwrite, true).await;
                assert_eq!(run.result.as_ref().unwrap().parts, parts, "{effect:?}");
                assert_eq!(run.store.injected()[0].location.as_ref(), "a.sha256");
                assert!(run.is_visible().await);
                assert_eq!(run.store.open_uploads().len(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_panics_is_an_error_and_nothing_is_left() {
    for (operation, nth) in [
        (Operation::Create, 0),
        (Operation::Part, 0),
        (Operation::Part, 4),
    ] {
        let rules = [Rule::nth(operation, nth, Effect::Panic)];
        let run = run(
            rules,
            5,
            AttributeSupport::Kept,
            Overwrite::CreateOnly,
            true,
        )
        .await;
        assert!(run.causes()[0].contains("panicked"), "{:?}", run.causes());
        assert!(!run.is_visible().await);
        assert_eq!(run.store.open_uploads().len(), 0);
    }
    for (operation, parts) in [(Operation::Put, 1), (Operation::Complete, 5)] {
        let rules = [Rule::nth(operation, 0, Effect::Panic)];
        let run = run(
            rules,
            parts,
            AttributeSupport::Kept,
            Overwrite::CreateOnly,
            true,
        )
        .await;
        let error = run.result.as_ref().unwrap_err();
        assert!(matches!(
            error.downcast_ref(),
            Some(CommitError::Lost { .. })
        ));
        assert!(!run.is_visible().await);
    }
}
