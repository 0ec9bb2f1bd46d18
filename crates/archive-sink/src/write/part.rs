use std::fmt;

use bytes::Bytes;
use object_store::PutPayload;

use crate::encode::compressor::Output;

/// The most parts that S3 lets an upload have
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const MAX_PARTS: usize = 10_000;

/// The smallest part, but for the last, that S3 and Google Cloud Storage take: 5 MiB.
pub(crate) const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The largest part that S3 takes: 5 GiB.
pub(crate) const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// After this many parts, parts grow by the size of the first.
///
/// 10,000 parts that grow like this hold 213,360 times the first: 1.02 TiB from 5 MiB, and none is larger
/// than 42 times the first. An upload below 240 parts, 1.17 GiB from 5 MiB, has equal parts.
const PARTS_PER_STEP: usize = 240;

/// How large the part with this index is, from 0.
pub(crate) fn part_bytes(first: usize, index: usize) -> usize {
    let step = (index / PARTS_PER_STEP + 1) as u64;
    let bytes = (first as u64).saturating_mul(step).min(MAX_PART_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

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

    #[test]
    fn ten_thousand_parts_of_the_smallest_first_size_hold_a_tebibyte() {
        let total: u64 = (0..MAX_PARTS)
            .map(|index| part_bytes(MIN_PART_BYTES, index) as u64)
            .sum();
        assert_eq!(total, 213_360 * MIN_PART_BYTES as u64);
        assert!(total >= 1 << 40);
    }

    #[test]
    fn parts_grow_slowly_never_shrink_and_stay_within_what_s3_takes() {
        for first in [1, MIN_PART_BYTES, 4 << 30] {
            let mut last = first;
            for index in 0..MAX_PARTS {
                let next = part_bytes(first, index);
                assert!(next >= last && next - last <= first && next as u64 <= MAX_PART_BYTES);
                last = next;
            }
        }
        assert_eq!(part_bytes(8, PARTS_PER_STEP - 1), 8);
        assert_eq!(part_bytes(8, PARTS_PER_STEP), 16);
        assert_eq!(
            part_bytes(MIN_PART_BYTES, MAX_PARTS - 1),
            42 * MIN_PART_BYTES
        );
    }
}
