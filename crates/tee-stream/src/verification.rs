use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    hash::Hasher as _,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use twox_hash::XxHash64;

/// The bytes that one hash covers, up to [`BLOCKS`] of them.
const BLOCK: u64 = 64 * 1024;

/// The most hashes that are kept of the first 256 MiB, and of each doubling beyond.
const BLOCKS: u64 = 4096;

/// How many chunks one poll discards before it lets others run.
const DISCARDED_CHUNKS: usize = 32;

/// Compares each production of a document with the earlier ones.
///
/// Use it for a source that may not yield the same bytes again, and pass the result to
/// [`Tee::replayable`](crate::Tee::replayable).
///
/// It hashes productions in blocks (XXH64, 64 KiB each; the size doubles with each doubling of the document beyond 256 MiB). A
/// block that differs from an earlier production ends this one with [`VerifyError::Differs`]. It calls `produce` with the start
/// of a block, and compares and discards what comes before the requested offset. The hashes take about 100 KiB for 256 MiB,
/// and as much again for each doubling.
///
/// Chunks are yielded before their block is complete, so a reader has seen wrong bytes when it gets the error. A block that
/// only one production completed is not compared. Hashes detect accidents, not attacks.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{StreamExt, stream};
/// use tee_stream::{Tee, verified};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() {
///     let document = Bytes::from_static(b"any number of times the same");
///     let tee = Tee::replayable(verified(move |offset| {
///         stream::iter([Ok::<_, std::io::Error>(document.slice(offset as usize..))])
///     }));
///     assert_eq!(tee.branch().next().await.unwrap().unwrap().len(), 28);
/// }
/// ```
pub fn verified<S, E>(
    produce: impl Fn(u64) -> S + Send + Sync + 'static,
) -> impl Fn(u64) -> Verified<S> + Send + Sync + 'static
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let known = Known::default();
    move |offset| {
        let start = offset - offset % block_length(offset);
        Verified {
            stream: Some(Box::pin(produce(start))),
            known: Arc::clone(&known),
            hasher: XxHash64::with_seed(0),
            start,
            position: start,
            needed_from: offset,
        }
    }
}

/// The hash of each block that some production ran through, by its start.
type Known = Arc<Mutex<BTreeMap<u64, u64>>>;

/// The length of the block that `offset` is in. It depends on nothing else, so that each production hashes the same blocks.
fn block_length(offset: u64) -> u64 {
    let octave = offset.checked_ilog2().map_or(0, |log| 1 << log);
    (octave / BLOCKS).max(BLOCK)
}

/// A production that is compared with earlier ones. Created by [`verified`].
pub struct Verified<S> {
    /// `None` after an error.
    stream: Option<Pin<Box<S>>>,
    known: Known,
    hasher: XxHash64,
    /// Where the block starts that is being hashed.
    start: u64,
    position: u64,
    /// The bytes before this offset are only compared.
    needed_from: u64,
}

/// Why a [`verified`] production failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyError<E> {
    /// The source failed.
    Source(E),
    /// It yielded different bytes than an earlier production.
    Differs {
        /// The start of the block in which they differ, or where this one ended too early.
        offset: u64,
    },
}

impl<E> fmt::Display for VerifyError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(_) => formatter.write_str("the source failed"),
            Self::Differs { offset } => {
                write!(formatter, "the document changed at or after byte {offset}")
            }
        }
    }
}

impl<E: Error + 'static> Error for VerifyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Differs { .. } => None,
        }
    }
}

impl<S> Verified<S> {
    /// Compares a chunk, and returns what is needed of it, or the start of a block that differs.
    fn compare(&mut self, mut chunk: Bytes) -> Result<Bytes, u64> {
        let discarded = self.needed_from.saturating_sub(self.position);
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let missing = self.start + block_length(self.start) - self.position;
            let (now, later) = rest.split_at(rest.len().min(missing as usize));
            self.hasher.write(now);
            self.position += now.len() as u64;
            rest = later;
            if now.len() as u64 == missing {
                self.compare_block()?;
            }
        }
        let _ = chunk.split_to(chunk.len().min(discarded as usize));
        Ok(chunk)
    }

    /// Compares the block that ends here, also one that is cut short, or empty, by the end of the document.
    fn compare_block(&mut self) -> Result<(), u64> {
        let hash = mem::replace(&mut self.hasher, XxHash64::with_seed(0)).finish();
        let start = mem::replace(&mut self.start, self.position);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *known.entry(start).or_insert(hash) == hash {
            Ok(())
        } else {
            Err(start)
        }
    }

    fn compare_end(&mut self) -> Result<(), u64> {
        if self.position < self.needed_from {
            return Err(self.position);
        }
        self.compare_block()
    }
}

impl<S, E> Stream for Verified<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    type Item = Result<Bytes, VerifyError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..DISCARDED_CHUNKS {
            let Some(stream) = &mut this.stream else {
                return Poll::Ready(None);
            };
            let compared = match ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => this.compare(chunk).map(Some),
                Some(Err(error)) => return Poll::Ready(Some(Err(VerifyError::Source(error)))),
                None => this.compare_end().map(|()| None),
            };
            match compared {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(chunk) => {
                    if chunk.is_none() {
                        this.stream = None;
                    }
                    return Poll::Ready(chunk.map(Ok));
                }
                Err(offset) => {
                    this.stream = None;
                    return Poll::Ready(Some(Err(VerifyError::Differs { offset })));
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S> fmt::Debug for Verified<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Verified")
            .field("offset", &self.position)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_the_same_for_each_production_and_get_longer_slowly() {
        const MIB: u64 = 1024 * 1024;
        assert_eq!(block_length(0), 65_536);
        let mut start = 0;
        let mut blocks = 0;
        while start < 4096 * MIB {
            let length = block_length(start);
            for inside in [start, start + 1, start + length - 1] {
                assert_eq!(inside - inside % block_length(inside), start);
            }
            (start, blocks) = (start + length, blocks + 1);
            match start / MIB {
                512 => assert_eq!(block_length(start), 2 * BLOCK),
                1024 => assert_eq!(block_length(start), 4 * BLOCK),
                _ => {}
            }
        }
        assert!(blocks <= BLOCKS * 5, "{blocks}");
    }
}
