//! What an archive promises, on any store. To put another one through it, see the README.

use std::sync::Arc;

use archive_sink::{
    Archive, AttributeSupport, CheckOptions, CodecKind, CommitError, Overwrite, Placement,
    ReadError, ReadErrorKind, WriteError, WriteErrorKind,
};
use bytes::Bytes;
use object_store::{ObjectStoreExt, path::Path};
use tokio::io::AsyncWriteExt;

use crate::support::{Target, codecs, document, noise, read, store, stored};

/// Runs every rule of the contract under a prefix of its own.
pub(crate) async fn check_all(target: &Target) {
    let rule = |name: &str| Path::from(format!("contract/{name}"));
    credentials_can_be_checked(target, rule("check")).await;
    documents_come_back_as_they_were(target, rule("round-trip")).await;
    nothing_is_visible_before_commit(target, rule("visible")).await;
    aborting_and_dropping_leave_nothing(target, rule("abort")).await;
    creating_replaces_nothing(target, rule("create")).await;
    replacing_replaces(target, rule("replace")).await;
    a_replaced_object_is_not_opened_as_the_one_it_was(target, rule("versions")).await;
    names_are_found(target, rule("names")).await;
    assert_eq!((target.leftovers)(), [] as [String; 0]);
}

/// More than three parts for every codec, without being slow on stores whose parts are large.
fn large(target: &Target) -> Bytes {
    noise(3 * target.part_size + target.part_size / 2)
}

async fn credentials_can_be_checked(target: &Target, prefix: Path) {
    let location = prefix.clone().join("archive-sink.check");
    let archive = target.builder().prefix(prefix.clone()).build().unwrap();
    let options = CheckOptions {
        look: true,
        delete: true,
    };
    for _time in 0..2 {
        let access = archive.check_with(options).await.unwrap();
        assert_eq!((access.look, access.deleted), (Some(true), Some(true)));
        assert_eq!(access.exclusive_put, Some(true));
        let left = stored(&*target.store, &location).await;
        assert_eq!(left, None, "what the check wrote");
    }
    // It asks for less then, and an object stays, which the next check finds.
    for _time in 0..2 {
        let access = archive.check().await.unwrap();
        assert_eq!((access.look, access.deleted), (None, None));
        assert_eq!(access.exclusive_put, Some(true));
        assert!(stored(&*target.store, &location).await.is_some());
    }
    let replacing = target
        .builder()
        .prefix(prefix)
        .overwrite(Overwrite::Replace);
    let access = replacing.build().unwrap().check().await.unwrap();
    assert_eq!(
        (access.exclusive_put, access.exclusive_upload),
        (None, None)
    );
}

async fn documents_come_back_as_they_were(target: &Target, prefix: Path) {
    let documents = [
        Bytes::new(),
        Bytes::from_static(b"{}"),
        document(100_000),
        large(target),
    ];
    for codec in codecs() {
        let prefix = prefix.clone().join(codec.kind().name());
        let archive = target.builder().prefix(prefix).codec(codec);
        let archive = archive.build().unwrap();
        for (index, document) in documents.iter().enumerate() {
            let name = format!("{index}.json");
            let receipt = store(&archive, &name, document).await;
            let location = archive.location_of(&name).unwrap();
            let bytes = stored(&*target.store, &location).await.unwrap();
            let described = archive.describe(&location, receipt.stored_bytes).await;
            let described = described.unwrap();
            assert_eq!(described.codec, codec.kind());
            let is_in_metadata = target.attributes == AttributeSupport::Kept && receipt.parts == 1;
            let is_noted = codec.kind() != CodecKind::Brotli || is_in_metadata;
            let noted = is_noted.then_some(document.len() as u64);
            assert_eq!(described.raw_bytes, noted, "{codec}");
            assert_eq!(receipt.location, location);
            assert_eq!(receipt.raw_bytes, document.len() as u64);
            assert_eq!(receipt.stored_bytes, bytes.len() as u64);
            assert_eq!(receipt.codec, codec.kind());
            let parts = bytes.len().div_ceil(target.part_size).max(1);
            assert_eq!(receipt.parts, parts);
            let meta = target.store.head(&location).await.unwrap();
            assert_eq!(receipt.e_tag, meta.e_tag);

            let reader = archive.open(&name).await.unwrap();
            assert_eq!(reader.codec(), codec.kind());
            assert_eq!(reader.stored_length(), receipt.stored_bytes);
            assert_eq!(read(reader).await, *document);
            let reader = archive.open_stored(&name).await.unwrap();
            assert_eq!(read(reader).await, bytes);
        }
    }
}

async fn nothing_is_visible_before_commit(target: &Target, prefix: Path) {
    let archive = target.builder().prefix(prefix).build().unwrap();
    for (name, document) in [("small", document(1000)), ("large", large(target))] {
        let location = archive.location_of(name).unwrap();
        let mut writer = archive.create(name).unwrap();
        writer.write_all(&document).await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(stored(&*target.store, &location).await, None);
        writer.shutdown().await.unwrap();
        assert_eq!(stored(&*target.store, &location).await, None);
        writer.commit().await.unwrap();
        assert_eq!(read(archive.open(name).await.unwrap()).await, document);
    }
}

async fn aborting_and_dropping_leave_nothing(target: &Target, prefix: Path) {
    let archive = target.builder().prefix(prefix).build().unwrap();
    for document in [document(1000), large(target)] {
        let location = archive.location_of("gone").unwrap();
        let mut writer = archive.create("gone").unwrap();
        writer.write_all(&document).await.unwrap();
        writer.abort().await.unwrap();
        assert_eq!(stored(&*target.store, &location).await, None);
        assert_eq!((target.leftovers)(), [] as [String; 0]);

        let mut writer = archive.create("gone").unwrap();
        writer.write_all(&document).await.unwrap();
        writer.shutdown().await.unwrap();
        drop(writer);
        archive.settled().await;
        assert_eq!(stored(&*target.store, &location).await, None);
        assert_eq!((target.leftovers)(), [] as [String; 0]);
    }
}

async fn creating_replaces_nothing(target: &Target, prefix: Path) {
    let archive = target.builder().prefix(prefix.clone()).build().unwrap();
    let without_digest = target.builder().prefix(prefix).digest(false);
    let without_digest = without_digest.build().unwrap();
    for (name, document) in [("small", document(1000)), ("large", large(target))] {
        let first = store(&archive, name, &document).await;
        let again = store(&archive, name, &document).await;
        assert_eq!(again.placement, Placement::AlreadyThere);
        assert_eq!((again.parts, &again.e_tag), (0, &first.e_tag));
        assert_eq!(again.stored_bytes, first.stored_bytes);

        let mut other = document.to_vec();
        other[0] ^= 1;
        let error = conflict(&archive, name, &other).await;
        assert!(matches!(
            error,
            CommitError::Conflict { compared: true, .. }
        ));
        let error = conflict(&without_digest, name, &document).await;
        assert!(matches!(
            error,
            CommitError::Conflict {
                compared: false,
                ..
            }
        ));
        assert_eq!(read(archive.open(name).await.unwrap()).await, document);
    }
}

async fn conflict(archive: &Archive, name: &str, document: &[u8]) -> CommitError {
    let mut writer = archive.create(name).unwrap();
    writer.write_all(document).await.unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(error.clean_up().is_none(), "{error}");
    error
}

async fn replacing_replaces(target: &Target, prefix: Path) {
    let builder = target.builder().prefix(prefix);
    let archive = builder.overwrite(Overwrite::Replace).build().unwrap();
    for document in [document(1000), large(target), document(2000)] {
        let receipt = store(&archive, "a", &document).await;
        assert_eq!(receipt.placement, Placement::Replacing);
        assert_eq!(read(archive.open("a").await.unwrap()).await, document);
    }
}

async fn a_replaced_object_is_not_opened_as_the_one_it_was(target: &Target, prefix: Path) {
    let builder = target.builder().prefix(prefix);
    let archive = builder.overwrite(Overwrite::Replace).build().unwrap();
    let first = noise(1000);
    store(&archive, "a", &first).await;
    let reader = archive.open("a").await.unwrap();
    let version = reader.version().clone();
    assert_eq!(version.location, *reader.location());
    let again = archive.open_version(&version).await.unwrap();
    assert_eq!(*again.version(), version);
    assert_eq!(read(again).await, first);
    // As long as the first, so that its length does not tell.
    let second: Bytes = first.iter().map(|byte| !byte).collect();
    let location = store(&archive, "a", &second).await.location;
    let error = archive.open_version(&version).await.unwrap_err();
    assert!(
        matches!(
            error,
            ReadError {
                kind: ReadErrorKind::Changed(_),
                ..
            }
        ),
        "{error}"
    );
    target.store.delete(&location).await.unwrap();
    let error = archive.open_version(&version).await.unwrap_err();
    assert!(
        matches!(
            error,
            ReadError {
                kind: ReadErrorKind::Changed(_),
                ..
            }
        ),
        "{error}"
    );
}

async fn names_are_found(target: &Target, prefix: Path) {
    let document = document(5000);
    let build = |codec| {
        let builder = target.builder().prefix(prefix.clone());
        builder.codec(codec).build().unwrap()
    };
    for codec in codecs() {
        let archive = build(codec);
        let name = format!("{}/a.json", codec.kind());
        let receipt = store(&archive, &name, &document).await;
        let inside = receipt.location.prefix_match(&prefix).unwrap();
        let stored_name = Path::from_iter(inside);
        // Whoever opens it may be configured for another codec, and may know either name.
        for reader in codecs().into_iter().map(build) {
            for name in [&name, stored_name.as_ref()] {
                assert_eq!(read(reader.open(name).await.unwrap()).await, document);
            }
        }
    }
    let missing = build(codecs()[0]).open("missing").await;
    assert!(matches!(
        missing,
        Err(ReadError {
            kind: ReadErrorKind::NotFound(_),
            ..
        })
    ));
    let error = std::io::Error::from(missing.unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn memory() {
    check_all(&Target::memory()).await;
}

#[tokio::test]
async fn local_files() {
    let directory = tempfile::tempdir().unwrap();
    check_all(&Target::local(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_files_on_several_threads() {
    let directory = tempfile::tempdir().unwrap();
    check_all(&Target::local(directory.path())).await;
}

#[tokio::test]
async fn a_prefixed_store() {
    let mut target = Target::memory();
    target.store = Arc::new(object_store::prefix::PrefixStore::new(
        target.store,
        "some/where",
    ));
    check_all(&target).await;
}

#[tokio::test]
async fn a_directory_without_its_setting_is_found_out_by_the_check() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Target {
        attributes: AttributeSupport::Kept,
        ..Target::local(directory.path())
    };
    let error = kept.builder().build().unwrap().check().await.unwrap_err();
    assert!(
        matches!(
            error,
            WriteError {
                kind: WriteErrorKind::Attributes(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("AttributeSupport::Absent"));
}
