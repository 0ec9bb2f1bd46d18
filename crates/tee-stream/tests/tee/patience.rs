use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use tee_stream::{AfterPatience, BranchOptions, LagPolicy, Tee, TeeError};

use crate::manual_timer::ManualTimer;

use crate::support::{
    Wakes, chunks, document, next, next_error, poll_with, read_on, read_to_end, replay,
};

const LIMIT: Duration = Duration::from_millis(100);

fn patience(then: AfterPatience) -> LagPolicy {
    LagPolicy::Patience { limit: LIMIT, then }
}

#[test]
fn others_wait_for_a_stalled_branch_until_its_patience_is_spent() {
    let (document, timer) = (document(200), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut stalled) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    let wakes = Wakes::new();
    assert!(poll_with(&mut first, &wakes).is_pending());
    timer.advance(LIMIT - Duration::from_millis(1));
    assert_eq!(wakes.take(), 0);
    assert!(poll_with(&mut first, &wakes).is_pending());
    timer.advance(Duration::from_millis(1));
    assert_eq!(wakes.take(), 1);
    read.extend(read_to_end(&mut first));
    assert_eq!(read, document);
    assert!(matches!(
        next_error(&mut stalled),
        TeeError::Lagged {
            offset: 0,
            front: 40
        }
    ));
}

#[test]
fn patience_is_a_sum_over_the_life_of_a_branch() {
    let (document, timer) = (document(1000), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    for spent in 1..=9 {
        assert!(!read_on(&mut first, &mut read));
        timer.advance(LIMIT / 10);
        next(&mut slow);
        assert_eq!(tee.branches()[1].waited_for, LIMIT / 10 * spent);
        assert_eq!(tee.branches()[0].waited_for, Duration::ZERO);
    }
    assert!(!read_on(&mut first, &mut read));
    timer.advance(LIMIT / 10);
    assert!(read_on(&mut first, &mut read));
    assert!(matches!(
        next_error(&mut slow),
        TeeError::Lagged {
            offset: 90,
            front: 130
        }
    ));
}

#[test]
fn nobody_is_charged_while_nobody_waits() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    for _ in 0..4 {
        next(&mut first);
    }
    // The window is full, but the leader has not asked for more.
    timer.advance(LIMIT * 10);
    assert!(poll_with(&mut first, &Wakes::new()).is_pending());
    assert_eq!(next(&mut slow), &document[..10]);
    assert_eq!(tee.branches()[1].waited_for, Duration::ZERO);
}

#[test]
fn a_waiter_that_goes_away_ends_the_charging() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(LIMIT / 2);
    drop(first);
    timer.advance(LIMIT * 10);
    assert_eq!(tee.branches()[0].waited_for, LIMIT / 2);
    assert_eq!(read_to_end(&mut slow), document);
}

#[test]
fn only_those_who_hold_the_window_back_are_charged() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut middle, mut last) = (tee.branch(), tee.branch(), tee.branch());
    next(&mut first);
    next(&mut middle);
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    timer.advance(LIMIT / 2);
    assert_eq!(next(&mut middle), &document[10..20]);
    timer.advance(LIMIT / 2);
    assert!(!read_on(&mut first, &mut read));
    assert!(matches!(
        next_error(&mut last),
        TeeError::Lagged { offset: 0, .. }
    ));
    assert_eq!(tee.branches()[1].waited_for, Duration::ZERO);
    assert_eq!(next(&mut middle), &document[20..30]);
}

#[test]
fn those_who_read_nothing_while_others_wait_are_out_of_patience_together() {
    let (document, timer) = (document(400), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let mut first = tee.branch();
    let mut stalled = [tee.branch(), tee.branch(), tee.branch()];
    for (chunks, branch) in stalled.iter_mut().enumerate() {
        for _ in 0..chunks {
            next(branch);
        }
    }
    // Has read all there is, so there is nothing that it could be charged for.
    let mut front = tee.branch();
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    assert!(!read_on(&mut front, &mut Vec::new()));
    timer.advance(LIMIT - Duration::from_millis(1));
    assert!(!read_on(&mut first, &mut read));
    timer.advance(Duration::from_millis(1));
    // Each time, it first lets others run once.
    for _ in 0..stalled.len() {
        assert!(!read_on(&mut first, &mut read));
    }
    assert_eq!(read, document[..80]);
    assert_eq!(tee.branches()[4].waited_for, Duration::ZERO);
    for (chunks, branch) in stalled.iter_mut().enumerate() {
        assert!(matches!(
            next_error(branch),
            TeeError::Lagged { offset, .. } if offset == 10 * chunks as u64
        ));
    }
    drop(front);
    read.extend(read_to_end(&mut first));
    assert_eq!(read, document);
}

#[test]
fn a_policy_that_waits_has_no_end() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let mut first = tee.branch();
    let mut slow = tee.branch_with(BranchOptions::new().lag_policy(LagPolicy::Wait));
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(Duration::from_secs(3600));
    assert!(poll_with(&mut first, &Wakes::new()).is_pending());
    assert_eq!(next(&mut slow), &document[..10]);
    assert_eq!(next(&mut first), &document[40..50]);
}

#[test]
fn a_branch_that_joins_while_others_wait_is_charged_from_then_on() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let mut first = tee.branch();
    let waited_for = tee.branch_with(BranchOptions::new().lag_policy(LagPolicy::Wait));
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(LIMIT * 3);
    let wakes = Wakes::new();
    assert!(poll_with(&mut first, &wakes).is_pending());
    let mut late = tee.branch();
    assert_eq!(wakes.take(), 1);
    assert!(poll_with(&mut first, &wakes).is_pending());
    timer.advance(LIMIT / 2);
    drop(waited_for);
    assert_eq!(wakes.take(), 1);
    assert!(poll_with(&mut first, &wakes).is_pending());
    timer.advance(LIMIT / 2 - Duration::from_millis(1));
    assert_eq!(wakes.take(), 0);
    timer.advance(Duration::from_millis(1));
    assert_eq!(wakes.take(), 1);
    assert!(read_on(&mut first, &mut Vec::new()));
    assert!(matches!(
        next_error(&mut late),
        TeeError::Lagged { offset: 0, .. }
    ));
}

#[test]
fn a_branch_is_neither_cut_nor_charged_while_another_holds_the_same_chunk() {
    let (document, timer) = (document(100), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let (mut first, mut spent) = (tee.branch(), tee.branch());
    let waited_for = tee.branch_with(BranchOptions::new().lag_policy(LagPolicy::Wait));
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(LIMIT * 3);
    assert!(!read_on(&mut first, &mut Vec::new()));
    assert_eq!(next(&mut spent), &document[..10]);
    // Nor is it charged: it was not the one that was waited for in the end.
    assert_eq!(tee.branches()[1].waited_for, Duration::ZERO);
    drop(waited_for);
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(LIMIT);
    assert!(read_on(&mut first, &mut Vec::new()));
    assert!(matches!(
        next_error(&mut spent),
        TeeError::Lagged { offset: 10, .. }
    ));
}

#[test]
fn without_a_timer_patience_is_spent_from_the_start() {
    let document = document(200);
    let tee = Tee::builder()
        .window(40)
        .build_replayable(replay(&document, 10));
    let (mut first, mut stalled) = (tee.branch(), tee.branch());
    assert_eq!(read_to_end(&mut first), document);
    assert_eq!(read_to_end(&mut stalled), document);
    assert_eq!(tee.statistics().productions_opened, 2);
}

#[test]
fn a_cut_branch_costs_nothing_until_it_is_polled_again() {
    let (document, timer) = (document(200), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Replay))
        .build_replayable(replay(&document, 10));
    let (mut first, mut stalled) = (tee.branch(), tee.branch());
    let mut read = vec![];
    assert_eq!(next(&mut stalled), &document[..10]);
    assert!(!read_on(&mut first, &mut read));
    timer.advance(LIMIT);
    assert!(read_on(&mut first, &mut read));
    assert_eq!(read, document);
    let status = &tee.branches()[0];
    assert_eq!(
        (status.id, status.offset, status.lag, status.production),
        (1, 10, 190, None)
    );
    assert_eq!(tee.statistics().productions_opened, 1);
    assert_eq!(read_to_end(&mut stalled), &document[10..]);
    assert_eq!(tee.statistics().productions_opened, 2);
    // The first had left 40 bytes, of which one chunk made space.
    assert_eq!(tee.statistics().bytes_produced, 200 + 160);
}

#[test]
fn patience_may_be_as_long_as_a_duration_can_be() {
    let (document, timer) = (document(1000), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(LagPolicy::Patience {
            limit: Duration::MAX,
            then: AfterPatience::Fail,
        })
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert!(!read_on(&mut first, &mut Vec::new()));
    timer.advance(LIMIT);
    assert_eq!(next(&mut slow), &document[..10]);
}

#[test]
fn readers_that_come_and_go_do_not_prolong_a_wait() {
    let (document, timer) = (document(10_000), ManualTimer::new());
    let tee = Tee::builder()
        .window(100)
        .max_productions(NonZeroUsize::MIN)
        .timer(timer.clone())
        .build_replayable(replay(&document, 10));
    let (mut first, _stalled) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    for waited in 0.. {
        if read_on(&mut first, &mut read) {
            break;
        }
        timer.advance(Duration::from_millis(10));
        next(&mut tee.branch());
        assert!(waited < 10, "{:?}", tee.branches());
    }
}

#[test]
fn each_that_waits_lets_the_others_run_before_one_is_let_go() {
    let document = document(1000);
    let tee = Tee::builder()
        .window(10)
        .build_replayable(replay(&document, 10));
    let (mut ahead, mut last) = ([tee.branch(), tee.branch(), tee.branch()], tee.branch());
    ahead.iter_mut().for_each(|branch| drop(next(branch)));
    for branch in &mut ahead {
        assert!(poll_with(branch, &Wakes::new()).is_pending());
    }
    assert_eq!(next(&mut last), &document[..10]);
    assert_eq!(tee.statistics().productions_opened, 1);
}

#[test]
fn what_was_waited_without_a_charge_is_not_owed() {
    let (document, timer) = (document(100_000), ManualTimer::new());
    let tee = Tee::builder()
        .window(100)
        .timer(timer.clone())
        .build_replayable(replay(&document, 10));
    let mut branches = [tee.branch(), tee.branch()];
    let mut stood_still = 0;
    // They stall in turn, for 5 ms each.
    for turn in 0..100 {
        let mut read = Vec::new();
        for _ in 0..5 {
            if !read_on(&mut branches[turn % 2], &mut read) {
                stood_still += 1;
            }
            timer.advance(Duration::from_millis(1));
        }
    }
    // The account pays once, and each waits in return.
    let allowed = tee.statistics().waiting_allowed * 2;
    assert!(
        Duration::from_millis(stood_still) <= allowed,
        "{stood_still}"
    );
}

#[test]
fn a_wait_that_ends_when_a_reader_comes_back_counts() {
    let (document, timer) = (document(10_000), ManualTimer::new());
    let tee = Tee::builder()
        .window(100)
        .timer(timer.clone())
        .build_replayable(replay(&document, 10));
    let replays = || tee.branch_with(BranchOptions::new().lag_policy(LagPolicy::Replay));
    let (mut first, mut holder) = (tee.branch(), tee.branch());
    let (mut loose, mut far) = (replays(), replays());
    // The far one is let go, and begins a production of its own.
    for _ in 0..20 {
        next(&mut first);
        next(&mut holder);
        next(&mut loose);
    }
    next(&mut far);
    assert_eq!(tee.statistics().productions_open, 2);
    next(&mut holder);
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    let production = |index: usize| tee.branches()[index].production;
    assert_eq!(
        (read.len(), production(2)),
        (60, None),
        "{:?}",
        tee.branches()
    );
    timer.advance(Duration::from_millis(1));
    next(&mut loose);
    assert_eq!(production(2), Some(0));
    assert_eq!(tee.branches()[0].waited, Duration::from_millis(1));
}

#[test]
fn an_ending_says_how_long_it_waited() {
    let (document, timer) = (document(200), ManualTimer::new());
    let tee = Tee::builder()
        .window(40)
        .timer(timer.clone())
        .lag_policy(patience(AfterPatience::Fail))
        .build(chunks(&document, 0, 10));
    let waits = Arc::new(Mutex::new(Vec::new()));
    let mut branches = [(); 2].map(|()| {
        let waits = Arc::clone(&waits);
        let options = BranchOptions::new();
        tee.branch_with(options.on_end(move |end| {
            waits.lock().unwrap().push((end.waited, end.waited_for));
        }))
    });
    let [first, stalled] = &mut branches;
    let mut read = Vec::new();
    assert!(!read_on(first, &mut read));
    timer.advance(LIMIT);
    assert!(read_on(first, &mut read));
    next_error(stalled);
    let expected = [(LIMIT, Duration::ZERO), (Duration::ZERO, LIMIT)];
    assert_eq!(*waits.lock().unwrap(), expected);
}

#[test]
fn a_branch_is_charged_for_no_more_than_its_patience() {
    for (policy, charged) in [
        (LagPolicy::Wait, 10 * LIMIT),
        (patience(AfterPatience::Fail), LIMIT),
    ] {
        let (document, timer) = (document(200), ManualTimer::new());
        let tee = Tee::builder().window(40).timer(timer.clone());
        let tee = tee.lag_policy(policy).build(chunks(&document, 0, 10));
        let (mut first, mut slow, mut other) = (tee.branch(), tee.branch(), tee.branch());
        next(&mut other);
        assert!(!read_on(&mut first, &mut Vec::new()));
        // Nobody is polled in time.
        timer.advance(10 * LIMIT);
        next(&mut slow);
        assert_eq!(tee.branches()[1].waited_for, charged, "{policy:?}");
        // It had read what the others waited for.
        assert_eq!(tee.branches()[2].waited_for, Duration::ZERO);
    }
}

#[test]
fn when_the_most_patient_moves_on_the_patience_of_the_rest_counts() {
    let (document, timer) = (document(200), ManualTimer::new());
    let tee = Tee::builder().window(40).timer(timer.clone());
    let tee = tee.lag_policy(patience(AfterPatience::Fail));
    let tee = tee.build(chunks(&document, 0, 10));
    let patient = BranchOptions::new().lag_policy(LagPolicy::Wait);
    let (mut first, mut patient, mut stalled) =
        (tee.branch(), tee.branch_with(patient), tee.branch());
    let wakes = Wakes::new();
    assert!(!read_on(&mut first, &mut Vec::new()));
    assert!(poll_with(&mut first, &wakes).is_pending());
    timer.advance(2 * LIMIT);
    assert_eq!(wakes.take(), 0);
    next(&mut patient);
    assert_eq!(wakes.take(), 1);
    assert!(!read_on(&mut first, &mut Vec::new()));
    next_error(&mut stalled);
}

#[test]
fn at_the_maximum_others_wait_four_times_what_the_account_has_earned() {
    let (document, timer) = (document(200), ManualTimer::new());
    let tee = Tee::builder().window(40).timer(timer.clone());
    let tee = tee.max_productions(NonZeroUsize::MIN);
    let tee = tee.build_replayable(replay(&document, 10));
    let (mut first, _stalled) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(!read_on(&mut first, &mut read));
    // Nothing, 6 ms, and half of one for each branch.
    timer.advance(Duration::from_millis(4 * 7 - 1));
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 40);
    timer.advance(Duration::from_millis(1));
    assert!(read_on(&mut first, &mut read));
}
