//! One step of the path from the root of a value to where a walk stopped.

/// What a [`Frame`] stands for. A walk that resumes compares it, to detect that a map has become a sequence, for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sequence,
    Tuple,
    TupleStruct,
    TupleVariant,
    Map,
    Struct,
    StructVariant,
    NewtypeVariant,
    /// A string: the index counts bytes of the source, without the quotes and before escaping.
    Text,
    /// Raw JSON text: the index counts its bytes.
    Raw,
    /// Bytes, written as an array of numbers: the index counts bytes of the source.
    Bytes,
}

/// The length of a container that announces none.
pub(crate) const UNKNOWN_LENGTH: u64 = u64::MAX;

/// A partly written container or long leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The number of children that are written in full. For a leaf, of bytes of the source.
    pub(crate) index: u64,
    /// The announced length of the container, or [`UNKNOWN_LENGTH`]. For a leaf, the length of the source. A container that
    /// announces less when a walk resumes may be an exhausted iterator.
    pub(crate) length: u64,
    /// A hash of the key of the partly written child. 0 if there is none or it is unknown.
    pub(crate) key: u32,
    pub(crate) kind: Kind,
}

/// FNV-1a, for keys. They are short and hashed once for each walk, so no faster hash is needed.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>
#[derive(Debug)]
pub(crate) struct KeyHash(u32);

impl KeyHash {
    pub(crate) fn new() -> Self {
        Self(0x811c_9dc5)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    /// Returns the hash. It is never 0, which stands for "unknown".
    pub(crate) fn finish(&self) -> u32 {
        self.0.max(1)
    }

    pub(crate) fn of(bytes: &[u8]) -> u32 {
        let mut hash = Self::new();
        hash.update(bytes);
        hash.finish()
    }
}

impl std::io::Write for KeyHash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
