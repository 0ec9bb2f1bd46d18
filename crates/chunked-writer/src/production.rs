//! One production of a document: one walk for each poll, until the whole document is written.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::error::{JsonError, Unwind};
use crate::history::History;
use crate::walker::{Mode, Walker, Written};

/// The state of a production.
#[derive(Debug)]
enum State {
    /// There is more to write.
    Running,
    /// A walk is in progress. At the start of a poll, this means that the last one panicked.
    Walking,
    /// The document is written. Chunks may be left to yield.
    Finished,
    /// The document has failed. The error follows the full chunks.
    Failed(JsonError),
    /// The end, or the error, has been yielded.
    Ended,
}

/// The result of a step.
#[derive(Debug)]
pub(crate) enum Step {
    /// A walk has written as much as it may.
    Walked,
    Chunk(Bytes),
    Failed(JsonError),
    Ended,
}

/// Turns walks into chunks. The caller passes the walk to each poll.
#[derive(Debug)]
pub(crate) struct Production {
    walker: Walker,
    state: State,
    left_open: bool,
    history: Arc<History>,
    /// The offset of the next byte to yield.
    offset: u64,
    /// The length of the document, once it has been looked up and was known.
    length: Option<u64>,
}

impl Production {
    pub(crate) fn new(walker: Walker, history: Arc<History>, left_open: bool, offset: u64) -> Self {
        Self {
            walker,
            state: State::Running,
            left_open,
            history,
            offset,
            length: None,
        }
    }

    /// Creates a production that only reports its end, or why it cannot start.
    pub(crate) fn ended(history: Arc<History>, offset: u64, error: Option<JsonError>) -> Self {
        let state = error.map_or(State::Finished, State::Failed);
        Self {
            state,
            ..Self::new(Walker::counting(), history, false, offset)
        }
    }

    /// Returns the offset of the next byte to yield.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns whether nothing is left, not even an error.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Finished | State::Ended) && self.walker.ready().is_empty()
    }

    /// Returns whether the end, or an error, has been yielded.
    pub(crate) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Returns how many bytes are left, if the length of the document is known. A production that has failed but not yet
    /// yielded the error returns `None`, because 0 would announce a clean end.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.state {
            _ if self.is_ended() => Some(0),
            State::Failed(_) | State::Walking => None,
            State::Running | State::Finished | State::Ended => {
                self.known_length()?.checked_sub(self.offset)
            }
        }
    }

    /// See [`JsonStream`](crate::JsonStream).
    pub(crate) fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.walker.ready().len();
        if self.is_ended() {
            return (ready, Some(ready));
        }
        let most = self.remaining().and_then(|bytes| {
            let chunks = bytes.div_ceil(self.walker.chunk_size() as u64);
            usize::try_from(chunks).ok()?.checked_add(1)
        });
        (ready, most.map(|most| most.max(ready)))
    }

    /// Yields a ready chunk, or walks once.
    pub(crate) fn step(
        &mut self,
        walk: impl FnOnce(&mut Walker) -> Result<Written, Unwind>,
    ) -> Step {
        if !matches!(self.state, State::Walking)
            && let Some(chunk) = self.walker.next_ready()
        {
            return self.yield_chunk(chunk);
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Running => {
                self.state = State::Walking;
                self.state = self.walk(walk);
                Step::Walked
            }
            State::Walking => {
                self.walker.clear();
                Step::Failed(JsonError::Poisoned)
            }
            State::Failed(error) => {
                self.walker.clear();
                Step::Failed(error)
            }
            State::Finished | State::Ended => Step::Ended,
        }
    }

    /// Yields a chunk, unless it reaches or exceeds the known length while more follows. A reader that trusts the length
    /// would take that chunk for the last.
    fn yield_chunk(&mut self, chunk: Bytes) -> Step {
        self.length = self.known_length();
        let end = self.offset + chunk.len() as u64;
        let whole = matches!(self.state, State::Finished) && self.walker.ready().is_empty();
        if self
            .length
            .is_some_and(|length| end > length || (end == length && !whole))
        {
            let offset = self.walker.position();
            self.walker.clear();
            return Step::Failed(match std::mem::replace(&mut self.state, State::Ended) {
                State::Failed(error) => error,
                _ => JsonError::Changed {
                    offset,
                    what: "it is longer than before",
                },
            });
        }
        self.offset = end;
        Step::Chunk(chunk)
    }

    fn known_length(&self) -> Option<u64> {
        self.length.or_else(|| self.history.record().length())
    }

    fn walk(&mut self, walk: impl FnOnce(&mut Walker) -> Result<Written, Unwind>) -> State {
        let start = self.walker.position();
        self.walker.start_walk();
        let result = walk(&mut self.walker);
        let mut end = self.walker.position();
        let state = match (self.walker.mode(), result) {
            (Mode::Writing, Ok(_)) => match self.walker.finish(self.left_open) {
                Ok(length) => {
                    // This excludes the brace that a document that is left open omits.
                    end = length;
                    State::Finished
                }
                Err(error) => State::Failed(error),
            },
            (Mode::Suspended, Err(_)) => State::Running,
            (Mode::Failed, _) => State::Failed(self.walker.take_error()),
            (Mode::Writing | Mode::Resuming, Err(unwind)) => {
                self.walker.fail_value(unwind);
                State::Failed(self.walker.take_error())
            }
            (Mode::Suspended, Ok(_)) => State::Failed(JsonError::Value {
                offset: start,
                message: "a suspension was swallowed".into(),
            }),
            (Mode::Resuming, Ok(_)) => State::Failed(JsonError::Changed {
                offset: start,
                what: "its shape differs from before",
            }),
        };
        self.history
            .count_walk(end.saturating_sub(start), self.walker.is_counting());
        if self.walker.verification_failed() {
            // The ready bytes differ from what was sent before.
            let offset = self.walker.position();
            self.walker.clear();
            return State::Failed(JsonError::Changed {
                offset,
                what: "its bytes differ from before",
            });
        }
        state
    }

    /// Walks until there is a chunk to yield.
    pub(crate) fn next_chunk(
        &mut self,
        mut walk: impl FnMut(&mut Walker) -> Result<Written, Unwind>,
    ) -> Option<Result<Bytes, JsonError>> {
        loop {
            match self.step(&mut walk) {
                Step::Walked => {}
                Step::Chunk(chunk) => return Some(Ok(chunk)),
                Step::Failed(error) => return Some(Err(error)),
                Step::Ended => return None,
            }
        }
    }

    /// Polls for the length: at most one walk.
    pub(crate) fn poll_length(
        &mut self,
        context: &mut Context<'_>,
        walk: impl FnOnce(&mut Walker) -> Result<Written, Unwind>,
    ) -> Poll<Result<u64, JsonError>> {
        assert!(!self.is_terminated(), "polled after it has resolved");
        if let Some(length) = self.history.record().length() {
            return Poll::Ready(Ok(length));
        }
        match self.step(walk) {
            Step::Failed(error) => Poll::Ready(Err(error)),
            Step::Walked | Step::Chunk(_) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Ended => {
                let length = self.walker.position();
                let noted = self.history.record().note_end(length, None);
                Poll::Ready(noted.map(|()| length).map_err(|what| JsonError::Changed {
                    offset: length,
                    what,
                }))
            }
        }
    }

    /// Polls for a chunk: at most one walk.
    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
        walk: impl FnOnce(&mut Walker) -> Result<Written, Unwind>,
    ) -> Poll<Option<Result<Bytes, JsonError>>> {
        let mut step = self.step(walk);
        if let Step::Walked = step {
            if self.walker.ready().is_empty() && matches!(self.state, State::Running) {
                // This is enough for one poll. Other tasks run before the chunk is full.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // A chunk or an error is ready, so this does not walk.
            step = self.step(|_| Err(Unwind::STOPPED));
        }
        Poll::Ready(match step {
            Step::Chunk(chunk) => Some(Ok(chunk)),
            Step::Failed(error) => Some(Err(error)),
            Step::Walked | Step::Ended => None,
        })
    }
}
