//! Productions that are compared with earlier ones.
#![cfg(feature = "verify")]

use std::{
    convert::Infallible,
    error::Error,
    io,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use tee_stream::{Branch, LagPolicy, Tee, TeeError, VerifyError, verified};

type Verified = Branch<VerifyError<Infallible>>;

/// Bytes of which no two neighbourhoods look alike.
fn document(length: usize) -> Bytes {
    (0..length as u64)
        .map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}

/// The document, and something else each time after the first, in chunks of `size`.
fn changing(
    first: &Bytes,
    later: &Bytes,
    size: usize,
) -> impl Fn(u64) -> Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send + Unpin> + use<> {
    let (first, later, begun) = (first.clone(), later.clone(), AtomicBool::new(false));
    move |offset| {
        let document = if begun.swap(true, Ordering::SeqCst) {
            later.clone()
        } else {
            first.clone()
        };
        let ends = (offset as usize..document.len()).step_by(size);
        Box::new(stream::iter(ends.map(move |from| {
            Ok(document.slice(from..(from + size).min(document.len())))
        })))
    }
}

fn tee(first: &Bytes, later: &Bytes, window: usize, size: usize) -> Tee<VerifyError<Infallible>> {
    Tee::builder()
        .window(window)
        .lag_policy(LagPolicy::Replay)
        .build_replayable(verified(changing(first, later, size)))
}

/// Reads to the end, or until it fails.
fn read(branch: &mut Verified) -> (Vec<u8>, Option<TeeError<VerifyError<Infallible>>>) {
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        match branch.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            Poll::Ready(Some(Err(error))) => return (bytes, Some(error)),
            Poll::Ready(None) => return (bytes, None),
            Poll::Pending => {}
        }
    }
    panic!("it neither ends nor fails");
}

#[test]
fn the_same_again_is_read_from_wherever_a_reader_stopped() {
    let document = document(300_000);
    for size in [10_000, 65_536, 100_000] {
        let tee = tee(&document, &document, 100_000, size);
        let (mut first, mut slow) = (tee.branch(), tee.branch());
        let mut read_before = Vec::new();
        while read_before.is_empty() {
            if let Poll::Ready(Some(Ok(chunk))) =
                slow.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
            {
                read_before.extend_from_slice(&chunk);
            }
        }
        assert_eq!(read(&mut first).0, document);
        read_before.extend(read(&mut slow).0);
        assert_eq!(read_before, document);
    }
}

#[test]
fn a_replay_that_yields_something_else_is_an_error_of_its_branches() {
    let original = document(300_000);
    let mut changed = original.to_vec();
    changed[150_000] ^= 1;
    let tee = tee(&original, &changed.into(), 100_000, 65_536);
    let (mut first, mut slow) = (tee.branch(), tee.branch());
    assert_eq!(read(&mut first).0, original);
    let (bytes, error) = read(&mut slow);
    assert_eq!(bytes, original[..131_072]);
    assert!(matches!(error, Some(TeeError::Source(_))));
}

#[test]
fn a_wrong_replay_is_found_wherever_it_begins_and_however_short_the_document_is() {
    for length in [100, 60_000, 100_000, 200_000] {
        let original = document(length);
        let wrong = Bytes::from(vec![0; length]);
        let produce = verified(changing(&original, &wrong, length / 100));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = produce(0);
        while let Poll::Ready(Some(item)) = first.poll_next_unpin(&mut context) {
            item.unwrap();
        }
        for offset in [0, length as u64 / 100, length as u64 / 2] {
            let mut later = produce(offset);
            let error = loop {
                match later.poll_next_unpin(&mut context) {
                    Poll::Ready(Some(Err(error))) => break error,
                    Poll::Ready(None) => panic!("{length}: it ends"),
                    _ => {}
                }
            };
            let VerifyError::Differs { offset: found } = error else {
                panic!("{error}");
            };
            assert!(found <= offset, "{found}");
        }
    }
}

#[test]
fn a_replay_whose_end_differs_or_that_ends_too_early_is_an_error() {
    let original = document(100);
    let mut changed = original.to_vec();
    changed[99] ^= 1;
    let produce = verified(changing(&original, &changed.into(), 10));
    let mut first = produce(0);
    while let Poll::Ready(Some(item)) =
        first.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
    {
        item.unwrap();
    }
    let error = |offset| {
        let mut later = produce(offset);
        loop {
            match later.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return error,
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(matches!(error(40), VerifyError::Differs { offset: 0 }));
    assert!(matches!(error(101), VerifyError::Differs { offset: 100 }));
}

#[test]
fn a_replay_yields_what_comes_after_its_offset() {
    let document = document(100_000);
    let produce = verified(changing(&document, &document, 10_000));
    for offset in [0, 1, 70_500, 99_999, 100_000] {
        let rest = produce(offset).map(|chunk| chunk.unwrap());
        let rest: Vec<_> = rest.collect().now_or_never().unwrap();
        assert!(rest.iter().all(|chunk| !chunk.is_empty()));
        assert_eq!(rest.concat(), document[offset as usize..]);
    }
}

#[test]
fn an_error_of_the_source_is_the_cause() {
    let broken = verified(|_| stream::iter([Err::<Bytes, _>(io::Error::other("broken"))]));
    let error = broken(0)
        .next()
        .now_or_never()
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "broken");
}
