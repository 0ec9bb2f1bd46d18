//! Auto traits of the public types and of the futures that they return.

use archive_sink::{
    Archive, ArchiveBuilder, ArchiveReader, ArchiveWriter, BuildError, Codec, CodecError,
    CommitError, EncodedStream, EncodedStreamError, KeyError, ObjectVersion, RawDocument,
    ReadError, ReadLimit, Receipt, Sha256Digest, Sha256Hasher, StoreError, WriteError,
};
use bytes::Bytes;
use futures_util::stream;
use static_assertions::{assert_impl_all, assert_not_impl_any};

assert_impl_all!(Archive: Clone, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(ArchiveBuilder: Clone, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(ArchiveWriter: Send, Unpin, std::fmt::Debug, tokio::io::AsyncWrite);
assert_impl_all!(
    ArchiveReader: Send,
    Unpin,
    std::fmt::Debug,
    tokio::io::AsyncRead,
    tokio::io::AsyncBufRead,
    futures_core::FusedStream
);
type Raw = stream::Empty<Result<Bytes, std::io::Error>>;
assert_impl_all!(EncodedStream<Raw>: Send, Sync, Unpin, std::fmt::Debug, futures_core::FusedStream);
// It is what its source is.
assert_not_impl_any!(EncodedStream<std::rc::Rc<()>>: Send, Sync);
assert_not_impl_any!(EncodedStream<std::marker::PhantomPinned>: Unpin);
assert_impl_all!(EncodedStreamError<std::io::Error>: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(EncodedStreamError<WriteError>: Clone);
assert_impl_all!(RawDocument: Copy, Send, Sync, Unpin, Eq, std::hash::Hash, std::fmt::Debug);
assert_impl_all!(CodecError: std::error::Error, Clone, Send, Sync, Unpin, Eq);
assert_impl_all!(Codec: Copy, Send, Sync, Unpin, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Receipt: Clone, Send, Sync, Unpin, Eq, std::fmt::Debug);
assert_impl_all!(Sha256Digest: Copy, Send, Sync, Unpin, Eq, std::fmt::Display);
assert_impl_all!(Sha256Hasher: Clone, Default, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(ObjectVersion: Clone, Send, Sync, Unpin, Eq, std::fmt::Debug);
assert_impl_all!(ReadLimit: Copy, Send, Sync, Unpin, Eq, Default);
assert_impl_all!(BuildError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(CommitError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(KeyError: std::error::Error, Clone, Send, Sync, Unpin, Eq);
assert_impl_all!(ReadError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(StoreError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(WriteError: std::error::Error, Send, Sync, Unpin);

fn is_send<T: Send>(_: &T) {}
fn is_static<T: 'static>(_: &T) {}

#[test]
fn futures_can_be_spawned() {
    let archive = crate::support::Target::memory().builder().build().unwrap();
    is_send(&archive.check());
    is_send(&archive.open("a"));
    is_send(&archive.settled());
    let writer = || archive.create("a").unwrap();
    let (commit, abort) = (writer().commit(), writer().abort());
    is_send(&commit);
    is_static(&commit);
    is_send(&abort);
    is_static(&abort);
    let document = RawDocument::new(0).with_sha256(Sha256Digest::from([0; 32]));
    let commit = writer().without_digest().commit_with(document);
    is_send(&commit);
    is_static(&commit);
    let encoded = archive.create_encoded("a").unwrap();
    is_send(&encoded.commit_with(document));
    let empty = stream::empty::<Result<Bytes, std::io::Error>>;
    is_send(&archive.store("a", empty()));
    let mut sender = writer();
    is_send(&sender.send_all(empty()));
}

#[tokio::test]
async fn debug_output_names_the_object_and_shows_no_content() {
    use tokio::io::AsyncWriteExt;
    let archive = crate::support::Target::memory().builder().build().unwrap();
    let mut writer = archive.create("name").unwrap();
    writer.write_all(&[b'7'; 30_000]).await.unwrap();
    let text = format!("{writer:?}");
    assert!(text.contains("name") && text.len() < 3_000, "{text}");
    assert!(!text.contains("55, 55") && !text.contains("777"), "{text}");
    writer.commit().await.unwrap();
    let text = format!("{:?}", archive.open("name").await.unwrap());
    assert!(text.contains("name") && text.len() < 1_000, "{text}");
}
