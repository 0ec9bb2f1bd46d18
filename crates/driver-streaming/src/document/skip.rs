use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;

/// How much one poll throws away before it lets others run.
const BYTES_IN_ONE_POLL: usize = 64 * 1024;

/// Throws away the first bytes of a stream.
pub(crate) struct Skip<S> {
    inner: S,
    left: u64,
}

impl<S> Skip<S> {
    pub(crate) fn new(inner: S, bytes: u64) -> Self {
        Self { inner, left: bytes }
    }
}

impl<S, E> Stream for Skip<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut skipped_now = 0;
        loop {
            if skipped_now >= BYTES_IN_ONE_POLL {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let polled = ready!(Pin::new(&mut this.inner).poll_next(context));
            let Some(Ok(mut piece)) = polled else {
                return Poll::Ready(polled);
            };
            let skipped = usize::try_from(this.left)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            piece.advance(skipped);
            this.left -= skipped as u64;
            skipped_now += skipped;
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    #[test]
    fn yields_exactly_the_rest() {
        for bytes in 0..8 {
            let pieces = ["ab", "", "cde", "f"].map(|piece| Ok::<_, ()>(Bytes::from(piece)));
            let rest: Vec<_> = Skip::new(stream::iter(pieces), bytes)
                .map(Result::unwrap)
                .collect()
                .now_or_never()
                .unwrap();
            assert_eq!(rest.concat(), "abcdef".as_bytes()[6.min(bytes as usize)..]);
        }
    }
}
