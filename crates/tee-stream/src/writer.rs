use std::{
    error::Error,
    fmt,
    io::{self, IoSlice},
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

const DEFAULT_BUFFER: usize = 64 * 1024;

/// An `AsyncWrite` that writes the same bytes into several others, each at its own pace within a bounded buffer.
///
/// It copies bytes once, into the buffer, and drops them when every sink has accepted them. A write waits only when the
/// buffer is full, and then only for [required](Self::required) sinks. It gives up [best-effort](Self::best_effort) sinks that
/// are a whole buffer behind. If no required sink is left, the best-effort ones wait for one another.
///
/// A flush or a shutdown also waits only for required sinks, and polls best-effort ones along with them. When all required
/// sinks have shut down, the best-effort ones that have not are polled once more and then given up, as
/// [`Lagged`](SinkStatus::Lagged). Without required sinks, it waits for all.
///
/// When a required sink fails, every later write and flush returns that error. `shutdown` still shuts down the other required
/// sinks before it returns the error. When no sink is left, all three return `BrokenPipe`.
/// [`into_reports`](Self::into_reports) returns the status of each sink.
///
/// ```
/// use tee_stream::{SinkStatus, TeeWriter};
/// use tokio::io::AsyncWriteExt;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> std::io::Result<()> {
///     let mut writer = TeeWriter::new().required(Vec::new()).best_effort(Vec::new());
///     writer.write_all(b"the same").await?;
///     writer.shutdown().await?;
///     for report in writer.into_reports() {
///         assert_eq!(report.writer, b"the same");
///         assert!(matches!(report.status, SinkStatus::ShutDown));
///     }
///     Ok(())
/// }
/// ```
///
/// # Cancel safety
///
/// A write, flush or shutdown that is dropped while pending has accepted none of its own bytes. The next call continues with
/// those that were accepted before.
///
/// # Cost
///
/// Memory for one [`buffer`](Self::buffer), 64 KiB by default, whatever the number of sinks. Each call polls every sink that is
/// behind, because one task waits for all of them.
#[derive(Debug)]
pub struct TeeWriter<W> {
    sinks: Vec<Sink<W>>,
    /// The bytes that not all live sinks have accepted.
    buffer: BytesMut,
    /// The offset of the first of them.
    base: u64,
    capacity: usize,
}

/// The status of a sink of a [`TeeWriter`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SinkStatus {
    /// It accepts bytes.
    Live,
    /// It was shut down with all bytes.
    ShutDown,
    /// It failed with this error: its own, [`WriteZero`](io::ErrorKind::WriteZero) if it accepted nothing, or
    /// [`Other`](io::ErrorKind::Other) if it panicked.
    Failed(Arc<io::Error>),
    /// It was a best-effort sink, and was a whole buffer behind the required ones or had not shut down when they had.
    Lagged,
}

/// A sink that a [`TeeWriter`] has returned, and how it ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct SinkReport<W> {
    /// The sink itself.
    pub writer: W,
    /// The bytes that it accepted.
    pub written: u64,
    /// How it ended, if it has.
    pub status: SinkStatus,
}

impl<W> TeeWriter<W> {
    /// Creates a writer without sinks.
    pub fn new() -> Self {
        Self {
            sinks: Vec::new(),
            buffer: BytesMut::new(),
            base: 0,
            capacity: DEFAULT_BUFFER,
        }
    }

    /// Sets how many bytes the fastest sink may be ahead of the slowest; at least 1.
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Adds a sink that the writer waits for, and that makes the writer fail if it fails. It receives what is written from now on.
    #[must_use]
    pub fn required(self, writer: W) -> Self {
        self.with(writer, true)
    }

    /// Adds a sink that is given up if it fails, or if it falls a whole buffer behind the required ones. It receives what is
    /// written from now on.
    #[must_use]
    pub fn best_effort(self, writer: W) -> Self {
        self.with(writer, false)
    }

    fn with(mut self, writer: W, required: bool) -> Self {
        self.sinks.push(Sink {
            writer,
            required,
            joined: self.end(),
            written: 0,
            flushed: None,
            status: SinkStatus::Live,
        });
        self
    }

    /// Returns the sinks, in the order in which they were added.
    pub fn get_ref(&self) -> impl Iterator<Item = &W> {
        self.sinks.iter().map(|sink| &sink.writer)
    }

    /// Returns the status of each sink, in the order in which they were added.
    pub fn statuses(&self) -> impl Iterator<Item = &SinkStatus> {
        self.sinks.iter().map(|sink| &sink.status)
    }

    /// Returns the sinks and how they ended, in the order in which they were added. What was not flushed is lost.
    pub fn into_reports(self) -> Vec<SinkReport<W>> {
        let report = |sink: Sink<W>| SinkReport {
            writer: sink.writer,
            written: sink.written,
            status: sink.status,
        };
        self.sinks.into_iter().map(report).collect()
    }

    /// Fails with the error of the first required sink that failed, or when no sink `counts`.
    fn check(&self, counts: impl Fn(&SinkStatus) -> bool) -> io::Result<()> {
        for sink in &self.sinks {
            if let (true, SinkStatus::Failed(error)) = (sink.required, &sink.status) {
                let failed = RequiredSinkFailed(Arc::clone(error));
                return Err(io::Error::new(error.kind(), failed));
            }
        }
        if self.sinks.iter().any(|sink| counts(&sink.status)) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::BrokenPipe,
            "no sink is left to write to",
        ))
    }

    /// The offset behind all that was written.
    fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Drops what every live sink has accepted.
    fn compact(&mut self) {
        let live = self.sinks.iter().filter(|sink| sink.is_live());
        let slowest = live.map(Sink::offset).min().unwrap_or(self.end());
        self.buffer.advance((slowest - self.base) as usize);
        self.base = slowest;
    }

    /// How many more bytes fit, after giving up the sinks that need not be waited for.
    fn make_space(&mut self) -> usize {
        if self.buffer.len() >= self.capacity {
            let live = || self.sinks.iter().filter(|sink| sink.is_live());
            let waits = live().any(|sink| sink.required && sink.offset() == self.base);
            if !waits && live().any(|sink| sink.required) {
                for sink in &mut self.sinks {
                    if sink.is_live() && sink.offset() == self.base {
                        sink.status = SinkStatus::Lagged;
                    }
                }
                self.compact();
            }
        }
        self.capacity.saturating_sub(self.buffer.len())
    }
}

impl<W: AsyncWrite + Unpin> TeeWriter<W> {
    /// Hands each sink what it has not accepted yet.
    fn poll_drain(&mut self, context: &mut Context<'_>) {
        for sink in self.sinks.iter_mut().filter(|sink| sink.is_live()) {
            let start = (sink.offset() - self.base) as usize;
            sink.poll_drain(context, &self.buffer[start..]);
        }
        self.compact();
    }

    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
        parts: &[impl Deref<Target = [u8]>],
    ) -> Poll<io::Result<usize>> {
        self.poll_drain(context);
        self.check(|status| matches!(status, SinkStatus::Live))?;
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let mut space = self.make_space();
        if space == 0 {
            return Poll::Pending;
        }
        let mut accepted = 0;
        for part in parts {
            let taken = &part[..part.len().min(space)];
            self.buffer.extend_from_slice(taken);
            space -= taken.len();
            accepted += taken.len();
        }
        // An error that shows now concerns bytes that were accepted before, too; the next call returns it.
        self.poll_drain(context);
        Poll::Ready(Ok(accepted))
    }

    /// Polls each live sink that has accepted everything, required ones first. True when all that are waited for are ready:
    /// the required ones, or, where there are none, all.
    fn poll_each(
        &mut self,
        context: &mut Context<'_>,
        poll: fn(&mut Sink<W>, &mut Context<'_>) -> Poll<()>,
    ) -> bool {
        self.poll_drain(context);
        let end = self.end();
        let any_required = self.sinks.iter().any(|sink| sink.required);
        let mut all_ready = true;
        for required in [true, false] {
            let sinks = self.sinks.iter_mut();
            for sink in sinks.filter(|sink| sink.required == required) {
                let ready =
                    !sink.is_live() || (sink.offset() == end && poll(sink, context).is_ready());
                all_ready &= ready || (any_required && !required);
            }
        }
        all_ready
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
        self.get_mut().poll_accept(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let all_flushed = this.poll_each(context, Sink::poll_flush);
        this.check(SinkStatus::is_well)?;
        if all_flushed {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Each as soon as it has everything: one that is slow does not keep the others open.
        if !this.poll_each(context, Sink::poll_shutdown) {
            return Poll::Pending;
        }
        // Nobody waits for the others, and this poll was the last that they got.
        for sink in this.sinks.iter_mut().filter(|sink| sink.is_live()) {
            sink.status = SinkStatus::Lagged;
        }
        Poll::Ready(this.check(SinkStatus::is_well))
    }
}

impl<W> Default for TeeWriter<W> {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Sink<W> {
    writer: W,
    required: bool,
    /// Where in the whole it joined.
    joined: u64,
    written: u64,
    /// How much it had accepted when it was flushed last, so that a slow neighbour does not make it flush again.
    flushed: Option<u64>,
    status: SinkStatus,
}

impl<W> Sink<W> {
    fn is_live(&self) -> bool {
        matches!(self.status, SinkStatus::Live)
    }

    /// How much of the whole it has, counting what came before it joined.
    fn offset(&self) -> u64 {
        self.joined + self.written
    }

    fn fail(&mut self, error: io::Error) {
        self.status = SinkStatus::Failed(Arc::new(error));
    }
}

impl<W: AsyncWrite + Unpin> Sink<W> {
    /// Writes as much of `bytes`, which are those behind what it has accepted, as it takes.
    fn poll_drain(&mut self, context: &mut Context<'_>, mut bytes: &[u8]) {
        while self.is_live() && !bytes.is_empty() {
            match self.poll(|writer| writer.poll_write(context, bytes)) {
                Poll::Pending => return,
                Poll::Ready(Ok(written)) if (1..=bytes.len()).contains(&written) => {
                    self.written += written as u64;
                    bytes = &bytes[written..];
                }
                Poll::Ready(Ok(0)) => self.fail(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(_)) => self.fail(io::Error::other(
                    "a sink reported more bytes than it was given",
                )),
                Poll::Ready(Err(error)) => self.fail(error),
            }
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.flushed == Some(self.written) {
            return Poll::Ready(());
        }
        self.poll(|writer| writer.poll_flush(context))
            .map(|result| match result {
                Ok(()) => self.flushed = Some(self.written),
                Err(error) => self.fail(error),
            })
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll(|writer| writer.poll_shutdown(context))
            .map(|result| match result {
                Ok(()) => self.status = SinkStatus::ShutDown,
                Err(error) => self.fail(error),
            })
    }

    /// A sink that panics is not polled again.
    fn poll<T>(&mut self, poll: impl FnOnce(Pin<&mut W>) -> Poll<T>) -> Poll<T> {
        let writer = Pin::new(&mut self.writer);
        catch_unwind(AssertUnwindSafe(|| poll(writer))).unwrap_or_else(|panic| {
            self.fail(io::Error::other("the sink panicked"));
            resume_unwind(panic)
        })
    }
}

impl SinkStatus {
    /// Whether what was written is whole here, or may be.
    fn is_well(&self) -> bool {
        matches!(self, Self::Live | Self::ShutDown)
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
