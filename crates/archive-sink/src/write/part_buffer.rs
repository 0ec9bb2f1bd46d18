use std::fmt;

use bytes::Bytes;
use object_store::PutPayload;

use crate::encode::output::Output;

/// The size of one allocation of a part.
///
/// Below the allocator's threshold for mapping fresh pages, so that blocks are reused from one part
/// to the next, and large enough that a part of 5 MiB has only 80.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// The part that is being filled.
///
/// Codecs write straight into its blocks, and the store is handed the blocks themselves: nothing
/// grows by copying, and nothing is copied on the way out.
pub(crate) struct PartBuffer {
    full: Vec<Bytes>,
    block: Vec<u8>,
    filled: usize,
    length: usize,
    capacity: usize,
}

impl fmt::Debug for PartBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "PartBuffer({} of {})",
            self.length, self.capacity
        )
    }
}

impl PartBuffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            full: Vec::new(),
            block: Vec::new(),
            filled: 0,
            length: 0,
            capacity,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Hands out what there is and starts an empty part of `capacity` bytes.
    pub(crate) fn take(&mut self, capacity: usize) -> PutPayload {
        self.seal_block();
        let part = std::mem::replace(self, Self::new(capacity));
        part.full.into_iter().collect()
    }

    fn seal_block(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        if self.filled > 0 {
            block.truncate(self.filled);
            self.full.push(Bytes::from(block));
        }
        self.filled = 0;
    }
}

impl Output for PartBuffer {
    fn is_full(&self) -> bool {
        self.length == self.capacity
    }

    fn spare(&mut self) -> &mut [u8] {
        if self.filled == self.block.len() {
            self.seal_block();
            self.block = vec![0; BLOCK_BYTES.min(self.capacity - self.length)];
        }
        &mut self.block[self.filled..]
    }

    fn advance(&mut self, amount: usize) {
        self.filled += amount;
        self.length += amount;
        debug_assert!(self.filled <= self.block.len() && self.length <= self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(part: &mut PartBuffer, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() && !part.is_full() {
            let spare = part.spare();
            let amount = spare.len().min(bytes.len() - written);
            spare[..amount].copy_from_slice(&bytes[written..written + amount]);
            part.advance(amount);
            written += amount;
        }
        written
    }

    #[test]
    fn holds_its_capacity_in_blocks_and_no_byte_more() {
        for capacity in [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(capacity + 7).collect();
            let mut part = PartBuffer::new(capacity);
            assert_eq!(fill(&mut part, &bytes), capacity);
            assert!(part.is_full() && part.spare().is_empty());
            let payload = part.take(3);
            assert!(payload.iter().all(|block| block.len() <= BLOCK_BYTES));
            assert_eq!(
                Vec::from_iter(payload.iter().flatten().copied()),
                bytes[..capacity]
            );
            assert_eq!((part.len(), fill(&mut part, &bytes)), (0, 3));
        }
    }

    #[test]
    fn an_untouched_part_is_empty() {
        let mut part = PartBuffer::new(8);
        assert!(!part.spare().is_empty());
        assert_eq!(part.take(8).content_length(), 0);
    }
}
