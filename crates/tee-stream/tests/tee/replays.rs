use futures_util::StreamExt;
use tee_stream::{BranchOptions, LagPolicy, Tee, TeeError};

use crate::support::{
    Script, chunks, document, first_then, next, next_error, poll, read_on, read_to_end, replay,
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
            .build_replayable(first_then(
                chunks(&document, 0, 10),
                replay(&document, size),
            ));
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        let mut read = next(&mut slow).to_vec();
        assert_eq!(read_to_end(&mut first), document);
        assert!(read_on(&mut slow, &mut read));
        assert_eq!(read, document);
    }
}

#[test]
fn a_production_of_another_length_than_declared_is_an_error() {
    let original = document(100);
    for (declared, offset) in [(99, 99), (101, 100)] {
        let tee = Tee::builder()
            .window(40)
            .length(declared)
            .build_replayable(replay(&original, 10));
        let mut branch = tee.branch();
        let error = loop {
            match poll(&mut branch) {
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
        .build_replayable(first_then(chunks(&document, 0, 10), move |_| {
            script.stream().boxed()
        }));
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
