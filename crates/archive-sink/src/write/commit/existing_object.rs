use futures_util::StreamExt;
use object_store::{
    Attributes, Error as StoreError, GetOptions, ObjectMeta, ObjectStore, path::Path,
};

use crate::{
    digest::{RawDocument, Sha256Digest, Sha256Hasher},
    metadata,
    read::{error::ReadErrorKind, open, reader::ArchiveReader, verify::ReadLimit},
};

/// An object that was found where one is to be, or may have been, written.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) meta: ObjectMeta,
    pub(crate) attributes: Attributes,
}

/// Whether an object holds a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sameness {
    Same,
    Different,
    /// There is no digest to compare with, or the object may not be read.
    Unknown,
}

impl Sameness {
    fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }
}

/// Asks the store what is at a location, without its content.
pub(crate) async fn look(
    store: &dyn ObjectStore,
    location: &Path,
) -> Result<Option<Found>, StoreError> {
    let options = GetOptions::new().with_head(true);
    match store.get_opts(location, options).await {
        Ok(result) => Ok(Some(Found {
            meta: result.meta,
            attributes: result.attributes,
        })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Found {
    /// Compares with a document: by the digest in the metadata, else by reading the object.
    pub(crate) async fn compare(&self, store: &dyn ObjectStore, document: RawDocument) -> Sameness {
        let Some(expected) = document.sha256 else {
            return Sameness::Unknown;
        };
        match metadata::sha256(&self.attributes) {
            Some(digest) => Sameness::of(digest == expected),
            None => self.read_and_compare(store, document.bytes, expected).await,
        }
    }

    async fn read_and_compare(
        &self,
        store: &dyn ObjectStore,
        bytes: u64,
        expected: Sha256Digest,
    ) -> Sameness {
        let opened = open::find(store, vec![self.meta.location.clone()]).await;
        let reader =
            opened.and_then(|found| ArchiveReader::decoded(found, ReadLimit::bytes(bytes)));
        let Ok(mut reader) = reader else {
            return Sameness::Unknown;
        };
        let mut hasher = Sha256Hasher::default();
        while let Some(chunk) = reader.next().await {
            match chunk.map_err(|error| error.kind) {
                Ok(chunk) => hasher.update(&chunk),
                Err(ReadErrorKind::Store { .. }) => return Sameness::Unknown,
                // Damaged, longer, or no archive at all.
                Err(_) => return Sameness::Different,
            }
        }
        Sameness::of(hasher.finish() == expected)
    }
}
