//! Where the text is split into chunks, and how much of it one poll writes.

use bytes::Bytes;

use crate::error::JsonError;
use crate::walker::Walker;

/// How many bytes one walk writes before it yields, if no chunk is full earlier.
pub(crate) const WALK_BYTES: usize = 64 * 1024;

/// The largest buffer that is allocated before there is that much to write.
const FIRST_ALLOCATION: usize = 1024 * 1024;

/// Grows a full buffer that does not hold a whole chunk yet. A chunk is one allocation and is never copied, unless it is so
/// large that most documents would not fill it.
pub(crate) fn grow(buffer: &mut Vec<u8>, chunk_size: usize) {
    let length = buffer.len();
    let capacity = length.saturating_mul(2).clamp(FIRST_ALLOCATION, usize::MAX);
    buffer.reserve_exact(capacity.min(chunk_size) - length);
}

impl Walker {
    /// Makes as much space in the buffer as this walk may write.
    pub(super) fn raise_limit(&mut self) {
        let length = self.buffer.len();
        if length == self.buffer.capacity() {
            grow(&mut self.buffer, self.chunk_size);
        }
        self.limit = self
            .buffer
            .capacity()
            .min(self.chunk_size)
            .min(length + WALK_BYTES);
    }

    /// Continues when the buffer is filled up to the limit: finishes a full chunk, or lets the walk exceed its share.
    pub(super) fn pass_limit(&mut self) {
        if self.buffer.len() == self.chunk_size {
            self.finish_chunk();
            self.stop |= !self.ready.is_empty() || self.discarded_by_walk >= WALK_BYTES;
        } else {
            self.stop = true;
        }
        self.raise_limit();
    }

    fn finish_chunk(&mut self) {
        self.verify();
        let length = self.buffer.len();
        let unwanted = if self.counting {
            length
        } else {
            self.unwanted()
        };
        self.base += unwanted as u64;
        self.discard = self.discard.saturating_sub(unwanted as u64);
        self.discarded_by_walk += unwanted;
        if unwanted == 0 {
            self.base += length as u64;
            self.ready
                .push_back(Bytes::from(std::mem::take(&mut self.buffer)));
            self.verified = 0;
        } else {
            self.buffer.drain(..unwanted);
            self.verified = self.buffer.len();
        }
    }

    /// Returns how many bytes at the start of the buffer to discard.
    fn unwanted(&self) -> usize {
        usize::try_from(self.discard)
            .unwrap_or(usize::MAX)
            .min(self.buffer.len())
    }

    /// Passes new bytes to the verifier.
    pub(super) fn verify(&mut self) {
        if let Some(verifier) = &mut self.verifier {
            verifier.update(&self.buffer[self.verified..]);
        }
        self.verified = self.buffer.len();
    }

    /// Finishes the document: the rest of the buffer is the last chunk. Returns the length of the document.
    pub(crate) fn finish(&mut self, left_open: bool) -> Result<u64, JsonError> {
        self.verify();
        // A full chunk is finished when the next byte comes, so the last byte is always in the buffer.
        if left_open && !matches!(self.buffer.pop(), Some(b'}' | b']')) {
            return Err(JsonError::NotOpen);
        }
        let length = self.position();
        if let Some(verifier) = &self.verifier {
            verifier.finish(length).map_err(|what| JsonError::Changed {
                offset: length,
                what,
            })?;
        }
        let unwanted = self.unwanted();
        self.buffer.drain(..unwanted);
        self.discard -= unwanted as u64;
        if self.discard > 0 {
            return Err(JsonError::OffsetBeyondEnd {
                offset: length.saturating_add(self.discard),
                length,
            });
        }
        let mut last = std::mem::take(&mut self.buffer);
        self.base = length;
        self.limit = 0;
        if !self.counting && !last.is_empty() {
            last.shrink_to_fit();
            self.ready.push_back(Bytes::from(last));
        }
        Ok(length)
    }
}
