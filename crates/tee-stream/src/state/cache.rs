use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

// The methods of the fast path are `#[inline]`: the state is generic and compiled in the user's crate, and this is not.

/// The chunks that the tee keeps, by offset. They do not overlap, whichever production yielded them.
#[derive(Debug)]
pub(crate) struct Cache {
    chunks: VecDeque<Chunk>,
    pub(crate) bytes: usize,
    /// The most that it ever held.
    pub(crate) peak: usize,
    /// How many bytes it may hold before another chunk is produced.
    budget: usize,
    /// How many chunks it may hold, so that tiny ones do not cost more in bookkeeping than they hold.
    most_chunks: usize,
}

#[derive(Debug)]
struct Chunk {
    offset: u64,
    bytes: Bytes,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl Cache {
    pub(crate) fn new(budget: usize, most_chunks: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            bytes: 0,
            peak: 0,
            budget,
            most_chunks,
        }
    }

    pub(crate) fn budget(&self) -> u64 {
        self.budget as u64
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.budget || self.chunks.len() >= self.most_chunks
    }

    /// The index of the first chunk that ends behind `offset`.
    #[inline]
    fn find(&self, offset: u64) -> usize {
        self.chunks.partition_point(|chunk| chunk.end() <= offset)
    }

    /// Returns what a reader at `offset` reads next: a whole chunk, or the rest of one that another production cut elsewhere.
    #[inline]
    pub(crate) fn get(&self, offset: u64) -> Option<Bytes> {
        let chunk = self.chunks.get(self.find(offset))?;
        let skipped = offset.checked_sub(chunk.offset)?;
        Some(if skipped == 0 {
            chunk.bytes.clone()
        } else {
            chunk.bytes.slice(skipped as usize..)
        })
    }

    /// Where the chunk ends that holds `offset`.
    pub(crate) fn end_of(&self, offset: u64) -> Option<u64> {
        let chunk = self.chunks.get(self.find(offset))?;
        (chunk.offset <= offset).then(|| chunk.end())
    }

    /// Whether every byte of this range is here.
    pub(crate) fn holds(&self, mut range: Range<u64>) -> bool {
        let mut index = self.find(range.start);
        while range.start < range.end {
            match self.chunks.get(index) {
                Some(chunk) if chunk.offset <= range.start => range.start = chunk.end(),
                _ => return false,
            }
            index += 1;
        }
        true
    }

    /// Adds what is not here yet of a chunk.
    pub(crate) fn insert(&mut self, mut offset: u64, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let index = self.find(offset);
            let (known, free) = match self.chunks.get(index) {
                Some(next) if next.offset <= offset => ((next.end() - offset) as usize, 0),
                Some(next) => (0, (next.offset - offset) as usize),
                None => (0, bytes.len()),
            };
            if known > 0 {
                let _ = bytes.split_to(known.min(bytes.len()));
                offset += known as u64;
                continue;
            }
            let bytes = bytes.split_to(free.min(bytes.len()));
            self.bytes += bytes.len();
            let chunk = Chunk { offset, bytes };
            offset = chunk.end();
            self.chunks.insert(index, chunk);
        }
        self.peak = self.peak.max(self.bytes);
    }

    /// Removes the first chunk that `is_needed` does not hold for.
    pub(crate) fn evict(&mut self, mut is_needed: impl FnMut(Range<u64>) -> bool) -> Option<Bytes> {
        let mut chunks = self.chunks.iter();
        let index = chunks.position(|chunk| !is_needed(chunk.offset..chunk.end()))?;
        let chunk = self.chunks.remove(index)?;
        self.bytes -= chunk.bytes.len();
        Some(chunk.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_overlap_are_kept_once_and_read_from_any_offset() {
        let document = Bytes::from_static(b"0123456789abcdef");
        for (first, second) in [(4..8, 0..16), (0..8, 4..12), (4..12, 0..8), (3..5, 3..5)] {
            let mut cache = Cache::new(100, 100);
            for part in [first.clone(), second.clone(), first] {
                cache.insert(part.start as u64, document.slice(part));
            }
            let mut at = 0;
            let mut bytes = 0;
            while at < 16 {
                match cache.get(at as u64) {
                    Some(chunk) => {
                        assert_eq!(chunk, document[at..at + chunk.len()]);
                        bytes += chunk.len();
                        at += chunk.len();
                    }
                    None => at += 1,
                }
            }
            assert_eq!(cache.bytes, bytes);
            assert!(cache.holds(second.start as u64..second.end as u64));
        }
    }

    #[test]
    fn what_is_needed_stays() {
        let mut cache = Cache::new(100, 100);
        for offset in [0, 4, 8] {
            cache.insert(offset, Bytes::from_static(b"abcd"));
        }
        assert_eq!(cache.end_of(5), Some(8));
        assert!(cache.evict(|range| range.start != 4).is_some());
        assert!(cache.evict(|_| true).is_none());
        assert!(!cache.holds(0..12));
        assert_eq!(
            (cache.bytes, cache.end_of(5), cache.get(12)),
            (8, None, None)
        );
    }
}
