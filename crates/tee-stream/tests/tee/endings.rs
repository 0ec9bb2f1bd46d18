use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
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

#[test]
fn a_branch_that_is_dropped_before_its_error_has_failed() {
    let (script, ends) = (Script::default(), Ends::default());
    script.push_bytes(b"short");
    script.push(Err(io::Error::other("no")));
    let (tee, report) = (Tee::new(script.stream()), Arc::clone(&ends));
    let options = BranchOptions::new().tail("}");
    let options = options.on_end(move |end| report.lock().unwrap().push(end));
    let mut tailed = tee.branch_with(options);
    // What was held back until the error was known.
    assert_eq!(next(&mut tailed), "short");
    drop(tailed);
    assert_eq!(endings(&ends), [(BranchEnding::Source, 5)]);
}

#[test]
fn branches_are_numbered_from_0() {
    let (tee, ends) = (Tee::new(chunks(&document(10), 0, 10)), Ends::default());
    let branches: Vec<_> = (0..3).map(|_| reported(&tee, &ends)).collect();
    let ids = branches.iter().map(Branch::id);
    assert_eq!(ids.collect::<Vec<_>>(), [0, 1, 2]);
    let statuses = tee.branches().into_iter().map(|status| status.id);
    assert_eq!(statuses.collect::<Vec<_>>(), [0, 1, 2]);
    drop(branches);
    let ends = ends.lock().unwrap();
    assert_eq!(ends.iter().map(|end| end.id).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn nothing_comes_after_the_end() {
    let tee = Tee::new(chunks(&document(10), 0, 10));
    let mut branch = tee.branch();
    assert_eq!(branch.size_hint(), (0, None));
    assert!(!branch.is_terminated());
    read_to_end(&mut branch);
    assert_eq!(branch.size_hint(), (0, Some(0)));
    assert!(branch.is_terminated());
}

/// Looks at the tee when it is dropped, or cloned.
struct Foreign(Tee<io::Error>);

impl Drop for Foreign {
    fn drop(&mut self) {
        self.0.statistics();
    }
}

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        b"0123456789"
    }
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn what_the_tee_drops_may_look_at_the_tee() {
    let script = Script::default();
    let tee = Tee::builder().window(10).build(script.stream());
    (0..3).for_each(|_| script.push(Ok(Bytes::from_owner(Foreign(tee.clone())))));
    let mut branch = tee.branch();
    let mut poll_once = || {
        let waker = Waker::from(Arc::new(Foreign(tee.clone())));
        branch.poll_next_unpin(&mut Context::from_waker(&waker))
    };
    for _ in 0..3 {
        assert!(poll_once().is_ready());
    }
    assert!(poll_once().is_pending() && poll_once().is_pending());
    drop(branch);

    // So may a source that ends.
    let later = Arc::new(OnceLock::<Tee<io::Error>>::new());
    let look = Arc::clone(&later);
    let mut foreign = None;
    let tee = Tee::new(stream::poll_fn(move |_| {
        foreign.get_or_insert_with(|| Foreign(look.get().unwrap().clone()));
        Poll::Ready(None)
    }));
    assert!(later.set(tee.clone()).is_ok());
    read_to_end(&mut tee.branch());
}
