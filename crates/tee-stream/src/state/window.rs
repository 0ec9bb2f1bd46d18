use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

// The methods of the fast path are `#[inline]`: the state is generic and compiled in the user's crate, and this is not.

/// The chunks of one cursor, oldest first, each with the number of branches whose next chunk it is.
///
/// It counts the readers at each chunk, and not the chunks of each reader, so that advancing is O(1) whatever the number of
/// branches.
#[derive(Debug)]
pub(crate) struct Window {
    slots: VecDeque<Slot>,
    /// The number of the oldest chunk; numbers are never used twice.
    base_sequence: u64,
    /// The offset behind the newest chunk.
    front: u64,
    bytes: usize,
    /// Readers that have read all there is.
    at_front: usize,
}

#[derive(Debug)]
struct Slot {
    offset: u64,
    bytes: Bytes,
    readers: usize,
}

impl Window {
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            slots: VecDeque::new(),
            base_sequence: 0,
            front: offset,
            bytes: 0,
            at_front: 0,
        }
    }

    /// The offset of the oldest byte that is still here.
    #[inline]
    pub(crate) fn base(&self) -> u64 {
        self.slots.front().map_or(self.front, |slot| slot.offset)
    }

    #[inline]
    pub(crate) fn front(&self) -> u64 {
        self.front
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(crate) fn chunks(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn readers_at_front(&self) -> usize {
        self.at_front
    }

    #[inline]
    pub(crate) fn base_sequence(&self) -> u64 {
        self.base_sequence
    }

    /// Readers that need the oldest chunk.
    #[inline]
    pub(crate) fn readers_at_base(&self) -> usize {
        self.slots
            .front()
            .map_or(self.at_front, |slot| slot.readers)
    }

    /// Whether a reader at `offset` can go on from here without a gap.
    pub(crate) fn holds(&self, offset: u64) -> bool {
        (self.base()..=self.front).contains(&offset)
    }

    /// Whether both windows hold these bytes, and they are the same.
    pub(crate) fn agrees(&self, other: &Self, bytes: Range<u64>) -> bool {
        let mut at = bytes.start;
        while at < bytes.end {
            let (Some(mine), Some(theirs)) = (self.bytes_from(at), other.bytes_from(at)) else {
                return false;
            };
            let length = mine.len().min(theirs.len()).min((bytes.end - at) as usize);
            if mine[..length] != theirs[..length] {
                return false;
            }
            at += length as u64;
        }
        true
    }

    /// Returns the rest of the chunk that contains `offset`.
    fn bytes_from(&self, offset: u64) -> Option<&[u8]> {
        let index = self
            .slots
            .partition_point(|slot| slot.offset + slot.bytes.len() as u64 <= offset);
        let slot = self.slots.get(index)?;
        slot.bytes.get(offset.checked_sub(slot.offset)? as usize..)
    }

    /// Adds a reader at `offset`, which the window must hold, and returns the number of its next chunk.
    pub(crate) fn enter(&mut self, offset: u64) -> u64 {
        debug_assert!(self.holds(offset));
        let index = self
            .slots
            .partition_point(|slot| slot.offset + slot.bytes.len() as u64 <= offset);
        let sequence = self.base_sequence + index as u64;
        *self.readers(sequence) += 1;
        sequence
    }

    /// Removes a reader. True if nobody needs the oldest chunk any longer.
    #[inline]
    pub(crate) fn leave(&mut self, sequence: u64) -> bool {
        let readers = self.readers(sequence);
        *readers -= 1;
        *readers == 0 && sequence == self.base_sequence && !self.slots.is_empty()
    }

    /// Returns what a reader at `offset`, whose next chunk is `sequence`, reads next. `None` at the front.
    ///
    /// It is a whole chunk, or the rest of one, since another production may have cut the document elsewhere.
    #[inline]
    pub(crate) fn read(&self, sequence: u64, offset: u64) -> Option<Bytes> {
        let slot = self.slots.get(self.index(sequence))?;
        let skipped = (offset - slot.offset) as usize;
        Some(if skipped == 0 {
            slot.bytes.clone()
        } else {
            slot.bytes.slice(skipped..)
        })
    }

    /// Moves a reader to the next chunk. True if nobody needs the oldest chunk any longer.
    #[inline]
    pub(crate) fn advance(&mut self, sequence: u64) -> bool {
        *self.readers(sequence + 1) += 1;
        self.leave(sequence)
    }

    /// Adds a chunk. The readers that were at the front are now at it.
    #[inline]
    pub(crate) fn push(&mut self, bytes: Bytes) {
        let readers = std::mem::take(&mut self.at_front);
        self.bytes += bytes.len();
        let offset = self.front;
        self.front += bytes.len() as u64;
        self.slots.push_back(Slot {
            offset,
            bytes,
            readers,
        });
    }

    /// Removes the oldest chunk, unless a reader still needs it.
    #[inline]
    pub(crate) fn evict(&mut self) -> Option<Bytes> {
        if self.slots.front()?.readers > 0 {
            return None;
        }
        let slot = self.slots.pop_front()?;
        self.base_sequence += 1;
        self.bytes -= slot.bytes.len();
        Some(slot.bytes)
    }

    #[inline]
    fn readers(&mut self, sequence: u64) -> &mut usize {
        let index = self.index(sequence);
        match self.slots.get_mut(index) {
            Some(slot) => &mut slot.readers,
            None => &mut self.at_front,
        }
    }

    #[inline]
    fn index(&self, sequence: u64) -> usize {
        (sequence - self.base_sequence) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(chunks: &[&'static [u8]]) -> Window {
        let mut window = Window::new(0);
        for chunk in chunks {
            window.push(Bytes::from_static(chunk));
        }
        window
    }

    #[test]
    fn readers_hold_chunks_until_they_have_read_them() {
        let mut window = window(&[b"ab", b"cd"]);
        let (first, second) = (window.enter(0), window.enter(0));
        assert_eq!(window.evict(), None);
        assert_eq!(window.read(first, 0).unwrap(), "ab");
        assert!(!window.advance(first));
        assert_eq!(window.evict(), None);
        assert!(window.advance(second));
        assert_eq!(window.evict().unwrap(), "ab");
        assert_eq!((window.base(), window.front(), window.bytes()), (2, 4, 2));
    }

    #[test]
    fn a_reader_may_enter_in_the_middle_of_a_chunk() {
        let mut window = window(&[b"ab", b"cdef"]);
        let sequence = window.enter(3);
        assert_eq!(window.read(sequence, 3).unwrap(), "def");
        let front = window.enter(6);
        assert_eq!(window.read(front, 6), None);
    }

    #[test]
    fn readers_at_the_front_are_at_the_next_chunk() {
        let mut window = Window::new(7);
        let sequence = window.enter(7);
        window.push(Bytes::from_static(b"x"));
        assert_eq!(window.readers_at_front(), 0);
        assert_eq!(window.read(sequence, 7).unwrap(), "x");
        assert!(window.leave(sequence));
    }

    #[test]
    fn windows_agree_on_what_both_hold_however_it_is_cut() {
        let (one, other) = (window(&[b"ab", b"cdef"]), window(&[b"abc", b"dxf"]));
        assert!(one.agrees(&other, 0..4));
        assert!(one.agrees(&other, 5..6));
        assert!(!one.agrees(&other, 3..5));
        assert!(!one.agrees(&other, 5..7), "nobody holds the last one");
        let mut later = window(&[b"ab", b"cdef"]);
        later.evict();
        assert!(!one.agrees(&later, 1..3), "the first has left the window");
        assert!(one.agrees(&later, 2..6));
    }

    #[test]
    fn boundaries_are_held_and_nothing_outside_is() {
        let mut window = window(&[b"ab", b"cd"]);
        window.evict();
        assert!(!window.holds(1));
        assert!(window.holds(2));
        assert!(window.holds(4));
        assert!(!window.holds(5));
    }
}
