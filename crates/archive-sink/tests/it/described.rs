//! Committing with what the caller knows of the document: its length, and a digest that it has computed. And what an object's
//! end says of it.

use archive_sink::{
    Codec, CommitError, Placement, RawDocument, ReadErrorKind, Sha256Digest, WriteError,
    WriteErrorKind,
};
use object_store::path::Path;

use crate::{
    encoded::{NO_LEFTOVERS, documents, on_stores, raw_receipt},
    support::{Target, chunks, codecs, document, read, store, stored},
};

#[tokio::test]
async fn a_digest_that_the_caller_has_is_not_computed_again() {
    on_stores(async |target| {
        for (name, document) in documents(target) {
            let expected = raw_receipt(Codec::Identity, &document)
                .await
                .sha256
                .unwrap();
            let archive = target.builder().build().unwrap();
            let mut writer = archive.create(name).unwrap().without_digest();
            writer.send_all(chunks(&document, 10_000)).await.unwrap();
            let known = RawDocument::new(document.len() as u64).with_sha256(expected);
            let receipt = writer.commit_with(known).await.unwrap();
            assert_eq!(receipt.sha256, Some(expected));
            assert_eq!(read(archive.open(name).await.unwrap()).await, document);
            let again = store(&archive, name, &document).await;
            assert_eq!(again.placement, Placement::AlreadyThere);
        }
    })
    .await;
}

#[tokio::test]
async fn a_digest_given_is_compared_with_one_computed() {
    on_stores(async |target| {
        let archive = target.builder().build().unwrap();
        for (name, document) in documents(target) {
            let expected = raw_receipt(Codec::Identity, &document)
                .await
                .sha256
                .unwrap();
            let known = RawDocument::new(document.len() as u64);
            let wrong = known.with_sha256(Sha256Digest::from([7; 32]));
            let mut writer = archive.create(name).unwrap();
            writer.send_all(chunks(&document, 10_000)).await.unwrap();
            let error = writer.commit_with(wrong).await.unwrap_err();
            let CommitError::Write {
                cause:
                    WriteError {
                        kind: WriteErrorKind::Digest { actual, .. },
                        ..
                    },
                clean_up: None,
                ..
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!(actual, expected);
            let location = archive.location_of(name).unwrap();
            assert_eq!(stored(&*target.store, &location).await, None);

            let mut writer = archive.create(name).unwrap();
            writer.send_all(chunks(&document, 10_000)).await.unwrap();
            let receipt = writer
                .commit_with(known.with_sha256(expected))
                .await
                .unwrap();
            assert_eq!(receipt.sha256, Some(expected));
        }
        assert_eq!((target.leftovers)(), NO_LEFTOVERS);
    })
    .await;
}

#[tokio::test]
async fn without_a_digest_there_is_none() {
    let archive = Target::memory().builder().build().unwrap();
    let writer = archive.create("a").unwrap().without_digest();
    assert_eq!(writer.commit().await.unwrap().sha256, None);
}

#[tokio::test]
async fn a_length_given_is_compared_with_what_was_written() {
    let archive = Target::memory().builder().build().unwrap();
    for (bytes, given) in [(1000, 999), (1000, 1001), (0, 1)] {
        let mut writer = archive.create("a").unwrap();
        writer
            .send_all(chunks(&document(bytes), 300))
            .await
            .unwrap();
        let error = writer.commit_with(RawDocument::new(given)).await;
        assert!(matches!(
            error.unwrap_err(),
            CommitError::Write {
                cause: WriteError {
                    kind: WriteErrorKind::Length { .. },
                    ..
                },
                clean_up: None,
                ..
            }
        ));
        archive.open("a").await.unwrap_err();
    }
}

#[tokio::test]
async fn an_object_is_described_by_its_end_unless_it_has_changed_since_it_was_listed() {
    let target = Target::memory();
    for codec in codecs() {
        let prefix = Path::from(codec.kind().name());
        let archive = target.builder().codec(codec).prefix(prefix);
        let archive = archive.build().unwrap();
        let receipt = store(&archive, "a", &document(5000)).await;
        let (at, listed) = (&receipt.location, receipt.stored_bytes);
        let found = archive.describe(at, listed).await.unwrap();
        assert_eq!((found.codec, found.raw_bytes), (codec.kind(), Some(5000)));
        let error = archive.describe(at, listed - 1).await.unwrap_err();
        assert!(
            matches!(error.kind, ReadErrorKind::Changed(None)),
            "{error}"
        );
    }
}
