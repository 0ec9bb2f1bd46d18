//! The contract over HTTP, against a real S3 server inside this process.

use std::sync::Arc;

use archive_sink::{CommitError, Placement, ReadError, ReadErrorKind};
use object_store::{ObjectStoreExt, path::Path};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::{
    cancellation::drop_after,
    contract::check_all,
    s3_server::{Answers, PART, client, serve, target},
    support::{Target, noise, read, store, stored},
};

#[tokio::test]
async fn s3() {
    let directory = tempfile::tempdir().unwrap();
    check_all(&target(directory.path(), Answers::Sent, 0).await).await;
}

#[tokio::test]
async fn wrong_credentials_are_found_at_start_up() {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = serve(directory.path(), Answers::Sent).await;
    let mut target = target(directory.path(), Answers::Sent, 0).await;
    target.store = Arc::new(client(&endpoint, "wrong", 0));
    let error = target.builder().build().unwrap().check().await.unwrap_err();
    assert!(
        error.to_string().contains("cannot put an object"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_part_that_fails_leaves_no_file_on_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path(), Answers::Sent, 0).await;
    let rule = Rule::nth(Operation::Part, 1, Effect::Refuse(Failure::Other));
    let faulty = ScriptedStore::wrapping(Arc::clone(&target.store)).with([rule]);
    let archive = Target {
        store: Arc::new(faulty),
        ..target.clone()
    };
    let archive = archive.builder().parts_in_flight(2).build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(&noise(3 * PART)).await.ok();
    let error = writer.commit().await.unwrap_err();
    assert!(
        error.to_string().contains("injected into Part 1"),
        "{error}"
    );
    assert!(error.clean_up().is_none());
    assert_eq!((target.leftovers)(), [] as [String; 0]);
    assert!(matches!(
        archive.open("a").await,
        Err(ReadError {
            kind: ReadErrorKind::NotFound(_),
            ..
        })
    ));
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_is_settled() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path(), Answers::Sent, 0).await;
    let document = noise(PART + 1);
    for (failure, name) in [(Failure::Other, "a"), (Failure::NotFound, "b")] {
        let rule = Rule::nth(Operation::Complete, 0, Effect::LoseAnswer(failure));
        let faulty = ScriptedStore::wrapping(Arc::clone(&target.store)).with([rule]);
        let archive = Target {
            store: Arc::new(faulty),
            ..target.clone()
        };
        let archive = archive.builder().build().unwrap();
        let receipt = store(&archive, name, &document).await;
        assert_eq!(receipt.parts, 2);
        assert_eq!(read(archive.open(name).await.unwrap()).await, document);
        assert_eq!((target.leftovers)(), [] as [String; 0]);
    }
}

#[tokio::test]
async fn commits_whose_answers_the_network_loses_are_settled() {
    use Answers::{AllReset, FirstReset, FirstUnavailable};
    let documents = [noise(1000), noise(PART + 1)];
    // Retries find the object that their first attempt made, or an upload that is gone.
    for (answers, retries) in [
        (FirstReset, 0),
        (FirstReset, 2),
        (FirstUnavailable, 0),
        (FirstUnavailable, 2),
        (AllReset, 2),
    ] {
        for (parts, document) in (1..).zip(&documents) {
            let directory = tempfile::tempdir().unwrap();
            let target = target(directory.path(), answers, retries).await;
            let archive = target.builder().build().unwrap();
            let receipt = store(&archive, "a", document).await;
            assert_eq!(receipt.parts, parts, "{answers:?} {retries}");
            assert_ne!(receipt.placement, Placement::AlreadyThere);
            assert_eq!(read(archive.open("a").await.unwrap()).await, document);
            assert_eq!((target.leftovers)(), [] as [String; 0]);
            // The answers are lost indeed: nobody else would know.
            if answers == AllReset {
                let put = target.store.put(&Path::from("b"), "b".into()).await;
                assert!(put.is_err());
            }
        }
    }
}

#[tokio::test]
async fn an_object_somebody_else_wrote_meanwhile_is_a_conflict() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path(), Answers::Sent, 0).await;
    let archive = target.builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(b"mine").await.unwrap();
    let location = Path::from("a");
    target.store.put(&location, "theirs".into()).await.unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(
        error,
        CommitError::Conflict { compared: true, .. }
    ));
    let theirs = stored(&*target.store, &location).await.unwrap();
    assert_eq!(theirs, "theirs");
}

#[tokio::test]
async fn writers_that_are_dropped_midway_leave_no_file_on_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path(), Answers::Sent, 0).await;
    let archive = target.builder().build().unwrap();
    let document = noise(2 * PART + PART / 2);
    // One block is one poll, so the first part is full after 160 and the second after 320.
    for polls in [1, 160, 163, 165, 200, 320, 325, 350] {
        let sending = async {
            let mut writer = archive.create("a").unwrap();
            writer.write_all(&document).await.unwrap();
            writer.shutdown().await.unwrap();
            futures_util::future::pending::<()>().await;
        };
        assert!(drop_after(sending, polls).await.is_none());
        archive.settled().await;
        assert_eq!(stored(&*target.store, &Path::from("a")).await, None);
        assert_eq!((target.leftovers)(), [] as [String; 0], "{polls}");
    }
}
