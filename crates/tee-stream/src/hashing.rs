use std::hash::Hasher as _;

use twox_hash::XxHash64;

use crate::ledger::UNIT;

/// Hashes what a production yields, unit by unit, whatever the sizes of its chunks.
#[derive(Debug)]
pub(crate) struct Hashing {
    hasher: XxHash64,
    offset: u64,
    /// The production began inside the current unit, so that unit's hash would say nothing.
    partial: bool,
}

/// The hash of a whole unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitHash {
    pub(crate) unit: u64,
    pub(crate) hash: u64,
}

impl Hashing {
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            hasher: XxHash64::with_seed(0),
            offset,
            partial: !offset.is_multiple_of(UNIT),
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
                if !std::mem::take(&mut self.partial) {
                    complete.push(UnitHash {
                        unit: self.offset / UNIT - 1,
                        hash,
                    });
                }
            }
        }
        complete
    }

    /// The hash of what came after the last whole unit, unless the production began inside it.
    pub(crate) fn remainder(&self) -> Option<u64> {
        (!self.partial).then(|| self.hasher.finish())
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
    fn a_unit_that_was_not_seen_whole_is_not_reported() {
        let document = vec![7; 3 * UNIT as usize];
        let mut late = Hashing::new(10);
        assert_eq!(
            late.update(&document[10..])
                .iter()
                .map(|hash| hash.unit)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(Hashing::new(10).remainder(), None);
    }
}
