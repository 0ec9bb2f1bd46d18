use std::time::Duration;

use object_store::path::Path;

use crate::{CodecKind, Sha256Digest};

/// What was committed: an object that is whole and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Where the object is in its store.
    pub location: Path,
    /// Its entity tag, if the store gave one.
    pub e_tag: Option<String>,
    /// Its version, if the store keeps versions.
    pub version: Option<String>,
    /// The length of the raw document.
    pub raw_bytes: u64,
    /// The length of the object.
    pub stored_bytes: u64,
    /// The SHA-256 of the raw document; `None` when it was neither computed nor given.
    pub sha256: Option<Sha256Digest>,
    /// How the object is encoded.
    pub codec: CodecKind,
    /// How many requests carried it: 1 for a single PUT, else the number of parts. 0 when it was
    /// there already and nothing had been sent.
    pub parts: usize,
    /// How the rule about overwriting was kept.
    pub placement: Placement,
    /// From [`Archive::create`](crate::Archive::create) to the store's last answer.
    pub elapsed: Duration,
    /// How much of that was spent on the SHA-256.
    pub digest_time: Duration,
}

/// How a committed object came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Placement {
    /// Created, and the store itself made sure that nothing was replaced.
    Exclusive,
    /// Created after nothing was found there. Somebody who wrote between the look and the commit
    /// has been replaced.
    CheckedBefore,
    /// Written without a look, since the store did not allow one. If there was something, it has
    /// been replaced.
    Unchecked,
    /// Written, replacing whatever was there, as [`Overwrite::Replace`](crate::Overwrite::Replace)
    /// asks.
    Replacing,
    /// The same document was there already and has been left alone. The receipt is that object's.
    AlreadyThere,
}
