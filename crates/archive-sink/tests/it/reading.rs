//! What a reader checks, and how it ends.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use archive_sink::{
    Archive, ArchiveReader, Codec, CodecKind, ReadError, ReadErrorKind, ReadLimit, Sha256Digest,
};
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{FutureExt, StreamExt, stream};
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutOptions, path::Path};
use scripted_store::ScriptedStore;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt},
    time::timeout,
};

use crate::support::{
    Target, block_on, codecs, document, noise, read, read_until_end, store, stored,
};

/// An object as a document's own writer would store it, in memory, and changed.
async fn with_attributes(bytes: Bytes, attributes: Attributes) -> Archive {
    let target = target_with(bytes, attributes).await;
    target.builder().build().unwrap()
}

async fn target_with(bytes: Bytes, attributes: Attributes) -> Target {
    let target = Target::memory();
    let options = PutOptions::from(attributes);
    let location = Path::from("a");
    let put = target.store.put_opts(&location, bytes.into(), options);
    put.await.unwrap();
    target
}

/// The stored bytes of a document.
pub(crate) async fn encoded(codec: Codec, document: &Bytes) -> Bytes {
    let target = Target::memory();
    let builder = target.builder().part_size(1 << 20).codec(codec);
    let archive = builder.build().unwrap();
    let receipt = store(&archive, "a", document).await;
    stored(&*target.store, &receipt.location).await.unwrap()
}

pub(crate) fn coding(codec: Codec) -> Attributes {
    let coding = codec.content_encoding();
    Attributes::from_iter(coding.map(|coding| (Attribute::ContentEncoding, coding)))
}

fn metadata(name: &'static str, value: impl Into<String>) -> (Attribute, String) {
    (Attribute::Metadata(name.into()), value.into())
}

async fn end_of(archive: &Archive) -> Result<(), ReadError> {
    read_until_end(archive.open("a").await.unwrap()).await.1
}

/// A reader of chunks that come as they are.
pub(crate) fn scripted(
    chunks: impl Stream<Item = object_store::Result<Bytes>> + Send + 'static,
    size: usize,
    attributes: Attributes,
) -> ArchiveReader {
    let store = ScriptedStore::serving(chunks, size as u64, attributes);
    let archive = Archive::builder(Arc::new(store)).build().unwrap();
    block_on(archive.open("a")).unwrap()
}

pub(crate) fn cut(bytes: &Bytes, size: usize) -> Vec<object_store::Result<Bytes>> {
    let chunks = bytes.chunks(size).map(Bytes::copy_from_slice);
    // Empty chunks in between are allowed.
    chunks
        .flat_map(|chunk| [Ok(Bytes::new()), Ok(chunk)])
        .collect()
}

#[tokio::test]
async fn what_is_cut_off_or_damaged_has_the_usual_kind_of_an_io_error() {
    for codec in codecs()
        .into_iter()
        .filter(|codec| *codec != Codec::Identity)
    {
        let bytes = encoded(codec, &document(1000)).await;
        let damaged = Bytes::from([&b"x"[..], &bytes[1..]].concat());
        for (bytes, kind) in [
            (bytes.slice(..bytes.len() / 2), ErrorKind::UnexpectedEof),
            (damaged, ErrorKind::InvalidData),
        ] {
            let archive = with_attributes(bytes, coding(codec)).await;
            let mut reader = archive.open("a").await.unwrap();
            let error = reader.read_to_end(&mut vec![]).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{codec}: {error}");
        }
    }
}

#[tokio::test]
async fn members_that_follow_one_another_are_one_document() {
    for codec in codecs() {
        if !matches!(codec.kind(), CodecKind::Gzip | CodecKind::Zstd) {
            continue;
        }
        let first = encoded(codec, &document(70_000)).await;
        let second = encoded(codec, &Bytes::new()).await;
        let bytes = Bytes::from([&first[..], &second, &first].concat());
        let expected = Bytes::from([&document(70_000)[..], &document(70_000)].concat());
        for size in [1, bytes.len()] {
            let chunks = stream::iter(cut(&bytes, size));
            let reader = scripted(chunks, bytes.len(), coding(codec));
            assert_eq!(read(reader).await, expected);
        }
        let cut = bytes.slice(..first.len() + 5);
        let archive = with_attributes(cut, coding(codec)).await;
        let end = end_of(&archive).await;
        assert!(
            matches!(
                end,
                Err(ReadError {
                    kind: ReadErrorKind::Incomplete { .. },
                    ..
                })
            ),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn what_follows_the_end_is_an_error() {
    for codec in codecs() {
        if codec == Codec::Identity {
            continue;
        }
        let bytes = encoded(codec, &document(1000)).await;
        let bytes = Bytes::from([&bytes[..], b"more"].concat());
        let archive = with_attributes(bytes, coding(codec)).await;
        let end = end_of(&archive).await.unwrap_err();
        match codec.kind() {
            CodecKind::Brotli => assert!(matches!(
                end,
                ReadError {
                    kind: ReadErrorKind::TrailingData { .. },
                    ..
                }
            )),
            _ => assert!(matches!(
                end,
                ReadError {
                    kind: ReadErrorKind::Decode { .. },
                    ..
                } | ReadError {
                    kind: ReadErrorKind::Incomplete { .. },
                    ..
                }
            )),
        }
    }
    let chunks = stream::iter([Ok(Bytes::from_static(b"abcdef"))]);
    let (_, end) = read_until_end(scripted(chunks, 5, Attributes::new())).await;
    assert!(matches!(
        end,
        Err(ReadError {
            kind: ReadErrorKind::TrailingData { offset: 5, .. },
            ..
        })
    ));
}

#[tokio::test]
async fn a_store_that_sends_too_little_is_found_out() {
    let chunks = stream::iter([Ok(Bytes::from_static(b"abc"))]);
    let (bytes, end) = read_until_end(scripted(chunks, 5, Attributes::new())).await;
    assert_eq!(bytes, "abc");
    assert!(matches!(
        end,
        Err(ReadError {
            kind: ReadErrorKind::Truncated {
                offset: 3,
                expected: 5,
                ..
            },
            ..
        })
    ));
    // As a local file does that is cut off while it is read: each chunk comes from another thread.
    for yields in [0, 1] {
        let endless = stream::repeat_with(|| Ok(Bytes::new())).then(move |chunk| async move {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            chunk
        });
        let read = read_until_end(scripted(endless, 5, Attributes::new()));
        let (_, end) = timeout(Duration::from_secs(10), read).await.unwrap();
        assert!(matches!(
            end,
            Err(ReadError {
                kind: ReadErrorKind::Truncated { offset: 0, .. },
                ..
            })
        ));
    }
}

#[tokio::test]
async fn metadata_that_does_not_match_is_an_error_at_the_end() {
    let document = document(10_000);
    for codec in codecs() {
        let bytes = encoded(codec, &document).await;
        let wrong = Sha256Digest::from([1; 32]);
        let changed = |entry| {
            let mut attributes = coding(codec);
            let (attribute, value): (Attribute, String) = entry;
            attributes.insert(attribute, value.into());
            attributes
        };
        for length in [9_999, 10_001] {
            let attributes = changed(metadata("archiverawbytes", length.to_string()));
            let archive = with_attributes(bytes.clone(), attributes).await;
            let end = end_of(&archive).await;
            assert!(
                matches!(end, Err(ReadError { kind: ReadErrorKind::Length { expected, .. }, .. }) if expected == length)
            );
        }
        let attributes = changed(metadata("archivesha256", wrong.to_string()));
        let archive = with_attributes(bytes.clone(), attributes).await;
        let end = end_of(&archive).await;
        assert!(
            matches!(end, Err(ReadError { kind: ReadErrorKind::Digest { expected, .. }, .. }) if expected == wrong)
        );
        // What nobody can read is as good as absent.
        let attributes = changed(metadata("archivesha256", "abc"));
        let archive = with_attributes(bytes, attributes).await;
        end_of(&archive).await.unwrap();
    }
}

#[tokio::test]
async fn bombs_are_stopped_at_the_limit() {
    for codec in codecs() {
        let bomb = Bytes::from(vec![b' '; 1_000_000]);
        let bytes = encoded(codec, &bomb).await;
        let target = target_with(bytes.clone(), coding(codec)).await;
        for (limit, is_over) in [(999_999, true), (1_000_000, false)] {
            let builder = target.builder().read_limit(ReadLimit::bytes(limit));
            let reader = builder.build().unwrap().open("a").await.unwrap();
            let (read, end) = read_until_end(reader).await;
            assert!(read.len() <= 1_000_000);
            assert_eq!(
                matches!(
                    end,
                    Err(ReadError {
                        kind: ReadErrorKind::TooLarge(_),
                        ..
                    })
                ),
                is_over
            );
        }
        // Stored bytes have no limit: they are what is there.
        let archive = target.builder().build().unwrap();
        let reader = archive.open_stored("a").await.unwrap();
        assert_eq!(read(reader).await, bytes);
    }
}

#[tokio::test]
async fn a_ratio_beyond_the_limit_is_stopped_after_the_first_mebibyte() {
    for codec in codecs() {
        if codec == Codec::Identity {
            continue;
        }
        let plain = encoded(codec, &document(2_000_000)).await;
        let archive = with_attributes(plain, coding(codec)).await;
        end_of(&archive).await.unwrap();
        let bomb = encoded(codec, &Bytes::from(vec![b' '; 20_000_000])).await;
        let archive = with_attributes(bomb.clone(), coding(codec)).await;
        let (read, end) = read_until_end(archive.open("a").await.unwrap()).await;
        let limit = (200 * bomb.len()).max(1 << 20);
        assert!(read.len() <= limit && limit < 20_000_000, "{codec}");
        let kind = end.unwrap_err().kind;
        assert!(matches!(kind, ReadErrorKind::TooLarge(_)), "{kind:?}");
    }
}

#[tokio::test]
async fn one_of_two_objects_is_not_picked_by_guessing() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    let archive = target.builder().codec(Codec::Identity).build().unwrap();
    for name in "7.json.gz 7.json.zst 8.json.br 9.json 9.json.gz".split(' ') {
        let location = Path::from(name);
        target.store.put(&location, "x".into()).await.unwrap();
    }
    let error = archive.open_stored("7.json").await.unwrap_err();
    let shown = error.to_string();
    assert!(matches!(error.kind, ReadErrorKind::Ambiguous(both) if both.len() == 2));
    assert!(shown.starts_with("cannot read 7.json: "), "{shown}");
    assert!(shown.contains("7.json.gz and 7.json.zst"), "{shown}");
    for (name, location) in [
        ("7.json.zst", "7.json.zst"),
        ("8.json", "8.json.br"),
        ("9.json", "9.json"),
    ] {
        let reader = archive.open_stored(name).await.unwrap();
        assert_eq!(reader.location().as_ref(), location);
    }
}

/// Made by brotli 9.1.1 from 900 MiB of the letter a, with `large_window` and `lgwin` 30: the first
/// bytes of 736. Decoding them reserves a window of up to 1 GiB.
#[cfg(feature = "brotli")]
const LARGE_WINDOW: [u8; 32] = [
    0x11, 0x1e, 0xff, 0xff, 0xff, 0x01, 0x90, 0x08, 0x8b, 0xc7, 0x02, 0x21, 0xf7, 0xfe, 0x9f, 0xff,
    0xff, 0xff, 0x00, 0x48, 0x00, 0xc4, 0x61, 0x01, 0xa0, 0x7b, 0xff, 0xcf, 0xff, 0xff, 0x7f, 0x00,
];

#[cfg(feature = "brotli")]
#[tokio::test]
async fn brotli_windows_beyond_the_standard_are_refused_before_they_are_allocated() {
    let brotli = Codec::default_for(CodecKind::Brotli);
    // Large windows of 2^30 bytes: an empty document that is whole (the window's six bits, then the
    // two of a last and empty block), and the bomb. Last, the same mark with the bit after it set.
    for bytes in [&[0x11, 0xde][..], &LARGE_WINDOW, &[0x91, 0xde]] {
        let bytes = Bytes::copy_from_slice(bytes);
        let archive = with_attributes(bytes.clone(), coding(brotli)).await;
        match end_of(&archive).await {
            Err(ReadError {
                kind:
                    ReadErrorKind::Decode {
                        offset: 0, source, ..
                    },
                ..
            }) => {
                assert!(source.to_string().contains("large window"), "{source}");
            }
            end => panic!("{end:?} for {bytes:?}"),
        }
    }
    // The largest window of the standard, 2^24: 1111 and then a last and empty block.
    let largest = with_attributes(Bytes::from_static(&[0x3f]), coding(brotli)).await;
    end_of(&largest).await.unwrap();
}

#[tokio::test]
async fn codings_that_nobody_knows_are_refused() {
    for coding in ["deflate", "gzip, br"] {
        let attributes = Attributes::from_iter([(Attribute::ContentEncoding, coding)]);
        let archive = with_attributes(Bytes::new(), attributes).await;
        let error = archive.open("a").await.unwrap_err();
        assert!(
            matches!(
                error,
                ReadError {
                    kind: ReadErrorKind::UnknownCoding(_),
                    ..
                }
            ),
            "{error}"
        );
    }
    for kind in CodecKind::ALL {
        let attributes = coding(Codec::default_for(kind));
        let archive = with_attributes(Bytes::from_static(b"x"), attributes).await;
        let opened = archive.open("a").await;
        assert_eq!(
            matches!(
                opened,
                Err(ReadError {
                    kind: ReadErrorKind::CodecNotCompiled(_),
                    ..
                })
            ),
            !kind.is_compiled()
        );
        archive.open_stored("a").await.unwrap();
    }
}

#[tokio::test]
async fn reads_go_on_failing_after_a_failure() {
    let cut = stream::iter([
        Ok(Bytes::from_static(b"abc")),
        Err(object_store::Error::Generic {
            store: "Scripted",
            source: "reset".into(),
        }),
    ]);
    let mut reader = scripted(cut, 5, Attributes::new());
    let mut bytes = vec![];
    let error = reader.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!((&bytes[..], error.kind()), (&b"abc"[..], ErrorKind::Other));
    assert!(error.to_string().contains("reset"), "{error}");
    let cause = error.get_ref().unwrap().downcast_ref::<ReadError>();
    assert!(matches!(
        cause,
        Some(ReadError {
            kind: ReadErrorKind::Store { offset: 3, .. },
            ..
        })
    ));
    reader.read(&mut [0]).await.unwrap_err();
    reader.fill_buf().await.unwrap_err();
    assert!(reader.is_terminated());
}

#[tokio::test]
async fn a_store_that_panics_poisons_the_reader() {
    let panicking = stream::poll_fn(|_| panic!("a bug in a store"));
    let mut reader = scripted(panicking, 5, Attributes::new());
    let panicked = std::panic::AssertUnwindSafe(reader.next()).catch_unwind();
    assert!(panicked.await.is_err());
    let next = reader.next().await;
    assert!(matches!(
        next,
        Some(Err(ReadError {
            kind: ReadErrorKind::Panicked,
            ..
        }))
    ));
    assert!(reader.next().await.is_none());
}

#[tokio::test]
async fn lengths_are_told_where_they_are_known() {
    let target = Target::memory();
    for codec in codecs() {
        let prefix = Path::from(codec.kind().name());
        let archive = target.builder().codec(codec).prefix(prefix);
        let archive = archive.build().unwrap();
        store(&archive, "single", &document(100)).await;
        store(&archive, "multipart", &noise(50_000)).await;
        let single = archive.open("single").await.unwrap();
        assert_eq!(single.raw_length(), Some(100));
        let multipart = archive.open("multipart").await.unwrap();
        let known = (codec == Codec::Identity).then_some(50_000);
        assert_eq!(multipart.raw_length(), known);
    }
}

#[tokio::test]
async fn a_local_file_that_is_cut_off_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    let archive = target.builder().codec(Codec::Identity).build().unwrap();
    store(&archive, "a", &noise(100_000)).await;
    let mut reader = archive.open("a").await.unwrap();
    reader.next().await.unwrap().unwrap();
    let file = std::fs::File::options()
        .write(true)
        .open(directory.path().join("a"));
    file.unwrap().set_len(20_000).unwrap();
    let (_, end) = read_until_end(reader).await;
    assert!(matches!(
        end,
        Err(ReadError {
            kind: ReadErrorKind::Truncated {
                expected: 100_000,
                ..
            },
            ..
        })
    ));
    target.store.delete(&Path::from("a")).await.unwrap();
}
