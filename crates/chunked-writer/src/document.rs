//! A JSON document that can be produced again and again.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::Serialize;

use crate::count_length::CountLength;
use crate::error::JsonError;
use crate::fingerprint::Fingerprint;
use crate::history::{History, JsonStatistics};
use crate::production::Production;
use crate::stream::{JsonSource, JsonStream};
use crate::verifier::Verifier;
use crate::walker::Walker;

/// The default size of chunks, in bytes: 64 KiB.
///
/// It is large enough that finding the way back into the value costs nothing compared to the writing, and small enough to
/// stay in a processor's second-level cache.
pub const DEFAULT_CHUNK_SIZE: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// Returns the value as a stream of JSON in chunks of [`DEFAULT_CHUNK_SIZE`].
///
/// The stream yields `Result<Bytes, JsonError>`, and is an `http_body::Body` too with the feature `http-body`. Use a
/// [`JsonDocument`] for another chunk size, for a length in advance, or to produce the same value more than once. Its
/// [contract](JsonDocument#contract) holds here too.
///
/// ```
/// use futures_util::TryStreamExt;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let mut stream = chunked_writer::to_stream(vec!["some", "value"]);
/// while let Some(chunk) = stream.try_next().await? {
///     assert_eq!(chunk, r#"["some","value"]"#);
/// }
/// # Ok::<(), chunked_writer::JsonError>(())
/// # }).unwrap().unwrap();
/// ```
#[must_use]
pub fn to_stream<T: Serialize>(value: T) -> JsonStream<T> {
    JsonDocument::new(value).stream()
}

/// A JSON document that can be produced again and again: of a value, or of parts that are [made on the
/// way](JsonDocument::lazy). Each [`stream`](Self::stream) yields the bytes of `serde_json::to_vec`, in chunks.
///
/// Cloning is cheap and does not clone the value. Clones and streams share what has been learned: statistics, the length,
/// and the places from which the document can be [continued](Self::stream_from).
///
/// # Contract
///
/// `Serialize` is called on the value again for each chunk, and must give the same output each time. It must not read a
/// clock, draw random numbers, iterate in an order that changes, or use up an iterator that it holds. A change is
/// detected where possible, and is then an [error](JsonError::Changed): the crate's documentation lists what is compared.
///
/// # Memory
///
/// The value itself; for each stream at most two chunks, and the longest map key or `Display` output in it; for each
/// document about 80 KiB of checkpoints, whatever its length.
pub struct JsonDocument<S: JsonSource + ?Sized> {
    origin: S::Origin,
    chunk_size: NonZeroUsize,
    left_open: bool,
    history: Arc<History>,
}

impl<T: Serialize> JsonDocument<T> {
    /// Creates a document of a value, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::from_arc(Arc::new(value))
    }
}

impl<T: Serialize + ?Sized> JsonDocument<T> {
    /// Creates a document of a value that is shared already, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn from_arc(value: Arc<T>) -> Self {
        Self::from_origin(value)
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Arc<T> {
        &self.origin
    }
}

impl<S: JsonSource + ?Sized> JsonDocument<S> {
    pub(crate) fn from_origin(origin: S::Origin) -> Self {
        Self {
            origin,
            chunk_size: DEFAULT_CHUNK_SIZE,
            left_open: false,
            history: Arc::default(),
        }
    }

    /// Sets the exact size of every chunk except the last, in bytes.
    ///
    /// A chunk is one allocation of this size (above 1 MiB, the allocation grows as it is filled). Each chunk costs one
    /// walk back into the value, so chunks of a few bytes are for tests only.
    #[must_use]
    pub fn with_chunk_size(self, bytes: NonZeroUsize) -> Self {
        Self {
            chunk_size: bytes,
            ..self
        }
    }

    /// The size of every chunk except the last, in bytes.
    #[must_use]
    pub fn chunk_size(&self) -> NonZeroUsize {
        self.chunk_size
    }

    /// Leaves out the last byte, the closing brace or bracket of the root, so that each reader can append a tail of its
    /// own: `,"deadline":17}`. After an empty object or array the tail must not start with a comma.
    ///
    /// The result does not share its history with the original document. If the root turns out not to be a map, struct or
    /// sequence, streams fail with [`JsonError::NotOpen`] at their end.
    #[must_use]
    pub fn left_open(self) -> Self {
        Self {
            left_open: true,
            history: Arc::default(),
            ..self
        }
    }

    /// The document from its first byte.
    #[must_use]
    pub fn stream(&self) -> JsonStream<S> {
        self.stream_from(0)
    }

    /// The document from a byte offset: exactly the rest, in chunks that are counted from there.
    ///
    /// Nothing is buffered for this. A value is walked from the last checkpoint before the offset, and the bytes in
    /// between are thrown away. Checkpoints are 64 KiB apart; in documents above 32 MiB, at most a 256th of the length. A
    /// [lazy](JsonDocument::lazy) document is made from its start, since an iterator cannot start in the middle.
    ///
    /// An offset at the end gives an empty stream. An offset beyond it gives a stream that yields
    /// [`JsonError::OffsetBeyondEnd`]: at once if the length is known, otherwise when the end is found.
    #[must_use]
    pub fn stream_from(&self, offset: u64) -> JsonStream<S> {
        JsonStream::new(&self.origin, self.produce(offset))
    }

    fn produce(&self, offset: u64) -> Production {
        let history = Arc::clone(&self.history);
        let record = self.history.record();
        if let Some(length) = record.length()
            && offset > 0
            && offset >= length
        {
            let error = (offset > length).then_some(JsonError::OffsetBeyondEnd { offset, length });
            drop(record);
            return Production::ended(history, offset, error);
        }
        let (start, path) = Some(&record.checkpoints)
            .filter(|_| S::RESUMES_FROM_PATH)
            .and_then(|checkpoints| checkpoints.before(offset))
            .unwrap_or((Fingerprint::new(), &[]));
        let verifier = Verifier::new(Arc::clone(&self.history), start);
        let mut walker = Walker::new(self.chunk_size.get(), Some(verifier));
        walker.start_at(start.position(), path, offset - start.position());
        drop(record);
        Production::new(walker, history, self.left_open, offset)
    }

    /// Finds the exact length, for a `Content-Length`, by writing the document once into a buffer that is overwritten
    /// again and again. This takes about as long as producing the document.
    ///
    /// Afterwards every stream of the document has an exact size hint, including those that existed before.
    pub fn count_length(&self) -> CountLength<S> {
        let history = Arc::clone(&self.history);
        let production = Production::new(Walker::counting(), history, self.left_open, 0);
        CountLength::new(&self.origin, production)
    }

    /// The length of the document in bytes, if a stream has reached its end or the length has been
    /// [counted](Self::count_length).
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.history.record().length()
    }

    /// How much work all clones and streams of this document have been so far.
    #[must_use]
    pub fn statistics(&self) -> JsonStatistics {
        self.history.statistics()
    }
}

impl<S: JsonSource + ?Sized> Clone for JsonDocument<S> {
    fn clone(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            chunk_size: self.chunk_size,
            left_open: self.left_open,
            history: Arc::clone(&self.history),
        }
    }
}

impl<S: JsonSource + ?Sized> fmt::Debug for JsonDocument<S> {
    /// Omits the value, which may be large or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonDocument")
            .field("source", &format_args!("{}", std::any::type_name::<S>()))
            .field("chunk_size", &self.chunk_size)
            .field("left_open", &self.left_open)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
