use async_compression::core::util::WriteBuffer;

use super::output::Output;

/// How much room a codec always finds for its output: 32 KiB, which is enough for whatever a block of
/// input usually becomes.
const BYTES: usize = 32 * 1024;

/// Where a codec writes, before it is known how much room there is elsewhere.
///
/// What DEFLATE encoders write depends on where their output space ends: they stop in the middle of a
/// search then, and go on differently. So the space is always the same, and what is written is copied on.
#[derive(Default)]
pub(super) struct Spill {
    bytes: Vec<u8>,
    moved: usize,
    written: usize,
}

impl Spill {
    /// Moves as much into `output` as it has room for. Says whether that was all.
    pub(super) fn move_into(&mut self, output: &mut impl Output) -> bool {
        while self.moved < self.written && !output.is_full() {
            let rest = &self.bytes[self.moved..self.written];
            self.moved += copy(rest, output);
        }
        self.moved == self.written
    }

    /// The whole space. Only when all has been moved.
    pub(super) fn space(&mut self) -> WriteBuffer<'_> {
        debug_assert_eq!(self.moved, self.written, "what is there would be lost");
        self.bytes.resize(BYTES, 0);
        WriteBuffer::new_initialized(&mut self.bytes)
    }

    /// Takes over the first `amount` bytes of the [`space`](Self::space).
    pub(super) fn advance(&mut self, amount: usize) {
        self.moved = 0;
        self.written = amount;
    }
}

/// Copies as much as there is contiguous room for in `output`, and says how much that was.
pub(super) fn copy(bytes: &[u8], output: &mut impl Output) -> usize {
    let spare = output.spare();
    let amount = spare.len().min(bytes.len());
    spare[..amount].copy_from_slice(&bytes[..amount]);
    output.advance(amount);
    amount
}
