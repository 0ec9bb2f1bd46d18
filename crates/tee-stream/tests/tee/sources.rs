use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
};

use futures_util::stream;
use tee_stream::{Tee, TeeError};

use crate::support::{Item, Script, Wakes, first_then, next, next_error, poll, poll_with};

#[test]
fn an_error_reaches_every_branch_after_the_chunks_before_it() {
    let script = Script::default();
    script.push_bytes(b"whole");
    script.push(Err(io::Error::other("broken")));
    let tee = Tee::new(script.stream());
    let mut branches: Vec<_> = (0..3).map(|_| tee.branch()).collect();
    branches[0..1]
        .iter_mut()
        .for_each(|branch| assert_eq!(next(branch), "whole"));
    for (index, branch) in branches.iter_mut().enumerate() {
        if index > 0 {
            assert_eq!(next(branch), "whole");
        }
        let error = next_error(branch);
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "broken"
        );
        assert!(matches!(poll(branch), Poll::Ready(None)));
    }
    assert!(script.is_dropped());
}

#[test]
fn the_source_wakes_everybody_who_waits() {
    let script = Script::default();
    let tee = Tee::new(script.stream());
    let (mut driver, mut other) = (tee.branch(), tee.branch());
    let (driver_wakes, other_wakes) = (Wakes::new(), Wakes::new());
    assert!(poll_with(&mut driver, &driver_wakes).is_pending());
    assert!(poll_with(&mut other, &other_wakes).is_pending());
    script.push_bytes(b"x");
    assert_eq!((driver_wakes.take(), other_wakes.take()), (1, 1));
    // The branch that drove is never polled again, and the other does not mind.
    assert_eq!(next(&mut other), "x");
}

#[test]
fn dropping_the_branch_that_drove_loses_no_wake() {
    let script = Script::default();
    let tee = Tee::new(script.stream());
    let (mut driver, mut other) = (tee.branch(), tee.branch());
    let wakes = Wakes::new();
    assert!(poll_with(&mut other, &wakes).is_pending());
    assert!(poll(&mut driver).is_pending());
    drop(driver);
    script.push_bytes(b"x");
    assert_eq!(wakes.take(), 1);
    assert_eq!(next(&mut other), "x");
}

#[test]
fn only_the_latest_waker_is_woken_and_once() {
    let script = Script::default();
    let tee = Tee::new(script.stream());
    let mut branch = tee.branch();
    let (before, after) = (Wakes::new(), Wakes::new());
    assert!(poll_with(&mut branch, &before).is_pending());
    assert!(poll_with(&mut branch, &after).is_pending());
    script.wake();
    assert_eq!((before.take(), after.take()), (0, 1));
    script.wake();
    assert_eq!(after.take(), 0);
}

#[test]
fn a_panic_poisons_and_nobody_hangs() {
    let script = Script::default();
    script.push_bytes(b"x");
    let tee = Tee::new(script.stream());
    let (mut driver, mut waiting, mut behind) = (tee.branch(), tee.branch(), tee.branch());
    assert_eq!(next(&mut driver), "x");
    assert_eq!(next(&mut waiting), "x");
    let wakes = Wakes::new();
    assert!(poll_with(&mut waiting, &wakes).is_pending());
    script.panic_next();
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut driver))).is_err());
    assert_eq!(wakes.take(), 1);
    for branch in [&mut driver, &mut waiting, &mut behind] {
        assert!(matches!(next_error(branch), TeeError::Poisoned));
        assert!(matches!(poll(branch), Poll::Ready(None)));
    }
    assert!(matches!(next_error(&mut tee.branch()), TeeError::Poisoned));
}

#[test]
fn a_panic_in_the_replay_poisons_too() {
    let script = Script::default();
    script.push_bytes(b"0123456789");
    script.push_bytes(b"0123456789");
    let tee = Tee::builder()
        .window(10)
        .build_replayable(first_then(script.stream(), |_| panic!("as told")));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    next(&mut first);
    next(&mut first);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut slow))).is_err());
    assert!(matches!(next_error(&mut first), TeeError::Poisoned));
    assert!(matches!(next_error(&mut slow), TeeError::Poisoned));
}

#[test]
fn empty_chunks_are_passed_over_without_holding_the_task() {
    let script = Script::default();
    (0..100).for_each(|_| script.push_bytes(b""));
    script.push_bytes(b"x");
    script.end();
    let tee = Tee::new(script.stream());
    let mut branch = tee.branch();
    let wakes = Wakes::new();
    assert!(poll_with(&mut branch, &wakes).is_pending());
    assert_eq!(wakes.take(), 1);
    assert!(script.polls() < 100);
    assert_eq!(next(&mut branch), "x");
    assert!(matches!(poll(&mut branch), Poll::Ready(None)));

    // A few cost no poll of their own.
    let script = Script::default();
    (0..10).for_each(|_| script.push_bytes(b""));
    script.push_bytes(b"x");
    assert!(poll(&mut Tee::new(script.stream()).branch()).is_ready());
}

#[test]
fn a_source_that_lets_others_run_is_polled_again_once() {
    let mut polls = 0;
    let tee = Tee::new(stream::poll_fn(move |context| {
        polls += 1;
        if polls == 1 {
            context.waker().wake_by_ref();
        }
        Poll::<Option<Item>>::Pending
    }));
    let (mut branch, wakes) = (tee.branch(), Wakes::new());
    assert!(poll_with(&mut branch, &wakes).is_pending());
    assert_eq!(wakes.take(), 1);
    assert!(poll_with(&mut branch, &wakes).is_pending());
    assert_eq!(wakes.take(), 0);
}

#[test]
fn a_branch_that_is_dropped_leaves_no_waker() {
    let script = Script::default();
    let tee = Tee::new(script.stream());
    let (mut branch, wakes) = (tee.branch(), Wakes::new());
    assert!(poll_with(&mut branch, &wakes).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 2);
    drop(branch);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn one_poll_polls_the_source_once() {
    let script = Script::default();
    (0..10).for_each(|_| script.push_bytes(b"x"));
    let tee = Tee::new(script.stream());
    let mut branch = tee.branch();
    for polls in 1..=10 {
        assert!(poll(&mut branch).is_ready());
        assert_eq!(script.polls(), polls);
    }
}
