//! What one production of a document writes into: where it is suspended, and where it continues.

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
    /// A walk is on its way back along the path to where the last one stopped. Nothing may be written.
    Resuming,
    /// A walk is on its way out, and records the path. Nothing may be written.
    Suspended,
    /// The document has failed. Nothing may be written, ever again.
    Failed,
}

/// Proof that the serializer has written a value in full. Only this crate can make one, so an adaptor cannot turn an error
/// of the serializer into a success.
#[derive(Debug)]
pub(crate) struct Written(());

/// The state of one production: the chunk being filled, those that are full, and the path.
///
/// The fast path of a write is one comparison with `limit`. That is 0 whenever nothing may be written, so the fast path
/// ignores the mode.
#[derive(Debug)]
pub(crate) struct Walker {
    buffer: Vec<u8>,
    /// How far the buffer may be filled before the slow path decides.
    limit: usize,
    /// A chunk is full, or enough is written for one poll: suspend after the child that is being written.
    stop: bool,
    mode: Mode,
    chunk_size: usize,
    /// The innermost frame first: a suspension finds them in this order, and a resumption pops them in reverse.
    path: Vec<Frame>,
    ready: VecDeque<Bytes>,
    /// Only the length is wanted.
    counting: bool,
    /// How many more bytes to throw away before the first that is wanted.
    discard: u64,
    /// How many bytes this walk has thrown away.
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

    /// Creates one that throws everything away and keeps only the length.
    pub(crate) fn counting() -> Self {
        Self {
            counting: true,
            ..Self::new(WALK_BYTES, None)
        }
    }

    /// Starts at `base` with the path of a checkpoint, and throws away the next `discard` bytes.
    pub(crate) fn start_at(&mut self, base: u64, path: &[Frame], discard: u64) {
        self.base = base;
        self.path.extend_from_slice(path);
        self.discard = discard;
    }

    /// The offset in the document of the next byte that is written.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    pub(crate) fn is_counting(&self) -> bool {
        self.counting
    }

    /// The size of chunks, in bytes.
    pub(crate) fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a chunk is full, or enough is written.
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

    /// Drops everything that is buffered: nothing will ask for it.
    pub(crate) fn clear(&mut self) {
        self.limit = 0;
        self.buffer = Vec::new();
        self.ready = VecDeque::new();
        self.path = Vec::new();
    }

    /// Prepares for a call of `Serialize` on the root.
    pub(crate) fn start_walk(&mut self) {
        if self.verifier.as_mut().is_some_and(Verifier::start_walk) && !self.path.is_empty() {
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

    /// The frame at which a container, or a long leaf, goes on; `None` if it starts now.
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
                Err(self.changed("a part of it has another length than before"))
            }
            Some(frame) if frame.kind == kind => {
                if self.path.is_empty() {
                    self.mode = Mode::Writing;
                    self.raise_limit();
                }
                Ok(frame)
            }
            _ => Err(self.changed("it has another shape than before")),
        }
    }

    /// Whether the next child is one that is partly written.
    pub(crate) fn is_resuming(&self) -> bool {
        self.mode == Mode::Resuming
    }

    /// Starts to leave the value. The innermost frame is pushed first.
    pub(crate) fn suspend(&mut self, frame: Frame) -> Unwind {
        self.mode = Mode::Suspended;
        self.limit = 0;
        // Once, for all values but the deepest.
        self.path.reserve(16);
        self.path.push(frame);
        Unwind::STOPPED
    }

    /// Starts to leave a source that keeps its own place: no path is recorded.
    pub(crate) fn pause(&mut self) -> Unwind {
        self.mode = Mode::Suspended;
        self.limit = 0;
        Unwind::STOPPED
    }

    /// Leaves one more container.
    pub(crate) fn push_frame(&mut self, frame: Frame) {
        self.path.push(frame);
    }

    /// The document has failed: the first error stays.
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

    /// Why the document failed.
    pub(crate) fn take_error(&mut self) -> JsonError {
        self.error.take().unwrap_or(JsonError::Poisoned)
    }

    /// Whether the bytes differ from those of an earlier production.
    pub(crate) fn verification_failed(&self) -> bool {
        self.verifier.as_ref().is_some_and(Verifier::changed)
    }
}
