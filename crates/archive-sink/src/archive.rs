use std::{fmt, sync::Arc};

use object_store::{ObjectStore, path::Path};

use crate::{
    ArchiveBuilder, ArchiveReader, ArchiveWriter, Codec, CodecKind, CreateError, EncodedWriter,
    KeyError, ObjectVersion, OpenError, ReadLimit, builder::Settings,
    encode::compressor::Compressor, key::key, metadata::AttributeSupport, read::open,
    write::running::Running,
};

/// Where archives go and how: a store, a prefix, a codec. Cloning it is cheap.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use archive_sink::Archive;
/// use object_store::{memory::InMemory, path::Path};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let archive = Archive::builder(std::sync::Arc::new(InMemory::new()))
///     .prefix(Path::from("auctions"))
///     .build()?;
///
/// let mut writer = archive.create("1.json")?;
/// writer.write_all(b"{\"orders\":[]}").await?;
/// let receipt = writer.commit().await?;
/// assert_eq!(receipt.location.as_ref(), "auctions/1.json");
///
/// let mut document = String::new();
/// archive.open("1.json").await?.read_to_string(&mut document).await?;
/// assert_eq!(document, "{\"orders\":[]}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Archive(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    settings: Settings,
    running: Arc<Running>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Archive")
            .field("store", &format_args!("{}", self.0.store))
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Starts to describe an archive in `store`.
    pub fn builder(store: Arc<dyn ObjectStore>) -> ArchiveBuilder {
        ArchiveBuilder::new(store)
    }

    pub(crate) fn new(store: Arc<dyn ObjectStore>, settings: Settings) -> Self {
        let running = Arc::default();
        Self(Arc::new(Inner {
            store,
            settings,
            running,
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0.store)
    }

    pub(crate) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.0.running)
    }

    /// The codec of objects that this archive creates.
    pub fn codec(&self) -> Codec {
        self.0.settings.codec
    }

    /// Where [`create`](Self::create) puts the object of this name, the codec's extension included
    /// where the store keeps no attributes.
    ///
    /// # Errors
    ///
    /// When the name breaks a rule for keys; the error says which.
    pub fn location_of(&self, name: &str) -> Result<Path, CreateError> {
        Ok(self.new_key(name)?)
    }

    /// Starts a new object. Nothing is sent before a part is full or the object is committed.
    ///
    /// Inside a tokio runtime, the writer's requests run as tasks on it, and so does the clean-up when
    /// the writer is dropped; so that runtime has to be running. Outside of one they run where the
    /// writer is polled.
    ///
    /// # Errors
    ///
    /// When the name breaks a rule for keys; the error says which.
    pub fn create(&self, name: &str) -> Result<ArchiveWriter, CreateError> {
        let location = self.new_key(name)?;
        let compressor = Compressor::new(self.codec())
            .unwrap_or_else(|_| unreachable!("the builder refuses codecs that cannot be used"));
        Ok(ArchiveWriter::new(self.clone(), location, compressor))
    }

    /// Starts a new object from what is encoded already, with [this archive's codec](Self::codec):
    /// the bytes are stored as they come. Otherwise as [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// When the name breaks a rule for keys; the error says which.
    pub fn create_encoded(&self, name: &str) -> Result<EncodedWriter, CreateError> {
        let location = self.new_key(name)?;
        let writer = ArchiveWriter::new(self.clone(), location, Compressor::pass_through());
        Ok(EncodedWriter::new(writer.without_digest()))
    }

    /// Opens an object and reads its raw document, decompressed on the fly.
    ///
    /// `name` is the name that was given to [`create`](Self::create), or the object's own with its
    /// extension. Looked at in this order: where this archive would create `name`, `name` itself, and
    /// `name` with the other codecs' extensions. How the object is encoded is read from its
    /// `Content-Encoding`, else from the extension; the content is not guessed at.
    ///
    /// # Errors
    ///
    /// When there is no such object, the store fails, or its codec is unknown or not compiled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the reader cancels the request and leaves nothing behind.
    pub async fn open(&self, name: &str) -> Result<ArchiveReader, OpenError> {
        self.open_with_limit(name, self.0.settings.read_limit).await
    }

    /// As [`open`](Self::open), with another limit on the length of the raw document.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_with_limit(
        &self,
        name: &str,
        limit: ReadLimit,
    ) -> Result<ArchiveReader, OpenError> {
        let found = open::find(&*self.0.store, self.places(name)?).await?;
        ArchiveReader::decoded(found, limit)
    }

    /// Opens an object once more that was opened before, or fails if it was replaced since: what is
    /// read in several goes is never a mix of two.
    ///
    /// Told by the entity tag, which is a condition of the request, else by the time of the last change
    /// and the length. The limit is that of [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// [`OpenError::Changed`] when it was replaced or removed; otherwise as [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As for [`open`](Self::open).
    pub async fn open_version(&self, version: &ObjectVersion) -> Result<ArchiveReader, OpenError> {
        let found = open::find_again(&*self.0.store, version).await?;
        ArchiveReader::decoded(found, self.0.settings.read_limit)
    }

    /// Opens an object and reads its stored bytes as they are: compressed, if they are.
    ///
    /// Of the checks only that of the stored length is left.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), except that the codec need not be compiled.
    pub async fn open_stored(&self, name: &str) -> Result<ArchiveReader, OpenError> {
        let found = open::find(&*self.0.store, self.places(name)?).await?;
        ArchiveReader::stored(found)
    }

    /// As [`open_with_limit`](Self::open_with_limit), of one location.
    pub(crate) async fn open_at(
        &self,
        location: Path,
        limit: ReadLimit,
    ) -> Result<ArchiveReader, OpenError> {
        let found = open::find(&*self.0.store, vec![location]).await?;
        ArchiveReader::decoded(found, limit)
    }

    /// Waits until no writer of this archive or its clones that was dropped is still cleaning up or
    /// completing. Call it before the runtime shuts down, so that no upload is left behind.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only waits.
    pub async fn settled(&self) {
        self.0.running.settled().await;
    }

    fn new_key(&self, name: &str) -> Result<Path, KeyError> {
        let Settings {
            prefix,
            codec,
            attributes,
            ..
        } = &self.0.settings;
        let extension = codec.extension().unwrap_or_default();
        match attributes {
            AttributeSupport::Kept => key(prefix, name, ""),
            AttributeSupport::Absent
                if extension.is_empty() && CodecKind::of_extension(name).is_some() =>
            {
                Err(KeyError::MisleadingExtension { name: name.into() })
            }
            AttributeSupport::Absent => key(prefix, name, extension),
        }
    }

    /// Where an object of this name may be, best first.
    fn places(&self, name: &str) -> Result<Vec<Path>, KeyError> {
        let prefix = &self.0.settings.prefix;
        let mut places = vec![];
        let created = self.new_key(name).ok();
        let exact = key(prefix, name, "")?;
        let others = CodecKind::ALL
            .into_iter()
            .filter_map(CodecKind::extension)
            .filter_map(|extension| key(prefix, name, extension).ok());
        for place in created.into_iter().chain([exact]).chain(others) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }
}
