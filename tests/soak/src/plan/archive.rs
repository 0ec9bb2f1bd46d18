use std::time::Duration;

use archive_sink::{AttributeSupport, Overwrite};
use driver_streaming::Codec;
use scripted_store::{Effect, Failure, Operation, Rule};

use crate::chance::Chance;

/// An archive, and what its store does wrong.
#[derive(Clone, Debug)]
pub(crate) struct ArchivePlan {
    pub(crate) store: StoreKind,
    pub(crate) codec: Codec,
    pub(crate) attributes: AttributeSupport,
    pub(crate) part_bytes: usize,
    pub(crate) parts_in_flight: usize,
    pub(crate) overwrite: Overwrite,
    pub(crate) digest: bool,
    pub(crate) faults: Vec<Rule>,
}

/// Where objects are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Memory,
    Folder,
}

impl ArchivePlan {
    pub(super) fn any(chance: &mut Chance) -> Self {
        let store = chance.pick([StoreKind::Memory, StoreKind::Folder]);
        let attributes = match store {
            StoreKind::Memory if chance.one_in(2) => AttributeSupport::Kept,
            StoreKind::Memory | StoreKind::Folder => AttributeSupport::Absent,
        };
        let part_bytes = chance.scaled(1024, 5 * 1024 * 1024) as usize;
        let faults = if chance.one_in(2) {
            (0..chance.between(1, 3))
                .map(|_| fault(chance, part_bytes))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            store,
            codec: any_codec(chance),
            attributes,
            part_bytes,
            parts_in_flight: chance.between(1, 4) as usize,
            overwrite: chance.pick([Overwrite::CreateOnly, Overwrite::Replace]),
            digest: !chance.one_in(4),
            faults,
        }
    }
}

/// The longest that delays of one rule take in all of a document of [`LARGEST`] bytes: well within the archive's limit.
const DELAYED_IN_ALL: Duration = Duration::from_secs(10);
/// More than the largest document has, compressed or not.
const LARGEST: usize = 10_000_000;

/// A fault of every so many calls. Where it delays so many small parts that no limit would do, it delays each for less.
fn fault(chance: &mut Chance, part_bytes: usize) -> Rule {
    let pause = chance.milliseconds(1, 250);
    let operation = chance.pick([
        Operation::Put,
        Operation::Put,
        Operation::Create,
        Operation::Part,
        Operation::Part,
        Operation::Complete,
        Operation::Abort,
        Operation::Get,
    ]);
    let every = chance.scaled(1, 16);
    let delayed = (LARGEST / part_bytes) as u64 / every + 1;
    let bearable = DELAYED_IN_ALL / u32::try_from(delayed).unwrap_or(u32::MAX);
    let effect = match chance.below(11) {
        0..=3 => Effect::Refuse(Failure::Other),
        4..=5 => Effect::LoseAnswer(Failure::Other),
        6..=9 => Effect::Delay(pause.min(bearable)),
        _ => Effect::Panic,
    };
    Rule::every_nth(operation, every as usize, effect)
}

/// Any codec, at a level that does not take long.
pub(super) fn any_codec(chance: &mut Chance) -> Codec {
    let level = |least, most, chance: &mut Chance| {
        u8::try_from(chance.between(least, most)).unwrap_or_default()
    };
    let codec = match chance.below(4) {
        0 => return Codec::Identity,
        1 => Codec::gzip(level(1, 6, chance)),
        2 => Codec::zstd(level(1, 6, chance)),
        _ => Codec::brotli(level(0, 4, chance)),
    };
    codec.unwrap_or(Codec::Identity)
}
