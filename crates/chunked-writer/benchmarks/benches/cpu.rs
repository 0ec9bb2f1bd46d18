//! CPU time of all threads for each byte of JSON. On a busy machine, this is more reliable than the clock. Linux only.
//!
//! `cargo bench --manifest-path crates/chunked-writer/benchmarks/Cargo.toml --bench cpu`

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use chunked_writer::JsonDocument;
use chunked_writer_benchmarks::{Auction, drain};

const KIB: usize = 1024;
const ROUNDS: usize = 3;

fn main() {
    println!(
        "nanoseconds for each byte of what costs most: tiny elements, and what is passed over one by one"
    );
    small_elements();
    println!();
    println!(
        "nanoseconds of processor time for each byte, the best of {ROUNDS} rounds (and against to_vec)"
    );
    for size in [3_300_000, 8_500_000, 26_000_000, 310_000_000] {
        auctions(size);
    }
    println!("\nthe same, for one document after another and chunks of 64 KiB");
    for count in [700_000, 3_500_000, 50_000_000] {
        let numbers: Vec<u8> = (0..count).map(|index| (index % 100) as u8).collect();
        linear(
            &format!("{count} small integers"),
            &JsonDocument::new(numbers),
        );
    }
    let element = "0123456789abcdef".repeat(64);
    for count in [8_300, 302_000, 1_045_000] {
        linear(
            &format!("{count} elements of 1 KiB"),
            &JsonDocument::new(vec![element.as_str(); count]),
        );
    }
}

fn auctions(size: usize) {
    let auction = Arc::new(Auction::of_size(size));
    let length = serde_json::to_vec(&*auction)
        .expect("an auction serializes")
        .len();
    println!("\n{length} bytes");
    let in_chunks_of = |chunk_size: usize| {
        let document = JsonDocument::from_arc(Arc::clone(&auction));
        drain(
            document
                .with_chunk_size(chunk_size.try_into().expect("not 0"))
                .stream(),
        )
    };
    let to_vec = || {
        black_box(serde_json::to_vec(&*auction))
            .expect("an auction serializes")
            .len()
    };
    let sonic = || {
        black_box(sonic_rs::to_vec(&*auction))
            .expect("an auction serializes")
            .len()
    };
    let contenders: [(&str, &dyn Fn() -> usize); 7] = [
        ("serde_json::to_vec", &to_vec),
        ("chunks of 4 KiB", &|| in_chunks_of(4 * KIB)),
        ("chunks of 16 KiB", &|| in_chunks_of(16 * KIB)),
        ("chunks of 64 KiB", &|| in_chunks_of(64 * KIB)),
        ("chunks of 1 MiB", &|| in_chunks_of(1024 * KIB)),
        ("sonic_rs::to_vec", &sonic),
        ("a blocking thread", &|| blocking_thread(&auction)),
    ];
    let mut best = [f64::MAX; 7];
    for _ in 0..ROUNDS {
        for ((_, work), best) in contenders.iter().zip(&mut best) {
            *best = best.min(cost(length, work));
        }
    }
    for ((name, _), cost) in contenders.iter().zip(best) {
        println!("  {name:20} {cost:.3}  ({:.2})", cost / best[0]);
    }
}

fn small_elements() {
    against_to_vec(
        "small integers",
        (0..3_000_000_u32)
            .map(|index| (index % 100) as u8)
            .collect::<Vec<_>>(),
    );
    against_to_vec(
        "large integers",
        (0..1_000_000_u64)
            .map(|index| index * 1_000_003)
            .collect::<Vec<_>>(),
    );
    against_to_vec(
        "floats",
        (0..1_000_000_u32)
            .map(|index| f64::from(index) / 3.0)
            .collect::<Vec<_>>(),
    );
    against_to_vec("strings of 3 bytes", vec!["abc"; 1_000_000]);
    against_to_vec(
        "strings with escapes",
        vec!["line one\nline \"two\"\tend"; 400_000],
    );
    against_to_vec("small tuples", vec![(true, 1_u8, "x"); 500_000]);
    let entries = |count: u32| {
        (0..count)
            .map(|key| (format!("{key:08}"), key))
            .collect::<BTreeMap<_, _>>()
    };
    against_to_vec("BTreeMap of 1,000", entries(1_000));
    against_to_vec("BTreeMap of 10,000", entries(10_000));
    against_to_vec("BTreeMap of 100,000", entries(100_000));
}

fn against_to_vec<T: serde::Serialize>(name: &str, value: T) {
    let length = serde_json::to_vec(&value).expect("it serializes").len();
    let document = JsonDocument::new(value);
    let value = Arc::clone(document.value());
    let to_vec = || {
        black_box(serde_json::to_vec(&*value))
            .expect("it serializes")
            .len()
    };
    let chunks = || drain(JsonDocument::from_arc(Arc::clone(&value)).stream());
    let (to_vec, chunks) = (cost(length, &to_vec), cost(length, &chunks));
    println!(
        "  {name:22} to_vec {to_vec:.3}  chunks of 64 KiB {chunks:.3}  ({:.2})",
        chunks / to_vec
    );
}

fn linear<T: serde::Serialize>(name: &str, document: &JsonDocument<T>) {
    let length = drain(document.stream());
    let cost = (0..ROUNDS)
        .map(|_| cost(length, &|| drain(document.stream())))
        .fold(f64::MAX, f64::min);
    println!("  {name:30} {length:>11} bytes  {cost:.3}");
}

/// Repeats the work until it has taken long enough to measure, and returns nanoseconds for each byte.
fn cost(length: usize, work: &dyn Fn() -> usize) -> f64 {
    let start = processor_time();
    let mut bytes = 0;
    loop {
        assert_eq!(work(), length);
        bytes += length;
        let taken = processor_time() - start;
        if taken > 0.7 {
            return taken * 1e9 / bytes as f64;
        }
    }
}

/// Returns the seconds in user and system mode of all threads, including ended ones: fields 14 and 15 of
/// `proc_pid_stat(5)`, which Linux always counts in hundredths.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    ticks as f64 / 100.0
}

/// The present design: a blocking thread that writes through 64 KiB into a channel of two chunks.
fn blocking_thread(auction: &Auction) -> usize {
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
    let (sender, receiver) = sync_channel(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = BufWriter::with_capacity(64 * KIB, Send(sender));
            serde_json::to_writer(&mut writer, auction).expect("an auction serializes");
            writer.flush().expect("the receiver is there");
        });
        receiver.iter().map(|chunk| chunk.len()).sum()
    })
}
