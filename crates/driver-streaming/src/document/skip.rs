use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;

use super::DocumentError;

/// How much one poll throws away before it lets others run.
const BYTES_IN_ONE_POLL: usize = 64 * 1024;

/// A production that is made again differs from the one before.
#[derive(Debug, thiserror::Error)]
#[error("it ended {missing} bytes before where an earlier production had got to")]
struct Shorter {
    missing: u64,
}

/// Throws away the first bytes of a production. One that has fewer fails: its reader has been sent more already.
pub struct Skip<S> {
    inner: S,
    left: u64,
}

impl<S> Skip<S> {
    pub fn new(inner: S, bytes: u64) -> Self {
        Self { inner, left: bytes }
    }
}

impl<S> Stream for Skip<S>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Unpin,
{
    type Item = Result<Bytes, DocumentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut skipped_now = 0;
        loop {
            if skipped_now >= BYTES_IN_ONE_POLL {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let polled = ready!(Pin::new(&mut this.inner).poll_next(context));
            let mut piece = match polled {
                Some(Ok(piece)) => piece,
                None if this.left > 0 => {
                    let missing = std::mem::take(&mut this.left);
                    return Poll::Ready(Some(Err(DocumentError::new(Shorter { missing }))));
                }
                ended => return Poll::Ready(ended),
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
    use crate::error_chain;

    fn after(bytes: u64) -> Vec<Result<Bytes, DocumentError>> {
        let pieces = ["ab", "", "cde", "f"].map(|piece| Ok(Bytes::from(piece)));
        Skip::new(stream::iter(pieces), bytes)
            .collect()
            .now_or_never()
            .unwrap()
    }

    #[test]
    fn yields_exactly_the_rest() {
        for bytes in 0..=6 {
            let rest: Vec<_> = after(bytes).into_iter().map(Result::unwrap).collect();
            assert_eq!(rest.concat(), "abcdef".as_bytes()[bytes as usize..]);
        }
    }

    #[test]
    fn one_that_is_shorter_fails() {
        let items = after(8);
        let [Err(error)] = &items[..] else {
            panic!("{items:?}");
        };
        let error = error_chain(error);
        assert!(error.contains("2 bytes before"), "{error}");
    }
}
