use object_store::{
    Attributes, Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore, path::Path,
};

use super::object_version::ObjectVersion;
use crate::{CodecKind, OpenError, metadata};

type Bytes = futures_core::stream::BoxStream<'static, Result<bytes::Bytes, StoreError>>;

/// An object whose content is on its way.
pub(crate) struct Opened {
    pub(crate) version: ObjectVersion,
    pub(crate) attributes: Attributes,
    pub(crate) content: Bytes,
}

impl Opened {
    fn new(location: Path, result: GetResult) -> Self {
        // By the name that was asked for: a store may know the object by another.
        let meta = ObjectMeta {
            location,
            ..result.meta.clone()
        };
        Self {
            version: ObjectVersion::new(meta),
            attributes: result.attributes.clone(),
            content: result.into_stream(),
        }
    }

    pub(crate) fn codec(&self) -> Result<CodecKind, OpenError> {
        let location = self.version.location();
        metadata::codec_of(&self.attributes, location.as_ref()).map_err(|coding| {
            OpenError::UnknownCoding {
                location: location.clone(),
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
            Ok(result) => return Ok(Opened::new(location, result)),
            Err(source @ StoreError::NotFound { .. }) => {
                missing.get_or_insert(OpenError::NotFound { location, source });
            }
            Err(source) => return Err(OpenError::Store { location, source }),
        }
    }
    Err(missing.unwrap_or_else(|| unreachable!("there is at least one place to look at")))
}

/// Asks for one object, if it is there as it was.
pub(crate) async fn find_again(
    store: &dyn ObjectStore,
    version: &ObjectVersion,
) -> Result<Opened, OpenError> {
    let location = version.location().clone();
    let changed = |source| OpenError::Changed {
        location: version.location().clone(),
        source,
    };
    match store.get_opts(&location, version.condition()).await {
        Ok(result) => {
            let opened = Opened::new(location, result);
            if version.is(&opened.version) {
                Ok(opened)
            } else {
                Err(changed(None))
            }
        }
        Err(source @ (StoreError::Precondition { .. } | StoreError::NotFound { .. })) => {
            Err(changed(Some(source)))
        }
        Err(source) => Err(OpenError::Store { location, source }),
    }
}
