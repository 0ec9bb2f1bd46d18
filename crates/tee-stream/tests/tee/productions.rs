use std::{num::NonZeroUsize, time::Duration};

use tee_stream::{AfterPatience, LagPolicy, Tee};

use crate::manual_timer::ManualTimer;

use crate::support::{document, next, read_on, read_to_end, replay};

#[test]
fn cursors_that_meet_merge() {
    let document = document(1_000_000);
    let tee = Tee::builder()
        .window(200_000)
        .lag_policy(LagPolicy::Replay)
        .build_replayable(replay(&document, 10_000));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    (0..30).for_each(|_| drop(next(&mut first)));
    let mut read = next(&mut slow).to_vec();
    assert_eq!(tee.statistics().productions_open, 2);
    // It catches up with the newer half of the first window, and from there on they share.
    (0..29).for_each(|_| read.extend_from_slice(&next(&mut slow)));
    assert_eq!(tee.statistics().productions_open, 1);
    assert_eq!(tee.branches()[1].production, Some(0));
    let produced = tee.statistics().bytes_produced;
    for _ in 30..100 {
        read.extend_from_slice(&next(&mut slow));
        next(&mut first);
    }
    assert_eq!(tee.statistics().bytes_produced - produced, 700_000);
    assert_eq!(read, document);
}

#[test]
fn a_cut_branch_joins_a_cursor_that_holds_its_offset() {
    let document = document(1000);
    let tee = Tee::builder()
        .window(100)
        .lag_policy(LagPolicy::Replay)
        .build_replayable(replay(&document, 10));
    let (mut first, mut slow, mut slower) = (tee.branch(), tee.branch(), tee.branch());
    (0..30).for_each(|_| drop(next(&mut first)));
    next(&mut slow);
    next(&mut slower);
    let cursors: Vec<_> = tee
        .branches()
        .iter()
        .map(|branch| branch.production)
        .collect();
    assert_eq!(cursors, [Some(0), Some(1), Some(1)]);
}

#[test]
fn at_the_maximum_the_slow_ride_together_and_no_byte_is_produced_more_often() {
    let (document, timer) = (document(5000), ManualTimer::new());
    let tee = Tee::builder()
        .window(100)
        .max_productions(NonZeroUsize::new(3).unwrap())
        .timer(timer.clone())
        .lag_policy(LagPolicy::Patience {
            limit: Duration::from_millis(50),
            then: AfterPatience::Replay,
        })
        .build_replayable(replay(&document, 10));
    let mut branches: Vec<_> = (0..20).map(|_| (tee.branch(), Vec::new(), false)).collect();
    let mut turn = 0;
    while branches.iter().any(|(.., ended)| !ended) {
        turn += 1;
        for (speed, (branch, read, ended)) in branches.iter_mut().enumerate() {
            // Twenty speeds: one chunk for each so many turns.
            if !*ended && turn % (speed + 1) == 0 {
                match crate::support::poll_on(branch) {
                    std::task::Poll::Ready(Some(chunk)) => read.extend_from_slice(&chunk.unwrap()),
                    std::task::Poll::Ready(None) => *ended = true,
                    std::task::Poll::Pending => {}
                }
            }
        }
        timer.advance(Duration::from_millis(1));
        assert!(tee.statistics().productions_open <= 3);
        assert!(turn < 100_000, "no progress: {:?}", tee.branches());
    }
    assert!(branches.iter().all(|(_, read, _)| read == &document));
    let statistics = tee.statistics();
    assert!(statistics.bytes_produced <= 3 * 5000, "{statistics:?}");
    assert!(statistics.cached_bytes_peak <= 3 * 100, "{statistics:?}");
}

#[test]
fn one_cursor_serves_all_when_there_may_be_only_one() {
    let document = document(1000);
    let tee = Tee::builder()
        .window(100)
        .max_productions(NonZeroUsize::MIN)
        .lag_policy(LagPolicy::Replay)
        .build_replayable(replay(&document, 10));
    let (mut first, mut stalled) = (tee.branch(), tee.branch());
    let mut read = Vec::new();
    assert!(read_on(&mut first, &mut read));
    assert_eq!(read, document);
    let mut second = tee.branch();
    assert_eq!(next(&mut second), &document[..10]);
    assert_eq!(read_to_end(&mut stalled), document);
    assert_eq!(read_to_end(&mut second), &document[10..]);
    assert!(tee.statistics().productions_open <= 1);
}
