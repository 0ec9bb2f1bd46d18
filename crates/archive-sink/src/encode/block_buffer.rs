use bytes::Bytes;
use object_store::PutPayload;

/// The size of one allocation.
///
/// Below the allocator's threshold for mapping fresh pages, so that blocks are reused from one part
/// to the next, and large enough that a part of 5 MiB has only 80.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// The part or the chunk that is being filled: at most `capacity` bytes.
///
/// Codecs write straight into its blocks, and the store is handed the blocks themselves: nothing
/// grows by copying, and nothing is copied on the way out.
pub(crate) struct BlockBuffer {
    full: Vec<Bytes>,
    block: Vec<u8>,
    filled: usize,
    length: usize,
    capacity: usize,
}

impl BlockBuffer {
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

    pub(crate) fn is_full(&self) -> bool {
        self.length == self.capacity
    }

    /// Where the next bytes go. Empty only when the buffer is full.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.filled == self.block.len() {
            self.seal_block();
            self.block = vec![0; BLOCK_BYTES.min(self.capacity - self.length)];
        }
        &mut self.block[self.filled..]
    }

    /// Takes over the first `amount` bytes of [`spare`](Self::spare).
    pub(crate) fn advance(&mut self, amount: usize) {
        self.filled += amount;
        self.length += amount;
        debug_assert!(self.filled <= self.block.len() && self.length <= self.capacity);
    }

    /// Copies as much as there is contiguous room for, and says how much that was.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> usize {
        let spare = self.spare();
        let amount = spare.len().min(bytes.len());
        spare[..amount].copy_from_slice(&bytes[..amount]);
        self.advance(amount);
        amount
    }

    /// Hands out the blocks and starts an empty buffer of `capacity` bytes.
    pub(crate) fn take(&mut self, capacity: usize) -> PutPayload {
        self.take_blocks(capacity).into_iter().collect()
    }

    /// Hands out one piece in memory of just its size, and starts an empty buffer. A single full block is
    /// not copied.
    pub(crate) fn take_joined(&mut self, capacity: usize) -> Bytes {
        let whole = self.is_full();
        let mut blocks = self.take_blocks(capacity);
        match blocks.pop() {
            Some(only) if whole && blocks.is_empty() => only,
            last => {
                blocks.extend(last);
                blocks.concat().into()
            }
        }
    }

    fn take_blocks(&mut self, capacity: usize) -> Vec<Bytes> {
        self.seal_block();
        std::mem::replace(self, Self::new(capacity)).full
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut BlockBuffer, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() && !buffer.is_full() {
            written += buffer.copy(&bytes[written..]);
        }
        written
    }

    /// How much memory a piece keeps that nothing shares.
    fn memory_of(piece: Bytes) -> usize {
        piece.try_into_mut().unwrap().capacity()
    }

    #[test]
    fn holds_its_capacity_in_blocks_and_no_byte_more() {
        for capacity in [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(capacity + 7).collect();
            let mut buffer = BlockBuffer::new(capacity);
            assert_eq!(fill(&mut buffer, &bytes), capacity);
            assert!(buffer.is_full() && buffer.spare().is_empty());
            let payload = buffer.take(3);
            assert!(payload.iter().all(|block| block.len() <= BLOCK_BYTES));
            assert_eq!(
                Vec::from_iter(payload.iter().flatten().copied()),
                bytes[..capacity]
            );
            assert_eq!((buffer.len(), fill(&mut buffer, &bytes)), (0, 3));
        }
    }

    #[test]
    fn a_joined_piece_has_the_bytes_and_memory_of_just_their_size() {
        for capacity in [1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * BLOCK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(capacity + 9).collect();
            for filled in [capacity, capacity - 1] {
                let mut buffer = BlockBuffer::new(capacity);
                fill(&mut buffer, &bytes[..filled]);
                let taken = buffer.take_joined(capacity);
                assert_eq!(taken, bytes[..filled]);
                assert_eq!(buffer.len(), 0);
                if filled > 0 {
                    assert_eq!(memory_of(taken), filled);
                }
            }
        }
    }

    #[test]
    fn a_short_piece_takes_no_more_memory_because_it_could_be_large() {
        let mut buffer = BlockBuffer::new(usize::MAX);
        assert_eq!(fill(&mut buffer, &[7; 3]), 3);
        assert_eq!(buffer.block.capacity(), BLOCK_BYTES);
        let taken = buffer.take_joined(1);
        assert_eq!(taken, [7; 3].as_slice());
        assert_eq!(memory_of(taken), 3);
        assert_eq!(fill(&mut buffer, &[7; 3]), 1);
    }

    #[test]
    fn an_untouched_buffer_is_empty() {
        let mut buffer = BlockBuffer::new(8);
        assert!(!buffer.spare().is_empty());
        assert_eq!(buffer.take(8).content_length(), 0);
        assert!(buffer.take_joined(8).is_empty());
    }
}
