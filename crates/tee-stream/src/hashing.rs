use std::hash::Hasher as _;

use twox_hash::XxHash64;

use crate::ledger::UNIT;

/// Hashes what a production yields, unit by unit, whatever the sizes of its chunks.
#[derive(Debug)]
pub(crate) struct Hashing {
    hasher: XxHash64,
    offset: u64,
}

/// The hash of a whole unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitHash {
    pub(crate) unit: u64,
    pub(crate) hash: u64,
}

impl Hashing {
    /// Of a production that begins at `offset`, where a unit begins.
    pub(crate) fn new(offset: u64) -> Self {
        debug_assert!(offset.is_multiple_of(UNIT));
        Self {
            hasher: XxHash64::with_seed(0),
            offset,
        }
    }

    /// Takes in the next bytes and returns the hashes of the units that they complete.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) -> Vec<UnitHash> {
        let mut complete = Vec::new();
        while !bytes.is_empty() {
            let missing = UNIT - self.offset % UNIT;
            let (now, later) = bytes.split_at(bytes.len().min(missing as usize));
            self.hasher.write(now);
            self.offset += now.len() as u64;
            bytes = later;
            if self.offset.is_multiple_of(UNIT) {
                let hash = std::mem::replace(&mut self.hasher, XxHash64::with_seed(0)).finish();
                complete.push(UnitHash {
                    unit: self.offset / UNIT - 1,
                    hash,
                });
            }
        }
        complete
    }

    /// The hash of what came after the last whole unit.
    pub(crate) fn remainder(&self) -> u64 {
        self.hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_do_not_depend_on_where_chunks_are_cut() {
        let document: Vec<u8> = (0..300_000u32).map(|index| (index * 7 / 3) as u8).collect();
        let mut whole = Hashing::new(0);
        let expected = whole.update(&document);
        assert_eq!(expected.len(), 4);
        for size in [1, 1000, 65_535, 65_536, 65_537] {
            let mut pieces = Hashing::new(0);
            let found: Vec<_> = document
                .chunks(size)
                .flat_map(|chunk| pieces.update(chunk))
                .collect();
            assert_eq!(found, expected, "chunks of {size}");
            assert_eq!(pieces.remainder(), whole.remainder());
        }
    }

    #[test]
    fn units_are_numbered_from_the_beginning_of_the_document() {
        let document = vec![7; 3 * UNIT as usize];
        let units: Vec<_> = Hashing::new(UNIT)
            .update(&document[UNIT as usize..])
            .iter()
            .map(|hash| hash.unit)
            .collect();
        assert_eq!(units, [1, 2]);
    }
}
