//! Buffers that become chunks.

/// The largest buffer that is allocated before it is known that there is so much to write: 1 MiB.
const FIRST_ALLOCATION: usize = 1024 * 1024;

/// Makes room in a buffer that is full but holds no whole chunk yet. A chunk is allocated at once and never copied,
/// unless it is so large that most documents would not fill it.
pub(crate) fn grow(buffer: &mut Vec<u8>, chunk_size: usize) {
    let length = buffer.len();
    let capacity = length.saturating_mul(2).clamp(FIRST_ALLOCATION, usize::MAX);
    buffer.reserve_exact(capacity.min(chunk_size) - length);
}
