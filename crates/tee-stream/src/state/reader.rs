use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{LagPolicy, signal::Signal};

/// The state of a branch that has not ended.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: u64,
    pub(crate) name: Option<Arc<str>>,
    /// The bytes of the shared document that it has read.
    pub(crate) offset: u64,
    /// The slot of the production that keeps its chunks for it, or that it rides on. `None` for one that was let go, or that
    /// joined late, until it is polled.
    pub(crate) home: Option<usize>,
    /// Given up when the others were here.
    pub(crate) lagged: Option<u64>,
    pub(crate) policy: LagPolicy,
    /// Since when others wait for it, or for others while it reads nothing.
    pub(crate) charged_since: Option<Instant>,
    /// How long others waited for it.
    pub(crate) waited_for: Duration,
    /// How long it waited for others.
    pub(crate) waited: Duration,
    /// How long it has waited for others that have not waited for it in return.
    pub(crate) owed: Duration,
    /// The slot of the production that it waits at for space, and since when.
    pub(crate) waits: Option<(usize, Option<Instant>)>,
    /// Where its waker is.
    pub(crate) registered: Option<Arc<Signal>>,
    /// It produced the chunk that it reads next.
    pub(crate) leading: bool,
    /// The bytes that it produced since it last let others run.
    pub(crate) led: u64,
    /// The production, and the chunk of it, for whose readers it has let others run before they are let go, and how often.
    pub(crate) gave_way: ((u64, u64), u32),
}

impl Reader {
    pub(crate) fn new(id: u64, name: Option<Arc<str>>, policy: LagPolicy) -> Self {
        Self {
            id,
            name,
            offset: 0,
            home: None,
            lagged: None,
            policy,
            charged_since: None,
            waited_for: Duration::ZERO,
            waited: Duration::ZERO,
            owed: Duration::ZERO,
            waits: None,
            registered: None,
            leading: false,
            led: 0,
            gave_way: ((0, 0), 0),
        }
    }

    /// Advances past a chunk.
    #[inline]
    pub(crate) fn reads(&mut self, chunk: &[u8]) {
        let length = chunk.len() as u64;
        self.offset += length;
        self.charged_since = None;
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

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&Reader> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reader> {
        self.slots.iter().flatten()
    }

    /// One more than the largest index.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The indices of the readers of a production.
    pub(crate) fn of(&self, slot: usize) -> impl Iterator<Item = usize> {
        let readers = self.slots.iter().enumerate();
        readers.filter_map(move |(index, reader)| {
            (reader.as_ref()?.home == Some(slot)).then_some(index)
        })
    }

    pub(crate) fn indexed(&mut self) -> impl Iterator<Item = (usize, &mut Reader)> {
        let readers = self.slots.iter_mut().enumerate();
        readers.filter_map(|(index, reader)| reader.as_mut().map(|reader| (index, reader)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Reader> {
        self.slots.iter_mut().flatten()
    }
}
