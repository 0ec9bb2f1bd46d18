use std::{
    error::Error,
    fmt,
    hash::Hasher as _,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use twox_hash::XxHash64;

/// The bytes that one hash of a production covers, until there are too many hashes.
const UNIT: u64 = 64 * 1024;

/// The most hashes that are kept: 32 KiB of them.
const CAPACITY: usize = 4096;

/// How many chunks one poll discards before it lets others run.
const DISCARDED_CHUNKS: usize = 32;

/// Compares each production of a document with the earlier ones, for sources that cannot vouch for yielding the same bytes
/// again. What it returns goes to [`Tee::replayable`](crate::Tee::replayable).
///
/// Productions are hashed (XXH64 in blocks of 64 KiB, coarser beyond 256 MiB, at most 32 KiB of hashes), and a block that differs
/// from an earlier production ends this one with [`VerifyError::Differs`]. `produce` is given the start of a block; what
/// comes before the offset that was asked for is compared and discarded.
///
/// Chunks are yielded before their block is whole, so a reader has seen wrong bytes by the time it gets the error. A
/// production that is given up inside a block leaves that block unchecked, and a block that no production ran through before has
/// nothing to be compared with. Hashes find mistakes, not attacks.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::{StreamExt, stream};
/// use tee_stream::{Tee, verified};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() {
///     let document = Bytes::from_static(b"any number of times the same");
///     let tee = Tee::replayable(verified(move |offset| {
///         stream::iter([Ok::<_, std::io::Error>(document.slice(offset as usize..))])
///     }));
///     assert_eq!(tee.branch().next().await.unwrap().unwrap().len(), 28);
/// }
/// ```
pub fn verified<S, E>(
    produce: impl Fn(u64) -> S + Send + Sync + 'static,
) -> impl Fn(u64) -> Verified<S> + Send + Sync + 'static
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let known = Arc::new(Mutex::new(BlockHashes::default()));
    move |offset| {
        let start = lock(&known).block_start(offset);
        Verified {
            stream: Some(Box::pin(produce(start))),
            known: Arc::clone(&known),
            hasher: UnitHasher::new(start),
            unpaired: UnpairedBlocks::default(),
            needed_from: offset,
        }
    }
}

fn lock(known: &Mutex<BlockHashes>) -> std::sync::MutexGuard<'_, BlockHashes> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One production that is compared with earlier ones: what [`verified`] makes.
pub struct Verified<S> {
    /// `None` after an error.
    stream: Option<Pin<Box<S>>>,
    known: Arc<Mutex<BlockHashes>>,
    hasher: UnitHasher,
    unpaired: UnpairedBlocks,
    /// The bytes before this offset are only compared.
    needed_from: u64,
}

/// Why a [`verified`] production failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyError<E> {
    /// The source failed.
    Source(E),
    /// It yielded other bytes than an earlier production.
    Differs {
        /// The start of the block in which they differ, or where this one ended too early.
        offset: u64,
    },
}

impl<E> fmt::Display for VerifyError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(_) => formatter.write_str("the source failed"),
            Self::Differs { offset } => write!(
                formatter,
                "the document was produced differently from byte {offset} on"
            ),
        }
    }
}

impl<E: Error + 'static> Error for VerifyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Differs { .. } => None,
        }
    }
}

impl<S> Verified<S> {
    /// Compares a chunk, and returns what is needed of it.
    fn compare(&mut self, mut chunk: Bytes) -> Result<Bytes, Mismatch> {
        let discarded = self.needed_from.saturating_sub(self.hasher.offset);
        let hashes = self.hasher.update(&chunk);
        let mut known = lock(&self.known);
        for UnitHash { unit, hash } in hashes {
            known.record(&mut self.unpaired, unit, hash)?;
        }
        let _ = chunk.split_to(chunk.len().min(discarded as usize));
        Ok(chunk)
    }

    fn compare_end(&self) -> Result<(), Mismatch> {
        let end = self.hasher.offset;
        if end < self.needed_from {
            return Err(Mismatch(end));
        }
        lock(&self.known).record_remainder(end, self.hasher.remainder())
    }
}

impl<S, E> Stream for Verified<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    type Item = Result<Bytes, VerifyError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..DISCARDED_CHUNKS {
            let Some(stream) = &mut this.stream else {
                return Poll::Ready(None);
            };
            let compared = match ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => this.compare(chunk).map(Some),
                Some(Err(error)) => return Poll::Ready(Some(Err(VerifyError::Source(error)))),
                None => this.compare_end().map(|()| None),
            };
            match compared {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(chunk) => return Poll::Ready(chunk.map(Ok)),
                Err(Mismatch(offset)) => {
                    this.stream = None;
                    return Poll::Ready(Some(Err(VerifyError::Differs { offset })));
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S> fmt::Debug for Verified<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Verified")
            .field("offset", &self.hasher.offset)
            .finish_non_exhaustive()
    }
}

/// The hashes of the blocks produced so far, which find a replay that yields different bytes.
///
/// A block is one [`UNIT`] at first. When there are too many, each two neighbours become one, so that memory does not
/// depend on the size of the document: 64 KiB blocks up to 256 MiB, 128 KiB up to 512 MiB, and so on.
#[derive(Debug, Default)]
struct BlockHashes {
    /// A block is `UNIT << level` bytes.
    level: u32,
    /// `None` for a block that no production ran through from end to end.
    blocks: Vec<Option<u64>>,
    /// The hash of what follows the last whole unit, known once a production ended.
    remainder: Option<u64>,
    /// [`CAPACITY`], or less in tests.
    capacity: Option<usize>,
}

/// The blocks of one production whose right neighbour has not been produced yet.
#[derive(Debug, Default)]
struct UnpairedBlocks {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    level: u32,
    index: u64,
    hash: u64,
}

/// A block differs from what was produced before. Holds the offset of the block.
#[derive(Debug, PartialEq, Eq)]
struct Mismatch(u64);

impl BlockHashes {
    /// Compares the hash of a unit with the known one, or keeps it when it is the first.
    fn record(
        &mut self,
        unpaired: &mut UnpairedBlocks,
        unit: u64,
        hash: u64,
    ) -> Result<(), Mismatch> {
        let mut block = Block {
            level: 0,
            index: unit,
            hash,
        };
        while block.level < self.level {
            if block.index.is_multiple_of(2) {
                unpaired.blocks.push(block);
                return Ok(());
            }
            match unpaired.blocks.pop() {
                Some(left) if (left.level, left.index + 1) == (block.level, block.index) => {
                    block = Block {
                        level: block.level + 1,
                        index: block.index / 2,
                        hash: join(left.hash, block.hash),
                    };
                }
                // The production began inside this block, so there is nothing to compare the whole with.
                _ => return Ok(()),
            }
        }
        let index = block.index as usize;
        if index >= self.blocks.len() {
            self.blocks.resize(index + 1, None);
        }
        match self.blocks[index] {
            Some(known) if known != block.hash => {
                return Err(Mismatch((block.index << self.level) * UNIT));
            }
            Some(_) => {}
            None => self.blocks[index] = Some(block.hash),
        }
        while self.blocks.len() >= self.capacity.unwrap_or(CAPACITY) {
            self.halve();
        }
        Ok(())
    }

    /// Returns the start of the block that contains `offset`.
    fn block_start(&self, offset: u64) -> u64 {
        let size = UNIT << self.level;
        offset / size * size
    }

    /// Does the same for the bytes between the last whole unit and the end of the document at `length`.
    fn record_remainder(&mut self, length: u64, hash: u64) -> Result<(), Mismatch> {
        match self.remainder {
            Some(known) if known != hash => Err(Mismatch(length / UNIT * UNIT)),
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

/// Joins two hashes into one that depends on their order (the finaliser of MurmurHash3, Austin Appleby, public domain).
fn join(left: u64, right: u64) -> u64 {
    let mut hash = left.rotate_left(23) ^ right;
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Hashes what a production yields, unit by unit, whatever the sizes of its chunks.
#[derive(Debug)]
struct UnitHasher {
    hasher: XxHash64,
    offset: u64,
}

/// The hash of a whole unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnitHash {
    unit: u64,
    hash: u64,
}

impl UnitHasher {
    /// Creates the hasher for a production that starts at `offset`, a unit boundary.
    fn new(offset: u64) -> Self {
        debug_assert!(offset.is_multiple_of(UNIT));
        Self {
            hasher: XxHash64::with_seed(0),
            offset,
        }
    }

    /// Adds the next bytes and returns the hashes of the units that they complete.
    fn update(&mut self, mut bytes: &[u8]) -> Vec<UnitHash> {
        let mut complete = Vec::new();
        while !bytes.is_empty() {
            let missing = UNIT - self.offset % UNIT;
            let (now, later) = bytes.split_at(bytes.len().min(missing as usize));
            self.hasher.write(now);
            self.offset += now.len() as u64;
            bytes = later;
            if self.offset.is_multiple_of(UNIT) {
                let hash = mem::replace(&mut self.hasher, XxHash64::with_seed(0)).finish();
                complete.push(UnitHash {
                    unit: self.offset / UNIT - 1,
                    hash,
                });
            }
        }
        complete
    }

    /// Returns the hash of the bytes after the last whole unit.
    fn remainder(&self) -> u64 {
        self.hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> BlockHashes {
        BlockHashes {
            capacity: Some(4),
            ..BlockHashes::default()
        }
    }

    #[test]
    fn the_same_again_is_no_difference_however_coarse_it_got() {
        let mut known = small();
        for _ in 0..3 {
            let mut unpaired = UnpairedBlocks::default();
            for unit in 0..100 {
                assert_eq!(known.record(&mut unpaired, unit, unit * 31 + 7), Ok(()));
                assert!(known.blocks.len() < 4);
            }
        }
    }

    #[test]
    fn another_unit_is_found_once_its_block_is_whole() {
        let mut known = small();
        let mut unpaired = UnpairedBlocks::default();
        for unit in 0..64 {
            known.record(&mut unpaired, unit, unit + 1).unwrap();
        }
        for wrong in 0..63 {
            let mut unpaired = UnpairedBlocks::default();
            let found = (0..64).find_map(|unit| {
                known
                    .record(
                        &mut unpaired,
                        unit,
                        if unit == wrong { 0 } else { unit + 1 },
                    )
                    .err()
            });
            let Mismatch(offset) = found.expect("the difference is found");
            assert!(offset <= wrong * UNIT, "{offset} is behind unit {wrong}");
        }
    }

    #[test]
    fn a_gap_is_filled_by_whoever_runs_through_it() {
        let mut known = small();
        known.record(&mut UnpairedBlocks::default(), 2, 22).unwrap();
        known.record(&mut UnpairedBlocks::default(), 1, 11).unwrap();
        assert_eq!(
            known.record(&mut UnpairedBlocks::default(), 1, 12),
            Err(Mismatch(UNIT))
        );
        assert_eq!(
            known.record(&mut UnpairedBlocks::default(), 2, 23),
            Err(Mismatch(2 * UNIT))
        );
    }

    #[test]
    fn the_end_is_compared_too() {
        let mut known = small();
        known.record_remainder(10, 1).unwrap();
        assert_eq!(known.record_remainder(10, 2), Err(Mismatch(0)));
    }

    #[test]
    fn hashes_do_not_depend_on_where_chunks_are_cut() {
        let document: Vec<u8> = (0..300_000u32).map(|index| (index * 7 / 3) as u8).collect();
        let mut whole = UnitHasher::new(0);
        let expected = whole.update(&document);
        assert_eq!(expected.len(), 4);
        for size in [1, 1000, 65_535, 65_536, 65_537] {
            let mut pieces = UnitHasher::new(0);
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
        let units: Vec<_> = UnitHasher::new(UNIT)
            .update(&document[UNIT as usize..])
            .iter()
            .map(|hash| hash.unit)
            .collect();
        assert_eq!(units, [1, 2]);
    }
}
