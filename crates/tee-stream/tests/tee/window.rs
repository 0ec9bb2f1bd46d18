use std::{
    io,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use tee_stream::{Branch, BranchOptions, LagPolicy, Tee};

use crate::manual_timer::ManualTimer;
use crate::support::{Wakes, chunks, document, next, poll, poll_with, read_on, read_to_end};

#[test]
fn branches_in_one_window_share_one_production() {
    let document = document(100_000);
    let tee = Tee::new(chunks(&document, 0, 1000));
    let mut branches: Vec<_> = (0..5).map(|_| tee.branch()).collect();
    for chunk in document.chunks(1000) {
        for branch in &mut branches {
            assert_eq!(next(branch), chunk);
        }
    }
    for branch in &mut branches {
        assert!(matches!(poll(branch), Poll::Ready(None)));
        assert!(matches!(poll(branch), Poll::Ready(None)));
    }
    let statistics = tee.statistics();
    assert_eq!(statistics.bytes_produced, 100_000);
    assert_eq!(statistics.document_length, Some(100_000));
    assert_eq!(
        (statistics.productions_opened, statistics.branches_open),
        (1, 0)
    );
}

#[test]
fn the_first_waits_when_the_window_is_full_and_is_woken_when_the_last_moves_on() {
    let document = document(100);
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Wait)
        .build(chunks(&document, 0, 10));
    let (mut first, mut last) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 40);
    assert_eq!(tee.statistics().cached_bytes, 40);
    let wakes = Wakes::new();
    assert!(poll_with(&mut first, &wakes).is_pending());
    assert_eq!(wakes.take(), 0);
    assert_eq!(next(&mut last), &document[..10]);
    assert_eq!(wakes.take(), 1);
    assert_eq!(next(&mut first), &document[40..50]);
    assert!(poll_with(&mut first, &wakes).is_pending());
    drop(last);
    assert_eq!(wakes.take(), 1);
    assert_eq!(read_to_end(&mut first), &document[50..]);
    assert_eq!(tee.statistics().cached_bytes_peak, 40);
}

#[test]
fn by_default_nothing_is_lost_of_a_stream_that_cannot_be_produced_again() {
    let timer = ManualTimer::new();
    for is_timed in [false, true] {
        let document = document(100);
        let mut tee = Tee::builder().window(40);
        if is_timed {
            tee = tee.timer(timer.clone());
        }
        let tee = tee.build(chunks(&document, 0, 10));
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        let mut read = Vec::new();
        for _ in 0..100 {
            assert!(!read_on(&mut first, &mut read));
            timer.advance(Duration::from_secs(1));
        }
        assert_eq!(read.len(), 40);
        for chunk in document.chunks(10) {
            assert_eq!(next(&mut slow), chunk);
            read_on(&mut first, &mut read);
        }
        assert_eq!(read, document);
    }
}

#[test]
fn by_default_a_window_has_1_mib_and_chunks_have_64_kib() {
    let document = document(2 * 1024 * 1024 - 1);
    let tee = Tee::new(chunks(&document, 0, 64 * 1024));
    let (mut first, mut tailed) = (
        tee.branch(),
        tee.branch_with(BranchOptions::new().tail("ab")),
    );
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 1024 * 1024);
    for _ in 0..32 {
        assert_eq!(next(&mut tailed).len(), 64 * 1024);
        read_on(&mut first, &mut read);
    }
    assert_eq!(next(&mut tailed), "b");
}

#[test]
fn a_window_holds_a_chunk_for_each_512_bytes() {
    let document = document(1000);
    let tee = Tee::builder().window(512 * 100 + 1);
    let tee = tee.build(chunks(&document, 0, 1));
    let (mut first, _stalled) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 100);
}

#[test]
fn those_who_are_waited_for_go_first() {
    let document = document(100);
    let tee = Tee::builder().window(40).lag_policy(LagPolicy::Wait);
    let tee = tee.build(chunks(&document, 0, 10));
    let (mut first, mut other, _last) = (tee.branch(), tee.branch(), tee.branch());
    assert!(!read_on(&mut first, &mut Vec::new()));
    // As long as it is one of those.
    let wakes = Wakes::new();
    assert!(poll_with(&mut other, &wakes).is_ready());
    assert!(poll_with(&mut other, &wakes).is_pending());
    assert_eq!(wakes.take(), 1);
    assert!(poll_with(&mut other, &wakes).is_ready());
}

#[test]
fn the_budget_holds_but_for_the_chunk_that_passes_it() {
    for size in [1, 7, 39, 40, 41, 100] {
        let document = document(1000);
        let tee = Tee::builder()
            .window(40)
            .lag_policy(LagPolicy::Wait)
            .build(chunks(&document, 0, size));
        let (mut first, mut last) = (tee.branch(), tee.branch());
        let (mut from_first, mut from_last) = (Vec::new(), Vec::new());
        while !read_on(&mut first, &mut from_first) {
            from_last.extend_from_slice(&next(&mut last));
        }
        from_last.extend(read_to_end(&mut last));
        assert_eq!(
            (from_first, from_last),
            (document.to_vec(), document.to_vec())
        );
        assert!(
            tee.statistics().cached_bytes_peak < 40 + size,
            "chunks of {size}"
        );
    }
}

#[test]
fn tiny_chunks_do_not_fill_memory_with_bookkeeping() {
    let document = document(1000);
    let tee = Tee::builder()
        .window(1024)
        .lag_policy(LagPolicy::Wait)
        .build(chunks(&document, 0, 1));
    let (mut first, _last) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 64);
}

#[test]
fn ten_thousand_branches_need_the_memory_of_one() {
    const SIZE: usize = 1024;
    let produced = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&produced);
    let source = futures_util::stream::iter((0..50u8).map(move |number| {
        let owner = Arc::new(vec![number; SIZE]);
        seen.lock().unwrap().push(Arc::downgrade(&owner));
        Ok::<_, io::Error>(bytes::Bytes::from_owner(Shared(owner)))
    }));
    let tee = Tee::builder()
        .window(4 * SIZE)
        .lag_policy(LagPolicy::Wait)
        .build(source);
    let mut branches: Vec<Branch<io::Error>> = (0..10_000)
        .map(|index| tee.branch_with(BranchOptions::new().name(format!("{index}"))))
        .collect();
    for number in 0..50u8 {
        for branch in &mut branches {
            assert_eq!(next(branch)[0], number);
        }
        let alive = produced
            .lock()
            .unwrap()
            .iter()
            .filter(|chunk| chunk.strong_count() > 0)
            .count();
        assert!(alive <= 4, "{alive} chunks are alive");
    }
    for branch in &mut branches {
        assert!(matches!(poll(branch), Poll::Ready(None)));
    }
    assert_eq!(tee.statistics().bytes_produced, 50 * SIZE as u64);
    assert_eq!(tee.statistics().cached_bytes_peak, 4 * SIZE);
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn a_leader_lets_others_run_before_it_fills_the_window() {
    let document = document(1000);
    let tee = Tee::builder().window(400).build(chunks(&document, 0, 10));
    let (mut first, mut last) = (tee.branch(), tee.branch());
    let wakes = Wakes::new();
    let mut read = 0;
    while poll_with(&mut first, &wakes).is_ready() {
        read += 10;
    }
    assert_eq!((read, wakes.take()), (100, 1));
    assert_eq!(next(&mut last), &document[..10]);
}
