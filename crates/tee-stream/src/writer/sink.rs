use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::{SinkFate, SinkReport, SinkRole};

/// One of the writers behind a [`TeeWriter`](super::TeeWriter).
#[derive(Debug)]
pub(super) struct Sink<W> {
    writer: W,
    role: SinkRole,
    /// Where in the whole it joined.
    joined: u64,
    written: u64,
    /// Where it was flushed last, so that the others' slowness does not make it flush again.
    flushed: Option<u64>,
    pub(super) fate: SinkFate,
    /// Set while it is polled: still set later, it panicked.
    polling: bool,
}

impl<W: AsyncWrite + Unpin> Sink<W> {
    /// Writes as much of `bytes`, which are those behind what it has written, as it takes.
    pub(super) fn poll_drain(&mut self, context: &mut Context<'_>, mut bytes: &[u8]) {
        while self.is_live() && !bytes.is_empty() {
            match self.poll(|writer| writer.poll_write(context, bytes)) {
                Poll::Pending => return,
                Poll::Ready(Ok(written)) if (1..=bytes.len()).contains(&written) => {
                    self.written += written as u64;
                    bytes = &bytes[written..];
                }
                Poll::Ready(Ok(0)) => self.fail(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(_)) => self.fail(io::Error::other(
                    "a sink claims to have written more than it was given",
                )),
                Poll::Ready(Err(error)) => self.fail(error),
            }
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_live() || self.flushed == Some(self.written) {
            return Poll::Ready(());
        }
        self.poll(|writer| writer.poll_flush(context))
            .map(|result| match result {
                Ok(()) => self.flushed = Some(self.written),
                Err(error) => self.fail(error),
            })
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_live() {
            return Poll::Ready(());
        }
        self.poll(|writer| writer.poll_shutdown(context))
            .map(|result| match result {
                Ok(()) => self.fate = SinkFate::ShutDown,
                Err(error) => self.fail(error),
            })
    }

    fn poll<T>(&mut self, poll: impl FnOnce(Pin<&mut W>) -> Poll<T>) -> Poll<T> {
        self.polling = true;
        let polled = poll(Pin::new(&mut self.writer));
        self.polling = false;
        polled
    }
}

impl<W> Sink<W> {
    pub(super) fn new(writer: W, role: SinkRole, joined: u64) -> Self {
        Self {
            writer,
            role,
            joined,
            written: 0,
            flushed: None,
            fate: SinkFate::Live,
            polling: false,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        !self.polling && matches!(self.fate, SinkFate::Live)
    }

    /// Takes note that it panicked the last time.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.polling) {
            self.fail(io::Error::other("the sink panicked"));
        }
    }

    /// How much of the whole it has, counting what came before it joined.
    pub(super) fn offset(&self) -> u64 {
        self.joined + self.written
    }

    pub(super) fn is_required(&self) -> bool {
        self.role == SinkRole::Required
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.writer
    }

    pub(super) fn into_report(mut self) -> SinkReport<W> {
        self.settle();
        SinkReport {
            writer: self.writer,
            role: self.role,
            written: self.written,
            fate: self.fate,
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.fate = SinkFate::Failed(Arc::new(error));
    }
}
