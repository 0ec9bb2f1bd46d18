//! What a reader yields: chunks of bounded size, from however many the store sends.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use archive_sink::{Codec, CodecKind};
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{StreamExt, stream};
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
