//! A stream that is encoded on its way: the bytes of the archive, in exact chunks, or an error.

use std::{
    cell::Cell,
    collections::VecDeque,
    convert::Infallible,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use archive_sink::{
    Codec, CodecError, CodecKind, EncodedStream, EncodedStreamError, RawDocument, Sha256Hasher,
};
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use proptest::{collection::vec, prelude::*};

use crate::support::{
    Target, any_codec, any_document, block_on, chunks, codecs, counting_waker, document, noise,
    read, store, stored,
};

const BLOCK: usize = 32 * 1024;
const CHUNK: usize = 64 * 1024;

/// What a source does when it is polled.
#[derive(Debug, Clone)]
enum Event {
    Chunk(Bytes),
    Pending,
    Fails,
    Panics,
}

/// Does one thing after another, then ends, and bears no poll after its end or its error.
#[derive(Debug)]
struct Script {
    events: VecDeque<Event>,
    over: bool,
}

fn script(events: impl IntoIterator<Item = Event>) -> Script {
    let events = events.into_iter().collect();
    Script {
        events,
        over: false,
    }
}

impl Stream for Script {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.over, "polled after it was over");
        match self.events.pop_front() {
            Some(Event::Chunk(chunk)) => Poll::Ready(Some(Ok(chunk))),
            Some(Event::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Event::Fails) => {
                self.over = true;
                Poll::Ready(Some(Err(io::Error::other("serialising broke"))))
            }
            Some(Event::Panics) => panic!("user code"),
            None => {
                self.over = true;
                Poll::Ready(None)
            }
        }
    }
}

/// The document in pieces of these sizes, again and again, with a pause before some.
fn events(document: &Bytes, pieces: &[(usize, bool)]) -> Vec<Event> {
    let mut events = vec![];
    let mut rest = document.clone();
    for &(size, pause) in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        events.extend(pause.then_some(Event::Pending));
        events.push(Event::Chunk(rest.split_to(size.min(rest.len()))));
    }
    events
}

/// The object that an archive makes of the document, without the digest that it ends with where there is room for one.
fn archived(codec: Codec, document: &Bytes) -> Bytes {
    block_on(async {
        let target = Target::memory();
        let archive = target.builder().codec(codec).build().unwrap();
        let receipt = store(&archive, "a", document).await;
        let object = stored(&*target.store, &receipt.location).await.unwrap();
        let digest = match codec.kind() {
            CodecKind::Gzip => 16 + 53 + 10,
            CodecKind::Zstd => 8 + 53,
            _ => return object,
        };
        let encoding = object.slice(..object.len() - digest);
        let has_mark = |bytes: &[u8]| bytes.windows(13).any(|found| found == b"archivesha256");
        assert!(has_mark(&object) && !has_mark(&encoding));
        encoding
    })
}

type Items = (Vec<Bytes>, Option<EncodedStreamError<io::Error>>);

/// All chunks, and the error, if that is how it ends. Nothing may follow.
fn items(encoded: EncodedStream<Script>) -> Items {
    block_on(async {
        let mut encoded = std::pin::pin!(encoded);
        let (mut chunks, mut error) = (vec![], None);
        while let Some(item) = encoded.next().await {
            assert!(error.is_none(), "something follows an error");
            match item {
                Ok(chunk) => chunks.push(chunk),
                Err(failure) => error = Some(failure),
            }
        }
        assert!(encoded.is_terminated());
        assert_eq!(encoded.size_hint(), (0, Some(0)));
        assert!(encoded.next().await.is_none(), "it stays ended");
        let bytes: usize = chunks.iter().map(Bytes::len).sum();
        assert_eq!(encoded.encoded_bytes(), bytes as u64);
        (chunks, error)
    })
}

fn chunk_size(bytes: usize) -> NonZeroUsize {
    NonZeroUsize::new(bytes).unwrap()
}

/// Every chunk has `size` bytes, but for the last, which has some.
fn assert_exact(chunks: &[Bytes], size: usize) {
    if let Some((last, others)) = chunks.split_last() {
        assert!(others.iter().all(|chunk| chunk.len() == size));
        assert!((1..=size).contains(&last.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn however_it_is_cut_it_is_what_the_archive_stores(
        document in any_document(),
        codec in any_codec(),
        pieces in vec((0..40_000_usize, any::<bool>()), 1..8),
        size in prop_oneof![1..300_usize, Just(BLOCK), Just(CHUNK), 60_000..200_000_usize],
    ) {
        // One piece that is not empty, so that it comes to an end.
        let pieces = [&pieces[..], &[(3000, true)]].concat();
        let source = script(events(&document, &pieces));
        let encoded = EncodedStream::new(source, codec).unwrap().with_chunk_size(chunk_size(size));
        let (chunks, error) = items(encoded);
        prop_assert!(error.is_none());
        assert_exact(&chunks, size);
        prop_assert_eq!(chunks.concat(), archived(codec, &document));
    }

    #[test]
    fn an_error_anywhere_leaves_a_beginning_in_whole_chunks_and_no_trailer(
        document in any_document(),
        codec in any_codec(),
        pieces in vec((1..40_000_usize, any::<bool>()), 1..8),
        at in any::<prop::sample::Index>(),
        size in prop_oneof![1..300_usize, Just(4096)],
    ) {
        let mut events = events(&document, &pieces);
        let at = at.index(events.len() + 1);
        events.truncate(at);
        events.push(Event::Fails);
        let encoded = EncodedStream::new(script(events), codec).unwrap();
        let (chunks, error) = items(encoded.with_chunk_size(chunk_size(size)));
        prop_assert!(matches!(error, Some(EncodedStreamError::Source(_))));
        prop_assert!(chunks.iter().all(|chunk| chunk.len() == size));
        let whole = archived(codec, &document);
        prop_assert!(whole.starts_with(&chunks.concat()));
        if codec.kind() != CodecKind::Identity {
            prop_assert!(chunks.concat().len() < whole.len());
        }
    }
}

#[test]
fn sizes_around_blocks_and_chunks_are_what_the_archive_stores() {
    let codec_block = 128 * 1024;
    for codec in codecs() {
        for near in [0, BLOCK, 2 * BLOCK, CHUNK, codec_block] {
            for bytes in near.saturating_sub(1)..=near + 1 {
                let document = noise(bytes);
                let source = script([Event::Chunk(document.clone())]);
                let (chunks, error) = items(EncodedStream::new(source, codec).unwrap());
                assert!(error.is_none());
                assert_exact(&chunks, CHUNK);
                let whole = archived(codec, &document);
                assert!(chunks.concat() == whole, "{codec}, {bytes} bytes");
            }
        }
    }
}

#[test]
fn an_encoding_that_fills_its_last_chunk_has_no_other() {
    for codec in codecs() {
        let document = document(50_000);
        let whole = archived(codec, &document);
        for size in [whole.len() - 1, whole.len(), whole.len() + 1] {
            let source = script([Event::Chunk(document.clone())]);
            let encoded = EncodedStream::new(source, codec).unwrap();
            let (chunks, _) = items(encoded.with_chunk_size(chunk_size(size)));
            assert_eq!(chunks.len(), whole.len().div_ceil(size), "{codec}");
            assert_exact(&chunks, size);
        }
    }
}

#[tokio::test]
async fn it_decodes_to_the_document() {
    for codec in codecs() {
        let target = Target::memory();
        let archive = target.builder().codec(codec).build().unwrap();
        for document in [Bytes::new(), document(300_000)] {
            let encoded = EncodedStream::new(chunks(&document, 10_000), codec).unwrap();
            let bytes = encoded.try_collect::<Vec<_>>().await.unwrap().concat();
            let location = archive.location_of("a").unwrap();
            let mut options = object_store::PutOptions::default();
            if let Some(coding) = codec.content_encoding() {
                let coding = (object_store::Attribute::ContentEncoding, coding);
                options.attributes = object_store::Attributes::from_iter([coding]);
            }
            let put = target.store.put_opts(&location, bytes.into(), options);
            put.await.unwrap();
            assert_eq!(read(archive.open("a").await.unwrap()).await, document);
        }
    }
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_says_nothing_of_when_or_where_it_was_made() {
    let codec = Codec::default_for(CodecKind::Gzip);
    let source = script([Event::Chunk(document(10))]);
    let (chunks, _) = items(EncodedStream::new(source, codec).unwrap());
    // RFC 1952, section 2.3: no name, no time, an unknown operating system.
    assert_eq!(chunks[0][..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert_eq!(chunks[0][9], 255);
}

#[test]
fn an_error_at_every_position_ends_it() {
    let document = document(5 * BLOCK);
    for codec in codecs() {
        let whole = archived(codec, &document);
        let pieces = events(&document, &[(9_000, true)]);
        for at in 0..=pieces.len() {
            let events = pieces[..at].iter().cloned().chain([Event::Fails]);
            let encoded = EncodedStream::new(script(events), codec).unwrap();
            let (chunks, error) = items(encoded.with_chunk_size(chunk_size(1000)));
            let error = error.unwrap();
            assert!(error.to_string().ends_with("serialising broke"), "{error}");
            assert_eq!(
                std::error::Error::source(&error).unwrap().to_string(),
                "serialising broke"
            );
            assert!(whole.starts_with(&chunks.concat()));
            assert!(chunks.iter().all(|chunk| chunk.len() == 1000));
        }
    }
}

#[test]
fn a_source_that_panics_poisons_it() {
    for events in [vec![], vec![Event::Chunk(document(BLOCK + 9))]] {
        let events = events.into_iter().chain([Event::Panics]);
        let mut encoded = EncodedStream::new(script(events), codecs()[0]).unwrap();
        let mut next = || block_on(encoded.next());
        catch_unwind(AssertUnwindSafe(&mut next)).unwrap_err();
        assert!(matches!(next(), Some(Err(EncodedStreamError::Panicked))));
        assert!(next().is_none());
        assert!(encoded.is_terminated());
    }
}

/// A stream that says how often it was polled.
fn counted(
    document: &Bytes,
    chunk: usize,
) -> (
    impl Stream<Item = Result<Bytes, Infallible>> + use<>,
    Rc<Cell<usize>>,
) {
    let count = Rc::new(Cell::new(0));
    let counter = Rc::clone(&count);
    let counted = chunks(document, chunk).inspect(move |_| counter.set(counter.get() + 1));
    (counted, count)
}

#[test]
fn one_poll_takes_one_block_and_then_yields() {
    let blocks = 10;
    for codec in codecs() {
        let (source, taken) = counted(&document(blocks * BLOCK), BLOCK);
        let encoded = EncodedStream::new(source, codec).unwrap();
        let mut encoded = encoded.with_chunk_size(chunk_size(1 << 20));
        for block in 1..=blocks {
            let (waker, wakes) = counting_waker();
            let polled = encoded.poll_next_unpin(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            assert_eq!((taken.get(), wakes()), (block, 1), "{codec}");
            assert_eq!(encoded.raw_bytes(), (block * BLOCK) as u64);
        }
    }
}

#[test]
fn one_poll_of_a_large_chunk_takes_one_block() {
    let source = script([Event::Chunk(noise(BLOCK * 3))]);
    let encoded = EncodedStream::new(source, Codec::Identity).unwrap();
    let mut encoded = encoded.with_chunk_size(chunk_size(BLOCK + 1));
    let cx = &mut Context::from_waker(Waker::noop());
    let poll = || match encoded.poll_next_unpin(cx) {
        Poll::Ready(item) => item.map(|chunk| chunk.unwrap().len()),
        Poll::Pending => Some(0),
    };
    // The second block fills a chunk and is not done; its rest is the next poll's work.
    let polls: Vec<_> = std::iter::from_fn(poll).collect();
    assert_eq!(polls, [0, BLOCK + 1, 0, BLOCK + 1, 0, BLOCK - 2]);
}

#[test]
fn the_poll_that_fills_a_chunk_hands_it_out_and_before_the_end_more_may_come() {
    let source = script([Event::Chunk(noise(BLOCK * 2))]);
    let encoded = EncodedStream::new(source, Codec::Identity).unwrap();
    let mut encoded = encoded.with_chunk_size(chunk_size(BLOCK));
    let cx = &mut Context::from_waker(Waker::noop());
    for _chunk in 0..2 {
        assert_eq!(
            (encoded.is_terminated(), encoded.size_hint()),
            (false, (0, None))
        );
        let polled = encoded.poll_next_unpin(cx);
        assert!(matches!(polled, Poll::Ready(Some(Ok(chunk))) if chunk.len() == BLOCK));
    }
    assert!(block_on(encoded.next()).is_none() && encoded.is_terminated());
}

#[test]
fn empty_chunks_without_end_do_not_keep_a_poll() {
    let source = stream::repeat(Ok::<_, Infallible>(Bytes::new()));
    let mut encoded = EncodedStream::new(source, Codec::Identity).unwrap();
    let (waker, wakes) = counting_waker();
    let polled = encoded.poll_next_unpin(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert_eq!(wakes(), 1);
}

#[test]
fn a_source_that_has_nothing_is_waited_for_and_nothing_is_lost() {
    let source = stream::iter([Ok::<_, Infallible>(document(9))]).chain(stream::pending());
    let mut encoded = EncodedStream::new(source, Codec::Identity).unwrap();
    let (waker, wakes) = counting_waker();
    let polled = encoded.poll_next_unpin(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert_eq!((wakes(), encoded.raw_bytes()), (0, 9));
    assert!(encoded.next().now_or_never().is_none());
}

#[test]
fn a_codec_that_cannot_be_used_is_refused() {
    let new = |codec| EncodedStream::new(script([]), codec).map(|_| ());
    for kind in CodecKind::ALL {
        let expected = match kind.is_compiled() {
            true => Ok(()),
            false => Err(CodecError::NotCompiled(kind)),
        };
        assert_eq!(new(Codec::default_for(kind)), expected);
    }
    if cfg!(feature = "gzip") {
        let Codec::Zstd(of_another) = Codec::zstd(22).unwrap() else {
            panic!("zstd makes zstd");
        };
        let error = new(Codec::Gzip(of_another)).unwrap_err();
        assert!(matches!(error, CodecError::NoLevel { .. }), "{error}");
    }
}

#[test]
fn another_chunk_size_counts_from_the_next_chunk_on() {
    let events = [
        Event::Chunk(noise(BLOCK)),
        Event::Pending,
        Event::Chunk(noise(BLOCK)),
    ];
    let encoded = EncodedStream::new(script(events), Codec::Identity).unwrap();
    let mut encoded = encoded.with_chunk_size(chunk_size(BLOCK + 8));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(encoded.poll_next_unpin(cx).is_pending());
    let (chunks, _) = items(encoded.with_chunk_size(chunk_size(BLOCK)));
    let sizes: Vec<_> = chunks.iter().map(Bytes::len).collect();
    assert_eq!(sizes, [BLOCK + 8, BLOCK - 8]);
}

#[test]
fn an_object_does_not_depend_on_the_size_of_its_parts() {
    for codec in codecs() {
        let document = document(300_000);
        let objects = [512, 4099, 1 << 20].map(|part_size| {
            block_on(async {
                let target = Target::memory();
                let builder = target.builder().codec(codec).part_size(part_size);
                let receipt = store(&builder.build().unwrap(), "a", &document).await;
                stored(&*target.store, &receipt.location).await.unwrap()
            })
        });
        assert!(
            objects.iter().all(|object| *object == objects[0]),
            "{codec}"
        );
    }
}

#[test]
fn the_raw_document_is_known_at_its_end_and_not_after_a_failure() {
    let document = document(3 * BLOCK + 1);
    let mut hasher = Sha256Hasher::default();
    hasher.update(&document);
    let plain = RawDocument::new(document.len() as u64);
    for codec in codecs() {
        let new = || EncodedStream::new(chunks(&document, 777), codec).unwrap();
        for (mut encoded, expected) in [
            (new(), plain),
            (new().with_digest(), plain.with_sha256(hasher.finish())),
        ] {
            assert!(block_on(encoded.next()).is_some());
            while block_on(encoded.next()).is_some() {}
            assert_eq!(encoded.raw_document(), Some(expected), "{codec}");
        }
        let fails = script([Event::Chunk(document.clone()), Event::Fails]);
        let mut encoded = EncodedStream::new(fails, codec).unwrap().with_digest();
        while block_on(encoded.next()).is_some() {
            assert_eq!(encoded.raw_document(), None, "{codec}");
        }
        assert_eq!(encoded.raw_document(), None, "{codec}");
    }
}
