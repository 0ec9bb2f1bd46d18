//! Archived auctions that are sent again.

use archive_sink::{Archive, ReadError};
use bytes::Bytes;
use chunked_writer::DEFAULT_CHUNK_SIZE;
use driver_streaming::SharedDigest;
use futures_core::Stream;
use futures_util::TryStreamExt;

use crate::disk_document::DiskDocument;
use crate::disk_file::{Broken, DiskWriter};

/// Opens an object of `archive`, and writes it to disk, decompressed, as it arrives. Ready with the first chunk, or with all of
/// a shorter document. The rest arrives while the returned future is polled, as fast as the store and the disk are.
///
/// The object is read once, so that replacing it changes nothing. If it turns out not to be whole, or the future is dropped,
/// every production fails.
///
/// # Errors
/// When the object cannot be opened, or its first chunk is no auction.
pub async fn archived_document(
    archive: &Archive,
    name: &str,
) -> Result<
    (
        DiskDocument,
        impl Future<Output = Result<(), Broken>> + Send + use<>,
    ),
    Broken,
> {
    let reader = archive.open(name).await.map_err(Broken::of_source)?;
    let (writer, document) = DiskDocument::arriving(u64::MAX)?;
    let digest = SharedDigest::default();
    let mut pieces = digest.follow(reader, 0);
    let first = DEFAULT_CHUNK_SIZE.get() as u64;
    let unfinished = keep(&mut pieces, writer, first).await?;
    let rest = async move {
        match unfinished {
            // A failure is the document's failure, too.
            Some(writer) => keep(&mut pieces, writer, u64::MAX).await.map(drop),
            None => Ok(()),
        }
    };
    Ok((document.with_origin(digest), rest))
}

/// Writes the next pieces, at least `most` bytes. Returns the writer if there are more.
async fn keep(
    pieces: &mut (impl Stream<Item = Result<Bytes, ReadError>> + Unpin),
    mut writer: DiskWriter,
    most: u64,
) -> Result<Option<DiskWriter>, Broken> {
    let mut kept = 0;
    while kept < most {
        match pieces.try_next().await {
            Ok(Some(piece)) => {
                kept += piece.len() as u64;
                writer.write(piece).await?;
            }
            Ok(None) => return writer.finish().map(|_length| None),
            Err(error) => {
                let broken = Broken::of_source(error);
                writer.fail(broken.clone());
                return Err(broken);
            }
        }
    }
    Ok(Some(writer))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use archive_sink::Overwrite;
    use archive_sink::object_store::memory::InMemory;
    use driver_streaming::{Document as _, DocumentError, error_chain};
    use futures_util::stream;

    use super::*;
    use crate::member_edits::MemberEdits;

    async fn store(archive: &Archive, text: &str) {
        let mut writer = archive.create("1.json").unwrap();
        let document = stream::iter([Ok::<_, std::io::Error>(Bytes::from(text.to_owned()))]);
        writer.send_all(document).await.unwrap();
        writer.commit().await.unwrap();
    }

    async fn read(document: &DiskDocument) -> Result<Vec<u8>, DocumentError> {
        let chunks: Vec<Bytes> = document.stream_from(0).try_collect().await?;
        Ok(chunks.concat())
    }

    #[tokio::test]
    async fn productions_are_of_the_object_that_was_opened() {
        let archive = Archive::builder(Arc::new(InMemory::new()))
            .overwrite(Overwrite::Replace)
            .build()
            .unwrap();
        store(&archive, r#"{"id":1,"a":1}"#).await;
        let (document, rest) = archived_document(&archive, "1.json").await.unwrap();
        store(&archive, r#"{"id":1,"a":2}"#).await;
        rest.await.unwrap();
        assert_eq!(read(&document).await.unwrap(), br#"{"id":1,"a":1}"#);
        assert_eq!(document.origin().unwrap().bytes(), 14);
        let view = document.with_edits(MemberEdits::nothing().left_open());
        assert_eq!(read(&view).await.unwrap(), br#"{"id":1,"a":1,"#);
        assert_eq!(view.origin(), document.origin());

        store(&archive, "[1]").await;
        let Err(refused) = archived_document(&archive, "1.json").await else {
            panic!("an array is no auction");
        };
        assert!(matches!(refused, Broken::Mistake(_)), "{refused}");
    }

    #[tokio::test]
    async fn what_is_not_whole_breaks_after_what_was_there() {
        let archive = Archive::builder(Arc::new(InMemory::new()));
        let archive = archive.overwrite(Overwrite::Replace).build().unwrap();
        let long = format!("{{\"x\":\"{}", "x".repeat(200_000));
        for (end, problem) in [("", "EOF"), ("\"]", "expected `,` or `}`")] {
            store(&archive, &format!("{long}{end}")).await;
            for is_dropped in [false, true] {
                let (document, rest) = archived_document(&archive, "1.json").await.unwrap();
                assert_eq!(document.origin(), None);
                match is_dropped {
                    true => drop(rest),
                    false => assert!(rest.await.is_err()),
                }
                let mut chunks = document.stream_from(0);
                let first = chunks.try_next().await.unwrap().unwrap();
                assert_eq!(first, long.as_bytes()[..65_536]);
                let failed = chunks.try_collect::<Vec<_>>().await.unwrap_err();
                let problem = if is_dropped { "broke off" } else { problem };
                let error = error_chain(&failed);
                assert!(error.contains(problem), "{error}");
            }
        }
    }
}
