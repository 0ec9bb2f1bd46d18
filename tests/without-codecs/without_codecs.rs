//! What archive-sink does with a codec whose feature is off. Built with the rest of the workspace it has all features,
//! so `cargo xtask ci --only tests-no-features` runs this by itself.

use archive_sink::{
    Archive, BuildError, Codec, CodecError, CodecKind, EncodedStream, ReadErrorKind,
};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use object_store::{Attribute, Attributes, ObjectStore, PutOptions, memory::InMemory, path::Path};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

const CODECS: [CodecKind; 3] = [CodecKind::Gzip, CodecKind::Zstd, CodecKind::Brotli];

const DOCUMENT: Bytes = Bytes::from_static(b"{\"orders\":[]}");

#[test]
#[ignore = "holds where archive-sink is built without features"]
fn encoding_and_writing_are_refused() {
    for kind in CODECS {
        assert!(!kind.is_compiled());
        let codec = Codec::default_for(kind);
        let encoded = EncodedStream::new(stream::iter([Ok::<_, Infallible>(DOCUMENT)]), codec);
        assert_eq!(encoded.map(|_| ()), Err(CodecError::NotCompiled(kind)));
        let built = Archive::builder(Arc::new(InMemory::new())).codec(codec);
        assert_eq!(
            built.build().unwrap_err(),
            BuildError::Codec(CodecError::NotCompiled(kind))
        );
    }
}

#[tokio::test]
#[ignore = "holds where archive-sink is built without features"]
async fn reading_is_refused_but_for_what_is_stored() {
    let store = Arc::new(InMemory::new());
    let archive = Archive::builder(store.clone()).build().unwrap();
    for kind in CODECS {
        let coding = kind.content_encoding().unwrap();
        let attributes = Attributes::from_iter([(Attribute::ContentEncoding, coding)]);
        let options = PutOptions {
            attributes,
            ..PutOptions::default()
        };
        let stored = Path::from("a");
        store
            .put_opts(&stored, DOCUMENT.into(), options)
            .await
            .unwrap();
        let error = archive.open("a").await.unwrap_err();
        assert!(
            matches!(error.kind, ReadErrorKind::CodecNotCompiled(of) if of == kind),
            "{error}"
        );
        let mut bytes = Vec::new();
        let mut reader = archive.open_stored("a").await.unwrap();
        reader.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, DOCUMENT);
    }
}

#[tokio::test]
#[ignore = "holds where archive-sink is built without features"]
async fn documents_are_stored_as_they_are() {
    let archive = Archive::builder(Arc::new(InMemory::new())).build().unwrap();
    assert_eq!(archive.codec(), Codec::Identity);
    let chunks = || stream::iter([Ok::<_, Infallible>(DOCUMENT)]);
    let encoded = EncodedStream::new(chunks(), archive.codec()).unwrap();
    let encoded: Vec<Bytes> = encoded.try_collect().await.unwrap();
    assert_eq!(encoded, [DOCUMENT]);

    let mut writer = archive.create("a").unwrap();
    writer.send_all(chunks()).await.unwrap();
    let receipt = writer.commit().await.unwrap();
    assert_eq!(receipt.stored_bytes, receipt.raw_bytes);
    let mut document = Vec::new();
    let mut reader = archive.open("a").await.unwrap();
    reader.read_to_end(&mut document).await.unwrap();
    assert_eq!(document, DOCUMENT);
}
