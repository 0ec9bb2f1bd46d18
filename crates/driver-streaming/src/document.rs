//! What is sent: bytes that can be produced again, identically.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};
use chunked_writer::{CountLength, JsonDocument, JsonSource, JsonStream};
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};
use measured_body::ProductionMeter;

use crate::digest::DocumentDigest;

/// One production of a document.
pub type DocumentStream = Pin<Box<dyn Stream<Item = Result<Bytes, DocumentError>> + Send>>;

/// Counts a document's length.
pub type LengthFuture = Pin<Box<dyn Future<Output = Result<u64, DocumentError>> + Send>>;

/// A byte sequence that can be produced again, identically, from any offset, in chunks of a fixed size.
///
/// Every chunk but the last has the same size, even if production starts at an offset within a chunk. A window holds at least
/// one chunk: 64 KiB is a good size.
///
/// A production that ends without an error is taken for whole, even an empty one, so a source that may end early must yield
/// an error. A panic of a production, or while the length is counted, fails the document. The other methods must not panic.
pub trait Document: Send + Sync {
    /// Produces the document from `offset` bytes on.
    fn stream_from(&self, offset: u64) -> DocumentStream;

    /// Counts the length in bytes, for solvers that require a `Content-Length`.
    fn length(&self) -> LengthFuture;

    /// Returns the digest of the document that this one was made from, if there is one and its digest is known.
    fn origin(&self) -> Option<DocumentDigest> {
        None
    }
}

/// A shared document.
#[deny(clippy::missing_trait_methods)]
impl<D: Document + ?Sized> Document for Arc<D> {
    fn stream_from(&self, offset: u64) -> DocumentStream {
        (**self).stream_from(offset)
    }

    fn length(&self) -> LengthFuture {
        (**self).length()
    }

    fn origin(&self) -> Option<DocumentDigest> {
        (**self).origin()
    }
}

impl<S> Document for JsonDocument<S>
where
    S: JsonSource + ?Sized + 'static,
    Self: Send + Sync,
    JsonStream<S>: Send,
    CountLength<S>: Send,
{
    fn stream_from(&self, offset: u64) -> DocumentStream {
        Box::pin(JsonDocument::stream_from(self, offset).map_err(DocumentError::new))
    }

    fn length(&self) -> LengthFuture {
        Box::pin(self.count_length().map_err(DocumentError::new))
    }
}

/// An error of any kind.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a document could not be produced to its end.
#[derive(Debug, thiserror::Error)]
#[error("the document could not be produced")]
pub struct DocumentError {
    source: BoxError,
}

impl DocumentError {
    /// Creates an error with its cause.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Produces `document` from `offset` on, measured by `meter`, with a panic as an error like any other.
///
/// Productions are polled by whoever needs the next chunk. Without this, a value that panics would take down the HTTP
/// client's connection, or the task that runs the pipeline.
pub(crate) fn produce(
    document: &dyn Document,
    offset: u64,
    meter: &ProductionMeter,
) -> impl Stream<Item = Result<Bytes, DocumentError>> + Unpin + Send + use<> {
    let stream = catch_unwind(AssertUnwindSafe(|| document.stream_from(offset)));
    let stream = stream.unwrap_or_else(|panic| Box::pin(stream::iter([Err(panicked(&*panic))])));
    let caught = AssertUnwindSafe(meter.measure(stream)).catch_unwind();
    caught.map(|item| item.unwrap_or_else(|panic| Err(panicked(&*panic))))
}

/// Counts the length of `document`, with a panic as an error like any other.
pub(crate) async fn count_length(document: &dyn Document) -> Result<u64, DocumentError> {
    let counted = AssertUnwindSafe(async { document.length().await }).catch_unwind();
    counted.await.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> DocumentError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let message = text.unwrap_or("without a message");
    DocumentError::new(format!("it panicked: {message}"))
}

/// How much one poll discards before it lets others run.
const BYTES_IN_ONE_POLL: usize = 64 * 1024;

/// Skips the first `bytes` of a production, for documents that cannot start in the middle.
///
/// A production with fewer bytes fails: its reader has been sent more already.
pub fn skip_bytes<S>(
    production: S,
    bytes: u64,
) -> impl Stream<Item = Result<Bytes, DocumentError>> + Unpin + use<S>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Unpin,
{
    let (mut production, mut left) = (production, bytes);
    stream::poll_fn(move |context| {
        let mut skipped_now = 0;
        while skipped_now < BYTES_IN_ONE_POLL {
            let mut piece = match ready!(Pin::new(&mut production).poll_next(context)) {
                Some(Ok(piece)) => piece,
                None if left > 0 => {
                    let missing = std::mem::take(&mut left);
                    return Poll::Ready(Some(Err(DocumentError::new(format!(
                        "it ended {missing} bytes before the offset that an earlier production had reached"
                    )))));
                }
                ended => return Poll::Ready(ended),
            };
            let skipped = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            piece.advance(skipped);
            left -= skipped as u64;
            skipped_now += skipped;
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain;

    fn after(bytes: u64) -> Vec<Result<Bytes, DocumentError>> {
        let pieces = ["ab", "", "cde", "f"].map(|piece| Ok(Bytes::from(piece)));
        skip_bytes(stream::iter(pieces), bytes)
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

    #[test]
    fn one_poll_skips_at_most_64_kib() {
        let polls = std::cell::Cell::new(0);
        let pieces = stream::repeat_with(|| {
            polls.set(polls.get() + 1);
            Ok(Bytes::from_static(&[0; 1024]))
        });
        let mut rest = skip_bytes(pieces, 100 * 1024);
        assert!(rest.next().now_or_never().is_none());
        assert_eq!(polls.get(), 64);
        assert!(rest.next().now_or_never().is_some());
        assert_eq!(polls.get(), 101);
    }

    struct Panicking {
        at_once: bool,
    }

    impl Document for Panicking {
        fn stream_from(&self, _offset: u64) -> DocumentStream {
            assert!(!self.at_once, "at once");
            let mut polls = 0;
            Box::pin(stream::poll_fn(move |_| {
                polls += 1;
                assert!(polls == 1, "at poll {polls}");
                Poll::Ready(Some(Ok(Bytes::from_static(b"x"))))
            }))
        }

        fn length(&self) -> LengthFuture {
            panic!("in its length")
        }
    }

    fn items(at_once: bool) -> Vec<String> {
        let document = Panicking { at_once };
        let mut production = produce(&document, 0, &ProductionMeter::new());
        std::iter::from_fn(|| production.next().now_or_never().unwrap())
            .map(|item| match item {
                Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
                Err(error) => error_chain(&error),
            })
            .collect()
    }

    #[test]
    fn a_panic_is_the_last_item() {
        let what = "the document could not be produced: it panicked: ";
        assert_eq!(items(true), [format!("{what}at once")]);
        assert_eq!(items(false), ["x".to_owned(), format!("{what}at poll 2")]);
    }

    #[test]
    fn a_panic_in_the_length_is_an_error() {
        let length = count_length(&Panicking { at_once: false }).now_or_never();
        let error = error_chain(&length.unwrap().unwrap_err());
        assert!(error.ends_with("it panicked: in its length"), "{error}");
    }
}
