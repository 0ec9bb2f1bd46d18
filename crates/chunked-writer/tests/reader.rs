//! Streams as readers.
#![cfg(feature = "tokio")]

mod common;

use std::io;

use bytes::Bytes;
use chunked_writer::ChunkReader;
use common::{document, run};
use futures_util::stream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

#[test]
fn it_reads_what_the_stream_yields() {
    let value: Vec<u32> = (0..2000).collect();
    let expected = serde_json::to_vec(&value).unwrap();
    for chunk_size in [1, 7, 1000, 65_536] {
        let document = document(&value, chunk_size);
        let mut all = Vec::new();
        run(document.stream().into_async_read().read_to_end(&mut all)).unwrap();
        assert_eq!(all, expected);
        // In short reads, which cut chunks.
        let mut reader = document.stream_from(5).into_async_read();
        let mut short = [0; 3];
        let mut all = Vec::new();
        loop {
            match run(reader.read(&mut short)).unwrap() {
                0 => break,
                length => all.extend_from_slice(&short[..length]),
            }
        }
        assert_eq!(all, expected[5..]);
    }
}

#[test]
fn empty_chunks_are_not_the_end_and_an_empty_buffer_reads_nothing() {
    let chunks = ["", "a\nb", "", "", "c"]
        .map(|chunk| Ok::<_, io::Error>(Bytes::from_static(chunk.as_bytes())));
    let mut reader = ChunkReader::new(stream::iter(chunks));
    assert_eq!(run(reader.read(&mut [])).unwrap(), 0);
    let mut line = String::new();
    run(reader.read_line(&mut line)).unwrap();
    assert_eq!(line, "a\n");
    let (rest, _) = reader.into_inner();
    assert_eq!(rest, "b");
}

#[test]
fn what_has_failed_never_ends() {
    let chunks = [
        Ok(Bytes::from_static(b"whole")),
        Err(io::Error::other("cut")),
    ];
    let mut reader = ChunkReader::new(stream::iter(chunks));
    let mut all = Vec::new();
    assert_eq!(
        run(reader.read_to_end(&mut all)).unwrap_err().to_string(),
        "cut"
    );
    assert_eq!(all, b"whole");
    for _ in 0..2 {
        run(reader.read_to_end(&mut all)).unwrap_err();
    }
}

#[test]
fn a_stream_is_not_polled_after_its_end() {
    // Which panics if it is.
    let chunks = stream::unfold(0, async |index| {
        (index < 2).then(|| (Ok::<_, io::Error>(Bytes::from_static(b"ab")), index + 1))
    });
    let mut reader = ChunkReader::new(Box::pin(chunks));
    let mut all = Vec::new();
    for _ in 0..3 {
        run(reader.read_to_end(&mut all)).unwrap();
    }
    assert_eq!(run(reader.fill_buf()).unwrap(), b"");
    assert_eq!(all, b"abab");
}
