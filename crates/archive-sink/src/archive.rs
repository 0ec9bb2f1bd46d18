use std::{error::Error, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::TryStreamExt;
use object_store::{GetOptions, path::Path};

use crate::{
    codec::{Codec, CodecKind},
    digest_place,
    key::{self, KeyError},
    metadata,
    read::{
        error::{ReadError, ReadErrorKind},
        open::{self, Description, ObjectVersion, Opened},
        reader::ArchiveReader,
    },
    settings::Shared,
    write::{commit::Receipt, error::StoreError, writer::ArchiveWriter},
};

/// Where archives go and how: a store, a prefix, a codec. Cloning it is cheap.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use archive_sink::Archive;
/// use object_store::{memory::InMemory, path::Path};
/// use tokio::io::AsyncReadExt;
///
/// let archive = Archive::builder(std::sync::Arc::new(InMemory::new()))
///     .prefix(Path::from("auctions"))
///     .build()?;
///
/// let chunks = ["{\"orders\":", "[]}"].map(|text| Ok::<_, std::io::Error>(text.into()));
/// let receipt = archive.store("1.json", futures_util::stream::iter(chunks)).await?;
/// assert_eq!(receipt.location.as_ref(), "auctions/1.json");
///
/// let mut document = String::new();
/// archive.open("1.json").await?.read_to_string(&mut document).await?;
/// assert_eq!(document, "{\"orders\":[]}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Archive(pub(crate) Arc<Shared>);

impl Archive {
    /// The codec of objects that this archive creates.
    pub fn codec(&self) -> Codec {
        self.0.settings.codec
    }

    /// Returns where [`create`](Self::create) puts the object of this name. The location has the codec's extension if the
    /// store keeps no attributes.
    ///
    /// # Errors
    ///
    /// If the name breaks a rule for keys; the error says which.
    pub fn location_of(&self, name: &str) -> Result<Path, KeyError> {
        key::created(&self.0.settings, self.codec(), name)
    }

    /// Writes a whole stream into the object of this name and makes it visible: [`create`](Self::create),
    /// [`send_all`](ArchiveWriter::send_all) and [`commit`](ArchiveWriter::commit) in one.
    ///
    /// # Errors
    ///
    /// If the name breaks a rule for keys, the stream fails, or the store does not take the object. A stream that fails
    /// leaves nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](ArchiveWriter::commit): dropping the future leaves nothing or the whole object.
    pub async fn store<S, E>(&self, name: &str, stream: S) -> Result<Receipt, StoreError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut writer = self.create(name)?;
        // After a failure, `commit` cleans up and returns the cause.
        let _failure = writer.send_all(stream).await;
        Ok(writer.commit().await?)
    }

    /// Starts a new object from a raw document. Sends nothing until a part is full or the object is committed.
    ///
    /// Inside a tokio runtime, the writer's requests run as tasks on it, and so does the clean-up when the writer is dropped:
    /// keep that runtime running. Outside of one, they run where the writer is polled.
    ///
    /// # Errors
    ///
    /// If the name breaks a rule for keys; the error says which.
    pub fn create(&self, name: &str) -> Result<ArchiveWriter, KeyError> {
        self.writer(name, false)
    }

    /// Starts a new object from a document that is already encoded with [this archive's codec](Self::codec), for example
    /// by a teed [`EncodedStream`](crate::EncodedStream). The bytes are stored as they are. Commit it with
    /// [`commit_with`](ArchiveWriter::commit_with).
    ///
    /// The object, its location, its metadata and its receipt are those that the raw document would have had. The
    /// [crate's documentation](crate#compress-once-archive-and-send) has an example.
    ///
    /// You answer for the bytes being one whole encoding of the document that `commit_with` describes. The writer refuses only
    /// impossible lengths. Reading the object checks the rest: an encoding that is cut off, has another codec or is of another
    /// document is an error there.
    ///
    /// # Errors
    ///
    /// If the name breaks a rule for keys; the error says which.
    pub fn create_encoded(&self, name: &str) -> Result<ArchiveWriter, KeyError> {
        self.writer(name, true)
    }

    fn writer(&self, name: &str, encoded: bool) -> Result<ArchiveWriter, KeyError> {
        let (archive, location) = (Arc::clone(&self.0), self.location_of(name)?);
        let codec = self.codec();
        Ok(ArchiveWriter::new(archive, location, codec, encoded, None))
    }

    /// Opens an object and reads its raw document, decompressed on the fly.
    ///
    /// `name` is the name that was given to [`create`](Self::create), or the object's own with its extension. These places are
    /// tried in turn: where this archive would create `name`, `name` itself, and `name` with the other codecs' extensions,
    /// of which only one may exist. The codec is read from the object's `Content-Encoding`, else from its metadata or
    /// extension; content is not guessed at.
    ///
    /// # Errors
    ///
    /// If there is no such object or more than one, the store fails, or the codec is unknown or not compiled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the reader cancels the request and leaves nothing behind.
    pub async fn open(&self, name: &str) -> Result<ArchiveReader, ReadError> {
        self.decoded(self.find(name).await?).await
    }

    /// Opens an object once more, or fails if it was replaced since. So what is read in several goes is never a mix of two.
    ///
    /// The entity tag identifies the object and is a condition of the request. Without one, the time of the last change and
    /// the length identify it.
    ///
    /// # Errors
    ///
    /// [`ReadErrorKind::Changed`] if it was replaced or removed; otherwise as [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As for [`open`](Self::open).
    pub async fn open_version(&self, version: &ObjectVersion) -> Result<ArchiveReader, ReadError> {
        self.decoded(open::find_again(&*self.0.store, version).await?)
            .await
    }

    /// Opens an object and reads its stored bytes, without decompressing them. Checks the stored length, and nothing else.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), except that the codec need not be compiled.
    pub async fn open_stored(&self, name: &str) -> Result<ArchiveReader, ReadError> {
        let found = self.find(name).await?;
        ArchiveReader::stored(found)
    }

    /// Describes an object of this location and stored length, as the store lists them. Reads only its end.
    ///
    /// # Errors
    ///
    /// If there is no such object, it has another length, the store fails, or the codec is unknown.
    pub async fn describe(&self, at: &Path, stored_bytes: u64) -> Result<Description, ReadError> {
        let start = stored_bytes.saturating_sub(digest_place::TRAILER_BYTES_AT_MOST as u64);
        let range = (stored_bytes > 0).then_some(start..stored_bytes);
        let options = GetOptions::new().with_head(range.is_none());
        let cannot_open = |source| open::cannot_open(at, source);
        let found = self.0.store.get_opts(at, options.with_range(range)).await;
        let found = found.map_err(cannot_open)?;
        if found.meta.size != stored_bytes || found.range.start < start {
            return Err(ReadError::new(at, ReadErrorKind::Changed(None)));
        }
        let found = Opened::new(at.clone(), found);
        let codec = found.codec()?;
        let end: BytesMut = found.content.try_collect().await.map_err(cannot_open)?;
        let noted = || Some(digest_place::parse(codec, &end)?.bytes);
        let raw_bytes = metadata::raw_bytes(&found.attributes).or_else(noted);
        let raw_bytes = raw_bytes.or_else(|| match codec {
            CodecKind::Identity => Some(stored_bytes),
            // RFC 1952, section 2.3.1.
            CodecKind::Gzip => Some(u32::from_le_bytes(*end.last_chunk()?).into()),
            CodecKind::Zstd | CodecKind::Brotli => None,
        });
        Ok(Description { codec, raw_bytes })
    }

    async fn decoded(&self, found: Opened) -> Result<ArchiveReader, ReadError> {
        let (store, attributes) = (&*self.0.store, &found.attributes);
        let digest = match metadata::sha256(attributes) {
            None => {
                let (codec, location) = (found.codec()?, &found.version.location);
                digest_place::read_beside(store, codec, location, attributes).await
            }
            digest => digest,
        };
        ArchiveReader::decoded(found, digest, self.0.settings.read_limit)
    }

    async fn find(&self, name: &str) -> Result<Opened, ReadError> {
        let (named, guessed) = key::places(&self.0.settings, name)
            .map_err(|error| ReadError::new(&Path::from(name), ReadErrorKind::Key(error)))?;
        open::find(&*self.0.store, named, guessed).await
    }

    /// Waits until all dropped writers of this archive and its clones have cleaned up or completed. Call it before the
    /// runtime shuts down, so that no upload is left behind.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only waits.
    pub async fn settled(&self) {
        self.0.running.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use object_store::{Attribute, Attributes, ObjectStore, PutOptions, memory::InMemory};

    use super::*;
    use crate::digest::RawDocument;

    #[tokio::test]
    async fn what_is_noted_counts_before_what_is_at_the_end() {
        use CodecKind::{Brotli, Gzip, Identity, Zstd};

        let noted = |codec: &'static str, bytes: Option<&'static str>| {
            let codec = (Attribute::Metadata("archivecodec".into()), codec);
            let bytes = bytes.map(|bytes| (Attribute::Metadata("archiverawbytes".into()), bytes));
            Attributes::from_iter([codec].into_iter().chain(bytes))
        };
        let coded = Attributes::from_iter([(Attribute::ContentEncoding, "br")]);
        let (none, length) = (Attributes::new, &b"....\x09\0\0\0"[..]);
        let document = RawDocument::new(7).with_sha256([1; 32].into());
        let trailer = |kind| [b"..", &digest_place::trailer(kind, document)[..]].concat();
        for (name, attributes, content, codec, raw_bytes) in [
            ("7.json.gz", none(), length, Gzip, Some(9)),
            ("7.json.gz", none(), &trailer(Gzip), Gzip, Some(7)),
            ("7.json.gz", none(), b"..", Gzip, None),
            ("7.json.zst", none(), &trailer(Zstd), Zstd, Some(7)),
            ("7.json.zst", none(), b"..", Zstd, None),
            ("7.json", none(), b"{}", Identity, Some(2)),
            ("7.json", none(), b"", Identity, Some(0)),
            ("7.json", noted("gzip", Some("5")), length, Gzip, Some(5)),
            ("7.json", noted("gzip", None), length, Gzip, Some(9)),
            ("7.json", coded, b"..", Brotli, None),
        ] {
            let (store, at) = (Arc::new(InMemory::new()), Path::from(name));
            let stored_bytes = content.len() as u64;
            let options = PutOptions::from(attributes);
            let put = store.put_opts(&at, content.to_vec().into(), options);
            put.await.unwrap();
            let archive = Archive::builder(store).build().unwrap();
            let found = archive.describe(&at, stored_bytes).await.unwrap();
            assert_eq!(found, Description { codec, raw_bytes }, "{name}");
        }
    }
}
