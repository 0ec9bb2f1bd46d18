use std::{
    io,
    sync::{Arc, Mutex},
    task::Poll,
};

use bytes::Bytes;
use tee_stream::{Branch, BranchEnd, BranchEnding, BranchOptions, LagPolicy, Tee};

use crate::support::{Script, chunks, document, next, next_error, poll, read_to_end};

type Ends = Arc<Mutex<Vec<BranchEnd>>>;

fn reported(tee: &Tee<io::Error>, ends: &Ends) -> Branch<io::Error> {
    let ends = Arc::clone(ends);
    tee.branch_with(
        BranchOptions::new()
            .name("it")
            .on_end(move |end| ends.lock().unwrap().push(end)),
    )
}

fn endings(ends: &Ends) -> Vec<(BranchEnding, u64)> {
    ends.lock()
        .unwrap()
        .iter()
        .map(|end| (end.ending, end.bytes))
        .collect()
}

#[test]
fn each_ending_is_reported_once() {
    let (ends, document) = (Ends::default(), document(100));
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Fail)
        .build(chunks(&document, 0, 10));
    let (mut complete, mut lagged, dropped, mut late) = (
        reported(&tee, &ends),
        reported(&tee, &ends),
        reported(&tee, &ends),
        tee.branch(),
    );
    drop(dropped);
    next(&mut lagged);
    next(&mut late);
    read_to_end(&mut complete);
    next_error(&mut lagged);
    next_error(&mut late);
    assert!(matches!(poll(&mut complete), Poll::Ready(None)));
    drop((complete, lagged));
    let mut unavailable = reported(&tee, &ends);
    next_error(&mut unavailable);
    drop(unavailable);
    assert_eq!(
        endings(&ends),
        [
            (BranchEnding::Dropped, 0),
            (BranchEnding::Complete, 100),
            (BranchEnding::Lagged, 10),
            (BranchEnding::Unavailable, 0)
        ]
    );
    assert_eq!(ends.lock().unwrap()[0].name.as_deref(), Some("it"));
}

#[test]
fn a_source_that_fails_or_panics_is_an_ending_of_its_own() {
    let ends = Ends::default();
    let script = Script::default();
    script.push(Err(io::Error::other("no")));
    next_error(&mut reported(&Tee::new(script.stream()), &ends));
    let script = Script::default();
    script.panic_next();
    let mut branch = reported(&Tee::new(script.stream()), &ends);
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || poll(&mut branch)));
    assert!(panicked.is_err());
    assert_eq!(
        endings(&ends),
        [(BranchEnding::Source, 0), (BranchEnding::Poisoned, 0)]
    );
}

#[test]
fn a_branch_that_is_dropped_by_a_panic_of_its_task_was_dropped() {
    let ends = Ends::default();
    let branch = reported(&Tee::new(Script::default().stream()), &ends);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _branch = branch;
        panic!("the task panics");
    }));
    assert!(panicked.is_err());
    assert_eq!(endings(&ends), [(BranchEnding::Dropped, 0)]);
}

#[test]
fn a_length_and_a_tail_that_overflow_say_nothing() {
    let tee = Tee::<io::Error>::builder()
        .length(u64::MAX)
        .build(Script::default().stream());
    let tailed = tee.branch_with(BranchOptions::new().tail("x"));
    assert_eq!(tailed.remaining(), None);
    assert_eq!(tee.branch().remaining(), Some(u64::MAX));
}

#[test]
fn a_branch_that_has_every_byte_is_complete_when_the_length_is_known() {
    let ends = Ends::default();
    for length in [None, Some(5)] {
        let script = Script::default();
        script.push_bytes(b"whole");
        let mut builder = Tee::builder();
        if let Some(length) = length {
            builder = builder.length(length);
        }
        let tee = builder.build(script.stream());
        let mut branch = reported(&tee, &ends);
        next(&mut branch);
    }
    assert_eq!(
        endings(&ends),
        [(BranchEnding::Dropped, 5), (BranchEnding::Complete, 5)]
    );
}

#[test]
fn a_tail_is_cut_together_with_the_last_shared_chunk() {
    let document = document(25);
    let tee = Tee::builder()
        .chunk_size(10.try_into().unwrap())
        .build(chunks(&document, 0, 10));
    let mut plain = tee.branch();
    let mut tailed =
        tee.branch_with(BranchOptions::new().tail(Bytes::from_static(b"0123456789abcd")));
    let expected = [&document[..], b"0123456789abcd"].concat();
    for chunk in expected.chunks(10) {
        assert_eq!(next(&mut tailed), chunk);
    }
    assert!(matches!(poll(&mut tailed), Poll::Ready(None)));
    assert_eq!(tailed.position(), 39);
    assert_eq!(read_to_end(&mut plain), document);
}

#[test]
fn a_tail_never_follows_a_document_that_is_not_whole() {
    let script = Script::default();
    script.push_bytes(b"short");
    script.push(Err(io::Error::other("no")));
    let tee = Tee::new(script.stream());
    let mut tailed = tee.branch_with(BranchOptions::new().tail("}"));
    assert_eq!(next(&mut tailed), "short");
    next_error(&mut tailed);
    assert!(matches!(poll(&mut tailed), Poll::Ready(None)));
}
