//! A lazy document.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::document::DEFAULT_CHUNK_SIZE;
use crate::error::JsonError;
use crate::fingerprint::Fingerprint;
use crate::lazy::count_length::CountLazyLength;
use crate::lazy::json::LazyJson;
use crate::lazy::stream::LazyStream;
use crate::production::Production;
use crate::shared::Shared;
use crate::statistics::JsonStatistics;
use crate::verifier::Verifier;
use crate::walker::Walker;

/// A document whose parts are made while they are sent, and made again for each stream.
///
/// For data that is converted on the way out, so that the converted objects never all exist at once, and for
/// large containers that a [`JsonDocument`](crate::JsonDocument) would pass over element by element on each walk.
/// Same chunks and same errors; going on after a suspension costs nothing but the way into the item that it is in.
///
/// ```
/// use std::sync::Arc;
/// use chunked_writer::{LazyDocument, LazyJson};
///
/// let rows: Arc<[u32]> = Arc::from([1, 2, 3]);
/// let document = LazyDocument::new(move || {
///     let rows = Arc::clone(&rows);
///     LazyJson::object()
///         .field("id", "17")
///         .elements("squares", (0..rows.len()).map(move |index| rows[index].pow(2)))
/// });
/// assert_eq!(document.stream().next_chunk().unwrap()?, r#"{"id":"17","squares":[1,4,9]}"#);
/// # Ok::<(), chunked_writer::JsonError>(())
/// ```
///
/// # Contract
///
/// The function must give the same output each time, as must all that is in it. What differs is found by comparing
/// hashes every 64 KiB or so, and at the end, and is [`JsonError::Changed`].
#[derive(Clone)]
pub struct LazyDocument {
    make: Arc<dyn Fn() -> LazyJson + Send + Sync>,
    chunk_size: NonZeroUsize,
    left_open: bool,
    shared: Arc<Shared>,
}

impl LazyDocument {
    /// A document of what the function returns, in chunks of [`DEFAULT_CHUNK_SIZE`]. It is called once for each stream.
    #[must_use]
    pub fn new<J: Into<LazyJson>>(make: impl Fn() -> J + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(move || make().into()),
            chunk_size: DEFAULT_CHUNK_SIZE,
            left_open: false,
            shared: Arc::default(),
        }
    }

    /// Sets the size that every chunk but the last has exactly, in bytes.
    #[must_use]
    pub fn with_chunk_size(self, bytes: NonZeroUsize) -> Self {
        Self {
            chunk_size: bytes,
            ..self
        }
    }

    /// The size that every chunk but the last has, in bytes.
    #[must_use]
    pub fn chunk_size(&self) -> NonZeroUsize {
        self.chunk_size
    }

    /// Leaves out the last byte, the closing brace or bracket, so that each reader can append a tail of its own: see
    /// [`JsonDocument::left_open`](crate::JsonDocument::left_open).
    #[must_use]
    pub fn left_open(self) -> Self {
        Self {
            left_open: true,
            shared: Arc::default(),
            ..self
        }
    }

    /// The document from its first byte.
    #[must_use]
    pub fn stream(&self) -> LazyStream {
        self.stream_from(0)
    }

    /// The document from a byte offset: exactly the rest. All that comes before it is made and thrown away, since an
    /// iterator cannot be asked to start in the middle.
    ///
    /// An offset beyond the end gives a stream that yields [`JsonError::OffsetBeyondEnd`].
    #[must_use]
    pub fn stream_from(&self, offset: u64) -> LazyStream {
        let shared = Arc::clone(&self.shared);
        shared.counters.streams.fetch_add(1, Relaxed);
        let production = match self.known_length() {
            Some(length) if offset > 0 && offset >= length => {
                let error =
                    (offset > length).then_some(JsonError::OffsetBeyondEnd { offset, length });
                Production::ended(shared, offset, error)
            }
            _ => {
                let verifier = Verifier::new(Arc::clone(&shared), Fingerprint::new());
                let mut walker = Walker::new(self.chunk_size.get(), Some(verifier));
                walker.start_at(0, &[], offset);
                Production::new(walker, shared, self.left_open, offset)
            }
        };
        LazyStream::new((self.make)(), production)
    }

    /// What all clones and streams of this document have cost so far.
    #[must_use]
    pub fn statistics(&self) -> JsonStatistics {
        self.shared.counters.snapshot()
    }

    /// Finds out the exact length, for `Content-Length`, by making all of the document once and throwing it away.
    ///
    /// Once it is known, every stream of the document (also those that were made before) has an exact size hint.
    pub fn count_length(&self) -> CountLazyLength {
        let shared = Arc::clone(&self.shared);
        let production = Production::new(Walker::counting(), shared, self.left_open, 0);
        CountLazyLength::new((self.make)(), production)
    }

    /// The length of the document in bytes, if a stream has come to its end or the length has been
    /// [counted](Self::count_length).
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.shared.ledger().length()
    }
}

impl fmt::Debug for LazyDocument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LazyDocument")
            .field("chunk_size", &self.chunk_size)
            .field("left_open", &self.left_open)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
