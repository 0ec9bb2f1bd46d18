#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod archive;
mod check;
mod codec;
mod digest;
mod digest_place;
mod encoded_stream;
mod encoder;
mod key;
#[cfg(feature = "fs")]
mod local_folder;
mod metadata;
mod read;
#[cfg(feature = "s3")]
mod s3;
mod settings;
#[cfg(feature = "spool")]
mod spool;
mod write;

pub use archive::Archive;
pub use check::{Access, CheckOptions};
pub use codec::{Codec, CodecError, CodecKind};
pub use digest::{RawDocument, Sha256Digest, Sha256Hasher};
pub use encoded_stream::{EncodedStream, EncodedStreamError};
pub use key::KeyError;
#[cfg(feature = "fs")]
pub use local_folder::LocalFolder;
pub use metadata::AttributeSupport;
pub use read::{
    error::{ReadError, ReadErrorKind},
    open::{Description, ObjectVersion},
    reader::ArchiveReader,
    verify::ReadLimit,
};
#[cfg(feature = "s3")]
pub use s3::S3Connector;
pub use settings::{ArchiveBuilder, BuildError, Overwrite};
#[cfg(feature = "spool")]
pub use spool::{
    Spool, SpoolBuilder, SpoolCounts, SpoolError, SpoolStatus,
    upload::{Drained, Uploader},
    writer::{Arrival, SpoolWriter, Spooled},
};
pub use write::{
    attempt::{CreateOnly, RequestEffect, RequestError},
    commit::{Placement, Receipt},
    error::{CommitError, StoreError, WriteError, WriteErrorKind},
    writer::ArchiveWriter,
};

#[doc(no_inline)]
pub use object_store;
