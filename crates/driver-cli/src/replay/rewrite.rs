use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::member_rewriter::MemberRewriter;
use driver_streaming::DocumentError;

/// A stream whose bytes go through a [`MemberRewriter`].
pub(super) struct Rewrite<S> {
    inner: S,
    rewriter: MemberRewriter,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl<S> Rewrite<S> {
    pub(super) fn new(inner: S, rewriter: MemberRewriter) -> Self {
        Self {
            inner,
            rewriter,
            ready: VecDeque::new(),
            ended: false,
        }
    }
}

impl<S> Stream for Rewrite<S>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Unpin,
{
    type Item = Result<Bytes, DocumentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(piece) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let rewritten = match ready!(Pin::new(&mut this.inner).poll_next(context)) {
                Some(Ok(piece)) => this.rewriter.push(&piece, &mut this.ready),
                Some(Err(error)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    this.rewriter.finish()
                }
            };
            if let Err(error) = rewritten {
                this.ended = true;
                this.ready.clear();
                return Poll::Ready(Some(Err(DocumentError::new(error))));
            }
        }
    }
}
