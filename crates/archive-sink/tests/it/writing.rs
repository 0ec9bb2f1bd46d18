//! What a writer does with its polls, and how it fails.

use std::{
    io::IoSlice,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use archive_sink::{
    Archive, BuildError, Codec, CodecError, CodecKind, CommitError, KeyError, Placement,
    StoreError, WriteError, WriteErrorKind,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, path::Path};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::support::{
    Target, block_on, chunks, codecs, counting_waker, document, noise, read, store, stored,
};

const BLOCK: usize = 32 * 1024;

#[tokio::test]
async fn a_part_that_is_just_full_is_one_put_and_a_byte_more_is_two_parts() {
    let target = Target::memory();
    let builder = target.builder().codec(Codec::Identity);
    let archive = builder.build().unwrap();
    for (more, parts) in [(-1, 1), (0, 1), (1, 2)] {
        for times in [1, 2, 5] {
            let bytes = (target.part_size * times).strict_add_signed(more);
            let document = noise(bytes);
            let name = format!("{bytes}");
            let receipt = store(&archive, &name, &document).await;
            assert_eq!(receipt.parts, parts + times - 1, "{bytes}");
            assert_eq!(read(archive.open(&name).await.unwrap()).await, document);
        }
    }
}

#[tokio::test]
async fn metadata_travels_with_the_object() {
    let target = Target::memory();
    for codec in codecs() {
        let archive = target.builder().codec(codec).content_type("text/x");
        let archive = archive.prefix(Path::from(codec.kind().name()));
        let archive = archive.build().unwrap();
        let receipt = store(&archive, "small", &document(10)).await;
        let large = store(&archive, "large", &noise(20_000)).await;
        let digest = receipt.sha256.unwrap().to_string();
        for (receipt, whole) in [(receipt, true), (large, false)] {
            let got = target
                .store
                .get_opts(&receipt.location, Default::default())
                .await
                .unwrap();
            let value = |attribute| got.attributes.get(&attribute).map(AsRef::as_ref);
            use object_store::Attribute::{CacheControl, ContentEncoding, ContentType, Metadata};
            assert_eq!(value(ContentType), Some("text/x"));
            assert_eq!(value(ContentEncoding), codec.content_encoding());
            assert_eq!(value(CacheControl), Some("no-transform"));
            assert!(value(Metadata("archivenonce".into())).is_some());
            assert_eq!(
                value(Metadata("archivesha256".into())),
                whole.then_some(&*digest)
            );
            assert_eq!(
                value(Metadata("archiverawbytes".into())),
                whole.then_some("10")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_may_take_as_long_as_the_archive_says() {
    let hour = Duration::from_secs(3600);
    let slow = Rule::always(Operation::Put, Effect::Delay(hour));
    let store = ScriptedStore::in_memory().with([slow]);
    let archive = Archive::builder(Arc::new(store)).retry_for(hour * 2);
    let writer = archive.build().unwrap().create("a").unwrap();
    let receipt = writer.commit().await.unwrap();
    assert_eq!(receipt.placement, Placement::Exclusive);
}

#[tokio::test]
async fn one_poll_compresses_one_block_and_then_yields() {
    let builder = Target::memory().builder().part_size(1 << 20);
    let archive = builder.build().unwrap();
    let mut writer = archive.create("a").unwrap();
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    let input = document(10 * BLOCK);
    let mut taken = 0;
    for _ in 0..5 {
        let Poll::Ready(Ok(amount)) = Pin::new(&mut writer).poll_write(cx, &input[taken..]) else {
            panic!("an empty block takes input");
        };
        assert_eq!(amount, BLOCK);
        taken += amount;
        let (waker, wakes) = counting_waker();
        let pending = Pin::new(&mut writer).poll_write(&mut Context::from_waker(&waker), &input);
        assert!(pending.is_pending());
        assert_eq!(wakes(), 1, "it can go on at once");
        assert_eq!(writer.written_bytes(), taken as u64);
    }
}

#[tokio::test]
async fn one_poll_of_send_all_takes_no_more_than_one_block() {
    let builder = Target::memory().builder().part_size(1 << 20);
    let archive = builder.build().unwrap();
    let mut writer = archive.create("a").unwrap();
    let input = document(10 * BLOCK);
    let mut polls = 0;
    {
        let mut sending = pin!(writer.send_all(chunks(&input, 100_000)));
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        while sending.as_mut().poll(cx).is_pending() {
            polls += 1;
            assert!(polls < 100, "it wakes itself for ever");
        }
    }
    assert!(polls >= 9, "{polls}");
}

#[tokio::test]
async fn vectored_writes_fill_the_block_from_all_buffers() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    assert!(writer.is_write_vectored());
    let buffers = [&b"abc"[..], b"", b"de"].map(IoSlice::new);
    assert_eq!(writer.write_vectored(&buffers).await.unwrap(), 5);
    assert_eq!(
        writer.write_vectored(&[IoSlice::new(b"")]).await.unwrap(),
        0
    );
    writer.commit().await.unwrap();
    assert_eq!(read(archive.open("a").await.unwrap()).await, "abcde");
}

#[tokio::test]
async fn flushing_does_not_change_the_object() {
    let target = Target::memory();
    let bytes = document(200_000);
    for codec in codecs() {
        let archive = target.builder().codec(codec);
        let archive = archive.prefix(Path::from(codec.kind().name()));
        let archive = archive.build().unwrap();
        let plain = store(&archive, "plain", &bytes).await;
        let mut writer = archive.create("flushed").unwrap();
        for chunk in bytes.chunks(7_777) {
            writer.write_all(chunk).await.unwrap();
            writer.flush().await.unwrap();
        }
        let flushed = writer.commit().await.unwrap();
        assert_eq!(
            stored(&*target.store, &plain.location).await,
            stored(&*target.store, &flushed.location).await
        );
    }
}

#[tokio::test]
async fn writing_after_shutdown_fails_for_good() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(b"abc").await.unwrap();
    writer.shutdown().await.unwrap();
    writer.shutdown().await.unwrap();
    writer.flush().await.unwrap();
    let error = writer.write_all(b"d").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    let cause = error.get_ref().unwrap().downcast_ref::<WriteError>();
    assert!(matches!(
        cause,
        Some(WriteError {
            kind: WriteErrorKind::Closed,
            ..
        })
    ));
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(
        error,
        CommitError::Write {
            cause: WriteError {
                kind: WriteErrorKind::Closed,
                ..
            },
            clean_up: None,
            ..
        }
    ));
}

#[tokio::test]
async fn several_streams_follow_one_another() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    assert_eq!(writer.send_all(chunks(&document(7), 3)).await.unwrap(), 7);
    writer.write_all(b"middle").await.unwrap();
    assert_eq!(writer.send_all(chunks(&document(9), 9)).await.unwrap(), 9);
    assert_eq!(writer.commit().await.unwrap().raw_bytes, 22);
}

#[tokio::test]
async fn a_later_stream_that_fails_says_how_much_of_it_was_sent() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.send_all(chunks(&document(1000), 300)).await.unwrap();
    let fails = stream::iter([Ok(Bytes::from_static(b"abc")), Err("broken")]);
    let error = writer.send_all(fails).await.unwrap_err();
    assert!(
        matches!(error.kind, WriteErrorKind::Source { sent: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_stream_that_fails_is_the_cause_and_nothing_is_committed() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    let failing = chunks(&document(30_000), 1000)
        .map(|chunk| chunk.map_err(std::io::Error::other))
        .chain(stream::iter([Err(std::io::Error::other(
            "serialising broke",
        ))]));
    let error = writer.send_all(failing).await.unwrap_err();
    assert!(matches!(
        error,
        WriteError {
            kind: WriteErrorKind::Source { sent: 30_000, .. },
            ..
        }
    ));
    assert!(error.to_string().ends_with("serialising broke"), "{error}");
    let again = writer.send_all(chunks(&document(1), 1)).await;
    assert!(matches!(
        again,
        Err(WriteError {
            kind: WriteErrorKind::Source { .. },
            ..
        })
    ));
    writer.flush().await.unwrap_err();
    writer.shutdown().await.unwrap_err();
    let error = writer.commit().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    let cause = std::error::Error::source(cause).unwrap();
    assert_eq!(cause.to_string(), "serialising broke");
    archive.open("a").await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_is_noticed_while_the_stream_is_pending() {
    let refusal = Rule::nth(Operation::Part, 0, Effect::Refuse(Failure::Other));
    let archive = Archive::builder(Arc::new(ScriptedStore::in_memory().with([refusal])))
        .codec(Codec::Identity)
        .part_size(20_000)
        .allow_small_parts();
    let mut writer = archive.build().unwrap().create("a").unwrap();
    // Two blocks fill one part, and nothing follows that would wait for it.
    let stalled = chunks(&noise(40_000), 40_000).chain(stream::pending());
    let sent = timeout(Duration::from_secs(1), writer.send_all(stalled)).await;
    let error = sent.expect("nothing waits for the stream").unwrap_err();
    assert!(
        matches!(error.kind, WriteErrorKind::Store { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_document_that_is_there_in_another_encoding_has_that_objects_receipt() {
    let target = Target::memory();
    let archive = |codec| target.builder().codec(codec).build().unwrap();
    let document = document(30_000);
    let first = store(&archive(Codec::Identity), "a", &document).await;
    for codec in codecs() {
        let again = store(&archive(codec), "a", &document).await;
        assert_eq!(again.placement, Placement::AlreadyThere);
        assert_eq!(
            (again.codec, again.stored_bytes),
            (first.codec, first.stored_bytes)
        );
    }
}

#[tokio::test]
async fn what_cannot_be_stored_in_one_call_leaves_nothing() {
    let store = ScriptedStore::in_memory();
    let archive = Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .part_size(4096)
        .allow_small_parts();
    let archive = archive.build().unwrap();
    for bytes in [0, 10, 30_000] {
        let broken = stream::iter([Err("serialising broke".into())]);
        let failing = chunks(&document(bytes), 1000)
            .map(|chunk| chunk.map_err(std::io::Error::other))
            .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
            .chain(broken);
        let error = archive.store("a", failing).await.unwrap_err();
        assert!(error.to_string().contains("serialising broke"), "{error}");
        let cause = std::error::Error::source(&error).unwrap();
        let cause = std::error::Error::source(cause).unwrap();
        assert_eq!(cause.to_string(), "serialising broke");
        assert!(matches!(
            error,
            StoreError::Commit(CommitError::Write { clean_up: None, .. })
        ));
        assert!(store.names().await.is_empty() && store.open_uploads().is_empty());
    }
    let untouched = stream::poll_fn(|_| -> Poll<Option<Result<Bytes, std::io::Error>>> {
        panic!("nothing can be done with it")
    });
    let error = archive.store("", untouched).await.unwrap_err();
    assert!(matches!(error, StoreError::Name(_)), "{error:?}");
}

#[tokio::test]
async fn a_send_that_was_dropped_or_panicked_cannot_be_committed() {
    let archive = Target::memory().builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    let paused = chunks(&document(10), 10).chain(stream::pending());
    assert!(writer.send_all(paused).now_or_never().is_none());
    let error = writer.commit().await.unwrap_err();
    assert!(
        error.to_string().contains("send_all was dropped"),
        "{error}"
    );

    let mut writer = archive.create("a").unwrap();
    let panicking =
        stream::poll_fn(|_| -> Poll<Option<Result<Bytes, std::io::Error>>> { panic!("user code") });
    let sending = std::panic::AssertUnwindSafe(writer.send_all(panicking));
    sending.catch_unwind().await.unwrap_err();
    let again = writer.send_all(chunks(&document(1), 1)).await;
    assert!(matches!(
        again,
        Err(WriteError {
            kind: WriteErrorKind::Unfinished,
            ..
        })
    ));
    writer.commit().await.unwrap_err();
    archive.open("a").await.unwrap_err();
}

#[test]
fn it_works_without_a_runtime() {
    let target = Target::memory();
    let archive = target.builder().build().unwrap();
    let bytes = noise(30_000);
    let receipt = block_on(store(&archive, "a", &bytes));
    assert!(receipt.parts > 1);
    assert_eq!(
        block_on(async { read(archive.open("a").await.unwrap()).await }),
        bytes
    );
}

#[test]
fn names_are_validated_where_they_are_given() {
    let target = Target::memory();
    let archive = target.builder().build().unwrap();
    for name in ["", "../x", "a//b", "a\nb"] {
        let error = archive.create(name).unwrap_err();
        assert_eq!(archive.location_of(name).unwrap_err(), error, "{name:?}");
    }
    let builder = target.builder().codec(Codec::Identity);
    let archive = builder.attributes(archive_sink::AttributeSupport::Absent);
    assert!(matches!(
        archive.build().unwrap().create("a.gz").unwrap_err(),
        KeyError::MisleadingExtension(_)
    ));
}

#[test]
fn settings_are_validated_when_building() {
    let builder = || archive_sink::Archive::builder(Target::memory().store);
    assert_eq!(
        builder().part_size(5_242_879).build().unwrap_err(),
        BuildError::SmallParts(5_242_879)
    );
    builder().part_size(5_242_880).build().unwrap();
    let none = builder().part_size(0).allow_small_parts().build();
    assert_eq!(none.unwrap_err(), BuildError::PartBytes(0));
    let largest = 5 << 30;
    builder().part_size(largest).build().unwrap();
    let larger = builder().part_size(largest + 1).build();
    assert_eq!(larger.unwrap_err(), BuildError::PartBytes(largest + 1));
    let typed = builder().content_type("application/json; charset=utf-8");
    typed.build().unwrap();
    let none = builder().parts_in_flight(0).build();
    assert_eq!(none.unwrap_err(), BuildError::NoPartsInFlight);
    for bad in ["", " ", "a\nb", "é"] {
        let error = builder().content_type(bad).build().unwrap_err();
        assert_eq!(error, BuildError::ContentType(bad.into()));
    }
    if cfg!(feature = "gzip") {
        let Codec::Zstd(of_another) = Codec::zstd(22).unwrap() else {
            panic!("zstd makes zstd");
        };
        let error = builder()
            .codec(Codec::Gzip(of_another))
            .build()
            .unwrap_err();
        assert!(
            matches!(error, BuildError::Codec(CodecError::NoLevel { .. })),
            "{error}"
        );
    }
    for kind in CodecKind::ALL {
        let built = builder().codec(Codec::default_for(kind)).build();
        assert_eq!(built.is_ok(), kind.is_compiled());
    }
}
