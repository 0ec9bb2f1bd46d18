use std::io::{Result, Write};

/// Writes to both, one after the other.
#[derive(Debug)]
pub(crate) struct Both<A, B>(pub(crate) A, pub(crate) B);

impl<A: Write, B: Write> Write for Both<A, B> {
    fn write(&mut self, block: &[u8]) -> Result<usize> {
        self.0.write_all(block)?;
        self.1.write_all(block)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}
