//! Tokio's clock, paused: patience is exact to the millisecond, and no test sleeps.
#![cfg(feature = "tokio-time")]

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future, stream};
use tee_stream::{AfterPatience, Branch, LagPolicy, Tee, TokioTimer};
use tokio::time::Instant;

const CHUNKS: u64 = 100;
const PATIENCE: Duration = Duration::from_millis(500);

fn document(offset: u64) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    stream::iter((offset..CHUNKS).map(|number| Ok(Bytes::from(vec![number as u8]))))
}

async fn read(
    mut branch: impl Stream<Item = Result<Bytes, impl std::fmt::Debug>> + Unpin,
    pause: Duration,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = branch.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    bytes
}

/// Branches that have read 0 to 5 chunks.
async fn six_that_stall(tee: &Tee<Infallible>) -> Vec<Branch<Infallible>> {
    let mut stalled: Vec<_> = (0..6).map(|_| tee.branch()).collect();
    for (chunks, branch) in stalled.iter_mut().enumerate() {
        for _ in 0..chunks {
            assert!(branch.next().await.is_some());
        }
    }
    stalled
}

fn tee() -> Tee<Infallible> {
    Tee::builder()
        .window(10)
        .timer(TokioTimer::new())
        .lag_policy(LagPolicy::Patience {
            limit: PATIENCE,
            then: AfterPatience::Replay,
        })
        .build_replayable(document)
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_delays_the_others_by_its_patience_and_no_more() {
    let began = Instant::now();
    let tee = tee();
    let stalled = tee.branch();
    let readers = (0..10).map(|_| read(tee.branch(), Duration::ZERO));
    let all = future::join_all(readers).await;
    assert!(
        all.iter()
            .all(|read| read.iter().copied().eq(0..CHUNKS as u8))
    );
    let delay = began.elapsed();
    let expected = PATIENCE;
    assert!(
        (expected..=expected + Duration::from_millis(1)).contains(&delay),
        "{delay:?}"
    );
    assert_eq!(tee.statistics().bytes_produced, CHUNKS);
    // It has lost nothing: it goes on by itself, and reads the last window where the others left it.
    assert_eq!(read(stalled, Duration::ZERO).await.len(), CHUNKS as usize);
    assert_eq!(tee.statistics().productions_opened, 2);
}

#[tokio::test(start_paused = true)]
async fn several_that_stall_at_different_places_delay_the_others_by_one_patience() {
    let began = Instant::now();
    let tee = tee();
    let stalled = six_that_stall(&tee).await;
    assert_eq!(
        read(tee.branch(), Duration::ZERO).await.len(),
        CHUNKS as usize
    );
    let delay = began.elapsed();
    let expected = PATIENCE;
    assert!(
        (expected..=expected + Duration::from_millis(1)).contains(&delay),
        "{delay:?}"
    );
    for (chunks, branch) in stalled.into_iter().enumerate() {
        assert_eq!(
            read(branch, Duration::ZERO).await.len(),
            CHUNKS as usize - chunks
        );
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_stall_delay_the_others_by_what_the_account_allows_wherever_they_are() {
    let began = Instant::now();
    let tee = Tee::builder()
        .window(10)
        .timer(TokioTimer::new())
        .build_replayable(document);
    let mut stalled = Vec::new();
    for chunks in (0..CHUNKS - 15).step_by(15) {
        let mut branch = tee.branch();
        stalled.push(tokio::spawn(async move {
            for _ in 0..chunks {
                assert!(branch.next().await.is_some());
            }
            branch
        }));
    }
    assert_eq!(stalled.len(), 6);
    let read_all = read(tee.branch(), Duration::ZERO).await;
    assert_eq!(read_all.len(), CHUNKS as usize);
    // Time stands still while the document is produced, so it earns nothing. Those that stalled had not waited for anybody in vain.
    let delay = began.elapsed();
    let allowed = Duration::from_micros(9_500)..=Duration::from_millis(11);
    assert!(allowed.contains(&delay), "{delay:?}");
    for (index, branch) in stalled.into_iter().enumerate() {
        let rest = read(branch.await.unwrap(), Duration::ZERO).await;
        assert_eq!(rest.len(), CHUNKS as usize - 15 * index);
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_stall_near_each_other_cost_one_wait_of_a_turn_for_each_branch() {
    let began = Instant::now();
    let tee = Tee::builder()
        .window(10)
        .timer(TokioTimer::new())
        .build_replayable(document);
    let _stalled = six_that_stall(&tee).await;
    let read_all = read(tee.branch(), Duration::ZERO).await;
    assert_eq!(read_all.len(), CHUNKS as usize);
    let turns = Duration::from_micros(500) * 7;
    let delay = began.elapsed();
    let allowed = turns..=turns + Duration::from_millis(1);
    assert!(allowed.contains(&delay), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_takes_longer_is_worth_waiting_for_longer() {
    let took = Duration::from_millis(3);
    let produce = move |offset| {
        document(offset).then(move |chunk| async move {
            tokio::time::sleep(took).await;
            chunk
        })
    };
    let began = Instant::now();
    let tee = Tee::builder()
        .window(10)
        .timer(TokioTimer::new())
        .build_replayable(produce);
    let _stalled = tee.branch();
    assert_eq!(
        read(tee.branch(), Duration::ZERO).await.len(),
        CHUNKS as usize
    );
    // Ten chunks had been produced when the cache was full.
    let delay = began.elapsed() - took * CHUNKS as u32;
    let allowed = took * 10;
    assert!(
        (allowed..=allowed + Duration::from_millis(2)).contains(&delay),
        "{delay:?}"
    );
    let statistics = tee.statistics();
    assert_eq!(statistics.produced_for, took * CHUNKS as u32);
    assert!(statistics.waited <= statistics.waiting_allowed);
    assert_eq!(
        statistics.waiting_allowed,
        statistics.produced_for + Duration::from_millis(7)
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_reads_while_others_wait_for_another_is_waited_for_by_itself() {
    let began = Instant::now();
    let tee = tee();
    let (stalled, mut slow) = (tee.branch(), tee.branch());
    let patience = PATIENCE;
    // A chunk while the others wait for the one that has stalled, and none after that.
    let slow = tokio::spawn(async move {
        tokio::time::sleep(patience / 2).await;
        assert!(slow.next().await.is_some());
        tokio::time::sleep(patience * 10).await;
        slow
    });
    assert_eq!(
        read(tee.branch(), Duration::ZERO).await.len(),
        CHUNKS as usize
    );
    let delay = began.elapsed();
    assert!(
        (patience * 2..=patience * 2 + Duration::from_millis(2)).contains(&delay),
        "{delay:?}"
    );
    drop(stalled);
    assert_eq!(
        read(slow.await.unwrap(), Duration::ZERO).await.len(),
        CHUNKS as usize - 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_steady_reader_holds_the_others_up_for_its_patience_in_all() {
    let began = Instant::now();
    let tee = tee();
    let (slow, fast) = (tee.branch(), tee.branch());
    let slow = tokio::spawn(read(slow, Duration::from_millis(40)));
    assert_eq!(read(fast, Duration::ZERO).await.len(), CHUNKS as usize);
    let delay = began.elapsed();
    assert!(delay <= PATIENCE + Duration::from_millis(2), "{delay:?}");
    assert_eq!(slow.await.unwrap().len(), CHUNKS as usize);
    assert!(tee.statistics().bytes_produced <= 2 * CHUNKS);
}
