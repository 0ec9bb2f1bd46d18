//! Properties over arbitrary documents, chunkings and damage.

use std::sync::Arc;

use archive_sink::{Archive, AttributeSupport, Codec, CodecKind, Overwrite};
use object_store::{ObjectStoreExt, memory::InMemory};
use proptest::{collection::vec, prelude::*};
use tokio::io::AsyncWriteExt;

use crate::support::{any_codec, any_document, block_on, noise, read_until_end, store, stored};

const PART: usize = 8 * 1024;

fn archive(memory: &Arc<InMemory>, codec: Codec) -> Archive {
    Archive::builder(Arc::clone(memory) as _)
        .codec(codec)
        .attributes(AttributeSupport::Absent)
        .overwrite(Overwrite::Replace)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .unwrap()
}

/// Writes the document in pieces of these sizes, again and again, with a flush after some.
async fn write_in_pieces(
    archive: &Archive,
    document: &[u8],
    pieces: &[(usize, bool)],
) -> archive_sink::Receipt {
    let mut writer = archive.create("pieces").unwrap();
    let mut rest = document;
    let mut pieces = pieces.iter().cycle();
    while let Some(&(size, flush)) = pieces.next()
        && !rest.is_empty()
    {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        writer.write_all(piece).await.unwrap();
        if flush {
            writer.flush().await.unwrap();
        }
        rest = after;
    }
    writer.commit().await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_object_and_it_reads_back(
        document in any_document(),
        codec in any_codec(),
        pieces in vec((1..40_000_usize, any::<bool>()), 1..8),
    ) {
        let memory = Arc::new(InMemory::new());
        let archive = archive(&memory, codec);
        let (whole, pieces) = block_on(async {
            let whole = store(&archive, "whole", &document).await;
            let pieces = write_in_pieces(&archive, &document, &pieces).await;
            (whole, pieces)
        });
        prop_assert_eq!(whole.sha256, pieces.sha256);
        prop_assert_eq!(whole.parts, pieces.parts);
        let (first, second, back) = block_on(async {
            let first = stored(&*memory, &whole.location).await.unwrap();
            let second = stored(&*memory, &pieces.location).await.unwrap();
            let reader = archive.open("pieces").await.unwrap();
            (first, second, read_until_end(reader).await)
        });
        prop_assert_eq!(first.len() as u64, whole.stored_bytes);
        prop_assert_eq!(first, second);
        prop_assert_eq!(back.0, document);
        back.1.unwrap();
    }

    /// Names of characters that some rule is about.
    #[test]
    fn whatever_may_be_created_can_be_opened_by_the_same_name(
        name in "[ab./#12%~é ]{1,6}(\\.gz|\\.br)?",
        codec in any_codec(),
    ) {
        let archive = archive(&Arc::new(InMemory::new()), codec);
        if let Ok(writer) = archive.create(&name) {
            let (back, end) = block_on(async {
                let mut writer = writer;
                writer.write_all(b"document").await.unwrap();
                writer.commit().await.unwrap();
                read_until_end(archive.open(&name).await.unwrap()).await
            });
            prop_assert_eq!(back, "document");
            end.unwrap();
        } else {
            prop_assert!(block_on(archive.open(&name)).is_err());
        }
    }

    #[test]
    fn sizes_around_part_boundaries_make_the_parts_they_should(
        parts in 1..6_usize,
        off in -1..=1_isize,
    ) {
        let memory = Arc::new(InMemory::new());
        let archive = archive(&memory, Codec::Identity);
        let document = noise((parts * PART).strict_add_signed(off));
        let receipt = block_on(store(&archive, "a", &document));
        prop_assert_eq!(receipt.parts, parts + usize::from(off > 0));
        let reader = block_on(archive.open("a")).unwrap();
        let (back, end) = block_on(read_until_end(reader));
        prop_assert_eq!(back, document);
        end.unwrap();
    }

    /// Without a digest, gzip's and zstd's own checksums guard the content; brotli has none.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    #[test]
    fn a_damaged_object_never_reads_as_another_document(
        document in any_document(),
        codec in crate::support::codec_of(&[CodecKind::Gzip, CodecKind::Zstd]),
        at in any::<prop::sample::Index>(),
        flip in 1..=u8::MAX,
    ) {
        let memory = Arc::new(InMemory::new());
        let archive = archive(&memory, codec);
        let (back, end) = block_on(async {
            let receipt = store(&archive, "a", &document).await;
            let mut bytes = stored(&*memory, &receipt.location).await.unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            memory.put(&receipt.location, bytes.into()).await.unwrap();
            read_until_end(archive.open("a").await.unwrap()).await
        });
        prop_assert!(end.is_err() || back == document);
    }

    #[cfg(any(feature = "gzip", feature = "zstd", feature = "brotli"))]
    #[test]
    fn a_cut_off_object_never_ends_well(
        document in any_document(),
        codec in crate::support::codec_of(&[CodecKind::Gzip, CodecKind::Zstd, CodecKind::Brotli]),
        at in any::<prop::sample::Index>(),
    ) {
        let memory = Arc::new(InMemory::new());
        let archive = archive(&memory, codec);
        let (_, end) = block_on(async {
            let receipt = store(&archive, "a", &document).await;
            let bytes = stored(&*memory, &receipt.location).await.unwrap();
            let cut = bytes.slice(..at.index(bytes.len()));
            memory.put(&receipt.location, object_store::PutPayload::from_bytes(cut)).await.unwrap();
            read_until_end(archive.open("a").await.unwrap()).await
        });
        let error = end.unwrap_err();
        prop_assert!(matches!(error, archive_sink::ReadError { kind: archive_sink::ReadErrorKind::Incomplete { .. }, .. }), "{}", error);
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(
        bytes in vec(any::<u8>(), 0..5_000),
        codec in any_codec(),
    ) {
        let memory = Arc::new(InMemory::new());
        let archive = archive(&memory, codec);
        let location = archive.location_of("a").unwrap();
        let (back, end) = block_on(async {
            memory.put(&location, bytes.clone().into()).await.unwrap();
            read_until_end(archive.open("a").await.unwrap()).await
        });
        if codec.kind() == CodecKind::Identity {
            prop_assert_eq!(back, bytes);
            end.unwrap();
        }
    }
}
