//! Every object has a digest, wherever there is room for it, and what is not as it was written is found out.

use std::sync::Arc;

use archive_sink::{
    Archive, ArchiveReader, AttributeSupport, Codec, CodecKind, KeyError, Overwrite, RawDocument,
    ReadError, Sha256Digest, Sha256Hasher,
};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::support::{Target, chunks, codecs, document, files, noise, store, stored};

fn sha256(document: &[u8]) -> Sha256Digest {
    let mut hasher = Sha256Hasher::default();
    hasher.update(document);
    hasher.finish()
}

/// Reads to the end: what came, and what it was verified by.
async fn verified(mut reader: ArchiveReader) -> Result<(Bytes, Option<Sha256Digest>), ReadError> {
    let mut bytes = vec![];
    assert_eq!(reader.verified(), None, "before the end, nothing is known");
    while let Some(chunk) = reader.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok((bytes.into(), reader.verified()))
}

/// Archives of all codecs, over each kind of store.
fn archives(directory: &std::path::Path) -> Vec<(Archive, Arc<dyn ObjectStore>)> {
    let targets = [Target::memory(), Target::local(directory)];
    let of_target = targets.iter().flat_map(|target| {
        codecs().into_iter().map(move |codec| {
            let prefix = Path::from(codec.kind().name());
            let builder = target.builder().codec(codec).prefix(prefix);
            (builder.build().unwrap(), Arc::clone(&target.store))
        })
    });
    of_target.collect()
}

#[tokio::test]
async fn every_object_is_verified_by_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    for (archive, _) in archives(directory.path()) {
        for (name, document) in [
            ("empty", Bytes::new()),
            ("single", document(100)),
            ("multipart", noise(50_000)),
        ] {
            let receipt = store(&archive, name, &document).await;
            let digest = sha256(&document);
            assert_eq!(receipt.sha256, Some(digest));
            let (read, by) = verified(archive.open(name).await.unwrap()).await.unwrap();
            assert_eq!(read, document);
            assert_eq!(by, Some(digest), "{} {name}", archive.codec());
        }
    }
}

#[tokio::test]
async fn a_digest_that_the_caller_has_is_stored_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let document = noise(50_000);
    let raw = RawDocument::new(50_000).with_sha256(sha256(&document));
    for (archive, _) in archives(directory.path()) {
        let mut writer = archive.create("raw").unwrap().without_digest();
        writer.write_all(&document).await.unwrap();
        // What ends the document is not what ends the object.
        writer.shutdown().await.unwrap();
        writer.commit_with(raw).await.unwrap();
        let encoded = archive_sink::EncodedStream::new(chunks(&document, 9_999), archive.codec());
        let mut writer = archive.create_encoded("encoded").unwrap();
        writer.send_all(encoded.unwrap()).await.unwrap();
        writer.commit_with(raw).await.unwrap();
        for name in ["raw", "encoded"] {
            let (read, by) = verified(archive.open(name).await.unwrap()).await.unwrap();
            assert_eq!((read, by), (document.clone(), raw.sha256), "{name}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_never_reaches_anybody_as_a_whole_document() {
    let directory = tempfile::tempdir().unwrap();
    let document = document(20_000);
    for (archive, objects) in archives(directory.path()) {
        let location = store(&archive, "a", &document).await.location;
        let bytes = stored(&*objects, &location).await.unwrap();
        let attributes = objects.get(&location).await.unwrap().attributes;
        let mut found_out = 0;
        for at in (0..bytes.len()).step_by(bytes.len() / 150) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << (at % 8);
            let put = objects.put_opts(&location, flipped.into(), attributes.clone().into());
            put.await.unwrap();
            match verified(archive.open("a").await.unwrap()).await {
                // A bit that means nothing, or one of the digest's own.
                Ok((read, _)) => assert!(read == document, "{} at {at}", archive.codec()),
                Err(_) => found_out += 1,
            }
        }
        assert!(found_out > 100, "{}", archive.codec());
    }
}

#[tokio::test]
async fn what_replaces_an_object_has_a_digest_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    for codec in codecs() {
        let builder = target.builder().codec(codec).overwrite(Overwrite::Replace);
        let archive = builder.build().unwrap();
        for document in [document(10), document(20)] {
            store(&archive, "a", &document).await;
            let (read, by) = verified(archive.open("a").await.unwrap()).await.unwrap();
            assert_eq!((read, by), (document.clone(), Some(sha256(&document))));
        }
    }
}

#[tokio::test]
async fn what_replaces_an_object_is_read_even_if_its_own_digest_could_not_be_put() {
    // Each object is put before its digest.
    let refused = Rule::nth(Operation::Put, 3, Effect::Refuse(Failure::Forbidden));
    let objects = ScriptedStore::in_memory().with([refused]);
    let builder = Archive::builder(Arc::new(objects.clone())).codec(Codec::Identity);
    let builder = builder.attributes(AttributeSupport::Absent);
    let archive = builder.overwrite(Overwrite::Replace).build().unwrap();
    for (document, has_digest) in [(document(10), true), (document(20), false)] {
        store(&archive, "a", &document).await;
        let (read, by) = verified(archive.open("a").await.unwrap()).await.unwrap();
        assert_eq!((read, by.is_some()), (document, has_digest));
    }
    assert_eq!(objects.injected()[0].location.as_ref(), "a.sha256");
    assert_eq!(objects.count(Operation::Put), 4, "nothing is put again");
}

#[tokio::test]
async fn the_digest_of_another_writer_is_not_taken_for_the_objects_own() {
    let target = Target::memory();
    let builder = target.builder().codec(Codec::Identity);
    let archive = builder.overwrite(Overwrite::Replace).build().unwrap();
    let beside = Path::from("a.sha256");
    let mine = noise(50_000);
    store(&archive, "a", &mine).await;
    let of_mine = stored(&*target.store, &beside).await.unwrap();
    let theirs: Bytes = mine.iter().map(|byte| !byte).collect();
    store(&archive, "a", &theirs).await;
    let of_theirs = stored(&*target.store, &beside).await.unwrap();
    for (text, by) in [(of_mine, None), (of_theirs, Some(sha256(&theirs)))] {
        target.store.put(&beside, text.into()).await.unwrap();
        let (read, verified) = verified(archive.open("a").await.unwrap()).await.unwrap();
        assert_eq!((read, verified), (theirs.clone(), by));
    }
}

#[tokio::test]
async fn objects_of_others_are_read_and_not_verified() {
    for codec in codecs() {
        let target = Target::memory();
        let builder = target.builder().codec(codec).digest(false);
        let archive = builder.build().unwrap();
        let document = noise(50_000);
        store(&archive, "a", &document).await;
        let (read, by) = verified(archive.open("a").await.unwrap()).await.unwrap();
        assert_eq!((read, by), (document, None));
    }
}

#[tokio::test]
async fn a_digest_stands_beside_an_object_only_where_there_is_no_room_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    for codec in codecs() {
        let archive = target.builder().codec(codec).build().unwrap();
        store(&archive, codec.kind().name(), &document(10)).await;
        let of_digest = archive.create("a.sha256").err();
        assert!(matches!(of_digest, Some(KeyError::MisleadingExtension(_))));
    }
    let beside = files(directory.path(), |name| name.ends_with(".sha256"));
    let expected = codecs().into_iter().filter_map(|codec| match codec.kind() {
        CodecKind::Brotli => Some("brotli.br.sha256"),
        CodecKind::Identity => Some("identity.sha256"),
        _ => None,
    });
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    assert_eq!(beside, expected);
    let content = std::fs::read_to_string(directory.path().join("identity.sha256")).unwrap();
    assert_eq!(content, format!("{}  -\n", sha256(&document(10))));
    let memory = Target::memory();
    let archive = memory.builder().codec(Codec::Identity).build().unwrap();
    store(&archive, "single", &document(10)).await;
    assert!(
        stored(&*memory.store, &Path::from("single.sha256"))
            .await
            .is_none()
    );
}
