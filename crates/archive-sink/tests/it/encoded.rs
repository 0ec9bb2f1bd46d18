//! Archiving what is encoded already.

use std::{convert::Infallible, sync::Arc};

use archive_sink::{
    Archive, ArchiveWriter, AttributeSupport, Codec, CodecKind, CommitError, EncodedStream,
    Overwrite, Placement, RawDocument, ReadError, ReadErrorKind, Receipt, Sha256Digest, WriteError,
    WriteErrorKind,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use object_store::{Attributes, ObjectStore, path::Path};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};

use crate::{
    cancellation::drop_after,
    support::{Target, chunks, codecs, document, noise, read, read_until_end, store, stored},
};

pub(crate) const NO_LEFTOVERS: [String; 0] = [];

/// Each kind of store, by the one that is easiest to have.
pub(crate) async fn on_stores(test: impl AsyncFn(&Target)) {
    test(&Target::memory()).await;
    let directory = tempfile::tempdir().unwrap();
    test(&Target::local(directory.path())).await;
}

/// One that fits in a part, one that does not, and none.
pub(crate) fn documents(target: &Target) -> [(&'static str, Bytes); 3] {
    [
        ("empty", Bytes::new()),
        ("small", document(1000)),
        ("large", noise(3 * target.part_size + target.part_size / 2)),
    ]
}

fn encoded(
    codec: Codec,
    document: &Bytes,
) -> EncodedStream<impl futures_core::Stream<Item = Result<Bytes, Infallible>> + use<>> {
    EncodedStream::new(chunks(document, 10_000), codec).unwrap()
}

/// What the driver knows of a document that it has produced.
fn facts(receipt: &Receipt) -> RawDocument {
    RawDocument::new(receipt.raw_bytes).with_sha256(receipt.sha256.unwrap())
}

/// The same document, archived elsewhere from its raw bytes.
pub(crate) async fn raw_receipt(codec: Codec, document: &Bytes) -> Receipt {
    let archive = Target::memory().builder().codec(codec).build().unwrap();
    store(&archive, "a", document).await
}

async fn sent(archive: &Archive, name: &str, document: &Bytes) -> ArchiveWriter {
    let mut writer = archive.create_encoded(name).unwrap();
    let sent = writer.send_all(encoded(archive.codec(), document)).await;
    assert_eq!(sent.unwrap(), writer.written_bytes());
    writer
}

/// What a reader is told, without what differs for every object.
async fn attributes(target: &Target, location: &Path) -> Attributes {
    let options = object_store::GetOptions::new().with_head(true);
    let mut attributes = target
        .store
        .get_opts(location, options)
        .await
        .unwrap()
        .attributes;
    let nonce = object_store::Attribute::Metadata("archivenonce".into());
    assert_eq!(
        attributes.remove(&nonce).is_some(),
        target.attributes == AttributeSupport::Kept
    );
    attributes
}

#[tokio::test]
async fn the_object_and_the_receipt_are_those_of_the_raw_path() {
    on_stores(async |target| {
        for codec in codecs() {
            for (name, document) in documents(target) {
                let archive_in = |prefix: &str| {
                    let prefix = Path::from(format!("{prefix}/{codec}"));
                    target
                        .builder()
                        .codec(codec)
                        .prefix(prefix)
                        .build()
                        .unwrap()
                };
                let (raw, encoded) = (archive_in("raw"), archive_in("encoded"));
                let expected = store(&raw, name, &document).await;
                let writer = sent(&encoded, name, &document).await;
                assert_eq!(writer.codec(), codec);
                assert_eq!(*writer.location(), encoded.location_of(name).unwrap());
                let receipt = writer.commit_with(facts(&expected)).await.unwrap();

                assert_eq!(receipt.location, encoded.location_of(name).unwrap());
                assert_eq!(
                    stored(&*target.store, &receipt.location).await,
                    stored(&*target.store, &expected.location).await
                );
                assert_eq!(
                    attributes(target, &receipt.location).await,
                    attributes(target, &expected.location).await
                );
                assert_eq!(receipt.raw_bytes, expected.raw_bytes);
                assert_eq!(receipt.stored_bytes, expected.stored_bytes);
                assert_eq!(receipt.sha256, expected.sha256);
                assert_eq!(receipt.codec, expected.codec);
                assert_eq!(receipt.parts, expected.parts);
                assert_eq!(receipt.placement, expected.placement);
                assert_eq!(receipt.parts > 1, name == "large", "{codec}");
                assert_eq!(read(encoded.open(name).await.unwrap()).await, document);
            }
        }
        assert_eq!((target.leftovers)(), NO_LEFTOVERS);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_visible_before_commit_and_aborting_or_dropping_leaves_nothing() {
    on_stores(async |target| {
        let archive = target.builder().build().unwrap();
        for (name, document) in documents(target) {
            let location = archive.location_of(name).unwrap();
            sent(&archive, name, &document).await.abort().await.unwrap();
            assert_eq!(stored(&*target.store, &location).await, None);
            assert_eq!((target.leftovers)(), NO_LEFTOVERS);

            let writer = sent(&archive, name, &document).await;
            assert_eq!(stored(&*target.store, &location).await, None);
            drop(writer);
            archive.settled().await;
            assert_eq!(stored(&*target.store, &location).await, None);
            assert_eq!((target.leftovers)(), NO_LEFTOVERS);
        }
    })
    .await;
}

#[tokio::test]
async fn a_source_that_fails_leaves_nothing() {
    on_stores(async |target| {
        let archive = target.builder().build().unwrap();
        for (name, document) in documents(target) {
            let failing = chunks(&document, 10_000)
                .map(|chunk| chunk.map_err(std::io::Error::other))
                .chain(stream::iter([Err(std::io::Error::other(
                    "serialising broke",
                ))]));
            let failing = EncodedStream::new(failing, archive.codec()).unwrap();
            let mut writer = archive.create_encoded(name).unwrap();
            let error = writer.send_all(failing).await.unwrap_err();
            assert!(
                matches!(
                    error,
                    WriteError {
                        kind: WriteErrorKind::Source { .. },
                        ..
                    }
                ),
                "{error}"
            );
            assert!(error.to_string().ends_with("serialising broke"), "{error}");
            let raw = RawDocument::new(document.len() as u64);
            let error = writer.commit_with(raw).await.unwrap_err();
            assert!(matches!(
                error,
                CommitError::Write {
                    cause: WriteError {
                        kind: WriteErrorKind::Source { .. },
                        ..
                    },
                    clean_up: None,
                    ..
                }
            ));
            let location = archive.location_of(name).unwrap();
            assert_eq!(stored(&*target.store, &location).await, None);
            assert_eq!((target.leftovers)(), NO_LEFTOVERS);
        }
    })
    .await;
}

#[tokio::test]
async fn a_send_that_was_dropped_cannot_be_committed() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create_encoded("a").unwrap();
    let paused = encoded(archive.codec(), &document(10)).chain(stream::pending());
    assert!(writer.send_all(paused).now_or_never().is_none());
    let error = writer.commit_with(RawDocument::new(10)).await.unwrap_err();
    assert!(matches!(
        error,
        CommitError::Write {
            cause: WriteError {
                kind: WriteErrorKind::Unfinished,
                ..
            },
            ..
        }
    ));
    archive.open("a").await.unwrap_err();
}

#[tokio::test]
async fn creating_replaces_nothing_and_the_same_document_is_no_conflict() {
    on_stores(async |target| {
        let archive = target.builder().build().unwrap();
        for (name, document) in documents(target) {
            // Who was first, the raw path or this one, makes no difference.
            for (name, first) in [
                (
                    format!("{name}-raw"),
                    store(&archive, &format!("{name}-raw"), &document).await,
                ),
                {
                    let known = raw_receipt(archive.codec(), &document).await;
                    let name = format!("{name}-encoded");
                    let writer = sent(&archive, &name, &document).await;
                    let receipt = writer.commit_with(facts(&known)).await.unwrap();
                    (name, receipt)
                },
            ] {
                let again = sent(&archive, &name, &document).await;
                let again = again.commit_with(facts(&first)).await.unwrap();
                assert_eq!(again.placement, Placement::AlreadyThere);
                assert_eq!((again.parts, &again.e_tag), (0, &first.e_tag));
                let raw = store(&archive, &name, &document).await;
                assert_eq!(raw.placement, Placement::AlreadyThere);

                let undigested = RawDocument::new(first.raw_bytes);
                let error = sent(&archive, &name, &document)
                    .await
                    .commit_with(undigested)
                    .await;
                assert!(matches!(
                    error,
                    Err(CommitError::Conflict {
                        compared: false,
                        ..
                    })
                ));

                let other = Bytes::from([&document[..], b"more"].concat());
                let known = facts(&raw_receipt(archive.codec(), &other).await);
                let error = sent(&archive, &name, &other).await.commit_with(known).await;
                assert!(matches!(
                    error,
                    Err(CommitError::Conflict { compared: true, .. })
                ));
                assert_eq!(read(archive.open(&name).await.unwrap()).await, document);
            }
        }
        assert_eq!((target.leftovers)(), NO_LEFTOVERS);
    })
    .await;
}

#[tokio::test]
async fn replacing_replaces() {
    let builder = Target::memory().builder().overwrite(Overwrite::Replace);
    let archive = builder.build().unwrap();
    for bytes in [1000, 20_000] {
        let document = noise(bytes);
        let writer = sent(&archive, "a", &document).await;
        let receipt = writer
            .commit_with(RawDocument::new(bytes as u64))
            .await
            .unwrap();
        assert_eq!(receipt.placement, Placement::Replacing);
        assert_eq!(receipt.sha256, None);
        assert_eq!(read(archive.open("a").await.unwrap()).await, document);
    }
}

#[tokio::test]
async fn an_ambiguous_answer_is_settled_by_looking() {
    for (operation, bytes) in [(Operation::Put, 1000), (Operation::Complete, 20_000)] {
        let document = noise(bytes);
        let rule = Rule::nth(operation, 0, Effect::LoseAnswer(Failure::Other));
        let store = ScriptedStore::in_memory().with([rule]);
        let builder = Archive::builder(Arc::new(store.clone()));
        let builder = builder.part_size(4096).allow_small_parts();
        let archive = builder.build().unwrap();
        let writer = sent(&archive, "a", &document).await;
        let receipt = writer
            .commit_with(RawDocument::new(bytes as u64))
            .await
            .unwrap();
        assert_eq!(receipt.raw_bytes, bytes as u64);
        assert_eq!(store.open_uploads().len(), 0);
        assert_eq!(read(archive.open("a").await.unwrap()).await, document);
    }
}

#[tokio::test]
async fn dropped_anywhere_it_leaves_nothing_or_the_whole() {
    let document = noise(20_000);
    for polls in 0.. {
        let delays = [Operation::Create, Operation::Part, Operation::Complete];
        let delays = delays.map(|operation| Rule::always(operation, Effect::Yield(5)));
        let store = ScriptedStore::in_memory().with(delays);
        let builder = Archive::builder(Arc::new(store.clone())).codec(Codec::Identity);
        let archive = builder.part_size(4096).allow_small_parts().build().unwrap();
        let run = async {
            let writer = sent(&archive, "a", &document).await;
            writer.commit_with(RawDocument::new(20_000)).await.unwrap()
        };
        let done = drop_after(run, polls).await.is_some();
        archive.settled().await;
        assert_eq!(store.open_uploads().len(), 0, "dropped after {polls} polls");
        let found = store.object("a").await;
        assert!(found.as_ref().is_none_or(|found| *found == document));
        if done {
            assert!(found.is_some() && polls > 5);
            return;
        }
    }
}

#[tokio::test]
async fn lengths_that_cannot_be_are_refused() {
    on_stores(async |target| {
        for codec in codecs() {
            let archive = target.builder().codec(codec).build().unwrap();
            let (body, raw) = match codec.kind() {
                CodecKind::Identity => (noise(20_000), 19_999),
                _ => (Bytes::new(), 0),
            };
            let mut writer = archive.create_encoded("a").unwrap();
            writer.send_all(chunks(&body, 9000)).await.unwrap();
            let error = writer.commit_with(RawDocument::new(raw)).await.unwrap_err();
            let CommitError::Write {
                cause:
                    WriteError {
                        kind:
                            WriteErrorKind::Length {
                                raw_bytes,
                                written_bytes,
                                ..
                            },
                        ..
                    },
                clean_up: None,
                ..
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!((raw_bytes, written_bytes), (raw, body.len() as u64));
            assert_eq!(
                stored(&*target.store, &archive.location_of("a").unwrap()).await,
                None
            );
        }
        assert_eq!((target.leftovers)(), NO_LEFTOVERS);
    })
    .await;
}

#[tokio::test]
async fn reading_finds_what_the_caller_got_wrong() {
    let document = document(1000);
    for codec in codecs() {
        let builder = Target::memory().builder().codec(codec);
        let archive = builder.overwrite(Overwrite::Replace).build().unwrap();
        let right = facts(&raw_receipt(codec, &document).await);
        let other = right.with_sha256(Sha256Digest::from([7; 32]));
        let writer = sent(&archive, "a", &document).await;
        writer.commit_with(other).await.unwrap();
        let end = read_until_end(archive.open("a").await.unwrap()).await.1;
        assert!(
            matches!(
                end,
                Err(ReadError {
                    kind: ReadErrorKind::Digest { .. },
                    ..
                })
            ),
            "{end:?}"
        );

        if codec != Codec::Identity {
            let longer = RawDocument::new(1001);
            let writer = sent(&archive, "a", &document).await;
            writer.commit_with(longer).await.unwrap();
            let end = read_until_end(archive.open("a").await.unwrap()).await.1;
            assert!(
                matches!(
                    end,
                    Err(ReadError {
                        kind: ReadErrorKind::Length { .. },
                        ..
                    })
                ),
                "{end:?}"
            );

            // Not encoded at all, or cut off.
            let whole = stored_encoding(codec, &document).await;
            for body in [document.clone(), whole.slice(..whole.len() - 1)] {
                let mut writer = archive.create_encoded("a").unwrap();
                writer.send_all(chunks(&body, 9000)).await.unwrap();
                writer.commit_with(right).await.unwrap();
                let end = read_until_end(archive.open("a").await.unwrap()).await.1;
                assert!(end.is_err(), "{codec}");
            }
        }
    }
}

async fn stored_encoding(codec: Codec, document: &Bytes) -> Bytes {
    let encoded = encoded(codec, document).map(Result::unwrap);
    encoded.collect::<Vec<_>>().await.concat().into()
}

#[tokio::test]
async fn names_are_validated_where_they_are_given() {
    let archive = Target::memory().builder().build().unwrap();
    assert_eq!(
        archive.create_encoded("../x").unwrap_err(),
        archive.create("../x").unwrap_err()
    );
}

#[tokio::test]
async fn an_encoding_is_committed_with_its_document_only() {
    on_stores(async |target| {
        let archive = target.builder().build().unwrap();
        for (name, document) in documents(target) {
            let error = sent(&archive, name, &document).await.commit().await;
            assert!(matches!(
                error.unwrap_err(),
                CommitError::Write {
                    cause: WriteError {
                        kind: WriteErrorKind::UnknownLength,
                        ..
                    },
                    clean_up: None,
                    ..
                }
            ));
            let location = archive.location_of(name).unwrap();
            assert_eq!(stored(&*target.store, &location).await, None);
        }
        assert_eq!((target.leftovers)(), NO_LEFTOVERS);
    })
    .await;
}
