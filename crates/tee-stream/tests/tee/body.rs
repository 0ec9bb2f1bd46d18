use std::task::{Context, Poll, Waker};

use http_body::Body as _;
use static_assertions::assert_impl_all;
use tee_stream::{Branch, BranchOptions, Tee};

use crate::support::{chunks, document};

// What `reqwest::Body::wrap` asks for.
assert_impl_all!(Branch<std::io::Error>: http_body::Body<Data = bytes::Bytes>, Send, Sync);

fn frame(branch: &mut Branch<std::io::Error>) -> Option<bytes::Bytes> {
    let polled = std::pin::Pin::new(branch).poll_frame(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(frame) = polled else {
        panic!("pending")
    };
    frame.map(|frame| frame.unwrap().into_data().unwrap())
}

#[test]
fn the_size_is_exact_once_it_is_known() {
    let document = document(25);
    let tee = Tee::builder()
        .chunk_size(10.try_into().unwrap())
        .build(chunks(&document, 0, 10));
    let (mut first, mut second) = (
        tee.branch(),
        tee.branch_with(BranchOptions::new().tail("tail")),
    );
    assert_eq!(first.size_hint().exact(), None);
    while frame(&mut first).is_some() {}
    assert!(first.is_end_stream());
    assert_eq!(first.size_hint().exact(), Some(0));
    assert_eq!(second.size_hint().exact(), Some(29));
    frame(&mut second);
    assert_eq!(second.size_hint().exact(), Some(19));
    assert!(!second.is_end_stream());
    frame(&mut second);
    frame(&mut second);
    assert!(second.is_end_stream());
    assert_eq!(frame(&mut second), None);
}

#[test]
fn a_declared_length_is_exact_from_the_start() {
    let document = document(25);
    let tee = Tee::builder().length(25).build(chunks(&document, 0, 10));
    let mut branch = tee.branch();
    assert_eq!(branch.size_hint().exact(), Some(25));
    for _ in 0..3 {
        assert!(!branch.is_end_stream());
        frame(&mut branch);
    }
    assert!(branch.is_end_stream());
}
