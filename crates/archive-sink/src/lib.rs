#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod archive;
mod builder;
mod check;
mod clock;
mod codec;
mod codec_kind;
mod digest;
mod encode;
mod error;
mod key;
mod level;
mod metadata;
mod raw_document;
mod read;
mod write;

pub use archive::Archive;
pub use builder::{ArchiveBuilder, Overwrite};
pub use check::Access;
pub use codec::Codec;
pub use codec_kind::{CodecKind, ParseCodecError};
pub use digest::{ParseDigestError, Sha256Digest};
pub use encode::EncodedStream;
pub use error::{
    AbortError, BuildError, CheckError, CodecError, CommitError, CreateError, EncodedStreamError,
    OpenError, ReadError, SendError, WriteError,
};
pub use key::{KeyError, MAX_KEY_BYTES, MAX_SEGMENT_BYTES};
pub use level::{Level, LevelError};
pub use metadata::AttributeSupport;
pub use raw_document::RawDocument;
pub use read::{ArchiveReader, ObjectVersion, ReadLimit};
pub use write::{ArchiveWriter, EncodedWriter, Placement, Receipt};

#[doc(no_inline)]
pub use object_store;
