use std::sync::Arc;

use archive_sink::{Archive, Codec};
use driver_streaming::ArchiveTarget;
use scripted_store::ScriptedStore;

/// The parts of uploads to a scripted store: small, so that there are many.
const PART: usize = 256 * 1024;

/// An archive in this store, in small parts.
pub(crate) fn archive_in(store: &ScriptedStore, codec: Codec) -> ArchiveTarget {
    let archive = Archive::builder(Arc::new(store.clone()))
        .codec(codec)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .expect("the codec is compiled");
    ArchiveTarget::new(archive, "memory:///".parse().expect("this is a URL"))
}
