use std::io::{Result, Write};

use sha2::{Digest as _, Sha256};

/// Bytes that have passed: a gigabyte is not to be held for its digest.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) bytes: u64,
    hasher: Sha256,
}

impl Seen {
    /// Their digest, in hex.
    pub(crate) fn sha256(self) -> String {
        let digest = self.hasher.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
