//! Streams as readers of tokio-util, which work because every error becomes an `io::Error`.

use crate::common::{document, run};
use tokio::io::AsyncReadExt;
use tokio_util::io::StreamReader;

#[test]
fn it_reads_what_the_stream_yields() {
    let value: Vec<u32> = (0..2000).collect();
    let expected = serde_json::to_vec(&value).unwrap();
    for chunk_size in [1, 7, 1000, 65_536] {
        let document = document(&value, chunk_size);
        let mut all = Vec::new();
        run(StreamReader::new(document.stream()).read_to_end(&mut all)).unwrap();
        assert_eq!(all, expected);
        // In short reads, which cut chunks.
        let mut reader = StreamReader::new(document.stream_from(5));
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
fn a_failure_is_an_error_of_the_reader() {
    let document = document("0123456789", 4);
    let error = run(StreamReader::new(document.stream_from(13)).read_to_end(&mut vec![]));
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
