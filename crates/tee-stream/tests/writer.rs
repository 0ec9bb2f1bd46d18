//! The tee for writers, with sinks that do all that a writer may do.
#![cfg(feature = "tokio")]

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use proptest::{collection::vec, prelude::*};
use static_assertions::assert_impl_all;
use tee_stream::{SinkStatus, TeeWriter};
use tokio::io::AsyncWrite;

assert_impl_all!(TeeWriter<Vec<u8>>: Send, Sync, Unpin, AsyncWrite, std::fmt::Debug);

/// A sink that takes what it is told to: bytes for each poll, 0 for pending.
#[derive(Debug, Clone, Default)]
struct Hostile {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    takes: Vec<usize>,
    polls: usize,
    got: Vec<u8>,
    fails_at: Option<usize>,
    claims_zero: bool,
    panics: bool,
    flushed: usize,
    shut_down: bool,
}

impl Hostile {
    fn new(takes: &[usize]) -> Self {
        let hostile = Self::default();
        hostile.state.lock().unwrap().takes = takes.to_vec();
        hostile
    }

    fn fails_at(self, offset: usize) -> Self {
        self.state.lock().unwrap().fails_at = Some(offset);
        self
    }

    fn got(&self) -> Vec<u8> {
        self.state.lock().unwrap().got.clone()
    }

    fn is_flushed(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.flushed == state.got.len()
    }

    fn is_shut_down(&self) -> bool {
        self.state.lock().unwrap().shut_down
    }
}

impl State {
    /// The bytes that the next poll takes; none when it is pending.
    fn take(&mut self, context: &mut Context<'_>) -> Option<usize> {
        self.polls += 1;
        let takes = if self.takes.is_empty() {
            usize::MAX
        } else {
            self.takes[self.polls % self.takes.len()]
        };
        if takes == 0 {
            context.waker().wake_by_ref();
            return None;
        }
        Some(takes)
    }
}

impl AsyncWrite for Hostile {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap();
        assert!(!state.shut_down, "written to after shutdown");
        if state.panics {
            drop(state);
            panic!("as told");
        }
        if state.claims_zero {
            return Poll::Ready(Ok(0));
        }
        if state
            .fails_at
            .is_some_and(|offset| state.got.len() >= offset)
        {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::StorageFull, "full")));
        }
        let Some(takes) = state.take(context) else {
            return Poll::Pending;
        };
        let taken = takes.min(bytes.len());
        state.got.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        if state.take(context).is_none() {
            return Poll::Pending;
        }
        state.flushed = state.got.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        if state.take(context).is_none() {
            return Poll::Pending;
        }
        assert!(!state.shut_down, "shut down twice");
        state.shut_down = true;
        Poll::Ready(Ok(()))
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Polls until it is ready; the sinks here are never pending for ever.
fn complete<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    for _ in 0..5_000 {
        if let Poll::Ready(value) = poll(&mut context()) {
            return value;
        }
    }
    panic!("pending for ever")
}

fn write_all(writer: &mut TeeWriter<Hostile>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = complete(|context| Pin::new(&mut *writer).poll_write(context, bytes))?;
        assert!(written > 0);
        bytes = &bytes[written..];
    }
    Ok(())
}

fn flush(writer: &mut TeeWriter<Hostile>) -> io::Result<()> {
    complete(|context| Pin::new(&mut *writer).poll_flush(context))
}

fn shutdown(writer: &mut TeeWriter<Hostile>) -> io::Result<()> {
    complete(|context| Pin::new(&mut *writer).poll_shutdown(context))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_required_sink_gets_every_byte_in_order(
        writes in vec(vec(any::<u8>(), 0..50), 0..20),
        sinks in vec(vec(0..9usize, 0..6), 1..5),
        buffer in 1..40usize,
    ) {
        // A sink that never takes anything would be right to stop everything.
        let sinks: Vec<_> = sinks.iter().map(|takes| Hostile::new(&[takes.as_slice(), &[1]].concat())).collect();
        let mut writer = sinks.iter().cloned().fold(TeeWriter::new().buffer(buffer), TeeWriter::required);
        let expected = writes.concat();
        for (index, bytes) in writes.iter().enumerate() {
            write_all(&mut writer, bytes).unwrap();
            if index % 3 == 0 {
                flush(&mut writer).unwrap();
                prop_assert!(sinks.iter().all(Hostile::is_flushed));
            }
        }
        shutdown(&mut writer).unwrap();
        for sink in &sinks {
            prop_assert_eq!(sink.got(), expected.clone());
            prop_assert!(sink.is_shut_down());
        }
        for report in writer.into_reports() {
            prop_assert!(matches!(report.status, SinkStatus::ShutDown));
            prop_assert_eq!(report.written, expected.len() as u64);
        }
    }
}

#[test]
fn the_failure_of_a_best_effort_sink_is_its_own() {
    let (good, bad) = (Hostile::new(&[3]), Hostile::new(&[2]).fails_at(4));
    let mut writer = TeeWriter::new()
        .buffer(5)
        .required(good.clone())
        .best_effort(bad.clone());
    write_all(&mut writer, b"0123456789").unwrap();
    shutdown(&mut writer).unwrap();
    assert_eq!(
        (good.got(), bad.got()),
        (b"0123456789".to_vec(), b"0123".to_vec())
    );
    assert!(good.is_shut_down() && !bad.is_shut_down());
    let reports = writer.into_reports();
    assert!(
        matches!(&reports[1].status, SinkStatus::Failed(error) if error.kind() == io::ErrorKind::StorageFull)
    );
}

#[test]
fn the_failure_of_a_required_sink_is_everybodys_and_shutdown_still_reaches_the_rest() {
    let (good, bad) = (Hostile::new(&[3]), Hostile::new(&[2]).fails_at(4));
    let mut writer = TeeWriter::new()
        .buffer(5)
        .required(good.clone())
        .required(bad);
    let error = write_all(&mut writer, b"0123456789").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let cause = std::error::Error::source(error.get_ref().unwrap()).unwrap();
    assert_eq!(cause.to_string(), "full");
    assert_eq!(
        write_all(&mut writer, b"x").unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(
        shutdown(&mut writer).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert!(good.is_shut_down());
}

#[test]
fn a_stalled_best_effort_sink_is_given_up_when_the_buffer_is_full() {
    let (good, stalled) = (Hostile::new(&[]), Hostile::new(&[0]));
    let mut writer = TeeWriter::new()
        .buffer(4)
        .required(good.clone())
        .best_effort(stalled);
    write_all(&mut writer, b"0123").unwrap();
    assert!(
        writer
            .statuses()
            .all(|status| matches!(status, SinkStatus::Live))
    );
    write_all(&mut writer, b"456789").unwrap();
    assert_eq!(good.got(), b"0123456789");
    assert!(matches!(writer.statuses().nth(1), Some(SinkStatus::Lagged)));
}

#[test]
fn a_stalled_best_effort_sink_holds_neither_flush_nor_shutdown_up() {
    let (good, behind, open) = (
        Hostile::new(&[]),
        Hostile::new(&[0]),
        Hostile::new(&[0, 9, 0, 0, 0, 0, 0, 0]),
    );
    let mut writer = TeeWriter::new()
        .best_effort(behind)
        .best_effort(open.clone())
        .required(good.clone());
    write_all(&mut writer, b"0123").unwrap();
    assert!(matches!(
        Pin::new(&mut writer).poll_flush(&mut context()),
        Poll::Ready(Ok(()))
    ));
    assert!(good.is_flushed());
    assert!(
        writer
            .statuses()
            .all(|status| matches!(status, SinkStatus::Live))
    );
    assert!(matches!(
        Pin::new(&mut writer).poll_shutdown(&mut context()),
        Poll::Ready(Ok(()))
    ));
    assert!(good.is_shut_down() && !open.is_shut_down());
    assert_eq!(open.got(), b"0123");
    let statuses: Vec<_> = writer.statuses().collect();
    assert!(matches!(
        statuses[..],
        [SinkStatus::Lagged, SinkStatus::Lagged, SinkStatus::ShutDown]
    ));
}

#[test]
fn best_effort_sinks_are_waited_for_where_there_are_no_others() {
    let stalled = Hostile::new(&[0]);
    let mut writer = TeeWriter::new().best_effort(stalled.clone());
    write_all(&mut writer, b"0123").unwrap();
    assert!(
        Pin::new(&mut writer)
            .poll_flush(&mut context())
            .is_pending()
    );
    assert!(
        Pin::new(&mut writer)
            .poll_shutdown(&mut context())
            .is_pending()
    );
    stalled.state.lock().unwrap().takes = Vec::new();
    shutdown(&mut writer).unwrap();
    assert_eq!(stalled.got(), b"0123");
}

#[test]
fn when_every_sink_has_failed_flush_and_shutdown_say_so() {
    let failing = || Hostile::new(&[]).fails_at(0);
    let mut writer = TeeWriter::new()
        .best_effort(failing())
        .best_effort(failing());
    write_all(&mut writer, b"x").unwrap();
    for error in [flush(&mut writer), shutdown(&mut writer)] {
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn a_required_sink_is_waited_for() {
    let (fast, stalled) = (Hostile::new(&[]), Hostile::new(&[0]));
    let mut writer = TeeWriter::new()
        .buffer(4)
        .required(fast.clone())
        .required(stalled.clone());
    assert!(matches!(
        Pin::new(&mut writer).poll_write(&mut context(), b"012345"),
        Poll::Ready(Ok(4))
    ));
    assert!(
        Pin::new(&mut writer)
            .poll_write(&mut context(), b"45")
            .is_pending()
    );
    assert_eq!(fast.got(), b"0123");
    stalled.state.lock().unwrap().takes = vec![1];
    assert!(matches!(
        Pin::new(&mut writer).poll_write(&mut context(), b"45"),
        Poll::Ready(Ok(2))
    ));
    assert_eq!(
        (fast.got(), stalled.got()),
        (b"012345".to_vec(), b"012345".to_vec())
    );
}

#[test]
fn a_sink_that_accepts_nothing_has_failed() {
    let sink = Hostile::new(&[]);
    sink.state.lock().unwrap().claims_zero = true;
    let mut writer = TeeWriter::new().required(sink);
    assert!(matches!(
        Pin::new(&mut writer).poll_write(&mut context(), b"x"),
        Poll::Ready(Ok(1))
    ));
    assert_eq!(
        flush(&mut writer).unwrap_err().kind(),
        io::ErrorKind::WriteZero
    );
}

#[test]
fn a_sink_that_panicked_is_not_touched_again() {
    let (good, bad) = (Hostile::new(&[]), Hostile::new(&[]));
    bad.state.lock().unwrap().panics = true;
    let mut writer = TeeWriter::new().best_effort(good.clone()).best_effort(bad);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = Pin::new(&mut writer).poll_write(&mut context(), b"01");
    }));
    assert!(panicked.is_err());
    write_all(&mut writer, b"23").unwrap();
    shutdown(&mut writer).unwrap();
    assert_eq!(good.got(), b"0123");
    assert!(matches!(
        &writer.into_reports()[1].status,
        SinkStatus::Failed(_)
    ));
}

#[test]
fn without_a_sink_nothing_can_be_written() {
    let mut writer = TeeWriter::<Hostile>::new();
    assert_eq!(
        write_all(&mut writer, b"x").unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
    let mut writer = TeeWriter::new().best_effort(Hostile::new(&[]).fails_at(0));
    assert!(write_all(&mut writer, b"x").is_ok());
    assert_eq!(
        write_all(&mut writer, b"x").unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
}

#[test]
fn vectored_writes_are_taken_in_order() {
    let sink = Hostile::new(&[2]);
    let mut writer = TeeWriter::new().buffer(5).required(sink.clone());
    assert!(writer.is_write_vectored());
    let parts = [
        io::IoSlice::new(b""),
        io::IoSlice::new(b"012"),
        io::IoSlice::new(b"3456"),
    ];
    assert!(matches!(
        Pin::new(&mut writer).poll_write_vectored(&mut context(), &parts),
        Poll::Ready(Ok(5))
    ));
    flush(&mut writer).unwrap();
    assert_eq!(sink.got(), b"01234");
}

#[test]
fn by_default_a_sink_may_be_64_kib_behind() {
    let (sink, _reader) = tokio::io::duplex(1);
    let mut writer = TeeWriter::new().required(sink);
    let accepted = Pin::new(&mut writer).poll_write(&mut context(), &[0; 100_000]);
    assert!(matches!(accepted, Poll::Ready(Ok(65_536))), "{accepted:?}");
}
