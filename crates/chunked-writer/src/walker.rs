//! What a production writes into. It decides where the production is suspended and where it continues.

pub(crate) mod chunks;
mod writing;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::error::{JsonError, Unwind};
use crate::path::{Frame, Kind};
use crate::verifier::Verifier;

use self::chunks::WALK_BYTES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The value is being written into the buffer.
    Writing,
    /// A walk follows the path back to where the last one stopped. Nothing may be written.
    Resuming,
    /// A walk is leaving the value and records the path. Nothing may be written.
    Suspended,
    /// The document has failed. Nothing may be written any more.
    Failed,
}

/// Proof that the serializer has written a value in full. Only this crate can create one, so an adaptor cannot turn an
/// error of the serializer into a success.
#[derive(Debug)]
pub(crate) struct Written(());

/// The state of one production: the chunk being filled, the full chunks, and the path.
///
/// The fast path of a write is one comparison with `limit`. The limit is 0 whenever nothing may be written, so the fast
/// path ignores the mode.
#[derive(Debug)]
pub(crate) struct Walker {
    buffer: Vec<u8>,
    /// How far the buffer may be filled before the slow path takes over.
    limit: usize,
    /// Whether to suspend after the current child, because a chunk is full or enough is written for one poll.
    stop: bool,
    mode: Mode,
    chunk_size: usize,
    /// The innermost frame first: a suspension pushes frames in this order, and a resumption pops them in reverse.
    path: Vec<Frame>,
    ready: VecDeque<Bytes>,
    /// Whether only the length is computed.
    counting: bool,
    /// How many more bytes to discard before the first requested one.
    discard: u64,
    /// How many bytes this walk has discarded.
    discarded_by_walk: usize,
    /// The offset of the first byte in the buffer.
    base: u64,
    /// How much of the buffer the verifier has seen.
    verified: usize,
    verifier: Option<Verifier>,
    error: Option<JsonError>,
}

impl Walker {
    pub(crate) fn new(chunk_size: usize, verifier: Option<Verifier>) -> Self {
        Self {
            buffer: Vec::new(),
            limit: 0,
            stop: false,
            mode: Mode::Writing,
            chunk_size,
            path: Vec::new(),
            ready: VecDeque::new(),
            counting: false,
            discard: 0,
            discarded_by_walk: 0,
            base: 0,
            verified: 0,
            verifier,
            error: None,
        }
    }

    /// Creates a walker that discards everything and keeps only the length.
    pub(crate) fn counting() -> Self {
        Self {
            counting: true,
            ..Self::new(WALK_BYTES, None)
        }
    }

    /// Starts at `base` with the path of a checkpoint, and discards the next `discard` bytes.
    pub(crate) fn start_at(&mut self, base: u64, path: &[Frame], discard: u64) {
        self.base = base;
        self.path.extend_from_slice(path);
        self.discard = discard;
    }

    /// Returns the offset in the document of the next byte to write.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    pub(crate) fn is_counting(&self) -> bool {
        self.counting
    }

    /// Returns the size of chunks, in bytes.
    pub(crate) fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether a chunk is full or enough is written.
    #[inline]
    pub(crate) fn stop(&self) -> bool {
        self.stop
    }

    pub(crate) fn next_ready(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    pub(crate) fn ready(&self) -> &VecDeque<Bytes> {
        &self.ready
    }

    /// Drops everything that is buffered, because nothing will read it.
    pub(crate) fn clear(&mut self) {
        self.limit = 0;
        self.buffer = Vec::new();
        self.ready = VecDeque::new();
        self.path = Vec::new();
    }

    /// Prepares for a call of `Serialize` on the root.
    pub(crate) fn start_walk(&mut self) {
        if self.verifier.as_mut().is_some_and(Verifier::start_walk) {
            self.verify();
            if let Some(verifier) = &self.verifier {
                verifier.note(&self.path);
            }
        }
        self.stop = false;
        self.discarded_by_walk = 0;
        if self.path.is_empty() {
            self.mode = Mode::Writing;
            self.raise_limit();
        } else {
            self.mode = Mode::Resuming;
            self.limit = 0;
        }
    }

    /// Returns the frame at which a container or a long leaf continues, or `None` if it starts now.
    #[inline]
    pub(crate) fn enter(&mut self, kind: Kind, length: u64) -> Result<Option<Frame>, Unwind> {
        if self.limit == 0 {
            self.enter_again(kind, length).map(Some)
        } else {
            Ok(None)
        }
    }

    #[cold]
    fn enter_again(&mut self, kind: Kind, length: u64) -> Result<Frame, Unwind> {
        if self.mode != Mode::Resuming {
            return Err(Unwind::STOPPED);
        }
        match self.path.pop() {
            Some(frame) if frame.kind == kind && frame.length != length => {
                Err(self.changed("the length of a part differs from before"))
            }
            Some(frame) if frame.kind == kind => {
                if self.path.is_empty() {
                    self.mode = Mode::Writing;
                    self.raise_limit();
                }
                Ok(frame)
            }
            _ => Err(self.changed("its shape differs from before")),
        }
    }

    /// Returns whether the next child is partly written.
    pub(crate) fn is_resuming(&self) -> bool {
        self.mode == Mode::Resuming
    }

    /// Starts to leave the value, with its innermost frame.
    pub(crate) fn suspend(&mut self, frame: Frame) -> Unwind {
        self.mode = Mode::Suspended;
        self.limit = 0;
        // One allocation is enough for all but the deepest values.
        self.path.reserve(16);
        self.path.push(frame);
        Unwind::STOPPED
    }

    /// Starts to leave a source that keeps its own position. No path is recorded.
    pub(crate) fn pause(&mut self) -> Unwind {
        self.mode = Mode::Suspended;
        self.limit = 0;
        Unwind::STOPPED
    }

    /// Records the frame of the next enclosing container.
    pub(crate) fn push_frame(&mut self, frame: Frame) {
        self.path.push(frame);
    }

    /// Marks the document as failed. The first error is kept.
    pub(crate) fn fail(&mut self, error: JsonError) -> Unwind {
        self.mode = Mode::Failed;
        self.limit = 0;
        self.error.get_or_insert(error);
        Unwind::STOPPED
    }

    pub(crate) fn fail_value(&mut self, unwind: Unwind) -> Unwind {
        self.fail(JsonError::Value {
            offset: self.position(),
            message: unwind.into_message(),
        })
    }

    pub(crate) fn changed(&mut self, what: &'static str) -> Unwind {
        self.fail(JsonError::Changed {
            offset: self.position(),
            what,
        })
    }

    /// Takes the error with which the document failed.
    pub(crate) fn take_error(&mut self) -> JsonError {
        self.error.take().unwrap_or(JsonError::Poisoned)
    }

    /// Returns whether the bytes differ from those of an earlier production.
    pub(crate) fn verification_failed(&self) -> bool {
        self.verifier.as_ref().is_some_and(Verifier::changed)
    }
}
