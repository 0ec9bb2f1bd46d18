//! What a reader yields: chunks of bounded size, from however many the store sends.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use archive_sink::{Codec, CodecKind, ReadErrorKind};
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{StreamExt, stream};
use object_store::{Attribute, Attributes};
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

use crate::{
    reading::{coding, cut, encoded, scripted},
    support::{Target, block_on, codecs, document, noise, read, store},
};

#[tokio::test]
async fn chunks_of_any_size_are_decoded() {
    for codec in codecs() {
        let document = document(100_000);
        let bytes = encoded(codec, &document).await;
        for size in [1, 7, 4096, bytes.len() - 1, bytes.len()] {
            let chunks = stream::iter(cut(&bytes, size));
            let reader = scripted(chunks, bytes.len(), coding(codec));
            assert_eq!(read(reader).await, document, "{codec} {size}");
        }
    }
}

#[tokio::test]
async fn a_chunk_has_at_most_64_kib_and_keeps_little_more_memory() {
    let document = document(200_000);
    for codec in codecs() {
        let bytes = encoded(codec, &document).await;
        for size in [1000, bytes.len()] {
            let chunks = stream::iter(cut(&bytes, size));
            let reader = scripted(chunks, bytes.len(), coding(codec));
            let chunks: Vec<_> = reader.map(Result::unwrap).collect().await;
            let largest = chunks.iter().map(Bytes::len).max();
            if codec == Codec::Identity {
                assert_eq!(largest, Some(size.min(64 * 1024)));
                continue;
            }
            for chunk in chunks {
                let length = chunk.len();
                let memory = chunk.try_into_mut().unwrap().capacity();
                assert!(memory <= 2 * length, "{codec}: {length} in {memory}");
            }
        }
    }
}

#[tokio::test]
async fn one_poll_reads_a_bounded_amount() {
    for codec in codecs() {
        // Many empty members in one chunk: output never comes, so only the budget stops a poll.
        let (bytes, polls) = match codec.kind() {
            CodecKind::Gzip | CodecKind::Zstd => {
                let member = encoded(codec, &Bytes::new()).await;
                let bytes = member.repeat(100_000 / member.len());
                (Bytes::from(bytes), 5)
            }
            _ => (encoded(codec, &noise(100_000)).await, 1),
        };
        let chunks = stream::iter([Ok(bytes.clone())]);
        let mut reader = scripted(chunks, bytes.len(), coding(codec));
        let cx = &mut Context::from_waker(Waker::noop());
        for _ in 0..polls {
            match Pin::new(&mut reader).poll_next(cx) {
                Poll::Pending => assert!(codec != Codec::Identity),
                Poll::Ready(chunk) => assert!(chunk.unwrap().unwrap().len() <= 64 * 1024),
            }
        }
        assert!(!reader.is_terminated());
        block_on(async { while reader.next().await.is_some() {} });
    }
}

#[tokio::test]
async fn reads_and_the_stream_share_one_position() {
    let archive = Target::memory().builder().build().unwrap();
    let document = document(200_000);
    store(&archive, "a", &document).await;
    let mut reader = archive.open("a").await.unwrap();
    let mut bytes = vec![0; 1000];
    reader.read_exact(&mut bytes).await.unwrap();
    assert_eq!(reader.read(&mut []).await.unwrap(), 0);
    bytes.extend_from_slice(&reader.next().await.unwrap().unwrap());
    reader.read_until(b'\n', &mut bytes).await.unwrap();
    reader.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, document);
    assert!(reader.is_terminated());
    assert_eq!(reader.read(&mut [0]).await.unwrap(), 0, "it stays ended");
}

#[tokio::test]
async fn it_counts_what_it_has_decoded() {
    let document = document(200_000);
    for codec in codecs() {
        let bytes = encoded(codec, &document).await;
        let chunks = stream::iter(cut(&bytes, bytes.len()));
        let mut reader = scripted(chunks, bytes.len(), coding(codec));
        assert_eq!(
            (reader.raw_bytes(), reader.stored_length()),
            (0, bytes.len() as u64)
        );
        let mut decoded = 0;
        while let Some(chunk) = reader.next().await {
            decoded += chunk.unwrap().len() as u64;
            assert_eq!(reader.raw_bytes(), decoded, "{codec}");
        }
        assert_eq!(decoded, 200_000);
    }
}

#[tokio::test]
async fn a_document_that_is_longer_than_noted_is_not_read_to_its_end() {
    let document = document(1_000_000);
    let noted = Attribute::Metadata("archiverawbytes".into());
    let attributes = Attributes::from_iter([(noted, "100000")]);
    let chunks = stream::iter(cut(&document, 10_000));
    let mut reader = scripted(chunks, document.len(), attributes);
    let end = loop {
        if let Err(error) = reader.next().await.unwrap() {
            break error;
        }
    };
    let (expected, actual) = (100_000, 110_000);
    assert!(
        matches!(end.kind, ReadErrorKind::Length { expected: e, actual: a } if (e, a) == (expected, actual)),
        "{end}"
    );
}

#[tokio::test]
async fn a_document_of_a_mebibyte_may_have_any_ratio() {
    let document = Bytes::from(vec![b' '; 1 << 20]);
    for codec in codecs() {
        let bytes = encoded(codec, &document).await;
        let chunks = stream::iter(cut(&bytes, bytes.len()));
        let reader = scripted(chunks, bytes.len(), coding(codec));
        assert!(read(reader).await == document, "{codec}");
    }
}

#[tokio::test]
async fn what_the_store_said_is_the_source_of_an_error() {
    let failed = object_store::Error::NotImplemented {
        operation: "this".into(),
        implementer: "it".into(),
    };
    let said = failed.to_string();
    let mut reader = scripted(stream::iter([Err(failed)]), 5, Attributes::new());
    let error = reader.next().await.unwrap().unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.is::<object_store::Error>() && source.to_string() == said);
}
