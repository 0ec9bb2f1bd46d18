//! What S3 and servers like it answer, by the client that archives should have.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use archive_sink::{Archive, Codec, CommitError, Placement, ReadErrorKind, Receipt};
use object_store::ObjectStoreExt;
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::{
    contract::check_all,
    s3_server::{Answers, PART, careful_client, careful_client_within, serve_counting, target},
    support::{noise, read},
};

/// An archive in a server that answers so, and how many requests to make an object visible it gets.
async fn archive_at(directory: &Path, answers: Answers) -> (Archive, Arc<AtomicUsize>) {
    let (endpoint, count) = serve_counting(directory, answers).await;
    let archive = Archive::builder(Arc::new(careful_client(&endpoint, 3, false)))
        .codec(Codec::Identity)
        .build()
        .unwrap();
    (archive, count)
}

/// What came of one commit, and how many requests to make an object visible it took.
async fn commit(
    answers: Answers,
    parts: usize,
    name: &str,
) -> (Result<Receipt, CommitError>, usize) {
    let directory = tempfile::tempdir().unwrap();
    let (archive, count) = archive_at(directory.path(), answers).await;
    let document = noise(PART * parts - 7);
    let mut writer = archive.create(name).unwrap();
    writer.write_all(&document).await.unwrap();
    let committed = writer.commit().await;
    if committed.is_ok() {
        assert_eq!(read(archive.open(name).await.unwrap()).await, document);
    }
    // Identity in parts has its digest in an object beside it, which takes a request of its own.
    let beside = usize::from(parts > 1 && committed.is_ok());
    (committed, count.load(SeqCst) - beside)
}

#[tokio::test]
async fn the_client_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let mut target = target(directory.path(), Answers::Sent, 0).await;
    let (endpoint, _) = serve_counting(directory.path(), Answers::Sent).await;
    target.store = Arc::new(careful_client(&endpoint, 3, true));
    check_all(&target).await;
}

#[tokio::test]
async fn a_server_without_conditions_is_asked_without_at_once() {
    for parts in [1, 2] {
        let (committed, requests) = commit(Answers::NoConditions, parts, "a").await;
        assert_eq!(committed.unwrap().placement, Placement::CheckedBefore);
        assert_eq!(requests, 2);
    }
}

#[tokio::test]
async fn hiccups_are_made_again() {
    for answers in [
        Answers::FirstIs(409, "ConditionalRequestConflict"),
        Answers::FirstIs(400, "RequestTimeout"),
        Answers::FirstIs(503, "SlowDown"),
        Answers::FirstIs(500, "InternalError"),
        Answers::FirstReset,
        Answers::FirstUnavailable,
    ] {
        for parts in [1, 2] {
            let (committed, requests) = commit(answers, parts, "a").await;
            let receipt = committed.unwrap_or_else(|error| panic!("{answers:?} {parts}: {error}"));
            // Of an upload whose answer was lost, all that is known is what was looked at.
            let was_lost = matches!(answers, Answers::FirstReset | Answers::FirstUnavailable);
            let expected = match (was_lost, parts) {
                (true, 2) => Placement::CheckedBefore,
                _ => Placement::Exclusive,
            };
            assert_eq!(receipt.placement, expected, "{answers:?} {parts}");
            assert!(requests <= 2, "{answers:?} {parts}: {requests}");
        }
    }
}

#[tokio::test]
async fn an_error_that_comes_with_200_is_one() {
    for code in ["InternalError", "SlowDown", "OperationAborted"] {
        let (committed, requests) = commit(Answers::FirstIs(200, code), 2, "a").await;
        committed.unwrap();
        assert_eq!(requests, 2, "{code}");
    }
    let (committed, requests) = commit(Answers::FirstIs(200, "InvalidPart"), 2, "a").await;
    let error = committed.unwrap_err();
    assert!(matches!(error, CommitError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("InvalidPart"), "{error}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_refusal_for_good_says_why_and_is_not_made_again() {
    for parts in [1, 2] {
        for (status, code) in [(403, "AccessDenied"), (400, "EntityTooLarge")] {
            let (committed, requests) = commit(Answers::FirstIs(status, code), parts, "a").await;
            let error = committed.unwrap_err();
            assert!(matches!(error, CommitError::Refused { .. }), "{error}");
            assert!(error.to_string().contains(code), "{error}");
            assert_eq!(requests, 1, "{code}");
        }
    }
}

#[tokio::test]
async fn a_key_that_looks_like_an_error_is_none() {
    for name in ["SlowDown.json", "InternalError.json"] {
        let (committed, requests) = commit(Answers::Sent, 2, name).await;
        assert_eq!((committed.unwrap().parts, requests), (2, 1));
    }
}

#[tokio::test]
async fn a_bit_that_flips_on_the_way_is_refused_and_sent_again() {
    for parts in [1, 2] {
        // What was committed has been read back in `commit`, and was as it had been written.
        let (committed, _) = commit(Answers::FirstFlipped, parts, "a").await;
        assert_eq!(committed.unwrap().parts, parts);
    }
}

#[tokio::test]
async fn what_is_damaged_each_time_is_never_an_object() {
    for parts in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let (endpoint, _) = serve_counting(directory.path(), Answers::AllFlipped).await;
        let store = careful_client(&endpoint, 2, false);
        let archive = Archive::builder(Arc::new(store)).codec(Codec::Identity);
        let archive = archive.build().unwrap();
        let writer = archive.create("a").unwrap();
        let mut writer = writer.until(Instant::now() + Duration::from_millis(1500));
        let _failed = writer.write_all(&noise(PART * parts - 7)).await;
        let error = writer.commit().await.unwrap_err();
        assert!(error.to_string().contains("BadDigest"), "{error}");
        assert!(
            matches!(
                error,
                CommitError::Refused { .. } | CommitError::Write { .. }
            ),
            "{error}"
        );
        assert!(matches!(
            archive.open("a").await.map_err(|error| error.kind),
            Err(ReadErrorKind::NotFound(_))
        ));
    }
}

#[tokio::test]
async fn a_slow_uplink_is_not_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let (endpoint, requests) = serve_counting(directory.path(), Answers::Slow).await;
    let limit = Duration::from_millis(300);
    let archive = Archive::builder(Arc::new(careful_client_within(limit, &endpoint, 0, false)));
    let archive = archive.codec(Codec::Identity).build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(&noise(PART - 7)).await.unwrap();
    let start = Instant::now();
    writer.commit().await.unwrap();
    assert!(start.elapsed() > limit, "the server was too fast");
    assert_eq!(requests.load(SeqCst), 1);
}

#[tokio::test]
async fn a_request_that_stalls_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    for length in [100, PART + 100] {
        let (endpoint, _) = serve_counting(directory.path(), Answers::FirstStalls).await;
        let limit = Duration::from_secs(1);
        let store = careful_client_within(limit, &endpoint, 20, false);
        let archive = Archive::builder(Arc::new(store)).codec(Codec::Identity);
        let archive = archive.build().unwrap();
        let name = length.to_string();
        let mut writer = archive.create(&name).unwrap();
        let start = Instant::now();
        writer.write_all(&noise(length)).await.unwrap();
        let receipt = writer.commit().await.unwrap();
        assert!(start.elapsed() >= limit, "nothing has stalled");
        assert!(start.elapsed() < Duration::from_secs(30), "{limit:?} count");
        assert_eq!(receipt.stored_bytes, length as u64);
        assert_eq!(
            read(archive.open(&name).await.unwrap()).await,
            noise(length)
        );
    }
}

#[tokio::test]
async fn the_check_finds_out_what_a_server_does_with_conditions() {
    use Answers::{IgnoresConditions, IgnoresConditionsOfUploads, NoConditions, Sent};
    for (answers, put, upload) in [
        (Sent, true, true),
        (IgnoresConditionsOfUploads, true, false),
        (IgnoresConditions, false, false),
        (NoConditions, false, false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (archive, count) = archive_at(directory.path(), answers).await;
        let access = archive.check().await.unwrap();
        assert_eq!(access.exclusive_put, Some(put), "{answers:?}");
        assert_eq!(access.exclusive_upload, Some(upload), "{answers:?}");
        let before = count.load(SeqCst);
        for (parts, is_exclusive) in [(1, put), (2, upload)] {
            let mut writer = archive.create(&parts.to_string()).unwrap();
            writer.write_all(&noise(PART * parts - 7)).await.unwrap();
            let expected = match is_exclusive {
                true => Placement::Exclusive,
                false => Placement::CheckedBefore,
            };
            assert_eq!(writer.commit().await.unwrap().placement, expected);
            // What is there already is seen by whoever looks, and by whoever is refused.
            let mut writer = archive.create(&parts.to_string()).unwrap();
            writer.write_all(&noise(PART * parts - 8)).await.unwrap();
            let error = writer.commit().await.unwrap_err();
            assert!(
                matches!(error, CommitError::Conflict { compared: true, .. }),
                "{error}"
            );
        }
        // Two objects and a digest beside one of them; and what only a PUT can find out.
        assert_eq!(count.load(SeqCst) - before, 3 + usize::from(put));
    }
}

#[tokio::test]
async fn an_upload_replaces_nothing_that_came_after_the_look() {
    let directory = tempfile::tempdir().unwrap();
    let (endpoint, _) = serve_counting(directory.path(), Answers::Sent).await;
    let store = Arc::new(careful_client(&endpoint, 3, false));
    let archive = Archive::builder(store.clone()).codec(Codec::Identity);
    let archive = archive.build().unwrap();
    let mut commits = vec![];
    for first in 0..4 {
        let mut document = noise(PART + 1).to_vec();
        document[0] = first;
        let mut writer = archive.create("a").unwrap();
        writer.write_all(&document).await.unwrap();
        writer.shutdown().await.unwrap();
        commits.push(writer.commit());
    }
    let results = futures_util::future::join_all(commits).await;
    let won = results.iter().filter(|result| result.is_ok());
    assert!(
        won.clone()
            .all(|receipt| receipt.as_ref().unwrap().placement == Placement::Exclusive)
    );
    assert!(won.count() >= 1);
    let lost = results.iter().filter_map(|result| result.as_ref().err());
    for error in lost {
        assert!(
            matches!(error, CommitError::Conflict { compared: true, .. }),
            "{error}"
        );
    }
    store.delete(&"a".into()).await.unwrap();
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent_and_it_has_failed() {
    // Bound and dropped: nobody listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let archive = Archive::builder(Arc::new(careful_client(&endpoint, 0, false)));
    let archive = archive.build().unwrap();
    let writer = archive.create("a").unwrap();
    let mut writer = writer.until(Instant::now() + Duration::from_millis(300));
    writer.write_all(b"{}").await.unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(error, CommitError::Refused { .. }), "{error}");
}
