use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{FutureExt, TryStreamExt, future, stream};
use measured_body::{MeteredProduction, ProductionMeter};
use tee_stream::{BranchOptions, Tee, TokioTimer};
use tokio::sync::OnceCell;

use crate::digest::SharedDigest;
use crate::document::{Document, DocumentError, DocumentStream, skip_bytes};
use crate::encoding::{Codec, encode};

/// How many productions of one document may be under way at once, each with a chunk beyond the window.
pub(crate) const PRODUCTIONS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// A tee of the document that `produce` yields from an offset on.
fn tee<S>(
    window_bytes: usize,
    produce: impl Fn(u64) -> S + Send + Sync + 'static,
) -> Tee<DocumentError>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Send + 'static,
{
    Tee::builder()
        .window(window_bytes)
        .max_productions(PRODUCTIONS_AT_ONCE)
        .timer(TokioTimer::new())
        .build_replayable(produce)
}

/// One document of a run, with the tee that all its readers are branches of.
pub(crate) struct SharedDocument {
    pub(crate) document: Arc<dyn Document>,
    pub(crate) tee: Tee<DocumentError>,
    /// If documents are digested.
    pub(crate) digest: Option<SharedDigest>,
    length: OnceCell<u64>,
    /// What earlier runs had produced of the same document.
    produced_before: u64,
}

impl SharedDocument {
    pub(crate) fn new(
        document: Arc<dyn Document>,
        meter: &ProductionMeter,
        window_bytes: usize,
        digest: bool,
    ) -> Self {
        let produced_before = document.bytes_produced();
        let digest = SharedDigest::if_enabled(digest);
        let tee = {
            let (document, meter, digest) = (Arc::clone(&document), meter.clone(), digest.clone());
            tee(window_bytes, move |offset| Production {
                digest: digest.clone(),
                ..Production::new(&*document, offset, &meter)
            })
        };
        Self {
            document,
            tee,
            digest,
            length: OnceCell::new(),
            produced_before,
        }
    }

    /// The length, counted once for all who ask.
    pub(crate) async fn length(&self) -> Result<u64, DocumentError> {
        let count = || count_length(&*self.document);
        self.length.get_or_try_init(count).await.copied()
    }

    /// The length, if a production has come to the end.
    pub(crate) fn known_length(&self) -> Option<u64> {
        self.tee.statistics().document_length
    }

    /// How many bytes this run has produced.
    pub(crate) fn bytes_produced(&self) -> u64 {
        self.document
            .bytes_produced()
            .saturating_sub(self.produced_before)
    }
}

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(crate) struct EncodedDocument {
    pub(crate) tee: Tee<DocumentError>,
    compressed: Arc<AtomicU64>,
}

impl EncodedDocument {
    /// `shared` with `tail` appended, as `codec` compresses it.
    pub(crate) fn new(
        shared: &SharedDocument,
        tail: Bytes,
        codec: Codec,
        window_bytes: usize,
    ) -> Self {
        let raw = shared.tee.clone();
        let compressed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&compressed);
        let tee = tee(window_bytes, move |offset| {
            let options = BranchOptions::new()
                .name(codec.to_string())
                .tail(tail.clone());
            let count = Arc::clone(&count);
            let encoded = encode(raw.branch_with(options), codec).inspect_ok(move |chunk| {
                count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            });
            // The same bytes give the same compressed bytes.
            skip_bytes(encoded, offset)
        });
        Self { tee, compressed }
    }

    /// How many bytes compressions have yielded, those included that were thrown away since a reader had them already.
    pub(crate) fn bytes_compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }
}

/// One production of a document: metered, digested if documents are, and with a panic as an error like any other.
///
/// Productions are polled by whoever needs the next chunk: without this, a value that panics would take down the HTTP
/// client's connection, or whoever runs the pipeline.
struct Production {
    stream: MeteredProduction<DocumentStream>,
    digest: Option<SharedDigest>,
    offset: u64,
    panicked: bool,
}

impl Production {
    /// A production of `document` from `offset` on.
    fn new(document: &dyn Document, offset: u64, meter: &ProductionMeter) -> Self {
        let stream = catch_unwind(AssertUnwindSafe(|| document.stream_from(offset)));
        let stream = stream.unwrap_or_else(|panic| {
            let error = Err::<Bytes, _>(panicked(&*panic));
            Box::pin(stream::once(future::ready(error)))
        });
        Self {
            stream: meter.measure(stream),
            digest: None,
            offset,
            panicked: false,
        }
    }
}

impl Stream for Production {
    type Item = Result<Bytes, DocumentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.panicked {
            return Poll::Ready(None);
        }
        let stream = Pin::new(&mut this.stream);
        let polled = catch_unwind(AssertUnwindSafe(|| stream.poll_next(context)));
        let polled = polled.unwrap_or_else(|panic| {
            this.panicked = true;
            Poll::Ready(Some(Err(panicked(&*panic))))
        });
        if let Some(digest) = &this.digest {
            digest.polled(&mut this.offset, &polled);
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

/// Finds out a document's length, with a panic as an error like any other.
pub(crate) async fn count_length(document: &dyn Document) -> Result<u64, DocumentError> {
    let counted = async { document.length().await };
    match AssertUnwindSafe(counted).catch_unwind().await {
        Ok(length) => length,
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// What a panic said.
fn panicked(panic: &(dyn Any + Send)) -> DocumentError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let message = text.unwrap_or("without a message");
    DocumentError::new(format!("it panicked: {message}"))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::document::LengthFuture;
    use crate::error_chain;

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

        fn bytes_produced(&self) -> u64 {
            0
        }

        fn length(&self) -> LengthFuture {
            panic!("in its length")
        }
    }

    fn items(at_once: bool) -> Vec<String> {
        let document = Panicking { at_once };
        let mut production = Production::new(&document, 0, &ProductionMeter::new());
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
