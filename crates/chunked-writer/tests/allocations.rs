//! A stream allocates the chunk itself, and nothing else.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use chunked_writer::{JsonDocument, RawJson};
use futures_util::Stream;
use serde::Serialize;

#[derive(Clone, Serialize)]
struct Order {
    uid: String,
    amount: f64,
    valid_to: u32,
    interactions: Vec<(String, Option<u64>)>,
}

fn orders(count: u32) -> Vec<Order> {
    let order = |index: u32| Order {
        uid: format!("{index:0112x}"),
        amount: f64::from(index) / 3.0,
        valid_to: index,
        interactions: vec![("with \"quotes\"".to_owned(), Some(7)); 3],
    };
    (0..count).map(order).collect()
}

/// Reads a stream to its end and returns the number of chunks. Allocates nothing.
fn read<S: Stream<Item = Result<bytes::Bytes, chunked_writer::JsonError>> + Unpin>(
    stream: &mut S,
) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut chunks = 0;
    loop {
        match Pin::new(&mut *stream).poll_next(&mut context) {
            Poll::Ready(Some(chunk)) => chunks += u64::from(!chunk.unwrap().is_empty()),
            Poll::Ready(None) => return chunks,
            Poll::Pending => {}
        }
    }
}

#[test]
fn a_chunk_is_one_allocation_and_there_is_no_other() {
    let document = JsonDocument::new(orders(10_000));
    // This excludes the start: the path and the queue reach their size in the first chunks, and the checkpoints of a
    // document in its first production.
    let mut chunks = 0;
    let first = measure(|| chunks = read(&mut document.stream()));
    assert!(
        first.count_total <= chunks + 30,
        "{} allocations for {chunks} chunks",
        first.count_total
    );

    let mut stream = document.stream();
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(matches!(
            Pin::new(&mut stream).poll_next(&mut context),
            Poll::Ready(Some(Ok(_)))
        ));
    }
    for _ in 0..chunks - 6 {
        let one = measure(|| {
            let chunk = Pin::new(&mut stream).poll_next(&mut context);
            assert!(matches!(chunk, Poll::Ready(Some(Ok(_)))));
        });
        assert_eq!(one.count_total, 1, "one chunk, one allocation");
        assert_eq!(one.bytes_total, 64 * 1024, "of exactly its size");
    }
}

/// Returns the largest amount that is allocated at once while a stream is read.
fn peak<T: Serialize>(value: &T, chunk_size: usize) -> u64 {
    let document = JsonDocument::new(value).with_chunk_size(chunk_size.try_into().unwrap());
    measure(|| {
        read(&mut document.stream());
    })
    .bytes_max
}

#[track_caller]
fn assert_at_most(peak: u64, bound: u64) {
    assert!(peak <= bound, "{peak} bytes at the peak, {bound} allowed");
}

#[test]
fn memory_is_bounded_whatever_the_value() {
    // Two chunks and the checkpoints.
    assert_at_most(peak(&orders(10_000), 64 * 1024), 200 * 1024);
    assert_at_most(peak(&orders(1), 64 * 1024), 66 * 1024);
    let long = "long \"leaf\" ".repeat(600_000);
    assert_at_most(peak(&long, 64 * 1024), 200 * 1024);
    assert_at_most(
        peak(&vec![RawJson::from_trusted(&long); 5], 64 * 1024),
        200 * 1024,
    );
    assert_at_most(
        peak(&vec![vec!["short"], vec![&long], vec!["short"]], 4096),
        96 * 1024,
    );
    assert_at_most(peak(&long, 4096), 96 * 1024);
}

#[test]
fn counting_takes_one_buffer() {
    let document = JsonDocument::new(orders(10_000));
    let mut count = document.count_length();
    let counted = measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        while Future::poll(Pin::new(&mut count), &mut context).is_pending() {}
    });
    assert!(counted.bytes_max <= 66 * 1024, "{counted:?}");
    assert!(counted.count_total <= 5, "{counted:?}");
    assert!(
        document
            .known_length()
            .is_some_and(|length| length > 2_000_000)
    );
}

#[test]
fn a_string_of_100_megabytes_takes_some_chunks_of_memory() {
    let document = JsonDocument::new(["x".repeat(100_000_000)]);
    let mut chunks = 0;
    let used = measure(|| chunks = read(&mut document.stream()));
    assert_eq!(chunks, 100_000_004u64.div_ceil(64 * 1024));
    assert!(
        used.bytes_max <= 4 * 64 * 1024,
        "{} bytes at once",
        used.bytes_max
    );
}
