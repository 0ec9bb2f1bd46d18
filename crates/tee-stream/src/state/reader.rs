use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::cursor::CursorId;
use crate::{AfterPatience, signal::Registration};

/// The state of a branch that has not ended.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: u64,
    pub(crate) name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub(crate) offset: u64,
    pub(crate) place: Place,
    /// How long others wait for it in total. `None` means for ever.
    pub(crate) limit: Option<Duration>,
    pub(crate) then: AfterPatience,
    pub(crate) spent: Duration,
    /// It came here while others were already waiting for space, and nobody has read the clock since.
    pub(crate) fresh: bool,
    /// When it came here, if others were already waiting for space.
    pub(crate) here_since: Option<Instant>,
    /// It has read, or came here, since others began to wait for space on its cursor.
    pub(crate) has_read: bool,
    /// The cursor whose full window it waits for.
    pub(crate) waits_for_space: Option<CursorId>,
    pub(crate) registration: Option<Registration>,
    /// It produced the chunk that it reads next.
    pub(crate) leading: bool,
    /// The bytes that it produced since it last let others run.
    pub(crate) led: u64,
    /// The oldest chunk of a full window for which it has let others run.
    pub(crate) gave_way: Option<(CursorId, u64)>,
}

/// Where a branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a chunk of a cursor's window, or at its front.
    Reading { cursor: CursorId, sequence: u64 },
    /// Ahead of a cursor, whose production it waits for.
    Ahead { cursor: CursorId },
    /// On no cursor.
    Detached,
    /// Given up when the others were at `front`.
    Lagged { front: u64 },
}

impl Reader {
    pub(crate) fn is_in_window_of(&self, id: CursorId) -> bool {
        matches!(self.place, Place::Reading { cursor, .. } if cursor == id)
    }

    /// Advances past a chunk of its cursor.
    #[inline]
    pub(crate) fn reads(&mut self, chunk: &[u8]) {
        let length = chunk.len() as u64;
        self.offset += length;
        self.has_read = true;
        if let Place::Reading { sequence, .. } = &mut self.place {
            *sequence += 1;
        }
        self.led = if std::mem::take(&mut self.leading) {
            self.led + length
        } else {
            0
        };
    }
}

/// The branches that have not ended, by index.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    slots: Vec<Option<Reader>>,
    free: Vec<usize>,
    joined: u64,
}

impl Readers {
    /// The number of branches that ever joined, which is the id of the next one.
    pub(crate) fn joined(&self) -> u64 {
        self.joined
    }

    pub(crate) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, reader: Reader) -> usize {
        self.joined += 1;
        if let Some(index) = self.free.pop() {
            self.slots[index] = Some(reader);
            return index;
        }
        self.slots.push(Some(reader));
        self.slots.len() - 1
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<Reader> {
        let reader = self.slots.get_mut(index)?.take()?;
        self.free.push(index);
        Some(reader)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Reader> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reader> {
        self.slots.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Reader)> {
        let readers = self.slots.iter_mut().enumerate();
        readers.filter_map(|(index, reader)| reader.as_mut().map(|reader| (index, reader)))
    }
}
