//! The same for writers: one in front of n.

mod fate;
mod sink;

use std::{
    error::Error,
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

pub use fate::{SinkFate, SinkReport, SinkRole};
use sink::Sink;

const DEFAULT_BUFFER: usize = 64 * 1024;

/// An `AsyncWrite` that writes the same bytes into n others, each at its own pace within a bounded buffer.
///
/// Bytes are copied once, into the buffer, and dropped from it when every sink has accepted them. Writing waits only when the
/// buffer is full, and then only for [required](SinkRole::Required) sinks: [best-effort](SinkRole::BestEffort) ones that are a whole
/// buffer behind are given up, unless no required sink lives (then they wait for one another).
///
/// A flush or shutdown waits for required sinks only, too: best-effort ones are polled along with them. Those that have not taken in
/// everything and shut down by the time the required ones have are polled once more and then given up, as
/// [`Lagged`](SinkFate::Lagged). Without any required sink, all are waited for.
///
/// When a required sink fails, every write and flush from then on returns that error. `shutdown` still shuts the other required
/// sinks down before it returns it. When no sink is left, all three return `BrokenPipe`. [`into_reports`](Self::into_reports) tells the fate of each.
///
/// ```
/// use tee_stream::{SinkFate, TeeWriter};
/// use tokio::io::AsyncWriteExt;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut writer = TeeWriter::new().required(Vec::new()).best_effort(Vec::new());
/// writer.write_all(b"the same").await?;
/// writer.shutdown().await?;
/// for report in writer.into_reports() {
///     assert_eq!(report.writer, b"the same");
///     assert!(matches!(report.fate, SinkFate::ShutDown));
/// }
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
///
/// # Cancel safety
///
/// A write, flush or shutdown that is dropped while pending has accepted nothing from its own buffer; what was accepted before goes
/// on with the next call.
///
/// # Cost
///
/// At most the [`buffer`](Self::buffer), 64 KiB by default, whatever the number of sinks. Each call polls every sink that is
/// behind, since one task waits for all of them.
#[derive(Debug)]
pub struct TeeWriter<W> {
    sinks: Vec<Sink<W>>,
    /// The bytes that not all live sinks have accepted.
    buffer: BytesMut,
    /// The offset of the first of them.
    base: u64,
    capacity: usize,
}

impl<W> TeeWriter<W> {
    /// One without sinks.
    pub fn new() -> Self {
        Self {
            sinks: Vec::new(),
            buffer: BytesMut::new(),
            base: 0,
            capacity: DEFAULT_BUFFER,
        }
    }

    /// How many bytes the fastest sink may be ahead of the slowest; at least 1.
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Adds a sink without which writing makes no sense. It gets what is written from now on.
    #[must_use]
    pub fn required(mut self, writer: W) -> Self {
        self.add(writer, SinkRole::Required);
        self
    }

    /// Adds a sink that may fail. It gets what is written from now on.
    #[must_use]
    pub fn best_effort(mut self, writer: W) -> Self {
        self.add(writer, SinkRole::BestEffort);
        self
    }

    fn add(&mut self, writer: W, role: SinkRole) {
        let joined = self.base + self.buffer.len() as u64;
        self.sinks.push(Sink::new(writer, role, joined));
    }

    /// The sinks, in the order in which they were added.
    pub fn get_ref(&self) -> impl Iterator<Item = &W> {
        self.sinks.iter().map(Sink::get_ref)
    }

    /// The fate of each sink so far, in the order in which they were added.
    pub fn fates(&self) -> impl Iterator<Item = &SinkFate> {
        self.sinks.iter().map(|sink| &sink.fate)
    }

    /// The sinks with their fates, in the order in which they were added. What was not flushed is lost.
    pub fn into_reports(self) -> Vec<SinkReport<W>> {
        self.sinks.into_iter().map(Sink::into_report).collect()
    }

    /// The error of the first required sink that failed.
    fn failure(&self) -> io::Result<()> {
        let failed = self.sinks.iter().find_map(|sink| match &sink.fate {
            SinkFate::Failed(error) if sink.is_required() => Some(error),
            _ => None,
        });
        match failed {
            Some(error) => Err(io::Error::new(
                error.kind(),
                RequiredSinkFailed(Arc::clone(error)),
            )),
            None => Ok(()),
        }
    }

    /// An error when every sink has failed or was given up, and nothing that was written is anywhere whole.
    fn any_left(&self) -> io::Result<()> {
        let left = |sink: &Sink<W>| matches!(sink.fate, SinkFate::Live | SinkFate::ShutDown);
        if self.sinks.iter().any(left) {
            Ok(())
        } else {
            Err(none_left())
        }
    }

    /// The sinks, required ones first, each with whether a flush or shutdown waits for it: for best-effort ones only where there
    /// are no others.
    fn sinks_and_awaited(&mut self) -> impl Iterator<Item = (&mut Sink<W>, bool)> {
        let any_required = self.sinks.iter().any(Sink::is_required);
        let (required, best_effort): (Vec<_>, Vec<_>) =
            self.sinks.iter_mut().partition(|sink| sink.is_required());
        required.into_iter().map(|sink| (sink, true)).chain(
            best_effort
                .into_iter()
                .map(move |sink| (sink, !any_required)),
        )
    }

    /// The offset behind all that was written.
    fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Drops what every live sink has accepted.
    fn compact(&mut self) {
        let end = self.base + self.buffer.len() as u64;
        let live = self
            .sinks
            .iter()
            .filter(|sink| sink.is_live())
            .map(Sink::offset);
        let slowest = live.min().unwrap_or(end);
        self.buffer.advance((slowest - self.base) as usize);
        self.base = slowest;
    }

    /// How many more bytes fit, after giving up those that need not be waited for.
    fn make_room(&mut self) -> usize {
        self.compact();
        let base = self.base;
        if self.buffer.len() >= self.capacity {
            let any_required = self
                .sinks
                .iter()
                .any(|sink| sink.is_required() && sink.is_live());
            let behind = self
                .sinks
                .iter_mut()
                .filter(|sink| sink.is_live() && sink.offset() == base);
            let behind: Vec<_> = behind.collect();
            if any_required && behind.iter().all(|sink| !sink.is_required()) {
                behind
                    .into_iter()
                    .for_each(|sink| sink.fate = SinkFate::Lagged);
                self.compact();
            }
        }
        self.capacity.saturating_sub(self.buffer.len())
    }
}

impl<W: AsyncWrite + Unpin> TeeWriter<W> {
    /// Hands each sink what it has not accepted yet.
    fn poll_drain(&mut self, context: &mut Context<'_>) {
        self.sinks.iter_mut().for_each(Sink::settle);
        for sink in &mut self.sinks {
            if sink.is_live() {
                let start = (sink.offset() - self.base) as usize;
                sink.poll_drain(context, &self.buffer[start..]);
            }
        }
        self.compact();
    }

    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
        parts: &[&[u8]],
    ) -> Poll<io::Result<usize>> {
        self.poll_drain(context);
        self.failure()?;
        if !self.sinks.iter().any(Sink::is_live) {
            return Poll::Ready(Err(none_left()));
        }
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let mut room = self.make_room();
        if room == 0 {
            return Poll::Pending;
        }
        let mut accepted = 0;
        for part in parts {
            let taken = &part[..part.len().min(room)];
            self.buffer.extend_from_slice(taken);
            room -= taken.len();
            accepted += taken.len();
        }
        // An error that shows now concerns bytes that were accepted before, too; the next call returns it.
        self.poll_drain(context);
        Poll::Ready(Ok(accepted))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<W: AsyncWrite + Unpin> AsyncWrite for TeeWriter<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_accept(context, &[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
        self.get_mut().poll_accept(context, &parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_drain(context);
        let end = this.end();
        let mut done = true;
        for (sink, awaited) in this.sinks_and_awaited() {
            let flushed =
                !sink.is_live() || (sink.offset() == end && sink.poll_flush(context).is_ready());
            done &= flushed || !awaited;
        }
        this.failure()?;
        if !done {
            return Poll::Pending;
        }
        Poll::Ready(this.any_left())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_drain(context);
        let end = this.end();
        let mut done = true;
        for (sink, awaited) in this.sinks_and_awaited() {
            // Each as soon as it has everything: one that is slow does not keep the others open.
            if sink.is_live() && sink.offset() == end {
                let _shut = sink.poll_shutdown(context);
            }
            done &= !sink.is_live() || !awaited;
        }
        if !done {
            return Poll::Pending;
        }
        // This poll was the last that those got which nobody waits for.
        for sink in this.sinks.iter_mut().filter(|sink| sink.is_live()) {
            sink.fate = SinkFate::Lagged;
        }
        this.failure()?;
        Poll::Ready(this.any_left())
    }
}

fn none_left() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "no sink is left to write to")
}

impl<W> Default for TeeWriter<W> {
    fn default() -> Self {
        Self::new()
    }
}

/// Names the part that failed, and keeps its error as the source.
#[derive(Debug)]
struct RequiredSinkFailed(Arc<io::Error>);

impl fmt::Display for RequiredSinkFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a required sink failed")
    }
}

impl Error for RequiredSinkFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
