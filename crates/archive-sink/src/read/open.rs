use object_store::{Attributes, Error as StoreError, GetOptions, ObjectStore, path::Path};

use crate::{CodecKind, OpenError, metadata};

type Bytes = futures_core::stream::BoxStream<'static, Result<bytes::Bytes, StoreError>>;

/// An object whose content is on its way.
pub(crate) struct Opened {
    pub(crate) location: Path,
    pub(crate) stored_bytes: u64,
    pub(crate) attributes: Attributes,
    pub(crate) content: Bytes,
}

impl Opened {
    pub(crate) fn codec(&self) -> Result<CodecKind, OpenError> {
        metadata::codec_of(&self.attributes, self.location.as_ref()).map_err(|coding| {
            OpenError::UnknownCoding {
                location: self.location.clone(),
                coding,
            }
        })
    }
}

/// Asks for the first object that is there. `places` is not empty.
pub(crate) async fn find(store: &dyn ObjectStore, places: Vec<Path>) -> Result<Opened, OpenError> {
    let mut missing = None;
    for location in places {
        match store.get_opts(&location, GetOptions::new()).await {
            Ok(result) => {
                return Ok(Opened {
                    location,
                    stored_bytes: result.meta.size,
                    attributes: result.attributes.clone(),
                    content: result.into_stream(),
                });
            }
            Err(source @ StoreError::NotFound { .. }) => {
                missing.get_or_insert(OpenError::NotFound { location, source });
            }
            Err(source) => return Err(OpenError::Store { location, source }),
        }
    }
    Err(missing.unwrap_or_else(|| unreachable!("there is at least one place to look at")))
}
