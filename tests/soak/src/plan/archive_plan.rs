use std::time::Duration;

use archive_sink::{AttributeSupport, Overwrite};
use driver_streaming::Codec;

use super::codec::any_codec;
use crate::archive::{Fault, StoreCall, Strike};
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
    pub(crate) strikes: Vec<Strike>,
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
        let strikes = if chance.one_in(2) {
            (0..chance.between(1, 3))
                .map(|_| bearable(strike(chance), part_bytes))
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
            strikes,
        }
    }
}

fn strike(chance: &mut Chance) -> Strike {
    let pause = chance.milliseconds(1, 250);
    Strike {
        call: chance.pick([
            StoreCall::Put,
            StoreCall::Put,
            StoreCall::Create,
            StoreCall::Part,
            StoreCall::Part,
            StoreCall::Complete,
            StoreCall::Abort,
            StoreCall::Look,
        ]),
        every: chance.scaled(1, 16),
        fault: chance.weighted([
            (4, Fault::Refused),
            (2, Fault::AnswerLost),
            (4, Fault::Delayed(pause)),
            (1, Fault::Panics),
        ]),
    }
}

/// The longest that delays of one strike take in all of a document of [`LARGEST`] bytes: well within the archive's limit.
const DELAYED_IN_ALL: Duration = Duration::from_secs(10);
/// More than the largest document has, compressed or not.
const LARGEST: usize = 10_000_000;

/// A strike that delays so many small parts for so long that no limit would do delays each for less.
fn bearable(strike: Strike, part_bytes: usize) -> Strike {
    let fault = match strike.fault {
        Fault::Delayed(pause) => {
            let delayed = (LARGEST / part_bytes) as u64 / strike.every + 1;
            let bearable = DELAYED_IN_ALL / u32::try_from(delayed).unwrap_or(u32::MAX);
            Fault::Delayed(pause.min(bearable))
        }
        fault => fault,
    };
    Strike { fault, ..strike }
}
