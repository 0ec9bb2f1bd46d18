//! A writer whose other end is a stream of chunks.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use crate::common::{drain, run};
use bytes::Bytes;
use chunked_writer::{ChunkedWriter, Chunks, ChunksError, ReaderGone};
use futures_util::stream::FusedStream;
use futures_util::{Stream, StreamExt};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::io::StreamReader;

fn channel(chunk_size: usize, queued: usize, exact: bool) -> (ChunkedWriter, Chunks) {
    let builder = ChunkedWriter::builder()
        .chunk_size(NonZeroUsize::new(chunk_size).unwrap())
        .queued_chunks(NonZeroUsize::new(queued).unwrap());
    if exact {
        builder.exact_chunks().build()
    } else {
        builder.build()
    }
}

fn poll_write(writer: &mut ChunkedWriter, bytes: &[u8], waker: &Waker) -> Poll<io::Result<usize>> {
    Pin::new(writer).poll_write(&mut Context::from_waker(waker), bytes)
}

fn poll_chunk(chunks: &mut Chunks, waker: &Waker) -> Poll<Option<Result<Bytes, ChunksError>>> {
    Pin::new(chunks).poll_next(&mut Context::from_waker(waker))
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[derive(Clone, Debug)]
enum Action {
    Write(usize),
    Flush,
    Read,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![4 => (0..40_usize).prop_map(Action::Write), 1 => Just(Action::Flush), 3 => Just(Action::Read)]
}

proptest! {
    #![proptest_config(crate::common::config(400))]

    #[test]
    fn what_is_read_is_what_was_written(
        actions in prop::collection::vec(action(), 0..60),
        chunk_size in 1..30_usize,
        queued in 1..4_usize,
        exact in any::<bool>(),
    ) {
        let (mut writer, mut chunks) = channel(chunk_size, queued, exact);
        let waker = Waker::noop();
        let (mut written, mut read, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        let mut flushed = false;
        for action in actions {
            match action {
                Action::Write(length) => {
                    let bytes: Vec<u8> = (0..length).map(|index| (written.len() + index) as u8).collect();
                    if let Poll::Ready(count) = poll_write(&mut writer, &bytes, waker) {
                        let count = count.unwrap();
                        prop_assert!(count > 0 || length == 0);
                        written.extend_from_slice(&bytes[..count]);
                    }
                }
                Action::Flush => {
                    flushed = true;
                    let mut context = Context::from_waker(waker);
                    if let Poll::Ready(result) = Pin::new(&mut writer).poll_flush(&mut context) {
                        result.unwrap();
                        if !exact {
                            // All of it can be read now.
                            while let Poll::Ready(chunk) = poll_chunk(&mut chunks, waker) {
                                let chunk = chunk.unwrap().unwrap();
                                sizes.push(chunk.len());
                                read.extend_from_slice(&chunk);
                            }
                            prop_assert_eq!(&read, &written);
                        }
                    }
                }
                Action::Read => {
                    if let Poll::Ready(chunk) = poll_chunk(&mut chunks, waker) {
                        let chunk = chunk.unwrap().unwrap();
                        sizes.push(chunk.len());
                        read.extend_from_slice(&chunk);
                    }
                }
            }
            prop_assert!(written.len() - read.len() <= (queued + 1) * chunk_size, "more than the bound");
        }
        writer.finish().unwrap();
        let (rest, result) = drain(chunks);
        prop_assert!(result.is_ok());
        sizes.extend(rest.iter().map(Bytes::len));
        read.extend_from_slice(&rest.concat());
        prop_assert_eq!(read, written);
        prop_assert!(sizes.iter().all(|size| (1..=chunk_size).contains(size)));
        if exact || !flushed {
            let full = sizes.len().saturating_sub(1);
            prop_assert!(sizes[..full].iter().all(|size| *size == chunk_size));
        }
    }
}

#[test]
fn a_full_queue_holds_the_writer_back_until_a_chunk_is_read() {
    let (mut writer, mut chunks) = channel(4, 2, false);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    for _ in 0..3 {
        assert!(matches!(
            poll_write(&mut writer, b"12345678", &waker),
            Poll::Ready(Ok(4))
        ));
    }
    for _ in 0..2 {
        assert!(poll_write(&mut writer, b"1", &waker).is_pending());
    }
    assert_eq!(wakes.0.load(Relaxed), 0);
    assert!(poll_chunk(&mut chunks, Waker::noop()).is_ready());
    assert_eq!(wakes.0.load(Relaxed), 1, "woken by the read");
    assert!(matches!(
        poll_write(&mut writer, b"1", &waker),
        Poll::Ready(Ok(1))
    ));
}

#[test]
fn a_reader_is_woken_by_a_chunk_and_by_the_end() {
    let (mut writer, mut chunks) = channel(4, 2, false);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(poll_chunk(&mut chunks, &waker).is_pending());
    run(writer.write_all(b"123")).unwrap();
    assert_eq!(wakes.0.load(Relaxed), 0, "no chunk yet");
    run(writer.write_all(b"4")).unwrap();
    assert_eq!(wakes.0.load(Relaxed), 1);
    assert!(poll_chunk(&mut chunks, &waker).is_ready());
    assert!(poll_chunk(&mut chunks, &waker).is_pending());
    writer.finish().unwrap();
    assert_eq!(wakes.0.load(Relaxed), 2);
    assert!(!chunks.is_terminated());
    assert!(matches!(poll_chunk(&mut chunks, &waker), Poll::Ready(None)));
    assert!(chunks.is_terminated());
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (mut writer, mut chunks) = channel(4, 1, false);
    let wakes = [(); 2].map(|()| Arc::new(Wakes::default()));
    let count = || [0, 1].map(|task: usize| wakes[task].0.load(Relaxed));
    let wakers = wakes.clone().map(Waker::from);
    for waker in &wakers {
        assert!(poll_chunk(&mut chunks, waker).is_pending());
    }
    assert!(poll_write(&mut writer, b"1234", &wakers[0]).is_ready());
    assert_eq!(count(), [0, 1]);
    assert!(poll_write(&mut writer, b"5678", &wakers[0]).is_ready());
    for waker in &wakers {
        assert!(poll_write(&mut writer, b"9", waker).is_pending());
    }
    assert!(poll_chunk(&mut chunks, &wakers[0]).is_ready());
    assert_eq!(count(), [0, 2]);
}

#[test]
fn only_finish_is_a_clean_end() {
    let ended = |end: fn(ChunkedWriter)| {
        let (mut writer, chunks) = channel(4, 9, false);
        run(writer.write_all(b"123456")).unwrap();
        end(writer);
        let (chunks, result) = drain(chunks);
        (chunks.concat(), result)
    };
    let (read, result) = ended(|writer| writer.finish().unwrap());
    assert!(result.is_ok());
    assert_eq!(read, b"123456");

    let (read, result) = ended(drop);
    assert!(matches!(result, Err(ChunksError::Unfinished)));
    assert_eq!(read, b"1234");

    let (read, result) = ended(|mut writer| run(writer.shutdown()).unwrap());
    assert!(matches!(result, Err(ChunksError::Unfinished)));
    assert_eq!(read, b"123456", "a shutdown flushes");

    let (_, result) = ended(|writer| writer.abort("out of rows"));
    let error = result.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "out of rows");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Other);

    let (_, result) = ended(|writer| {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _writer = writer;
            panic!("by design");
        }));
        assert!(panicked.is_err());
    });
    assert!(matches!(result, Err(ChunksError::Panicked)));
}

#[test]
fn a_shutdown_can_be_finished_and_refuses_writes() {
    for exact in [false, true] {
        let (mut writer, mut chunks) = channel(4, 9, exact);
        run(writer.write_all(b"12345")).unwrap();
        run(writer.shutdown()).unwrap();
        run(writer.shutdown()).unwrap();
        assert_eq!(
            run(writer.write(b"6")).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        assert_eq!(chunks.size_hint(), (if exact { 1 } else { 2 }, None));
        writer.finish().unwrap();
        assert_eq!(chunks.size_hint(), (2, Some(2)));
        assert_eq!(run(chunks.next()).unwrap().unwrap(), "1234");
        assert_eq!(run(chunks.next()).unwrap().unwrap(), "5");
        assert!(run(chunks.next()).is_none());
    }
}

#[test]
fn a_reader_that_goes_away_reaches_the_writer() {
    let (mut writer, chunks) = channel(4, 1, false);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    while poll_write(&mut writer, b"1234", &waker).is_ready() {}
    assert!(!writer.is_closed());
    drop(chunks);
    assert_eq!(wakes.0.load(Relaxed), 1);
    assert!(writer.is_closed());
    for result in [
        run(writer.write(b"1")).map(drop),
        run(writer.flush()),
        run(writer.shutdown()),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(
            error.into_inner().unwrap().downcast_ref(),
            Some(&ReaderGone)
        );
    }
    assert_eq!(writer.finish(), Err(ReaderGone));
}

#[test]
fn a_flushed_chunk_holds_no_more_than_itself() {
    let (mut writer, mut chunks) = ChunkedWriter::new();
    run(writer.write_all(b"few")).unwrap();
    run(writer.flush()).unwrap();
    let chunk = run(chunks.next()).unwrap().unwrap();
    assert_eq!(Vec::from(chunk).capacity(), 3);
    run(writer.write_all(b"more")).unwrap();
    writer.finish().unwrap();
    assert_eq!(
        Vec::from(run(chunks.next()).unwrap().unwrap()).capacity(),
        4
    );
}

#[tokio::test]
async fn both_ends_in_two_tasks() {
    let (mut writer, chunks) = channel(1000, 2, true);
    let expected: Vec<u8> = (0..100_000_u32).map(|index| (index % 251) as u8).collect();
    let sent = expected.clone();
    let task = tokio::spawn(async move {
        for piece in sent.chunks(777) {
            writer.write_all(piece).await?;
        }
        writer.finish()?;
        Ok::<_, io::Error>(())
    });
    let mut read = Vec::new();
    StreamReader::new(chunks)
        .read_to_end(&mut read)
        .await
        .unwrap();
    assert_eq!(read, expected);
    task.await.unwrap().unwrap();
}

#[cfg(feature = "http-body")]
#[test]
fn as_a_body() {
    use http_body::Body;
    use http_body_util::BodyExt;
    let (mut writer, mut chunks) = channel(4, 9, false);
    run(writer.write_all(b"123456")).unwrap();
    let hint = Body::size_hint(&chunks);
    assert_eq!((hint.lower(), hint.upper()), (4, None));
    writer.finish().unwrap();
    assert_eq!(Body::size_hint(&chunks).exact(), Some(6));
    assert!(!chunks.is_end_stream());
    for expected in ["1234", "56"] {
        let frame = run(chunks.frame()).unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
    assert!(chunks.is_end_stream());
}

#[test]
fn auto_traits() {
    static_assertions::assert_impl_all!(ChunkedWriter: Send, Sync, Unpin, std::fmt::Debug);
    static_assertions::assert_impl_all!(chunked_writer::ChunkedWriterBuilder: Send, Sync, Unpin, Copy, std::fmt::Debug);
    static_assertions::assert_impl_all!(Chunks: Send, Sync, Unpin, std::fmt::Debug);
    static_assertions::assert_impl_all!(ChunksError: Send, Sync, Unpin, Error);
    static_assertions::assert_impl_all!(ReaderGone: Send, Sync, Unpin, Copy, Error);
}
