use std::mem;

/// The bytes that one hash of a production covers before the ledger gets coarser.
pub(crate) const UNIT: u64 = 64 * 1024;

/// The most hashes that a ledger keeps: 32 KiB of them.
const CAPACITY: usize = 4096;

/// What has been produced so far, as hashes of blocks, to find a replay that yields something else.
///
/// A block is one [`UNIT`] at first. When the ledger is full, each two neighbours become one, so that its size does
/// not depend on that of the document: 64 KiB blocks up to 256 MiB, 128 KiB up to 512 MiB, and so on.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    level: u32,
    /// `None` for a block that no production ran through from end to end.
    blocks: Vec<Option<u64>>,
    /// The hash of what follows the last whole unit, known once a production ended.
    remainder: Option<u64>,
    capacity: Option<usize>,
}

/// The blocks of one production that are waiting for their right neighbour.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pending: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    level: u32,
    index: u64,
    hash: u64,
}

/// A block differs from what was produced before; `0` is its offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Differs(pub(crate) u64);

impl Ledger {
    /// Compares the hash of a unit with the one that was produced before, or keeps it when it is the first.
    pub(crate) fn record(
        &mut self,
        trail: &mut Trail,
        unit: u64,
        hash: u64,
    ) -> Result<(), Differs> {
        let mut node = Node {
            level: 0,
            index: unit,
            hash,
        };
        while node.level < self.level {
            if node.index.is_multiple_of(2) {
                trail.pending.push(node);
                return Ok(());
            }
            match trail.pending.pop() {
                Some(left) if (left.level, left.index + 1) == (node.level, node.index) => {
                    node = Node {
                        level: node.level + 1,
                        index: node.index / 2,
                        hash: join(left.hash, node.hash),
                    };
                }
                // The production began inside this block, so there is nothing to compare the whole with.
                _ => return Ok(()),
            }
        }
        let index = node.index as usize;
        if index >= self.blocks.len() {
            self.blocks.resize(index + 1, None);
        }
        match self.blocks[index] {
            Some(known) if known != node.hash => {
                return Err(Differs((node.index << self.level) * UNIT));
            }
            Some(_) => {}
            None => self.blocks[index] = Some(node.hash),
        }
        while self.blocks.len() >= self.capacity.unwrap_or(CAPACITY) {
            self.halve();
        }
        Ok(())
    }

    /// Where the block begins that `offset` is in.
    pub(crate) fn block_start(&self, offset: u64) -> u64 {
        let size = UNIT << self.level;
        offset / size * size
    }

    /// The same for the bytes between the last whole unit and the end of the document, which is at `length`.
    pub(crate) fn record_remainder(&mut self, length: u64, hash: u64) -> Result<(), Differs> {
        match self.remainder {
            Some(known) if known != hash => Err(Differs(length / UNIT * UNIT)),
            _ => {
                self.remainder = Some(hash);
                Ok(())
            }
        }
    }

    fn halve(&mut self) {
        let blocks = mem::take(&mut self.blocks);
        self.blocks = blocks
            .chunks(2)
            .map(|pair| match *pair {
                [Some(left), Some(right)] => Some(join(left, right)),
                _ => None,
            })
            .collect();
        self.level += 1;
    }
}

/// One hash of two, in which their order counts (the finaliser of MurmurHash3, Austin Appleby, public domain).
fn join(left: u64, right: u64) -> u64 {
    let mut hash = left.rotate_left(23) ^ right;
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Ledger {
        Ledger {
            capacity: Some(4),
            ..Ledger::default()
        }
    }

    #[test]
    fn the_same_again_is_no_difference_however_coarse_it_got() {
        let mut ledger = small();
        for _ in 0..3 {
            let mut trail = Trail::default();
            for unit in 0..100 {
                assert_eq!(ledger.record(&mut trail, unit, unit * 31 + 7), Ok(()));
                assert!(ledger.blocks.len() < 4);
            }
        }
    }

    #[test]
    fn another_unit_is_found_once_its_block_is_whole() {
        let mut ledger = small();
        let mut trail = Trail::default();
        for unit in 0..64 {
            ledger.record(&mut trail, unit, unit + 1).unwrap();
        }
        for wrong in 0..63 {
            let mut trail = Trail::default();
            let found = (0..64).find_map(|unit| {
                ledger
                    .record(&mut trail, unit, if unit == wrong { 0 } else { unit + 1 })
                    .err()
            });
            let Differs(offset) = found.expect("the difference is found");
            assert!(offset <= wrong * UNIT, "{offset} is behind unit {wrong}");
        }
    }

    #[test]
    fn a_gap_is_filled_by_whoever_runs_through_it() {
        let mut ledger = small();
        ledger.record(&mut Trail::default(), 2, 22).unwrap();
        ledger.record(&mut Trail::default(), 1, 11).unwrap();
        assert_eq!(
            ledger.record(&mut Trail::default(), 1, 12),
            Err(Differs(UNIT))
        );
        assert_eq!(
            ledger.record(&mut Trail::default(), 2, 23),
            Err(Differs(2 * UNIT))
        );
    }

    #[test]
    fn the_end_is_compared_too() {
        let mut ledger = small();
        ledger.record_remainder(10, 1).unwrap();
        assert_eq!(ledger.record_remainder(10, 2), Err(Differs(0)));
    }
}
