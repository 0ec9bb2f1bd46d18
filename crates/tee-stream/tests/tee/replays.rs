use tee_stream::{BranchOptions, LagPolicy, Tee, TeeError};

use crate::support::{
    Script, chunks, document, next, next_error, poll, read_on, read_to_end, replay,
};

#[test]
fn a_branch_that_fails_names_its_offset() {
    let document = document(100);
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Fail)
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert_eq!(next(&mut slow), &document[..10]);
    assert_eq!(read_to_end(&mut first), document);
    assert!(matches!(
        next_error(&mut slow),
        TeeError::Lagged {
            offset: 10,
            front: 50
        }
    ));
    assert!(matches!(poll(&mut slow), std::task::Poll::Ready(None)));
}

#[test]
fn a_branch_without_a_replay_fails_where_it_would_replay() {
    let document = document(100);
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Replay)
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert_eq!(read_to_end(&mut first), document);
    assert!(matches!(
        next_error(&mut slow),
        TeeError::Lagged { offset: 0, .. }
    ));
}

#[test]
fn replays_may_cut_their_chunks_elsewhere() {
    let document = document(1000);
    for size in [1, 3, 10, 64, 1000] {
        let tee = Tee::builder()
            .window(40)
            .lag_policy(LagPolicy::Replay)
            .replay(replay(&document, size))
            .build(chunks(&document, 0, 10));
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        let mut read = next(&mut slow).to_vec();
        assert_eq!(read_to_end(&mut first), document);
        assert!(read_on(&mut slow, &mut read));
        assert_eq!(read, document);
    }
}

#[test]
fn a_replay_that_yields_something_else_is_an_error_of_its_branches() {
    let original = document(300_000);
    let mut changed = original.to_vec();
    changed[150_000] ^= 1;
    let changed = bytes::Bytes::from(changed);
    let tee = Tee::builder()
        .window(100_000)
        .lag_policy(LagPolicy::Replay)
        .replay(replay(&changed, 65_536))
        .build(chunks(&original, 0, 65_536));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert_eq!(read_to_end(&mut first), original);
    assert_eq!(next(&mut slow), &original[..65_536]);
    assert_eq!(next(&mut slow), &original[65_536..131_072]);
    assert!(matches!(
        next_error(&mut slow),
        TeeError::Diverged { offset: 131_072 }
    ));
}

#[test]
fn a_wrong_replay_is_found_wherever_it_begins_and_however_short_the_document_is() {
    for length in [100, 60_000, 100_000, 200_000] {
        let original = document(length);
        let wrong = bytes::Bytes::from(vec![0; length]);
        let tee = Tee::builder()
            .window(length / 20)
            .lag_policy(LagPolicy::Replay)
            .replay(replay(&wrong, length / 100))
            .build(chunks(&original, 0, length / 100));
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        next(&mut slow);
        assert_eq!(read_to_end(&mut first), original);
        let error = loop {
            match crate::support::poll_on(&mut slow) {
                std::task::Poll::Ready(Some(Ok(_))) => {}
                std::task::Poll::Ready(Some(Err(error))) => break error,
                other => panic!("{length}: {other:?}"),
            }
        };
        assert!(
            matches!(error, TeeError::Diverged { offset: 0 }),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_replay_that_ends_before_what_is_needed_differs() {
    let original = document(100);
    let short = original.slice(..10);
    let tee = Tee::builder()
        .window(10)
        .lag_policy(LagPolicy::Replay)
        .replay(replay(&short, 5))
        .build(chunks(&original, 0, 20));
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    next(&mut slow);
    for _ in 0..3 {
        next(&mut first);
    }
    assert!(matches!(
        next_error(&mut slow),
        TeeError::Diverged { offset: 10 }
    ));
}

#[test]
fn a_replay_whose_end_differs_is_an_error() {
    let original = document(100);
    let mut changed = original.to_vec();
    changed[99] ^= 1;
    for (other, offset) in [
        (changed.clone(), 0),
        (changed[..99].to_vec(), 99),
        ([&original[..], b"x"].concat(), 100),
    ] {
        let other = bytes::Bytes::from(other);
        let tee = Tee::builder()
            .window(40)
            .maximum_cursors(std::num::NonZeroUsize::MIN)
            .lag_policy(LagPolicy::Replay)
            .replay(replay(&other, 10))
            .build(chunks(&original, 0, 10));
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        assert_eq!(read_to_end(&mut first), original);
        let error = loop {
            match poll(&mut slow) {
                std::task::Poll::Ready(Some(Ok(_))) => {}
                std::task::Poll::Ready(Some(Err(error))) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert!(
            matches!(error, TeeError::Diverged { offset: found } if found == offset),
            "{error:?}"
        );
    }
}

#[test]
fn an_error_of_a_replay_reaches_its_own_branches_only() {
    let document = document(100);
    let script = Script::default();
    script.push(Err(std::io::Error::other("no")));
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Replay)
        .replay(move |_| script.stream())
        .build(chunks(&document, 0, 10));
    let (mut first, mut slow) = (
        tee.branch(),
        tee.branch_with(BranchOptions::new().name("slow")),
    );
    let mut read = Vec::new();
    for _ in 0..6 {
        read.extend_from_slice(&next(&mut first));
    }
    let TeeError::Source(cause) = next_error(&mut slow) else {
        panic!("expected the replay's error")
    };
    assert_eq!(cause.to_string(), "no");
    assert!(read_on(&mut first, &mut read));
    assert_eq!(read, document);
}
