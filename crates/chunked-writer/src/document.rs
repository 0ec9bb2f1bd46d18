//! A JSON document that can be produced repeatedly.

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
/// This size is large enough that the way back into the value costs nothing compared to writing, and small enough for a
/// second-level cache.
pub const DEFAULT_CHUNK_SIZE: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// Returns the value as a stream of JSON in chunks of [`DEFAULT_CHUNK_SIZE`].
///
/// The stream yields `Result<Bytes, JsonError>`. With the feature `http-body`, it is also an `http_body::Body`. Use a
/// [`JsonDocument`] to set the chunk size, to know the length in advance, or to produce the same value more than once. Its
/// [contract](JsonDocument#contract) applies here too.
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

/// A JSON document that can be produced repeatedly, from a value or from parts that are [created on the
/// way](JsonDocument::lazy). Each [`stream`](Self::stream) yields the bytes of `serde_json::to_vec`, in chunks.
///
/// Cloning is cheap and does not clone the value. Clones and streams share the statistics, the length once it is known,
/// and the offsets from which the document can be [continued](Self::stream_from).
///
/// # Contract
///
/// `Serialize` is called again for each chunk, and must give the same output each time. It must not read a clock, draw
/// random numbers, iterate in an order that changes, or exhaust an iterator that it holds. A change is reported as
/// [`JsonError::Changed`] where it can be detected. The crate's documentation lists what is compared.
///
/// # Memory
///
/// A document holds the value and about 80 KiB of checkpoints, whatever its length. Each stream holds at most two chunks,
/// and the longest map key or `Display` output in them.
pub struct JsonDocument<S: JsonSource + ?Sized> {
    origin: S::Origin,
    chunk_size: NonZeroUsize,
    left_open: bool,
    history: Arc<History>,
}

impl<T: Serialize> JsonDocument<T> {
    /// Creates a document from a value, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::from_arc(Arc::new(value))
    }
}

impl<T: Serialize + ?Sized> JsonDocument<T> {
    /// Creates a document from a shared value, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn from_arc(value: Arc<T>) -> Self {
        Self::from_origin(value)
    }

    /// Returns the value.
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
    /// A chunk is one allocation of this size; above 1 MiB, the allocation grows as it is filled. Each chunk costs one
    /// walk back into the value, so use chunks of a few bytes only in tests.
    #[must_use]
    pub fn with_chunk_size(self, bytes: NonZeroUsize) -> Self {
        Self {
            chunk_size: bytes,
            ..self
        }
    }

    /// Returns the size of every chunk except the last, in bytes.
    #[must_use]
    pub fn chunk_size(&self) -> NonZeroUsize {
        self.chunk_size
    }

    /// Omits the last byte, the closing brace or bracket of the root, so that each reader can append its own tail, such as
    /// `,"deadline":17}`. After an empty object or array, the tail must not start with a comma.
    ///
    /// The result shares no history with the original document. If the root is not a map, struct or sequence, streams fail
    /// with [`JsonError::NotOpen`] at their end.
    #[must_use]
    pub fn left_open(self) -> Self {
        Self {
            left_open: true,
            history: Arc::default(),
            ..self
        }
    }

    /// Returns the document as a stream, from its first byte.
    #[must_use]
    pub fn stream(&self) -> JsonStream<S> {
        self.stream_from(0)
    }

    /// Returns the rest of the document, from a byte offset. The first chunk starts at the offset.
    ///
    /// Nothing is buffered for this. A value is walked from the last checkpoint before the offset, and the bytes in
    /// between are discarded. Checkpoints are 64 KiB apart; in documents above 32 MiB, at most a 256th of the length. A
    /// [lazy](JsonDocument::lazy) document is produced from its start, because an iterator cannot start in the middle.
    ///
    /// An offset at the end gives an empty stream. An offset beyond the end gives a stream that yields
    /// [`JsonError::OffsetBeyondEnd`]: at once if the length is known, otherwise when it reaches the end.
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

    /// Computes the exact length, for a `Content-Length`. It writes the document once into a buffer that it overwrites,
    /// which takes about as long as producing the document.
    ///
    /// Afterwards, every stream of the document has an exact size hint, including existing ones.
    pub fn count_length(&self) -> CountLength<S> {
        let history = Arc::clone(&self.history);
        let production = Production::new(Walker::counting(), history, self.left_open, 0);
        CountLength::new(&self.origin, production)
    }

    /// Returns the length of the document in bytes, if a stream has reached its end or the length has been
    /// [counted](Self::count_length).
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.history.record().length()
    }

    /// Returns how much work all clones and streams of this document have done so far.
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
