//! A value that can be produced as JSON again and again.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::Serialize;

use crate::count_length::CountLength;
use crate::error::JsonError;
use crate::fingerprint::Fingerprint;
use crate::production::Production;
use crate::shared::Shared;
use crate::statistics::JsonStatistics;
use crate::stream::JsonStream;
use crate::verifier::Verifier;
use crate::walker::Walker;

/// The size of chunks if no other is asked for, in bytes: 64 KiB.
///
/// Large enough for the walk back into the value to cost nothing against the writing, small enough to stay in a
/// processor's second-level cache.
pub const DEFAULT_CHUNK_SIZE: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// A value that can be produced as JSON again and again: each [`stream`](Self::stream) yields the bytes of
/// `serde_json::to_vec`, in chunks.
///
/// Cloning is cheap and does not clone the value. Clones and streams share what has been learnt: statistics, length,
/// and the places from which the document can be [continued](Self::stream_from).
///
/// # Contract
///
/// `Serialize` is called on the value again for each chunk, and must give the same output each time. It may not read
/// a clock, draw random numbers, iterate in an order that changes or use up an iterator that it holds. A value that
/// changes is found out where it can be, and is then an [error](JsonError::Changed): see the crate's documentation for
/// what is compared.
///
/// # Memory
///
/// The value itself; for each stream at most two chunks, and the longest map key or `Display` output in it; for each
/// document some 80 KiB of checkpoints, whatever its length.
pub struct JsonDocument<T: ?Sized> {
    value: Arc<T>,
    chunk_size: NonZeroUsize,
    left_open: bool,
    shared: Arc<Shared>,
}

impl<T: Serialize> JsonDocument<T> {
    /// A document of the value, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::from_arc(Arc::new(value))
    }
}

impl<T: Serialize + ?Sized> JsonDocument<T> {
    /// A document of a value that is shared already, in chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn from_arc(value: Arc<T>) -> Self {
        Self {
            value,
            chunk_size: DEFAULT_CHUNK_SIZE,
            left_open: false,
            shared: Arc::default(),
        }
    }

    /// Sets the size that every chunk but the last has exactly, in bytes.
    ///
    /// A chunk is one allocation of this size (beyond 1 MiB the allocation grows as it is filled). Each costs one walk
    /// back into the value, so chunks of a few bytes are for tests.
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

    /// Leaves out the last byte, the closing brace or bracket of the root, so that each reader can append a tail of its
    /// own: `,"deadline":17}`. After an empty object or array the tail must not start with a comma.
    ///
    /// The result shares no statistics with the document that it is made of. If the root turns out to be no map, struct
    /// or sequence, streams fail with [`JsonError::NotOpen`] when they come to their end.
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
    pub fn stream(&self) -> JsonStream<T> {
        self.stream_from(0)
    }

    /// The document from a byte offset: exactly the rest, in chunks that are counted from there.
    ///
    /// Nothing was buffered for it: the value is walked from the last checkpoint before the offset (checkpoints are 64
    /// KiB apart, more in documents beyond 32 MiB, of which the distance is at most a 256th), and what lies between
    /// is thrown away.
    ///
    /// An offset at the end gives an empty stream, one beyond it a stream that yields
    /// [`JsonError::OffsetBeyondEnd`]: at once if the length is known, else when the end has been found.
    #[must_use]
    pub fn stream_from(&self, offset: u64) -> JsonStream<T> {
        self.shared
            .counters
            .streams
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        JsonStream::new(Arc::clone(&self.value), self.produce(offset))
    }

    fn produce(&self, offset: u64) -> Production {
        let shared = Arc::clone(&self.shared);
        let ledger = self.shared.ledger();
        if let Some(length) = ledger.length()
            && offset > 0
            && offset >= length
        {
            let error = (offset > length).then_some(JsonError::OffsetBeyondEnd { offset, length });
            drop(ledger);
            return Production::ended(shared, offset, error);
        }
        let (start, path) = ledger
            .checkpoints
            .before(offset)
            .unwrap_or((Fingerprint::new(), &[]));
        let verifier = Verifier::new(Arc::clone(&self.shared), start);
        let mut walker = Walker::new(self.chunk_size.get(), Some(verifier));
        walker.start_at(start.position(), path, offset - start.position());
        drop(ledger);
        Production::new(walker, shared, self.left_open, offset)
    }

    /// What all clones and streams of this document have cost so far.
    #[must_use]
    pub fn statistics(&self) -> JsonStatistics {
        self.shared.counters.snapshot()
    }

    /// The length of the document in bytes, if a stream has come to its end or the length has been
    /// [counted](Self::count_length).
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.shared.ledger().length()
    }

    /// Finds out the exact length, for `Content-Length`: writes the document into one buffer that is overwritten all
    /// the time. Costs about as much time as one production.
    ///
    /// Once it is known, every stream of the document (also those that were made before) has an exact size hint.
    pub fn count_length(&self) -> CountLength<T> {
        CountLength::new(
            Arc::clone(&self.value),
            Arc::clone(&self.shared),
            self.left_open,
        )
    }
}

impl<T: ?Sized> JsonDocument<T> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Arc<T> {
        &self.value
    }
}

impl<T: ?Sized> Clone for JsonDocument<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            chunk_size: self.chunk_size,
            left_open: self.left_open,
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: ?Sized> fmt::Debug for JsonDocument<T> {
    /// Without the value, which may be large, or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonDocument")
            .field("value", &format_args!("{}", std::any::type_name::<T>()))
            .field("chunk_size", &self.chunk_size)
            .field("left_open", &self.left_open)
            .field("statistics", &self.shared.counters.snapshot())
            .finish()
    }
}
