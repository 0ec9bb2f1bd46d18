//! Each operation of a run with five parts, failing in each way, at each call.

use std::error::Error;

use archive_sink::{Archive, AttributeSupport, Codec, CommitError, Overwrite, Placement, Receipt};
use bytes::Bytes;
use object_store::memory::InMemory;
use tokio::io::AsyncWriteExt;

use crate::{
    faulty_store::{Call, Fault, FaultyStore, Log, Strike},
    support::{noise, read, stored},
};

use std::sync::Arc;

const PART: usize = 20_000;
const SUPPORT: [AttributeSupport; 2] = [AttributeSupport::Kept, AttributeSupport::Absent];
const OVERWRITE: [Overwrite; 2] = [Overwrite::CreateOnly, Overwrite::Replace];

fn strike(call: Call, nth: usize, fault: Fault) -> Strike {
    let nth = Some(nth);
    Strike { call, nth, fault }
}

struct Run {
    archive: Archive,
    memory: Arc<InMemory>,
    log: Arc<Log>,
    document: Bytes,
    result: Result<Receipt, Box<dyn Error>>,
}

/// Archives a document of five parts, or of one PUT, in memory behind the faults.
async fn run(
    strikes: impl IntoIterator<Item = Strike>,
    parts: usize,
    attributes: AttributeSupport,
    overwrite: Overwrite,
    digest: bool,
) -> Run {
    let memory = Arc::new(InMemory::new());
    let (store, log) = FaultyStore::new(Arc::clone(&memory) as _, strikes);
    let archive = Archive::builder(store)
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
        log,
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

    fn assert_caused_by(&self, call: Call, nth: usize) {
        let causes = self.causes();
        let injected = format!("injected into {call:?} {nth}");
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
        assert_eq!((receipt.parts, run.log.count(Call::Part)), (5, 5));
        assert_eq!(receipt.placement, Placement::CheckedBefore);
        assert!(run.is_visible().await);
        assert_eq!(run.log.open_uploads(), 0);
        assert_eq!(run.log.count(Call::Abort), 0);
    }
}

#[tokio::test]
async fn a_refusal_anywhere_leaves_nothing_and_is_the_cause() {
    let calls = (0..5).map(|nth| (Call::Part, nth, 5)).chain([
        (Call::Create, 0, 5),
        (Call::Complete, 0, 5),
        (Call::Put, 0, 1),
    ]);
    for (call, nth, parts) in calls {
        for fault in [Fault::Refused, Fault::Forbidden] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    let strikes = [strike(call, nth, fault)];
                    let run = run(strikes, parts, attributes, overwrite, true).await;
                    run.assert_caused_by(call, nth);
                    assert!(!run.is_visible().await);
                    assert_eq!(run.log.open_uploads(), 0, "{call:?} {nth}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_part_whose_answer_is_lost_leaves_nothing() {
    for nth in 0..5 {
        let strikes = [strike(Call::Part, nth, Fault::AnswerLost)];
        let run = run(
            strikes,
            5,
            AttributeSupport::Kept,
            Overwrite::CreateOnly,
            true,
        )
        .await;
        run.assert_caused_by(Call::Part, nth);
        assert!(!run.is_visible().await);
        assert_eq!(run.log.open_uploads(), 0);
    }
}

#[tokio::test]
async fn an_upload_whose_creation_got_no_answer_is_all_that_can_be_left() {
    let strikes = [strike(Call::Create, 0, Fault::AnswerLost)];
    let run = run(
        strikes,
        5,
        AttributeSupport::Kept,
        Overwrite::CreateOnly,
        true,
    )
    .await;
    run.assert_caused_by(Call::Create, 0);
    assert!(!run.is_visible().await);
    // Nobody knows its id: this is what lifecycle rules are for.
    assert_eq!(run.log.open_uploads(), 1);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_settled_by_looking() {
    for (call, parts) in [(Call::Put, 1), (Call::Complete, 5)] {
        for fault in [Fault::AnswerLost, Fault::NotFoundOnRetry] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    let strikes = [strike(call, 0, fault)];
                    let run = run(strikes, parts, attributes, overwrite, true).await;
                    let receipt = run.result.as_ref().unwrap();
                    assert_eq!(receipt.parts, parts);
                    assert!(receipt.e_tag.is_some());
                    assert_ne!(receipt.placement, Placement::AlreadyThere);
                    assert!(run.is_visible().await);
                    assert_eq!(run.log.open_uploads(), 0);
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
            let strikes = [
                strike(Call::Complete, 0, Fault::Refused),
                strike(Call::Abort, 0, Fault::Overtaken),
            ];
            let run = run(strikes, 5, attributes, overwrite, true).await;
            assert_eq!(run.result.as_ref().unwrap().parts, 5);
            assert!(run.is_visible().await);
            assert_eq!(run.log.open_uploads(), 0);
        }
    }
}

#[tokio::test]
async fn an_object_of_its_own_that_a_retry_found_is_no_conflict() {
    let strikes = [strike(Call::Put, 0, Fault::ExistsOnRetry)];
    let kept = run(
        strikes,
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
        strikes,
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
        let strikes = [strike(Call::Put, 0, Fault::Unsupported)];
        let run = run(strikes, 1, attributes, Overwrite::CreateOnly, true).await;
        let receipt = run.result.as_ref().unwrap();
        assert_eq!(receipt.placement, Placement::CheckedBefore);
        assert!(run.is_visible().await);

        let (store, _) = FaultyStore::new(
            Arc::clone(&run.memory) as _,
            [0, 1].map(|nth| strike(Call::Put, nth, Fault::Unsupported)),
        );
        let again = Archive::builder(store)
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
    for (call, parts) in [(Call::Put, 1), (Call::Complete, 5)] {
        for overwrite in OVERWRITE {
            let strikes = [strike(call, 0, Fault::AnswerLost)];
            let kept = run(strikes, parts, AttributeSupport::Kept, overwrite, false).await;
            kept.result.as_ref().unwrap();
            let absent = run(strikes, parts, AttributeSupport::Absent, overwrite, false).await;
            let error = absent.result.as_ref().unwrap_err();
            assert!(matches!(
                error.downcast_ref(),
                Some(CommitError::Unknown { look: None, .. })
            ));
            assert!(absent.is_visible().await);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_unknown_and_no_upload_is_left() {
    let blind = Strike {
        call: Call::Look,
        nth: None,
        fault: Fault::Forbidden,
    };
    for (call, parts) in [(Call::Put, 1), (Call::Complete, 5)] {
        for fault in [Fault::AnswerLost, Fault::Refused] {
            for attributes in SUPPORT {
                for overwrite in OVERWRITE {
                    let strikes = [strike(call, 0, fault), blind];
                    let run = run(strikes, parts, attributes, overwrite, true).await;
                    let error = run.result.as_ref().unwrap_err();
                    assert!(matches!(
                        error.downcast_ref(),
                        Some(CommitError::Unknown { look: Some(_), .. })
                    ));
                    run.assert_caused_by(call, 0);
                    assert_eq!(run.is_visible().await, fault == Fault::AnswerLost);
                    assert_eq!(run.log.open_uploads(), 0);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_may_only_put_can_archive() {
    let blind = Strike {
        call: Call::Look,
        nth: None,
        fault: Fault::Forbidden,
    };
    for (parts, placement) in [(1, Placement::Exclusive), (5, Placement::Unchecked)] {
        for attributes in SUPPORT {
            let run = run([blind], parts, attributes, Overwrite::CreateOnly, true).await;
            assert_eq!(run.result.as_ref().unwrap().placement, placement);
            assert!(run.is_visible().await);
            let access = run.archive.check().await.unwrap();
            assert!(!access.look);
            assert_eq!(run.log.open_uploads(), 0);
        }
    }
}

#[tokio::test]
async fn a_look_before_completing_that_fails_replaces_nothing() {
    for attributes in SUPPORT {
        let strikes = [strike(Call::Look, 0, Fault::Refused)];
        let run = run(strikes, 5, attributes, Overwrite::CreateOnly, true).await;
        run.assert_caused_by(Call::Look, 0);
        assert!(!run.is_visible().await);
        assert_eq!(run.log.count(Call::Complete), 0);
        assert_eq!(run.log.open_uploads(), 0);
    }
}

#[tokio::test]
async fn delays_change_nothing() {
    let calls = (0..5)
        .map(|nth| (Call::Part, nth, 5))
        .chain([Call::Create, Call::Look, Call::Complete].map(|call| (call, 0, 5)))
        .chain([(Call::Put, 0, 1)]);
    for (call, nth, parts) in calls {
        for attributes in SUPPORT {
            let strikes = [strike(call, nth, Fault::Delayed)];
            let run = run(strikes, parts, attributes, Overwrite::CreateOnly, true).await;
            assert_eq!(run.result.as_ref().unwrap().parts, parts);
            assert!(run.is_visible().await);
            assert_eq!(run.log.open_uploads(), 0);
        }
    }
}

#[tokio::test]
async fn a_store_that_panics_is_an_error_and_nothing_is_left() {
    for (call, nth) in [(Call::Create, 0), (Call::Part, 0), (Call::Part, 4)] {
        let strikes = [strike(call, nth, Fault::Panics)];
        let run = run(
            strikes,
            5,
            AttributeSupport::Kept,
            Overwrite::CreateOnly,
            true,
        )
        .await;
        assert!(run.causes()[0].contains("panicked"), "{:?}", run.causes());
        assert!(!run.is_visible().await);
        assert_eq!(run.log.open_uploads(), 0);
    }
    for (call, parts) in [(Call::Put, 1), (Call::Complete, 5)] {
        let strikes = [strike(call, 0, Fault::Panics)];
        let run = run(
            strikes,
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
