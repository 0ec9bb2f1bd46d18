//! Typed auctions as JSON: chunk by chunk, against one buffer and against a blocking thread.
//!
//! `cargo bench --manifest-path crates/chunked-writer/benchmarks/Cargo.toml`, with `-- 8500000` for one size only.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chunked_writer::{JsonDocument, JsonStream};
use chunked_writer_benchmarks::{Auction, drain};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

const SIZES: [usize; 4] = [3_300_000, 8_500_000, 26_000_000, 310_000_000];
const KIB: usize = 1024;

fn main() {
    divan::main();
}

/// One auction at a time, because the largest takes much of a machine's memory.
fn auction(size: usize) -> Arc<Auction> {
    static LAST: LazyLock<Mutex<HashMap<usize, Arc<Auction>>>> = LazyLock::new(Mutex::default);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if !last.contains_key(&size) {
        last.clear();
        last.insert(size, Arc::new(Auction::of_size(size)));
    }
    Arc::clone(&last[&size])
}

fn with_length(bencher: Bencher<'_, '_>, auction: &Auction, work: impl Fn() -> usize + Sync) {
    let length = serde_json::to_vec(auction)
        .expect("an auction serializes")
        .len();
    bencher
        .counter(BytesCount::new(length))
        .bench(|| assert_eq!(work(), length));
}

fn chunks(bencher: Bencher<'_, '_>, size: usize, chunk_size: usize) {
    let auction = auction(size);
    let of = || {
        JsonDocument::from_arc(Arc::clone(&auction))
            .with_chunk_size(chunk_size.try_into().expect("not 0"))
    };
    with_length(bencher, &auction, || drain(of().stream()));
}

/// One buffer for the whole document.
#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn a_serde_json_to_vec(bencher: Bencher<'_, '_>, size: usize) {
    let auction = auction(size);
    with_length(bencher, &auction, || {
        black_box(serde_json::to_vec(&*auction))
            .expect("an auction serializes")
            .len()
    });
}

#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn b_chunks_of_64_kib(bencher: Bencher<'_, '_>, size: usize) {
    chunks(bencher, size, 64 * KIB);
}

#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn c_chunks_of_4_kib(bencher: Bencher<'_, '_>, size: usize) {
    chunks(bencher, size, 4 * KIB);
}

#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn d_chunks_of_16_kib(bencher: Bencher<'_, '_>, size: usize) {
    chunks(bencher, size, 16 * KIB);
}

#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn e_chunks_of_1_mib(bencher: Bencher<'_, '_>, size: usize) {
    chunks(bencher, size, 1024 * KIB);
}

/// A second production of one document, compared with the first.
#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn f_again_chunks_of_64_kib(bencher: Bencher<'_, '_>, size: usize) {
    let auction = auction(size);
    let document = JsonDocument::from_arc(Arc::clone(&auction));
    with_length(bencher, &auction, || drain(document.stream()));
}

#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn g_sonic_rs_to_vec(bencher: Bencher<'_, '_>, size: usize) {
    let auction = auction(size);
    with_length(bencher, &auction, || {
        black_box(sonic_rs::to_vec(&*auction))
            .expect("an auction serializes")
            .len()
    });
}

/// The present design: a blocking thread that writes through 64 KiB into a channel of two chunks.
#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn h_blocking_thread(bencher: Bencher<'_, '_>, size: usize) {
    struct Send(SyncSender<Vec<u8>>);
    impl Write for Send {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let auction = auction(size);
    with_length(bencher, &auction, || {
        let (sender, receiver) = sync_channel(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = BufWriter::with_capacity(64 * KIB, Send(sender));
                serde_json::to_writer(&mut writer, &*auction).expect("an auction serializes");
                writer.flush().expect("the receiver is there");
            });
            receiver.iter().map(|chunk| chunk.len()).sum()
        })
    });
}

/// The time to the first chunk.
#[divan::bench(args = SIZES)]
fn i_first_chunk(bencher: Bencher<'_, '_>, size: usize) {
    let auction = auction(size);
    let first = |mut stream: JsonStream<Auction>| stream.next_chunk();
    bencher
        .with_inputs(|| JsonDocument::from_arc(Arc::clone(&auction)).stream())
        .bench_values(|stream| first(stream).is_some_and(|chunk| chunk.is_ok()));
}

/// The counting pass.
#[divan::bench(args = SIZES, max_time = 4, min_time = 1)]
fn j_count_length(bencher: Bencher<'_, '_>, size: usize) {
    let auction = auction(size);
    with_length(bencher, &auction, || {
        let mut count = std::pin::pin!(JsonDocument::from_arc(Arc::clone(&auction)).count_length());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(length) = count.as_mut().poll(&mut context) {
                break usize::try_from(length.expect("an auction serializes")).expect("it fits");
            }
        }
    });
}

/// Time for each byte must not grow with the number of elements.
#[divan::bench(args = [500_000, 5_000_000, 50_000_000], max_time = 4)]
fn k_small_integers(bencher: Bencher<'_, '_>, count: u32) {
    let numbers: Vec<u8> = (0..count).map(|index| (index % 100) as u8).collect();
    let document = JsonDocument::new(numbers);
    let length = drain(document.stream());
    bencher
        .counter(BytesCount::new(length))
        .bench(|| drain(document.stream()));
}

#[divan::bench(args = [8_500, 310_000, 1_000_000], max_time = 4)]
fn l_elements_of_1_kib(bencher: Bencher<'_, '_>, count: usize) {
    let element = "0123456789abcdef".repeat(64);
    let document = JsonDocument::new(vec![element.as_str(); count]);
    let length = drain(document.stream());
    bencher
        .counter(BytesCount::new(length))
        .bench(|| drain(document.stream()));
}
