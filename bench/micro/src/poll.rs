use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

/// The next item of a stream that waits for nothing outside of this process: polls until it is there, without a runtime.
pub(crate) fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(item) = Pin::new(&mut *stream).poll_next(&mut context) {
            return item;
        }
    }
}
