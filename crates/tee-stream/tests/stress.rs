//! Many branches on many threads, with stalls and drops, every byte checked.
//!
//! `TEE_STREAM_STRESS_MIB=1024 cargo test -p tee-stream --release --all-features --test stress` reads a document of 1 GiB;
//! the default is 4 MiB.
#![cfg(feature = "tokio-time")]

use std::{convert::Infallible, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tee_stream::{AfterPatience, LagPolicy, Tee, TokioTimer};

const BRANCHES: u64 = 64;
const CHUNK: u64 = 64 * 1024;

/// The same pseudo-random bytes for the same offset (the finaliser of SplitMix64, Sebastiano Vigna, public domain).
fn word(index: u64) -> u64 {
    let mut word = index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

fn document(
    offset: u64,
    length: u64,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    assert!(offset.is_multiple_of(8));
    let chunks = (offset / CHUNK..length.div_ceil(CHUNK)).map(move |chunk| {
        let (from, to) = (
            (chunk * CHUNK).max(offset),
            ((chunk + 1) * CHUNK).min(length),
        );
        Ok((from / 8..to / 8)
            .flat_map(|index| word(index).to_le_bytes())
            .collect())
    });
    stream::iter(chunks)
}

fn check(offset: u64, chunk: &[u8]) {
    for (index, bytes) in (offset / 8..).zip(chunk.chunks_exact(8)) {
        assert_eq!(bytes, word(index).to_le_bytes(), "at byte {}", index * 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_branches_that_stall_and_drop_lose_no_byte() {
    let mebibytes =
        std::env::var("TEE_STREAM_STRESS_MIB").map_or(4, |value| value.parse().unwrap());
    let length = mebibytes * 1024 * 1024;
    let tee = Tee::builder()
        .timer(TokioTimer::new())
        .max_productions(NonZeroUsize::new(4).unwrap())
        .lag_policy(LagPolicy::Patience {
            limit: Duration::from_millis(20),
            then: AfterPatience::Replay,
        })
        .build_replayable(move |offset| document(offset, length));
    let readers: Vec<_> = (0..BRANCHES)
        .map(|number| {
            let mut branch = tee.branch();
            tokio::spawn(async move {
                let (mut offset, mut random) = (0, word(number));
                while let Some(chunk) = branch.next().await {
                    let chunk = chunk.unwrap();
                    check(offset, &chunk);
                    offset += chunk.len() as u64;
                    random = word(random);
                    match random % 1000 {
                        // A stall, and one reader in eight goes away.
                        0..4 => tokio::time::sleep(Duration::from_millis(random % 64)).await,
                        4..6 if number % 8 == 0 => return None,
                        6..300 => tokio::task::yield_now().await,
                        _ => {}
                    }
                }
                Some(offset)
            })
        })
        .collect();
    for reader in readers {
        let offset = reader.await.unwrap();
        assert!(offset.is_none_or(|offset| offset == length));
    }
    let statistics = tee.statistics();
    assert!(
        statistics.cached_bytes_peak as u64 <= 1024 * 1024 + 5 * CHUNK,
        "{statistics:?}"
    );
    assert_eq!(statistics.branches_open, 0);
}
