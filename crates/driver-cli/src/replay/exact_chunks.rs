use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;

/// Cuts a stream of pieces of any size into chunks of one size; only the last is shorter.
pub(super) struct ExactChunks<S> {
    inner: S,
    size: usize,
    piece: Bytes,
    chunk: BytesMut,
    ended: bool,
}

impl<S> ExactChunks<S> {
    pub(super) fn new(inner: S, size: NonZeroUsize) -> Self {
        Self {
            inner,
            size: size.get(),
            piece: Bytes::new(),
            chunk: BytesMut::new(),
            ended: false,
        }
    }
}

impl<S, E> Stream for ExactChunks<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if !this.piece.is_empty() {
                if this.chunk.capacity() == 0 {
                    this.chunk.reserve(this.size);
                }
                let taken = this.piece.len().min(this.size - this.chunk.len());
                this.chunk.extend_from_slice(&this.piece[..taken]);
                this.piece.advance(taken);
                if this.chunk.len() == this.size {
                    let chunk = std::mem::take(&mut this.chunk);
                    return Poll::Ready(Some(Ok(chunk.freeze())));
                }
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.inner).poll_next(context)) {
                Some(Ok(piece)) => this.piece = piece,
                Some(Err(error)) => {
                    this.ended = true;
                    // Bytes before an error are as good as any, but short of a chunk they may not be taken for the end.
                    this.chunk = BytesMut::new();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    if !this.chunk.is_empty() {
                        // A copy, so that a short last chunk does not hold the memory of a full one.
                        let last = Bytes::copy_from_slice(&this.chunk);
                        this.chunk = BytesMut::new();
                        return Poll::Ready(Some(Ok(last)));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_chunk_but_the_last_is_full(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            size in 1usize..30,
        ) {
            let whole: Vec<u8> = pieces.concat();
            let source = stream::iter(pieces.into_iter().map(|piece| Ok::<_, ()>(Bytes::from(piece))));
            let chunks = ExactChunks::new(source, NonZeroUsize::new(size).unwrap());
            let chunks: Vec<Bytes> = futures_util::FutureExt::now_or_never(chunks.map(Result::unwrap).collect()).unwrap();
            if let Some((last, before)) = chunks.split_last() {
                prop_assert!(before.iter().all(|chunk| chunk.len() == size));
                prop_assert!(!last.is_empty() && last.len() <= size);
            }
            prop_assert_eq!(chunks.concat(), whole);
        }
    }
}
