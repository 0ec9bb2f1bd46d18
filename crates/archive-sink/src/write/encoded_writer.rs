use std::error::Error;

use bytes::Bytes;
use futures_core::Stream;
use object_store::path::Path;

use super::{receipt::Receipt, told::Told, writer::ArchiveWriter};
use crate::{AbortError, Codec, CommitError, RawDocument, SendError};

/// Writes what is encoded already into one object, which [`commit`](Self::commit) makes visible.
///
/// Made by [`Archive::create_encoded`](crate::Archive::create_encoded), for a document whose encoding somebody
/// else needs, too: an [`EncodedStream`](crate::EncodedStream) that is teed, say. The object, its location,
/// its metadata and its receipt are those that an [`ArchiveWriter`] would have made of the raw document,
/// and everything that one promises holds here: nothing is visible before commit, anything else leaves
/// nothing, and one poll takes at most 16 KiB.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use archive_sink::{Archive, EncodedStream, RawDocument};
/// use futures_util::stream;
/// use object_store::memory::InMemory;
/// use tokio::io::AsyncReadExt;
///
/// let archive = Archive::builder(std::sync::Arc::new(InMemory::new())).build()?;
/// let raw = stream::iter([Ok::<_, std::io::Error>("{\"orders\":[]}".into())]);
/// let encoded = EncodedStream::new(raw, archive.codec())?;
///
/// let mut writer = archive.create_encoded("1.json")?;
/// writer.send_all(encoded).await?;
/// let receipt = writer.commit(RawDocument::new(13)).await?;
/// assert_eq!(receipt.raw_bytes, 13);
///
/// let mut document = String::new();
/// archive.open("1.json").await?.read_to_string(&mut document).await?;
/// assert_eq!(document, "{\"orders\":[]}");
/// # Ok(())
/// # }
/// ```
///
/// # What the caller answers for
///
/// That the bytes are one whole encoding, under the archive's codec, of the document that
/// [`commit`](Self::commit) is told of. They are not decoded to check it; only lengths that cannot be are
/// refused. Reading the object checks all of it, as far as its metadata goes: an encoding that is cut off,
/// is another codec's or is of another document is an error there.
///
/// # Cancel safety
///
/// That of an [`ArchiveWriter`], and dropping it leaves what dropping one leaves.
///
/// # Memory
///
/// (Parts in flight + 1) × the part size, and a block of 16 KiB.
#[derive(Debug)]
pub struct EncodedWriter {
    /// Encodes nothing and hashes nothing.
    writer: ArchiveWriter,
}

impl EncodedWriter {
    pub(crate) fn new(writer: ArchiveWriter) -> Self {
        Self { writer }
    }

    /// Where the object will be.
    pub fn location(&self) -> &Path {
        self.writer.location()
    }

    /// How what is sent has to be encoded; its level does not matter.
    pub fn codec(&self) -> Codec {
        self.writer.codec()
    }

    /// How many encoded bytes have been taken so far.
    pub fn encoded_bytes(&self) -> u64 {
        self.writer.raw_bytes()
    }

    /// Writes a whole stream of encoded bytes, and says how many it had.
    ///
    /// As [`ArchiveWriter::send_all`], but for the codec.
    ///
    /// # Errors
    ///
    /// [`SendError::Source`] when the stream fails, [`SendError::Write`] when the writer does. Nothing
    /// can be committed then.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: part of the stream has been taken when the future is dropped. The writer refuses to
    /// commit it ([`WriteError::Unfinished`](crate::WriteError::Unfinished)).
    pub async fn send_all<S, E>(&mut self, stream: S) -> Result<u64, SendError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.writer.send_all(stream).await
    }

    /// Ends the object, whose raw document was `raw`, and makes it visible.
    ///
    /// What is said of the document goes into the metadata of a single PUT and into the receipt, and is
    /// what an object that is there already is compared with. Without a digest, no object is recognised as
    /// the same document, whatever the archive's setting.
    ///
    /// # Errors
    ///
    /// As [`ArchiveWriter::commit`], and [`WriteError::Length`](crate::WriteError::Length) when the encoding
    /// cannot be that of a document of this length.
    ///
    /// # Cancel safety
    ///
    /// As [`ArchiveWriter::commit`].
    pub async fn commit(self, raw: RawDocument) -> Result<Receipt, CommitError> {
        self.writer.commit_told(Told::Encoded(raw)).await
    }

    /// Gives the object up and leaves nothing of it in the store; as [`ArchiveWriter::abort`].
    ///
    /// # Errors
    ///
    /// When the store does not abort the upload. Nothing is visible, but its parts may stay stored.
    ///
    /// # Cancel safety
    ///
    /// The clean-up goes on in a task when the future is dropped, if there is a runtime.
    pub async fn abort(self) -> Result<(), AbortError> {
        self.writer.abort().await
    }
}
