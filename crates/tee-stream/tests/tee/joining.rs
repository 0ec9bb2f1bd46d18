use std::{io, task::Poll};

use futures_util::{StreamExt, stream};
use tee_stream::{LagPolicy, Tee, TeeError};

use crate::support::{
    chunks, document, first_then, next, next_error, poll, read_on, read_to_end, replay,
};

#[test]
fn a_branch_may_join_while_the_window_holds_the_beginning() {
    let document = document(100);
    let tee = Tee::builder()
        .window(40)
        .lag_policy(LagPolicy::Wait)
        .build(chunks(&document, 0, 10));
    let mut first = tee.branch();
    let mut read = Vec::new();
    (0..4).for_each(|_| read.extend_from_slice(&next(&mut first)));
    let mut late = tee.branch();
    assert_eq!(next(&mut late), &document[..10]);
    assert!(!read_on(&mut first, &mut read));
    assert_eq!(read.len(), 50);
}

#[test]
fn after_that_it_is_refused_at_once_without_a_replay() {
    let document = document(100);
    let tee = Tee::builder().window(40).build(chunks(&document, 0, 10));
    let mut first = tee.branch();
    (0..5).for_each(|_| drop(next(&mut first)));
    let mut late = tee.branch();
    assert!(matches!(
        next_error(&mut late),
        TeeError::Unavailable { offset: 0 }
    ));
    assert!(matches!(poll(&mut late), Poll::Ready(None)));
}

#[test]
fn with_a_replay_it_gets_everything_also_after_the_end() {
    let document = document(100);
    let tee = Tee::builder()
        .window(40)
        .build_replayable(replay(&document, 10));
    for productions in 1..5 {
        assert_eq!(read_to_end(&mut tee.branch()), document);
        // The last 30 bytes are still there when the production gets there, so it ends.
        assert_eq!(
            tee.statistics().bytes_produced,
            100 + 70 * (productions - 1)
        );
        assert_eq!(tee.statistics().productions_open, 0);
    }
}

#[test]
fn a_document_that_fits_is_served_from_its_window_for_ever() {
    let document = document(100);
    let tee = Tee::new(chunks(&document, 0, 10));
    for _ in 0..3 {
        assert_eq!(read_to_end(&mut tee.branch()), document);
    }
    assert_eq!(tee.statistics().bytes_produced, 100);
}

#[test]
fn an_empty_document_is_a_document() {
    let document = document(0);
    let tee = Tee::builder().build_replayable(replay(&document, 10));
    assert_eq!(read_to_end(&mut tee.branch()), document);
    assert_eq!(read_to_end(&mut tee.branch()), document);
    assert_eq!(tee.statistics().document_length, Some(0));
}

#[test]
fn a_window_without_a_limit_serves_what_follows_a_failure() {
    let document = document(100);
    let failing = chunks(&document.slice(..50), 0, 10)
        .chain(stream::iter([Err(io::Error::other("as told"))]));
    let tee = Tee::builder()
        .window(usize::MAX)
        .build_replayable(first_then(failing, replay(&document, 10)));
    let mut first = tee.branch();
    (0..5).for_each(|_| drop(next(&mut first)));
    next_error(&mut first);
    assert_eq!(read_to_end(&mut tee.branch()), document);
}
