//! The work of one poll, the cost of a replay, and the statistics.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use crate::common::{document, drain, exact_chunks, run};
use chunked_writer::{CountLength, JsonDocument, JsonError, JsonStatistics, JsonStream, RawJson};
use futures_util::Stream;
use futures_util::stream::FusedStream;

const KIB: usize = 1024;

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn one_poll_writes_64_kib_and_then_wakes_itself() {
    let numbers: Vec<u32> = (1_000_000..1_300_000).collect();
    let document = document(numbers, 1024 * KIB);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut stream = document.stream();
    let (mut before, mut pending, mut ready) = (0, 0, 0);
    loop {
        let poll = Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker));
        let produced = document.statistics().bytes_produced;
        assert!(
            produced - before <= 64 * KIB as u64 + 16,
            "{} bytes in one poll",
            produced - before
        );
        before = produced;
        match poll {
            Poll::Pending => pending += 1,
            Poll::Ready(Some(chunk)) => ready += chunk.unwrap().len(),
            Poll::Ready(None) => break,
        }
        assert_eq!(
            wakes.0.load(Relaxed),
            pending,
            "a wake for each Pending, and no other"
        );
    }
    assert_eq!(ready, 300_000 * 8 + 1);
    assert!((32..=37).contains(&pending), "{pending}");
}

#[test]
fn a_count_yields_too() {
    let document = JsonDocument::new(vec!["0123456789"; 50_000]);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut count = document.count_length();
    let mut pending = 0;
    let length = loop {
        match Future::poll(Pin::new(&mut count), &mut Context::from_waker(&waker)) {
            Poll::Ready(length) => break length,
            Poll::Pending => pending += 1,
        }
    };
    assert_eq!(length, Ok(650_001));
    assert!(pending >= 650_001 / (64 * 1024), "{pending}");
    assert_eq!(wakes.0.load(Relaxed), pending);
    assert_eq!(document.statistics().bytes_counted, 650_001);
    // A second one need not count.
    assert_eq!(run(document.count_length()), Ok(650_001));
    assert_eq!(document.statistics().bytes_counted, 650_001);
}

/// Chunks of long leaves come one by one: never more is ready than what overflows.
#[track_caller]
fn long_leaf_is_not_buffered<T: serde::Serialize>(value: T) {
    let chunk_size = KIB;
    let expected = serde_json::to_vec(&value).unwrap();
    let document = document(value, chunk_size);
    let mut stream = document.stream();
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(chunk)) = Pin::new(&mut stream).poll_next(&mut context) {
        all.extend_from_slice(&chunk.unwrap());
        let ahead = document.statistics().bytes_produced - all.len() as u64;
        assert!(ahead <= chunk_size as u64 + 512, "{ahead} bytes ahead");
    }
    assert_eq!(all, expected);
}

#[test]
fn long_leaves_are_not_buffered() {
    long_leaf_is_not_buffered("plain".repeat(100 * KIB));
    long_leaf_is_not_buffered("\u{1}\"é".repeat(50 * KIB));
    long_leaf_is_not_buffered(vec![
        "short".to_owned(),
        "long".repeat(50 * KIB),
        "short".to_owned(),
    ]);
    let raw = serde_json::to_string(&vec![1; 50 * KIB]).unwrap();
    long_leaf_is_not_buffered((RawJson::from_trusted(&raw), 1, RawJson::from_trusted(&raw)));
    struct Bytes(Vec<u8>);
    impl serde::Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
    long_leaf_is_not_buffered([
        Bytes((0..100 * KIB).map(|byte| byte as u8).collect()),
        Bytes(vec![]),
    ]);
}

#[test]
fn a_long_key_or_display_is_written_at_once_in_exact_chunks() {
    let value = (
        BTreeMap::from([("key".repeat(KIB), 1)]),
        format_args!("{}", "display".repeat(KIB)).to_string(),
    );
    let expected = serde_json::to_vec(&value).unwrap();
    for chunk_size in [1, 100, 1000, KIB, 5000] {
        assert_eq!(
            exact_chunks(document(&value, chunk_size).stream(), chunk_size),
            expected
        );
    }
}

/// Counts the items that its iterator yields, and its jumps. It serialises like the slices, vectors and deques of serde.
struct Counted<'a> {
    items: std::ops::Range<u32>,
    yielded: &'a AtomicU32,
    jumps: &'a AtomicU32,
}

impl Iterator for Counted<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.yielded.fetch_add(1, Relaxed);
        self.items.next()
    }

    fn nth(&mut self, count: usize) -> Option<u32> {
        self.jumps.fetch_add(1, Relaxed);
        self.items.nth(count)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

#[test]
fn sequences_are_jumped_into() {
    #[derive(Default)]
    struct Sequence {
        yielded: AtomicU32,
        jumps: AtomicU32,
    }
    impl serde::Serialize for Sequence {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(Counted {
                items: 0..100_000,
                yielded: &self.yielded,
                jumps: &self.jumps,
            })
        }
    }
    let document = document((1, Sequence::default()), KIB);
    let (chunks, result) = drain(document.stream());
    assert_eq!(result, Ok(()));
    let walks = document.statistics().walks;
    assert_eq!(walks, chunks.len() as u64);
    let (_, sequence) = &**document.value();
    let jumps = u64::from(sequence.jumps.load(Relaxed));
    assert!((walks - 2..walks).contains(&jumps), "{jumps} in {walks}");
    // One partly written item for each walk, and the end.
    let yielded = u64::from(sequence.yielded.load(Relaxed));
    assert!(yielded <= 100_000 + walks + 1, "{yielded} yielded");
}

#[test]
fn a_replay_starts_close_to_its_offset() {
    let value: Vec<(u32, String)> = (0..40_000)
        .map(|index| (index, "x".repeat(index as usize % 90)))
        .collect();
    let expected = serde_json::to_vec(&value).unwrap();
    let length = expected.len() as u64;
    let document = document(value, 16 * KIB);
    assert_eq!(exact_chunks(document.stream(), 16 * KIB), expected);
    for offset in (0..length).step_by(99_991).chain([length - 1, length]) {
        for chunk_size in [10 * KIB, 64 * KIB, 300 * KIB] {
            let document = document
                .clone()
                .with_chunk_size(chunk_size.try_into().unwrap());
            let before = document.statistics().bytes_produced;
            let stream = document.stream_from(offset);
            assert_eq!(stream.offset(), offset);
            assert_eq!(stream.remaining(), Some(length - offset));
            assert_eq!(
                exact_chunks(stream, chunk_size),
                expected[offset as usize..]
            );
            let produced = document.statistics().bytes_produced - before;
            let thrown_away = produced - (length - offset);
            // The distance between checkpoints and the length of a walk.
            assert!(
                thrown_away <= 2 * 64 * KIB as u64,
                "{thrown_away} bytes thrown away before {offset}"
            );
        }
    }
}

#[test]
fn streams_of_one_document_do_not_disturb_each_other() {
    let value: Vec<u64> = (0..60_000).map(|index| index * 1_000_003).collect();
    let expected = serde_json::to_vec(&value).unwrap();
    let document = document(value, 10_000);
    let mut context = Context::from_waker(Waker::noop());
    let mut streams: Vec<_> = (0..4)
        .map(|index| (document.stream_from(index * 50_000), Vec::new()))
        .collect();
    let mut open = streams.len();
    for turn in 0_usize.. {
        if open == 0 {
            break;
        }
        // Each at its own pace.
        let index = [0, 1, 0, 2, 0, 3, 1, 0][turn % 8];
        let (stream, bytes) = &mut streams[index];
        match Pin::new(stream).poll_next(&mut context) {
            Poll::Ready(Some(chunk)) => bytes.extend_from_slice(&chunk.unwrap()),
            Poll::Ready(None) if bytes.capacity() > 0 => {
                assert_eq!(*bytes, expected[index * 50_000..]);
                *bytes = Vec::new();
                open -= 1;
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
    }
}

#[test]
fn no_chunk_holds_more_than_itself() {
    let few = document(vec!["some text"; 10_000], 1000);
    // Above 1 MiB, the allocation grows.
    let large = document("x".repeat(8000 * KIB), 3000 * KIB);
    let chunks = [drain(few.stream()).0, drain(large.stream()).0];
    for chunk in chunks.into_iter().flatten() {
        let length = chunk.len();
        // An allocation that is not shared becomes a vector again, capacity and all.
        assert_eq!(
            Vec::from(chunk.try_into_mut().unwrap().freeze()).capacity(),
            length
        );
    }
}

#[test]
fn hints_are_true() {
    let document = document(vec![1_u8; 500], 100);
    assert_eq!(document.stream().size_hint(), (0, None));
    assert_eq!(run(document.count_length()), Ok(1001));
    let mut stream = document.stream();
    assert_eq!(stream.size_hint(), (0, Some(12)));
    let mut context = Context::from_waker(Waker::noop());
    for chunks_left in (0..11).rev() {
        assert!(!stream.is_ended() && !stream.is_terminated());
        assert!(Pin::new(&mut stream).poll_next(&mut context).is_ready());
        let bytes_left: u64 = if chunks_left == 0 {
            0
        } else {
            (chunks_left - 1) * 100 + 1
        };
        assert_eq!(stream.remaining(), Some(bytes_left));
    }
    // The end is known with the last chunk, and reached with the poll after it.
    assert!(stream.is_ended() && !stream.is_terminated());
    assert_eq!(stream.size_hint(), (0, Some(0)));
    assert_eq!(
        Pin::new(&mut stream).poll_next(&mut context),
        Poll::Ready(None)
    );
    assert!(stream.is_terminated());
}

#[test]
fn nothing_is_left_at_the_end_and_beyond_it_is_an_error() {
    let document = document("12345678", 100);
    // Detected at the end.
    assert_eq!(
        drain(document.stream_from(11)).1,
        Err(JsonError::OffsetBeyondEnd {
            offset: 11,
            length: 10
        })
    );
    assert_eq!(drain(document.stream_from(10)), (vec![], Ok(())));
    // Known in advance.
    let walks = document.statistics().walks;
    assert_eq!(
        drain(document.stream_from(u64::MAX)).1,
        Err(JsonError::OffsetBeyondEnd {
            offset: u64::MAX,
            length: 10
        })
    );
    assert!(document.stream_from(10).is_ended());
    assert_eq!(document.statistics().walks, walks);
}

#[test]
fn auto_traits() {
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    use std::fmt::Debug;

    type Shared = Vec<String>;
    type Local = std::cell::Cell<u8>;
    assert_impl_all!(JsonDocument<Shared>: Send, Sync, Unpin, Clone, Debug);
    assert_impl_all!(JsonStream<Shared>: Send, Sync, Unpin, Debug, FusedStream);
    assert_impl_all!(CountLength<Shared>: Send, Sync, Unpin, Debug);
    assert_impl_all!(JsonStream<dyn erased_serde::Serialize + Send + Sync>: Send, Sync, Unpin, Debug);
    assert_impl_all!(JsonError: Send, Sync, Unpin, Clone, std::error::Error);
    assert_impl_all!(JsonStatistics: Send, Sync, Unpin, Copy, Debug);
    assert_impl_all!(RawJson<'static>: Send, Sync, Unpin, Copy, Debug);
    assert_not_impl_any!(JsonStream<Local>: Send, Sync);
}

#[test]
fn chunks_without_a_runtime() {
    let document = document(vec!["text"; 100_000], 300_000);
    let mut stream = document.stream();
    let lengths: Vec<usize> = std::iter::from_fn(|| stream.next_chunk())
        .map(|chunk| chunk.unwrap().len())
        .collect();
    assert_eq!(lengths, [300_000, 300_000, 100_001], "nothing is pending");
    assert!(stream.next_chunk().is_none());
}
